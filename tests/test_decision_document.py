"""The decision document: canonical, digested, and made again a year later."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import releases
from tests.releases import NOW

from helix_tts_policy import MalformedInput, Verdict, load_policy
from helix_tts_policy.check_decision import replay_decision
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.decision_document import (
    DECISION_SCHEMA,
    canonical,
    decision_content,
    decision_document,
    read_decision,
)
from helix_tts_policy.replay_report import ReplayReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRITTEN = datetime(2026, 11, 25, 12, 0, 7, tzinfo=UTC)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return releases.write(tmp_path)


def written(release: Path, **arguments: Any) -> bytes:
    return decision_document(examine_release(release, now=NOW, **arguments), created_at=WRITTEN)


def changed(document: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A document whose content was changed and digested anew, as a decision of another time or program is."""
    value = json.loads(document)
    change(value["content"])
    value["sha256"] = hashlib.sha256(canonical(value["content"])).hexdigest()
    return canonical(value)


def told(report: ReplayReport) -> list[tuple[str, str]]:
    return [(finding.at.path, finding.message) for finding in report.findings]


def test_the_document_is_canonical_and_says_its_own_digest(release: Path) -> None:
    data = written(release)
    value = json.loads(data)

    assert data == canonical(value)
    assert b"\n" not in data
    assert set(value) == {"schema", "created_at", "sha256", "content"}
    assert (value["schema"], value["created_at"]) == (DECISION_SCHEMA, "2026-11-25T12:00:07+00:00")
    assert value["sha256"] == hashlib.sha256(canonical(value["content"])).hexdigest()
    assert value["content"]["verdict"] == "GO"
    assert value["content"]["source"] == "release.toml"


def test_when_it_was_written_changes_nothing_that_is_digested(release: Path) -> None:
    promotion = examine_release(release, now=NOW)
    later = json.loads(decision_document(promotion, created_at=datetime(2027, 1, 1, tzinfo=UTC)))

    assert later["sha256"] == json.loads(written(release))["sha256"]
    assert written(release) == written(release)
    with pytest.raises(ValueError, match=r"^created_at: expected a time with offset$"):
        decision_document(promotion, created_at=datetime(2027, 1, 1))  # noqa: DTZ001 - that is the misuse


def test_a_name_that_is_no_text_is_written_as_an_escape(tmp_path: Path) -> None:
    release = releases.write(tmp_path)
    odd = tmp_path / "rel\udcffease.toml"
    odd.write_bytes(release.read_bytes())

    value = json.loads(written(odd))

    assert value["content"]["source"] == r"rel\udcffease.toml"
    assert replay_decision(written(odd), odd).identical


# --- reading ----------------------------------------------------------------------------------------------------------


def problems(data: bytes) -> list[str]:
    with pytest.raises(MalformedInput) as caught:
        read_decision(data, "decision.json")
    return [problem.message for problem in caught.value.problems]


def test_what_is_no_decision_document_is_refused(release: Path) -> None:
    data = written(release)
    value = json.loads(data)
    without = {key: each for key, each in value.items() if key != "created_at"}

    assert problems(b"[]") == ["found other keys; expected content, created_at, schema, sha256"]
    assert problems(canonical(without)) == ["found other keys; expected content, created_at, schema, sha256"]
    assert problems(canonical({**value, "schema": "decision/2"})) == [
        "found another schema; expected helix-tts-policy/decision/1"
    ]
    for created_at in (None, 7, "soon", "2026-11-25T12:00:00"):
        assert problems(canonical({**value, "created_at": created_at})) == [
            "found no time at which it was written; expected one with offset under /created_at"
        ]
    contents: tuple[Any, ...] = (
        [],
        {},
        {"pinned": []},
        {"pinned": {"now": 7}},
        {"pinned": {"now": "2026-11-25T12:00:00"}},
    )
    for content in contents:
        assert problems(canonical({**value, "content": content})) == [
            "found no time of the decision; expected one with offset under /content/pinned/now"
        ]
    assert problems(data.replace(b'"GO"', b'"NO-GO"')) == [
        (
            f"found content whose digest is {hashlib.sha256(canonical({**value['content'], 'verdict': 'NO-GO'})).hexdigest()}; "
            "expected the one that the document states"
        )
    ]
    assert problems(data.replace(b'"version":"2.0.0"', b'"version":9007199254740993')) == [
        "found a number that canonical JSON cannot hold; expected whole numbers below 2**53"
    ]


@cache
def document_of_data() -> bytes:
    return written(releases.DATA / "release.toml")


@given(st.data())
def test_no_byte_of_a_document_can_be_flipped_unseen(data: st.DataObject) -> None:
    document = document_of_data()
    index = data.draw(st.integers(0, len(document) - 1))
    flipped = document[:index] + bytes([document[index] ^ 1 << data.draw(st.integers(0, 7))]) + document[index + 1 :]
    try:
        recorded = read_decision(flipped, "decision.json")
    except MalformedInput:
        return
    assert recorded.sha256 == json.loads(document)["sha256"]  # only the time at which it was written is not digested


# --- replay -----------------------------------------------------------------------------------------------------------


def test_a_decision_is_the_same_to_the_byte_whichever_way_it_went(release: Path, tmp_path: Path) -> None:
    document = tmp_path / "decision.json"
    document.write_bytes(written(release))

    report = replay_decision(document, release)

    assert (report.identical, report.verdict, report.findings) == (True, Verdict.GO, ())
    assert report.summary == (
        f"recorded  GO of 2026-11-25T12:00:00+00:00, sha256 {json.loads(document.read_bytes())['sha256']}",
        "now       GO, the same to the byte",
    )
    assert report.to_dict()["identical"] is True
    report.raise_for_verdict()

    (tmp_path / "ledger.md").unlink()
    no_go = replay_decision(written(release), release)

    assert no_go.identical
    assert no_go.summary[1] == "now       NO-GO, the same to the byte"


def test_an_input_that_changed_is_named(release: Path, tmp_path: Path) -> None:
    document = written(release)
    voice = releases.weights()
    (tmp_path / "bundle" / "sample.wav").unlink()
    (tmp_path / "trace.jsonl").write_bytes((tmp_path / "trace.jsonl").read_bytes() + b"\n")
    other = bytes([*voice[:-1], voice[-1] ^ 1])
    (tmp_path / "weights" / "voice.safetensors").write_bytes(other)

    report = replay_decision(document, release)

    assert not report.identical
    assert report.verdict is Verdict.NO_GO
    inputs = [each for each in told(report) if each[0].startswith("/content/pinned")]
    wav, trace = releases.sound(), releases.files()["trace.jsonl"]
    assert inputs == [
        (
            "/content/pinned/inputs/2",
            (
                'found nothing as the bundle "bundle/sample.wav"; '
                f"expected sha256 {releases.sha256(wav)[:12]} ({len(wav)} bytes)"
            ),
        ),
        (
            "/content/pinned/inputs/6",
            (
                f'found sha256 {releases.sha256(trace + bytes([10]))[:12]} ({len(trace) + 1} bytes) as the trace "trace.jsonl"; '
                f"expected sha256 {releases.sha256(trace)[:12]} ({len(trace)} bytes)"
            ),
        ),
        (
            "/content/pinned/inputs/10",
            (
                f'found sha256 {releases.sha256(other)[:12]} ({len(other)} bytes) as the weights "weights/voice.safetensors"; '
                f"expected sha256 {releases.sha256(voice)[:12]} ({len(voice)} bytes)"
            ),
        ),
    ]
    assert ("/content/verdict", 'found the verdict "NO-GO"; expected "GO"') in told(report)
    assert any("file-digest-mismatch" in message for _, message in told(report))
    assert {finding.at.line for finding in report.findings} == {1}


def test_a_policy_that_changed_is_named(release: Path, tmp_path: Path) -> None:
    document = written(release)
    file = tmp_path / "policy.toml"
    file.write_text('schema_version = "license-policy/1"\n', encoding="utf-8")

    report = replay_decision(document, release, policy=load_policy(file))

    assert [each for each in told(report) if each[0] == "/content/pinned/policy"] == [
        (
            "/content/pinned/policy",
            (
                f'found the policy "policy.toml" of sha256 {releases.sha256(file.read_bytes())[:12]}; '
                'expected "built-in" of sha256 96fbbd411094'
            ),
        )
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda content: content["pinned"]["tool"].update(version="0.0.9"),
            ("/content/pinned/tool", 'found the program "0.1.0"; expected "0.0.9"'),
        ),
        (
            lambda content: content["pinned"].update(spdx_license_list="3.28.0"),
            ("/content/pinned/spdx_license_list", 'found the SPDX list "3.29.0"; expected "3.28.0"'),
        ),
        (
            lambda content: content["pinned"].update(policy=None),
            (
                "/content/pinned/policy",
                'found the policy "built-in" of sha256 96fbbd411094; expected none',
            ),
        ),
        (
            lambda content: content.update(obligations=[]),
            (
                "/content/obligations",
                "found the obligations those of sha256 fc2e4d2b1e24; expected those of sha256 4f53cda18c2b",
            ),
        ),
        (
            lambda content: content["pinned"]["inputs"].pop(0),
            (
                "/content/pinned/inputs",
                (
                    f"found sha256 {releases.sha256(releases.weights())[:12]} ({len(releases.weights())} bytes) "
                    'as the artifact "run/out/voice.safetensors"; expected nothing there'
                ),
            ),
        ),
        (
            lambda content: content["gates"][10]["findings"].clear(),
            (
                "/content/gates/10/findings",
                (
                    'found "ledger-commits-unchecked": "the commits were not looked up, since no repository is given; they are taken '
                    'as stated" at the gate "ledger"; expected no such finding'
                ),
            ),
        ),
        (
            lambda content: content["gates"][0]["findings"].append({"rule": "x", "message": "found y"}),
            (
                "/content/gates/0/findings/0",
                'found no such finding at the gate "release"; expected "x": "found y"',
            ),
        ),
        (
            lambda content: content["pinned"].update(
                commits=[{"stated": "077a459b", "found": None, "in_history": False}]
            ),
            (
                "/content/pinned/commits",
                (
                    "found the commits of the ledger taken as stated; expected looked up in a repository, with answers of "
                    "sha256 8dc94ca97431"
                ),
            ),
        ),
        (lambda content: content.update(more=1), ("/content", "found other content; expected the recorded content")),
    ],
)
def test_what_differs_is_told(
    release: Path, change: Callable[[dict[str, Any]], object], expected: tuple[str, str]
) -> None:
    report = replay_decision(changed(written(release), change), release)

    assert told(report) == [expected]


def test_gates_that_nobody_recorded_are_told(release: Path) -> None:
    report = replay_decision(changed(written(release), lambda content: content.update(gates=7)), release)

    assert [path for path, _ in told(report)] == ["/content/gates/findings", "/content/gates/findings"]


VALUES: tuple[Any, ...] = (None, 7, "x", True, [], {}, [None], [[]], [{}])
FINDINGS = ({"gate": "ledger", "findings": value} for value in (*VALUES, [{"rule": [], "message": {}}]))


@pytest.mark.parametrize("value", [*VALUES, [{"role": [], "path": {}}], [{"sha256": 7}], {"sha256": []}, [*FINDINGS]])
def test_whatever_a_digested_document_holds_is_told_and_never_raises(release: Path, value: Any) -> None:
    document = written(release)
    content = json.loads(document)["content"]
    for key in content:
        if content[key] != value and key != "pinned":
            assert told(replay_decision(changed(document, lambda each, key=key: each.update({key: value})), release))  # type: ignore[misc]
    for key in content["pinned"]:
        if content["pinned"][key] != value and key != "now":
            pinned = changed(document, lambda each, key=key: each["pinned"].update({key: value}))  # type: ignore[misc]
            assert told(replay_decision(pinned, release))


def test_a_document_that_cannot_be_read_is_told(release: Path, tmp_path: Path) -> None:
    missing = replay_decision(tmp_path / "none.json", release)

    assert [finding.rule for finding in missing.findings] == ["input-unreadable"]
    assert (missing.readable, missing.identical, missing.summary, missing.promotion) == (False, False, (), None)
    assert missing.pinned() == {"recorded": None, "now": {}}
    assert [finding.rule for finding in replay_decision(b"{}", release).findings] == ["decision-shape"]
    with pytest.raises(TypeError):
        replay_decision(bytearray(b"{}"), release)  # type: ignore[arg-type]
    with (
        os.scandir(os.fsencode(tmp_path)) as entries,
        pytest.raises(TypeError, match=r"^decision: expected a path of text"),
    ):
        replay_decision(next(entries), release)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ReplayReport("decision.json")


def test_what_is_digested_is_the_decision(release: Path) -> None:
    promotion = examine_release(release, now=NOW)
    content = decision_content(promotion)

    assert {**content, "source": promotion.source} == {
        **promotion.decision.to_dict(),
        "gates": content["gates"],
    }
