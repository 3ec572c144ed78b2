"""What an audit says of a ledger: of the real ones, of small ones, and of what it is compared with."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.command_line import REPOSITORY
from tests.ledgers import EXAMPLES, GOOD, HASH, HERE, WAVE1, audited, errors, read, told

from helix_tts_policy import LedgerReport, PolicyError, Verdict, audit_ledger, default_policy
from helix_tts_policy.facts.commit_history import CommitHistory, CommitState, NamedCommit
from helix_tts_policy.facts.execution_ledger import MAX_LEDGER_BYTES
from helix_tts_policy.facts.policy_file import AddedReason
from helix_tts_policy.render import text as text_form
from helix_tts_policy.rules.ledger_subject import lines_told, names_told

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


@pytest.mark.parametrize(("name", "golden"), [("ledger", "wave1"), ("tts-prod-lane-ledger", "tts-prod-lane")])
def test_audits_of_the_real_ledgers(name: str, golden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)

    report = audit_ledger(f"tests/data/wave1/{name}.md")

    assert text_form.render([report]) == (HERE / "golden" / f"ledger-{golden}.txt").read_text(encoding="utf-8")


def test_what_an_audit_of_wave_1_has_to_show() -> None:
    lines = (WAVE1 / "ledger.md").read_text(encoding="utf-8").split("\n")
    found = [(finding.rule, finding.at.line) for finding in audit_ledger(WAVE1 / "ledger.md").findings]
    placeholders = [index for index, line in enumerate(lines, 1) if line == "commit_sha: HEAD (prompt-7 commit)"]

    assert ("ledger-certificate-repeated", lines.index(f"casimir_certificateHash: {HASH}") + 1) in found
    assert [line for rule, line in found if rule == "ledger-commit-placeholder"] == placeholders
    assert len(placeholders) == 8
    assert ("ledger-done-blocked", lines.index("blocker_reason: nemo_runtime_unavailable") + 1) in found
    assert ("ledger-checklist-unchecked", 32) in found


def test_every_finding_says_where_what_was_found_what_was_expected_and_what_to_do() -> None:
    lines = []
    for case in sorted(EXAMPLES.glob("ledger-*/reject/*")):
        own = [line for line in told(audited(case)) if f" {case.parent.parent.name}: " in line]
        lines += [str(case.relative_to(EXAMPLES)), *(f"  {line.replace(str(case), '...')}" for line in own)]

    assert "\n".join(lines) + "\n" == (HERE / "golden" / "ledger-findings.txt").read_text(encoding="utf-8")


# --- the audit --------------------------------------------------------------------------------------------------------


def test_a_ledger_is_audited_from_a_path_and_from_its_text(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md"
    path.write_text(GOOD, encoding="utf-8")

    reports = [audit_ledger(source) for source in (path, str(path), GOOD, GOOD.encode())]

    assert [report.source for report in reports] == [str(path), str(path), "<text>", "<text>"]
    assert len({tuple(told(report)) for report in reports}) == 1
    assert {report.verdict for report in reports} == {Verdict.GO}
    assert audit_ledger(GOOD, name="wave 2").source == "wave 2"


@pytest.mark.parametrize("source", [3, None, ["ledger.md"]])
def test_what_is_neither_path_nor_text_is_misuse(source: object) -> None:
    with pytest.raises(TypeError, match=r"^source: expected a path or a text, found (int|NoneType|list)$"):
        audit_ledger(source)  # type: ignore[arg-type]


def test_a_path_of_bytes_is_misuse() -> None:
    class Bytes:
        def __fspath__(self) -> bytes:
            return b"ledger.md"

    with pytest.raises(TypeError, match=r"^source: expected a path of text, found one of bytes$"):
        audit_ledger(Bytes())  # type: ignore[arg-type]


def test_a_report_is_about_something() -> None:
    with pytest.raises(TypeError, match=r"^a report is about a ledger, or about why there is none$"):
        LedgerReport("ledger.md", b"", default_policy())


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"", "None:None error input-syntax: is empty; expected one ledger; write the document"),
        (
            b"\xff\xfe#\x00",
            (
                "1:1 error input-encoding: is UTF-16 or UTF-32; expected plain UTF-8; "
                "save the document as UTF-8 without a byte order mark"
            ),
        ),
        (
            "| 1 | done | \u202ea |\n".encode(),
            (
                "1:14 error input-unsafe-text: holds U+202E, which makes the text look other than it is; "
                "expected visible characters; write the text without it"
            ),
        ),
        (
            b"a\rb\n",
            (
                "1:2 error input-unsafe-text: holds a carriage return that ends no line; some readers begin a line there; "
                "end lines with a line feed"
            ),
        ),
        (
            b"a" * (MAX_LEDGER_BYTES + 1),
            (
                "None:None error input-unreadable: holds more than 16777216 bytes; expected at most 16777216; "
                "check that this is the document you meant"
            ),
        ),
    ],
    ids=["empty", "utf-16", "bidi", "carriage-return", "large"],
)
def test_what_cannot_be_read_is_a_finding(data: bytes, finding: str) -> None:
    report = audit_ledger(data)

    assert told(report) == [finding]
    assert report.readable is ("input-unsafe-text" in finding)
    assert (report.ledger, report.summary, report.open_prompts, report.proven_prompts) == (None, (), (), ())
    assert report.to_dict()["prompts"] == []


def test_a_lone_surrogate_in_a_text_is_a_finding() -> None:
    assert [finding.rule for finding in audit_ledger("a\ud800\n").findings] == ["input-encoding"]


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    report = audit_ledger(tmp_path / "none.md")

    assert [finding.rule for finding in report.findings] == ["input-unreadable"]
    assert {name: report.pinned()[name] for name in ("ledger", "trace", "repository")} == {
        "ledger": None,
        "trace": None,
        "repository": None,
    }


def test_a_trace_that_is_not_there_is_told_beside_what_the_ledger_says(tmp_path: Path) -> None:
    report = audit_ledger(WAVE1 / "ledger.md", trace=tmp_path / "none.jsonl")

    assert not report.readable
    first = report.findings[0]
    assert (first.rule, first.at.source) == ("input-unreadable", str(tmp_path / "none.jsonl"))
    assert "ledger-certificate-repeated" in {finding.rule for finding in report.findings}


def test_go_needs_no_word_and_no_go_raises() -> None:
    audit_ledger(GOOD).raise_for_verdict()
    bad = GOOD.replace("blocker_reason: none", "blocker_reason: out_of_disk", 1)
    with pytest.raises(PolicyError) as caught:
        audit_ledger(bad, name="w").raise_for_verdict()
    assert str(caught.value).startswith(
        'NO-GO: w: ledger-done-blocked: prompt 0: found the blocker reason "out_of_disk" beside'
    )
    with pytest.raises(PolicyError, match=r"^NO-GO: w: ledger-empty: .* prompt by prompt$"):
        audit_ledger("# w\n", name="w").raise_for_verdict()


def test_the_machine_form_says_what_is_proven_and_what_it_was_compared_with() -> None:
    case = EXAMPLES / "ledger-trace-missing" / "accept" / "both-records"
    trace = (case / "trace.jsonl").read_bytes()
    report = audit_ledger(case / "ledger.md", trace=trace, name="w")
    form = report.to_dict()

    assert list(form) == ["schema", "source", "verdict", "prompts", "summary", "findings", "pinned"]
    assert form["schema"] == "helix-tts-policy/ledger-report/1"
    assert form["prompts"][0] == {
        "prompt": "0",
        "states": ["done"],
        "proven": True,
        "commit": report.ledger.blocks[0].fields["commit_sha"].text if report.ledger else None,
        "blocker_reason": None,
    }
    assert form["summary"] == [
        "prompts       2: 2 done",
        "proven        2 of 2 that are done",
        "reported      2 in a table, 2 in a report block",
        "commits       2 of 2 named by a hash wherever they are named",
        "certificates  2 for 2 prompts",
        "checklist     2 of 2 items checked",
        "policy        built-in",
    ]
    assert form["pinned"]["trace"] == {"source": "<bytes>", "sha256": hashlib.sha256(trace).hexdigest(), "records": 2}
    assert form["pinned"]["ledger"]["bytes"] == len(report.data)


def test_open_prompts_and_proven_ones() -> None:
    text = (EXAMPLES / "ledger-reason-unknown" / "accept" / "with-a-detail.md").read_text(encoding="utf-8")
    report = audit_ledger(text)

    assert report.verdict is Verdict.GO
    assert report.open_prompts == (("1", "runtime_dependency_missing:sox"),)
    assert report.proven_prompts == ("0",)
    assert report.summary[:2] == ("prompts       2: 1 done, 1 blocked", "proven        1 of 1 that are done")
    unknown = audit_ledger("| prompt | status |\n|---|---|\n| 1 | complete |\n")
    assert unknown.summary[0] == "prompts       1: none with a known status"
    assert unknown.summary[-2] == "certificates  0 for 0 prompts"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status: done", "status: in_progress"),
        ("casimir_verdict: PASS", "casimir_verdict: FAIL"),
        ("blocker_reason: none", "blocker_reason: out_of_disk"),
        ("\ncommit_sha: ", "\ncommit_sha: HEAD "),
        ("```yaml\nprompt_id: 0", "```text\nprompt_id: 0"),
        ("  - npm run casimir:verify", "  - npm run verify"),
        ("### Prompt 0", "### Prompt 1"),
    ],
)
def test_a_prompt_is_proven_by_all_that_is_said_or_not_at_all(old: str, new: str) -> None:
    assert audit_ledger(GOOD).proven_prompts == ("0", "1")
    assert audit_ledger(GOOD.replace(old, new, 1)).proven_prompts == ("1",)


def test_commits_are_asked_for_once_and_the_baseline_with_them() -> None:
    asked: list[list[str]] = []

    def look_up(names: Collection[str]) -> CommitHistory:
        asked.append([*names])
        missing = NamedCommit(state=CommitState.MISSING)
        return CommitHistory(repository="voices", head="0" * 40, commits=dict.fromkeys(names, missing))

    stated = [block.fields["commit_sha"].text for block in read(GOOD).blocks]
    baseline = read(GOOD).baseline
    assert baseline is not None
    report = audit_ledger(GOOD, commits=look_up)
    assert asked == [sorted([*stated, baseline.text.partition("@")[2]])]
    assert [finding.rule for finding in report.findings if finding.severity == "error"] == ["ledger-commit-missing"] * 3
    assert report.pinned()["repository"] == {"source": "voices", "head": "0" * 40}

    without = GOOD.replace("Baseline lock", "Base")
    assert len(audit_ledger(without, commits=look_up).findings) == len(report.findings) - 1
    assert asked[1] == sorted(stated)


def test_of_several_records_of_one_run_the_last_counts() -> None:
    case = EXAMPLES / "ledger-trace-disagrees" / "accept" / "last-record-counts"
    lines = (case / "trace.jsonl").read_bytes().splitlines(keepends=True)

    for order in (lines, lines[::-1]):
        assert audit_ledger(case / "ledger.md", trace=b"".join(order)).verdict is Verdict.GO


def test_a_prompt_is_not_proven_because_its_fault_was_counted_and_not_told() -> None:
    rows = "".join(f"| {number} | done | {number:07x}a |\n" for number in range(70))
    blocks = "".join(
        f"```yaml\nprompt_id: {number}\nstatus: done\ncommit_sha: {number:07x}a\ncasimir_verdict: PASS\n"
        f"casimir_certificateHash: {number:064x}\ncasimir_integrityOk: true\n```\n\n"
        for number in range(70)
    )
    report = audit_ledger(f"| prompt | status | commit |\n|---|---|---|\n{rows}\n{blocks}")

    assert len([finding for finding in report.findings if finding.rule == "ledger-verifier-missing"]) == 51
    assert report.proven_prompts == ()


def test_two_prompts_of_one_run_prove_each_other_not() -> None:
    runs = [block.fields["casimir_traceId"].text for block in read(GOOD).blocks]
    assert audit_ledger(GOOD.replace(runs[1], runs[0])).proven_prompts == ()


def test_codes_of_a_team_are_known_where_they_are_given() -> None:
    text = (EXAMPLES / "ledger-reason-unknown" / "reject" / "free-text.md").read_text(encoding="utf-8")
    text = text.replace("waiting for the GPU", "gpu_quota_used_up:eu")

    assert "ledger-reason-unknown" in {finding.rule for finding in audit_ledger(text).findings}
    own = AddedReason(code="gpu_quota_used_up", meaning="It is used up.", remedy="Wait.", owner="ops")
    policy = replace(default_policy(), name="ours", blocker_reasons=(own,))
    known = audit_ledger(text, policy=policy)
    assert "ledger-reason-unknown" not in {finding.rule for finding in known.findings}
    assert known.summary[-1] == "policy        ours"
    assert known.pinned()["policy"] == {"name": "ours", "sha256": policy.sha256}
    with pytest.raises(TypeError, match=r"^policy: expected a LicensePolicy, found dict$"):
        audit_ledger(text, policy={})  # type: ignore[arg-type]


def test_abbreviations_share_a_certificate_only_with_what_they_abbreviate() -> None:
    def blocks(*hashes: str) -> str:
        rows = "".join(f"| {index} | blocked | none |\n" for index, _ in enumerate(hashes))
        text = "".join(
            f"```yaml\nprompt_id: {index}\nstatus: blocked\nblocker_reason: out_of_disk\ncasimir_certificateHash: {each}\n```\n\n"
            for index, each in enumerate(hashes)
        )
        return f"| prompt | status | commit |\n|---|---|---|\n{rows}\n{text}"

    other = f"{HASH[:-1]}6"
    assert errors(blocks(HASH, other, "6e84f...", "7777f...")) == ["12 ledger-certificate-repeated"]
    assert [rule.split()[1] for rule in errors(blocks(HASH, "6e84f...", "no hash"))] == ["ledger-certificate-repeated"]
    assert errors(blocks(HASH, other)) == []


def test_lines_and_names_are_told_in_few_words() -> None:
    assert lines_told([7]) == "line 7"
    assert lines_told([9, 7, 7]) == "lines 7 and 9"
    assert lines_told([1, 2, 3, 5, 6, 9]) == "lines 1 to 3, 5, 6 and 9"
    assert lines_told(range(0, 100, 2)).endswith(", 36, 38 and 30 more")
    assert names_told(["10", "2", "11", "12"]) == "2 and 10 to 12"
    assert names_told(["2", "final\u202e", "a" * 50]) == f"2, final\\u202e and {'a' * 40}"
    assert names_told(["final"]) == "final"


def test_thousands_of_faults_stay_readable() -> None:
    rows = "".join(f"| {index} | done | HEAD |\n" for index in range(5000))
    report = audit_ledger(f"| prompt | status | commit |\n|---|---|---|\n{rows}")

    placeholders = [finding for finding in report.findings if finding.rule == "ledger-commit-placeholder"]
    assert len(placeholders) == 51
    assert placeholders[-1].message == "4950 more of the same kind"
    assert len(text_form.render([report])) < 60_000


def test_ten_thousand_prompts_are_read_whole() -> None:
    table, _, rest = GOOD.partition("\n\n## Blocker policy")
    begin = table[: table.index("| 0 |")]
    block = rest[rest.index("### Prompt 1") :].partition("\n```\n")[0] + "\n```\n\n"
    row = table[table.index("| 1 |") :]
    stated = read(GOOD).blocks[1].fields
    own = ("casimir_certificateHash", "casimir_traceId", "commit_sha")

    def numbered(text: str, number: int) -> str:
        text = text.replace("| 1 |", f"| {number} |").replace("Prompt 1\n", f"Prompt {number}\n")
        text = text.replace("prompt_id: 1\n", f"prompt_id: {number}\n").replace(
            "casimir_runId: 2\n", f"casimir_runId: {number}\n"
        )
        for name in own:
            text = text.replace(stated[name].text, f"{number:05x}{stated[name].text[5:]}")
        return text

    rows = "\n".join(numbered(row, number) for number in range(10_000))
    blocks = "".join(numbered(block, number) for number in range(10_000))
    report = audit_ledger(f"{begin}{rows}\n\n{blocks}")

    assert [finding.rule for finding in report.findings] == ["ledger-trace-unchecked", "ledger-commits-unchecked"]
    assert len(report.proven_prompts) == 10_000
    assert report.ledger is not None
    assert report.ledger.blocks[-1].fields["prompt_id"].text == "9999"
