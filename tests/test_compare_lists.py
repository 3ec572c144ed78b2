"""The catalogue beside the lists of others: what contradicts the SPDX list, what differs, and what changed since somebody looked."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from tools import compare_lists
from tools.compare_lists import (
    KNOWN_DRIFT,
    IdList,
    Lists,
    Review,
    changes,
    contradictions,
    drift,
    read_review,
    report,
    review_text,
    versions,
)

if TYPE_CHECKING:
    from pathlib import Path

    from helix_tts_policy.facts.license_catalog import LicenseCatalog


@pytest.fixture(scope="module")
def lists() -> Lists:
    return compare_lists.installed()


def changed(catalog: LicenseCatalog, **rows: Any) -> LicenseCatalog:
    """The catalogue with other rows; None takes one away."""
    every = {**catalog.rows, **rows}
    return dataclasses.replace(catalog, rows={name: row for name, row in every.items() if row is not None})


def test_the_catalogue_contradicts_nothing_and_the_drift_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code = compare_lists.main([])
    shown = capsys.readouterr()

    assert (code, shown.err) == (0, "")
    assert all(f"\n{kind}: " in shown.out for kind in read_review(KNOWN_DRIFT).drift)
    assert "never reviewed" not in shown.out


def test_the_drift_is_as_it_was_reviewed_or_a_list_has_a_release(
    lists: Lists, capsys: pytest.CaptureFixture[str]
) -> None:
    code = compare_lists.main(["--check"])
    shown = capsys.readouterr()

    if versions(lists) == read_review(KNOWN_DRIFT).versions:
        assert (code, shown.err, "Since the review" in shown.out) == (0, "", False)
    else:
        assert code == 1
        assert "; reviewed was " in shown.out
        assert shown.err.endswith("since the review; look at them, then write them down with --accept\n")


def test_every_kind_of_drift_was_reviewed_with_a_reason(lists: Lists) -> None:
    review = read_review(KNOWN_DRIFT)

    assert review.drift.keys() == review.reasons.keys() == drift(lists).keys()
    assert all(len(reason) > 20 for reason in review.reasons.values())


def test_what_changed_since_the_review_is_told_one_by_one(lists: Lists) -> None:
    now = drift(lists)
    review = Review(versions(lists), dict.fromkeys(now, "known"), now)
    assert list(changes(lists, review)) == []

    first, *others = now["scancode-lacks"]
    before = {**now, "scancode-lacks": [*others, "Gone-1.0"], "retired": ["x"]}
    del before["category-moved"]
    older = review._replace(versions={**versions(lists), "packaging": "3.20.0"}, drift=before)
    assert list(changes(lists, older)) == [
        f"packaging is {lists.packaging.version}; reviewed was 3.20.0",
        *(f"category-moved: {entry} is new" for entry in now["category-moved"]),
        "retired: x is gone",
        f"scancode-lacks: {first} is new",
        "scancode-lacks: Gone-1.0 is gone",
    ]
    nothing = Review({}, {}, {})
    assert next(changes(lists, nothing)) == f"catalogue is {lists.catalog.spdx_list_version}; reviewed was nothing"
    assert "  never reviewed" in "\n".join(report(lists, nothing)).splitlines()


def test_a_change_fails_a_check_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = KNOWN_DRIFT.read_text(encoding="utf-8").replace('packaging = "', 'packaging = "0.')
    (tmp_path / "known_drift.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(compare_lists, "KNOWN_DRIFT", tmp_path / "known_drift.toml")

    assert compare_lists.main([]) == 0
    shown = capsys.readouterr()
    assert "\n  packaging is " in shown.out.partition("\nSince the review:")[2]
    assert shown.err == ""
    assert compare_lists.main(["--check"]) == 1
    assert capsys.readouterr().err.endswith(
        "changes since the review; look at them, then write them down with --accept\n"
    )


def test_what_is_accepted_is_written_down_with_the_reasons_that_stand(
    lists: Lists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "known_drift.toml"
    file.write_text('[reviewed]\n[drift.scancode-lacks]\nreason = "known"\nentries = []\n', encoding="utf-8")
    monkeypatch.setattr(compare_lists, "KNOWN_DRIFT", file)

    assert compare_lists.main(["--check"]) == 1
    assert compare_lists.main(["--accept", "--check"]) == 0
    accepted = read_review(file)
    assert accepted.drift == drift(lists)
    assert {kind: reason for kind, reason in accepted.reasons.items() if reason} == {"scancode-lacks": "known"}
    assert file.read_text(encoding="utf-8") == review_text(lists, accepted.reasons)
    assert KNOWN_DRIFT.read_text(encoding="utf-8").startswith(file.read_text(encoding="utf-8").partition("[")[0])


def test_a_contradiction_fails_without_a_check_too(lists: Lists, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare_lists.main([], lists._replace(catalog=changed(lists.catalog, MIT=None))) == 1
    assert capsys.readouterr().err == "contradiction: MIT is on the SPDX list and has no row\n"


def test_what_contradicts_the_spdx_list_is_told(lists: Lists) -> None:
    row = lists.catalog.rows["ISC"]
    catalog = dataclasses.replace(
        changed(
            lists.catalog, **{"MIT": None, "ISC": {**row, "deprecated": True}, "Acme-1.0": row, "LicenseRef-x": row}
        ),
        exceptions={"No-exception": frozenset({"MIT"}), "LLVM-exception": frozenset({"Apache-2.0", "Acme-2.0"})},
    )

    assert list(contradictions(lists._replace(catalog=catalog))) == [
        "MIT is on the SPDX list and has no row",
        "ISC is deprecated here and current on the SPDX list",
        "Acme-1.0 has a row and is neither on the SPDX list nor a reference",
        "LLVM-exception is paired with Acme-2.0, which is not on the SPDX list",
        "No-exception has licences and is no exception of the SPDX list",
    ]


def test_every_kind_of_drift_is_seen(lists: Lists) -> None:
    spdx, rows = lists.spdx, lists.catalog.rows
    llama = "LicenseRef-scancode-llama-3.1-license-2024"
    catalog = changed(
        lists.catalog,
        **{
            "MIT": {**rows["MIT"], "commercial": "forbidden"},
            llama: {**rows[llama], "commercial": "allowed"},
            "LicenseRef-scancode-nobody-knows": rows["MIT"],
        },
    )
    other = lists._replace(
        catalog=dataclasses.replace(catalog, aliases={"apache-2.0": "MIT"}, exceptions={}),
        categories={"MIT": "Copyleft", "ISC": "Permissive", "OpenMDW-1.0": None},
        spdx=spdx._replace(
            licenses={**spdx.licenses, "New-1.0": False}, exceptions={**spdx.exceptions, "New-exception": False}
        ),
        packaging=IdList("0", {**spdx.licenses, "MIT": not spdx.licenses["MIT"], "Old-1.0": True}, {**spdx.exceptions}),
    )
    category = lists.scancode.categories
    expected = {
        "packaging-lacks": "New-1.0",
        "packaging-alone-has": "Old-1.0",
        "packaging-deprecates-otherwise": "MIT",
        "scancode-lacks": "New-1.0",
        "scancode-lacks-exception": "New-exception",
        "scancode-lacks-reference": "LicenseRef-scancode-nobody-knows",
        "scancode-reads-otherwise": "apache-2.0 -> Apache-2.0",
        "category-moved": f"MIT (Copyleft -> {category['MIT']})",
        "allowed-and-limited-there": f"{llama} ({category[llama]})",
        "forbidden-and-free-there": f"MIT ({category['MIT']})",
        "exception-without-licences": "LLVM-exception",
    }

    before, after = drift(lists), drift(other)
    assert {kind for kind, entry in expected.items() if entry in before[kind]} == set()
    assert {kind for kind, entry in expected.items() if entry not in after[kind]} == set()
    assert after.keys() - expected.keys() == {"scancode-alone-has"}


def test_scancode_reads_a_name_that_means_nothing_here(lists: Lists) -> None:
    assert lists.scancode.reading("MIT") == "MIT"
    assert lists.scancode.reading("no licence of anybody") is None
    assert "GPL" not in {**lists.spdx.licenses, **lists.catalog.rows}
