"""The texts that somebody read: what holds a record of one to its copy, its place and its day."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.command_line import run

from helix_tts_policy import LicensePolicy, ManifestReport, Severity, Verdict, verify_manifest, verify_policy
from helix_tts_policy.facts.text_copy import MAX_TEXT_BYTES, find_copy, stays_below
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.commit import commit_fault, commit_in
from helix_tts_policy.rules.policy_registry import WAIVABLE_RULES
from helix_tts_policy.rules.registry import EVIDENCE_RULES

EXAMPLES = Path(__file__).parent / "examples"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
NINE: dict[str, Any] = json.loads((EXAMPLES / "manifest-shape/accept/nine-fields.json").read_bytes())
TEXT = b"You may use the weights in any product.\n"
OTHER = b"You may use the weights for research.\n"
READ, CHANGED = (hashlib.sha256(text).hexdigest() for text in (TEXT, OTHER))
COMMIT, LATER = "5a3f0c1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29", "c0ffee1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29"
REPOSITORY = "https://github.com/acme/warm-voice"


def entry(**fields: str) -> dict[str, str]:
    return {"url": REPOSITORY, "kind": "weights_license", "sha256": READ, "retrieved_on": "2026-11-20"} | fields


def told(report: ManifestReport) -> list[str]:
    """What the rules over evidence say, but for those that ask for more of it."""
    return [
        f"{finding.at.path} {finding.severity.value} {finding.rule}: {finding.message}; {finding.tip}"
        for finding in report.findings
        if finding.rule.startswith("evidence-") and finding.rule not in {"evidence-repeated", "evidence-not-reviewed"}
    ]


def written(folder: Path, *entries: dict[str, str], **fields: object) -> Path:
    path = folder / "weights-manifest.json"
    path.write_text(json.dumps(NINE | {"evidence": entries} | fields), encoding="utf-8")
    return path


# What every finding says.


WHOLE = {
    "evidence-text-mismatch/reject/text-changed.json":
        '/evidence/0/sha256 error evidence-text-mismatch: the text "license.txt" has the SHA-256 '
        "33d6220c5840e9d3fbf1ffd5f2f87480e33762cfa5817031f2afdeffe9dea03b; "
        'expected "135de5e8de86fa15a22e6c8b1b8f27d1a9c7ed31351e48e61798ec5f8ba5dfbf", that of the text that was read; '
        "review the new text, then write its digest and the day",
    "evidence-text-mismatch/reject/text-missing.json":
        '/evidence/0/text error evidence-text-mismatch: found "terms.txt": it cannot be read: No such file or directory; '
        "expected the text that was read; put the text that was read below the manifest's folder, or remove the field",
    "evidence-text-mismatch/reject/outside-the-folder.json":
        '/evidence/0/text error evidence-text-mismatch: found "../accept/license.txt": '
        "it is no path below the manifest's folder; expected the text that was read; "
        "put the text that was read below the manifest's folder, or remove the field",
    "evidence-text-mismatch/reject/no-digest.json":
        '/evidence/0/text error evidence-text-mismatch: found the copy "license.txt" and no digest; '
        "expected the SHA-256 of the text that was read; compute it with: helix-tts-policy evidence digest FILE",
    "evidence-conflicting/reject/two-texts-at-one-place.json":
        "/evidence/1/sha256 error evidence-conflicting: "
        'found "33d6220c5840e9d3fbf1ffd5f2f87480e33762cfa5817031f2afdeffe9dea03b", '
        'and "135de5e8de86fa15a22e6c8b1b8f27d1a9c7ed31351e48e61798ec5f8ba5dfbf" at /evidence/0 for the same place; '
        "expected the digest of one text; "
        "keep the record of the text that holds, or state the revision or the URL of each",
    "evidence-conflicting/reject/another-commit-than-the-url.json":
        '/evidence/0/revision error evidence-conflicting: found the revision "c0ffee1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29", '
        "and 5a3f0c1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29 in the URL; expected one commit; "
        "state the commit at which the text was read",
    "evidence-stale/reject/read-a-year-and-a-day-ago.json":
        '/evidence/0/retrieved_on warning evidence-stale: found "2025-11-23", 366 days before the check; '
        'expected at most 365; read it again and write the day as "retrieved_on", or pin it with "revision"',
    "evidence-stale/reject/not-dated.json":
        "/evidence/0 warning evidence-stale: found neither revision nor retrieved_on; "
        "expected the day on which the text was read; "
        'read it again and write the day as "retrieved_on", or pin it with "revision"',
    "evidence-mutable/reject/branch-alone.json":
        '/evidence/0/url warning evidence-mutable: found the branch "main" in the URL, and no commit or digest; '
        'expected one that pins the text; name the commit, or record "revision" or "sha256" in an "evidence" entry',
    "evidence-mutable/reject/link-to-a-branch.json":
        '/evidence_links/0 warning evidence-mutable: found the branch "main" in the URL, and no commit or digest; '
        'expected one that pins the text; name the commit, or record "revision" or "sha256" in an "evidence" entry',
    "evidence-mutable/reject/revision-is-short.json":
        '/evidence/0/revision warning evidence-mutable: found the revision "5a3f0c1"; expected an immutable commit; '
        "write the full commit, 40 or 64 hexadecimal digits in lower case",
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_a_finding_says_where_what_was_found_what_was_expected_and_what_to_do(case: str) -> None:
    assert told(verify_manifest(EXAMPLES / case, now=NOW)) == [WHOLE[case]]


# Local copies.


def test_a_copy_is_looked_at_below_the_manifests_folder_only(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    (folder / "licenses").mkdir(parents=True)
    (tmp_path / "outside.txt").write_bytes(TEXT)
    (folder / "licenses" / "inside.txt").write_bytes(TEXT)
    (folder / "link.txt").symlink_to("licenses/inside.txt")
    (folder / "out.txt").symlink_to("../outside.txt")
    (folder / "up").symlink_to("..")
    (folder / "loop.txt").symlink_to("loop.txt")
    (folder / "empty.txt").touch()
    os.mkfifo(folder / "fifo")
    with (folder / "large.txt").open("wb") as stream:
        stream.truncate(MAX_TEXT_BYTES + 1)
    said = {}
    for name in (
        *("licenses/inside.txt", "link.txt", "./link.txt", "out.txt", "up/outside.txt", "up/release/link.txt", "loop.txt"),
        *("empty.txt", "fifo", "large.txt", "licenses", "/etc/hostname", "licenses/../link.txt", "..", "x" * 300),
    ):  # fmt: skip
        report = verify_manifest(written(folder, entry(text=name)), now=NOW)
        said[name[:20]] = [line.partition("evidence-text-mismatch: ")[2].partition("; ")[0] for line in told(report)]

    assert said == {
        "licenses/inside.txt": [],
        "link.txt": [],
        "./link.txt": [],
        "out.txt": ['found "out.txt": it leads out of the manifest\'s folder'],
        "up/outside.txt": ['found "up/outside.txt": it leads out of the manifest\'s folder'],
        "up/release/link.txt": [],
        "loop.txt": ['found "loop.txt": it cannot be read: Too many levels of symbolic links'],
        "empty.txt": [f'the text "empty.txt" has the SHA-256 {hashlib.sha256().hexdigest()}'],
        "fifo": ['found "fifo": not a regular file'],
        "large.txt": ['found "large.txt": it holds 16777217 bytes, and no text that was read has more than 16777216'],
        "licenses": ['found "licenses": not a regular file'],
        "/etc/hostname": ['found "/etc/hostname": it is no path below the manifest\'s folder'],
        "licenses/../link.txt": ['found "licenses/../link.txt": it is no path below the manifest\'s folder'],
        "..": ['found "..": it is no path below the manifest\'s folder'],
        "x" * 20: [f"found {shown('x' * 300)}: it cannot be read: File name too long"],
    }


def test_a_text_of_16_mib_is_still_hashed(tmp_path: Path) -> None:
    with (tmp_path / "terms.pdf").open("wb") as stream:
        stream.truncate(MAX_TEXT_BYTES)

    copy = find_copy(tmp_path, "terms.pdf", owner="the manifest's folder")

    assert copy == (hashlib.sha256(bytes(MAX_TEXT_BYTES)).hexdigest(), "")


def test_a_message_never_tells_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "gone.txt").symlink_to("/srv/secret/place")
    (tmp_path / "out.txt").symlink_to("/etc/hostname")

    report = verify_manifest(written(tmp_path, entry(text="gone.txt"), entry(text="out.txt", kind="terms")), now=NOW)

    assert len(told(report)) == 2
    assert not [word for word in ("secret", "hostname") if word in json.dumps(report.to_dict())]


def test_the_copy_lies_beside_the_manifest_wherever_the_weights_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "voice.nemo").write_bytes(b"sixteen tones of one voice\n")
    (tmp_path / "LICENSE.txt").write_bytes(TEXT)
    path = written(tmp_path, entry(text="LICENSE.txt"))
    monkeypatch.chdir(tmp_path)

    for source in (path, str(path), "weights-manifest.json", "./weights-manifest.json"):
        assert told(verify_manifest(source, now=NOW)) == []
        assert verify_manifest(source, root=weights, now=NOW).verdict is Verdict.GO


def test_one_copy_of_two_records_is_judged_for_each(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_bytes(TEXT)
    path = written(tmp_path, entry(text="LICENSE.txt"), entry(text="LICENSE.txt", sha256=CHANGED, kind="code_license"))

    assert [line.split(":")[0] for line in told(verify_manifest(path, now=NOW))] == [
        "/evidence/1/sha256 error evidence-text-mismatch"
    ]


def test_without_a_folder_the_record_alone_is_judged() -> None:
    document = NINE | {"evidence": [entry(text="LICENSE.txt"), entry(text="../LICENSE.txt"), {**entry(text="x"), "sha256": None}]}  # fmt: skip
    said = [
        "/evidence/1/text error evidence-text-mismatch: found \"../LICENSE.txt\": it is no path below the manifest's folder; expected the text that was read; put the text that was read below the manifest's folder, or remove the field",
        '/evidence/2/text error evidence-text-mismatch: found the copy "x" and no digest; expected the SHA-256 of the text that was read; compute it with: helix-tts-policy evidence digest FILE',
        *(
            f'/evidence/{index}/text note evidence-text-unchecked: the copy "{name}" was not looked at, since a manifest that is no file has no folder; verify the manifest as a file, beside its copies'
            for index, name in enumerate(("LICENSE.txt", "../LICENSE.txt", "x"))
        ),
    ]

    for source in (document, json.dumps(document).encode()):
        assert sorted(told(verify_manifest(source, now=NOW))) == sorted(said)


def test_standard_input_has_no_folder_either(tmp_path: Path) -> None:
    data = written(tmp_path, entry(text="LICENSE.txt")).read_bytes()

    outcome = run("verify", "-", "--now", NOW.isoformat(), stdin=data, cwd=tmp_path)

    assert (outcome.code, outcome.err) == (0, "")
    assert "note[evidence-text-unchecked] <stdin>:1:" in outcome.out


@given(st.text(st.sampled_from("./a\\ é"), min_size=1, max_size=12))
def test_a_path_stays_below_just_when_it_is_relative_and_never_goes_up(stated: str) -> None:
    assert stays_below(stated) == (not Path(stated).is_absolute() and ".." not in Path(stated).parts)


# Records against each other, and against their day.


def test_every_record_that_differs_from_the_first_at_its_place_is_told(tmp_path: Path) -> None:
    third = hashlib.sha256(b"third").hexdigest()
    path = written(
        tmp_path, entry(), entry(sha256=CHANGED), entry(), entry(sha256=third), entry(sha256=CHANGED, revision=COMMIT)
    )

    assert [line.split(":")[0] for line in told(verify_manifest(path, now=NOW))] == [
        "/evidence/1/sha256 error evidence-conflicting",
        "/evidence/3/sha256 error evidence-conflicting",
    ]


@pytest.mark.parametrize(
    ("url", "commit"),
    [
        (f"https://github.com/acme/voice/blob/{COMMIT}/LICENSE", COMMIT),
        (f"https://github.com/acme/voice/tree/{COMMIT}", COMMIT),
        (f"https://github.com/acme/voice/commit/{COMMIT}#diff", COMMIT),
        (f"https://github.com/acme/voice/raw/{COMMIT}/LICENSE?raw=1", COMMIT),
        (f"https://raw.githubusercontent.com/acme/voice/{COMMIT}/LICENSE", COMMIT),
        (f"https://huggingface.co/acme/voice/resolve/{COMMIT}/LICENSE", COMMIT),
        (f"https://gitlab.com/acme/voice/-/blob/{COMMIT}/LICENSE", COMMIT),
        (f"https://codeberg.org/acme/voice/src/commit/{COMMIT}/LICENSE", COMMIT),
        (f"https://bitbucket.org/acme/voice/src/{COMMIT}/LICENSE", COMMIT),
        (f"https://github.com/acme/voice/blob/{COMMIT}{COMMIT[:24]}/LICENSE", COMMIT + COMMIT[:24]),
        (f"https://github.com/acme/voice/blob/{COMMIT[:39]}/LICENSE", None),
        (f"https://github.com/acme/voice/blob/{COMMIT}a/LICENSE", None),
        (f"https://github.com/acme/voice/blob/{COMMIT.upper()}/LICENSE", None),
        (f"https://models.acme.dev/{COMMIT}/LICENSE", None),
        ("https://github.com/acme/voice/blob/main/LICENSE", None),
        ("https://creativecommons.org/licenses/by/4.0/legalcode", None),
    ],
)
def test_a_commit_is_found_where_code_hosts_write_it(url: str, commit: str | None) -> None:
    assert commit_in(url) == commit
    assert commit is None or commit_fault(commit) is None


def test_a_day_is_as_old_as_the_calendar_says_and_evidence_of_the_future_is_not_stale() -> None:
    def stale(day: str, now: datetime) -> bool:
        report = verify_manifest(NINE | {"evidence": [entry(retrieved_on=day)]}, now=now)
        return "evidence-stale" in {finding.rule for finding in report.findings}

    assert not stale("2025-11-24", datetime(2026, 11, 24, 23, 59, tzinfo=UTC))
    assert stale("2025-11-24", datetime(2026, 11, 25, tzinfo=UTC))
    assert not stale("2026-11-24", NOW - timedelta(days=400))
    assert not stale("2025-02-30", NOW)
    assert not stale("0001-01-01", datetime.fromisoformat("0001-01-01T00:00:00+14:00"))
    assert stale("0001-01-01", datetime.fromisoformat("9999-12-31T23:59:59-12:00"))


@given(
    st.dates(max_value=NOW.date()),
    st.sampled_from([None, COMMIT, "main", "1" * 40]),
    st.sampled_from([REPOSITORY, f"{REPOSITORY}/blob/{COMMIT}/LICENSE", f"{REPOSITORY}/blob/main/LICENSE"]),
    st.sampled_from(["weights_license", "code_license", "model_card", "terms", "permission"]),
)
def test_evidence_is_stale_just_when_no_commit_pins_it_and_a_year_has_passed(
    day: Any, revision: str | None, url: str, kind: str
) -> None:
    record = entry(url=url, kind=kind, retrieved_on=day.isoformat()) | (
        {} if revision is None else {"revision": revision}
    )
    pinned = revision == COMMIT or COMMIT in url

    lines = told(verify_manifest(NINE | {"evidence": [record]}, now=NOW))

    assert any("evidence-stale" in line for line in lines) == (not pinned and (NOW.date() - day).days > 365)


# Under a policy.


def policy(folder: Path, text: str) -> LicensePolicy:
    file = folder / "helix-tts-policy.toml"
    file.write_text(f'schema_version = "license-policy/1"\n{text}', encoding="utf-8")
    read = verify_policy(file, now=NOW).policy
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("rule", "record"),
    [
        ("evidence-stale", entry(retrieved_on="2024-01-01")),
        ("evidence-mutable", entry(revision="main")),
        ("evidence-text-unchecked", entry(text="LICENSE.txt")),
    ],
)
def test_a_policy_can_make_a_warning_refuse(tmp_path: Path, rule: str, record: dict[str, str]) -> None:
    document = NINE | {"evidence": [record]}

    assert verify_manifest(document, now=NOW).verdict is Verdict.GO
    report = verify_manifest(document, now=NOW, policy=policy(tmp_path, f'errors = ["{rule}"]\n'))

    assert report.verdict is Verdict.NO_GO
    assert [finding.rule for finding in report.findings if finding.severity is Severity.ERROR] == [rule]


def test_no_policy_waives_evidence_that_contradicts() -> None:
    assert {rule.id for rule in EVIDENCE_RULES} & WAIVABLE_RULES == set()


CLARIFIED = f"""
[[clarifications]]
license = "LicenseRef-Acme-Voice"
commercial = "allowed"
attribution = false
clause = "You may use the weights in any product."
evidence_url = "https://acme-voices.com/license"
sha256 = "{READ}"
owner = "legal"
reviewed_on = 2026-11-01
"""


@pytest.mark.parametrize("own_copy", ["", 'text = "reviewed.txt"\n'])
@pytest.mark.parametrize(
    ("lies_there", "recorded", "errors"),
    [
        (TEXT, {"sha256": READ}, set()),
        (OTHER, {"sha256": READ}, {"evidence-text-mismatch", "weights-license-unclear"}),
        (None, {"sha256": READ}, {"evidence-text-mismatch", "weights-license-unclear"}),
        (TEXT, {"sha256": CHANGED}, {"evidence-text-mismatch", "weights-license-unclear"}),
        (TEXT, {"sha256": None}, {"evidence-text-mismatch", "weights-license-unclear"}),
        (OTHER, {"sha256": CHANGED}, {"weights-license-unclear"}),
    ],
)
def test_a_record_whose_copy_is_another_text_proves_no_clarification(
    tmp_path: Path,
    own_copy: str,
    lies_there: bytes | None,
    recorded: dict[str, str],
    errors: set[str],
) -> None:
    house, release = tmp_path / "house", tmp_path / "release"
    house.mkdir()
    release.mkdir()
    (house / "reviewed.txt").write_bytes(TEXT)
    if lies_there is not None:
        (release / "LICENSE.txt").write_bytes(lies_there)
    path = written(release, entry(text="LICENSE.txt") | recorded, weights_license="LicenseRef-Acme-Voice")

    report = verify_manifest(path, policy=policy(house, CLARIFIED + own_copy), now=NOW)

    assert report.weights_license is not None
    assert report.weights_license.state == ("unclear" if errors else "allowed")
    assert {finding.rule for finding in report.findings if finding.severity is Severity.ERROR} == errors
    assert report.verdict is (Verdict.NO_GO if errors else Verdict.GO)


def test_a_record_of_the_code_licence_proves_nothing_of_the_weights(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_bytes(TEXT)
    record = entry(text="LICENSE.txt", kind="code_license")
    path = written(tmp_path, record, weights_license="LicenseRef-Acme-Voice", code_license="LicenseRef-Acme-Voice")

    report = verify_manifest(path, policy=policy(tmp_path, CLARIFIED), now=NOW)

    assert report.weights_license is not None
    assert report.code_license is not None
    assert (report.weights_license.state, report.code_license.state) == ("unclear", "allowed")
