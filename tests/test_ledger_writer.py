"""Ledgers as they are written: what is written is read back, audits clean, and never changes what stands there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import BlockerState, Severity, audit_ledger
from helix_tts_policy.document import UNSAFE_TEXT
from helix_tts_policy.facts.execution_ledger import read_execution_ledger
from helix_tts_policy.facts.ledger_words import is_none
from helix_tts_policy.ledger_writer import LedgerPlan, PromptReport, append_report, plan_of, write_ledger

WAVE1 = Path(__file__).parent / "data" / "wave1"
VERIFY = "npm run casimir:verify -- --ci"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def done(number: int | str, **fields: object) -> PromptReport:
    stated: dict[str, object] = {
        "prompt_id": str(number),
        "status": BlockerState.DONE,
        "commit_sha": digest(f"commit {number}")[:12],
        "files_changed": ("src/a.py",),
        "behavior_delta": "added it",
        "tests_or_checks_run": (VERIFY,),
        "verdict": "PASS",
        "certificate_hash": digest(f"certificate {number}"),
        "integrity_ok": True,
        "trace_id": f"adapter:{number}",
        "run_id": str(number),
    }
    return PromptReport(**{**stated, **fields})  # type: ignore[arg-type]


def faults(text: str) -> list[str]:
    return [
        f"{finding.severity} {finding.rule}: {finding.message}"
        for finding in audit_ledger(text).findings
        if finding.severity is not Severity.NOTE
    ]


LINES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20
).map(str.strip).filter(lambda text: text and not UNSAFE_TEXT.search(text))  # fmt: skip
"""One line of any letters, marks of Markdown and YAML among them."""

MARKED = (
    st.text(st.sampled_from("ab1 `*_[]()<>|#\\&;:.-!~\"'{},@%"), min_size=1, max_size=15).map(str.strip).filter(bool)
)
WORDS = LINES | MARKED
PLANS = st.builds(
    LedgerPlan,
    title=WORDS,
    objectives=st.lists(WORDS, min_size=1, max_size=4).map(tuple),
    scope=st.lists(WORDS.map(lambda text: f"scope {text}".replace(":", ";")), max_size=3).map(tuple),
    baseline=st.sampled_from(["", "origin/main@dc2a2f13", "v1.2.3@0123456789abcdef0123456789abcdef01234567"]),
    checklist=st.lists(WORDS, max_size=3).map(tuple),
)
ITEMS = st.lists(WORDS.filter(lambda text: not is_none(text)), min_size=1, max_size=3).map(tuple)


@given(PLANS)
def test_a_new_ledger_reads_back_and_says_nothing_wrong(plan: LedgerPlan) -> None:
    text = write_ledger(plan)
    ledger = read_execution_ledger(text.encode(), "ledger.md")

    assert plan_of(ledger) == plan
    assert [row.prompt for row in ledger.rows] == [str(number) for number in range(len(plan.objectives))]
    assert len(ledger.templates) == 1
    assert (ledger.blocks, ledger.not_understood) == ((), ())
    assert not any(item.checked for item in ledger.checklist)
    assert {line.partition(":")[0] for line in faults(text)} == {"warning ledger-prompt-open"}


@given(PLANS, st.data())
def test_reports_read_back_as_they_were_given_and_audit_clean(plan: LedgerPlan, data: st.DataObject) -> None:
    text = write_ledger(plan).replace("- [ ]", "- [x]")
    reports = [
        data.draw(
            st.builds(
                done,
                st.just(number),
                behavior_delta=WORDS,
                files_changed=ITEMS,
                tests_or_checks_run=ITEMS.map(lambda items: (*items, VERIFY)),
            )
            | st.builds(
                PromptReport,
                prompt_id=st.just(f"prompt-{number}"),
                status=st.just(BlockerState.BLOCKED),
                behavior_delta=WORDS,
                blocker_reason=st.sampled_from(["out_of_disk", "runtime_dependency_missing:sox"]),
            )
        )
        for number in range(len(plan.objectives))
    ]

    for report in reports:
        text = append_report(text, report)

    ledger = read_execution_ledger(text.encode(), "ledger.md")
    assert [
        (
            {name: value.text for name, value in block.fields.items()},
            {name: tuple(item.text for item in items) for name, items in block.lists.items()},
        )
        for block in ledger.blocks
    ] == [(report.values(), report.lists()) for report in reports]
    assert [row.fields["status"].text for row in ledger.rows] == [report.status for report in reports]
    assert plan_of(ledger) == plan
    still_open = {report.prompt_id for report in reports if report.status is not BlockerState.DONE}
    assert len(faults(text)) == len(still_open)
    assert len(audit_ledger(text).proven_prompts) == len(reports) - len(still_open)


def test_a_new_ledger_is_what_people_write() -> None:
    plan = LedgerPlan(
        title="Wave 2",
        baseline="origin/main@dc2a2f13",
        scope=("Additive edits only.",),
        objectives=("Ledger | scope", "The `trainer`"),
        checklist=("Every prompt has PASS.",),
    )
    assert write_ledger(plan) == (Path(__file__).parent / "golden" / "ledger-new.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (LedgerPlan(title="a", objectives=()), "objectives: expected one prompt at least"),
        (LedgerPlan(title=" ", objectives=("a",)), 'title: found " "; expected a text of one line'),
        (LedgerPlan(title="a", objectives=("b\nc",)), 'objective: found "b\\nc"; expected a text of one line'),
        (
            LedgerPlan(title="a", objectives=("b\u202e",)),
            'objective: found U+202E in "b\\u202e"; expected characters that everybody sees',
        ),
        (
            LedgerPlan(title="a", objectives=("b\rc",)),
            'objective: found U+000D in "b\\rc"; expected characters that everybody sees',
        ),
        (
            LedgerPlan(title="a", objectives=("b",), scope=("prompt: 1", "status: done")),
            "title, baseline, scope or checklist would be read as something else; write them in other words",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(plan: LedgerPlan, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        write_ledger(plan)
    assert str(caught.value) == message


PLAN = LedgerPlan(title="Wave 2", objectives=("one", "two"))


@pytest.mark.parametrize(
    ("text", "report", "message"),
    [
        (write_ledger(PLAN), done(""), 'prompt_id: found ""; expected the number of a prompt'),
        (
            append_report(write_ledger(PLAN), done(1)),
            done("prompt-1"),
            "prompt 1 has a report block in line 42; reports are never changed",
        ),
        ("# w\n", done(1), "found no execution table; expected one with columns prompt_id, status and commit_sha"),
        (
            "| prompt | status |\n|---|---|\n| 1 | pending |\n| 1 | done |\n",
            done(1),
            "prompt 1 has 2 rows; expected one, whose status and commit can be written",
        ),
        (
            "| prompt | status |\n|---|---|\n",
            done(1),
            "prompt 1 has no row, and the table none that it could follow; expected the row",
        ),
        (
            f"{write_ledger(PLAN)}\n```yaml\n",
            done(1),
            "the report of prompt 1 cannot be found again where it would be written; mend the ledger first",
        ),
        (
            write_ledger(PLAN),
            done(1, files_changed=("none",)),
            'files_changed: found "none"; expected a file or a command',
        ),
        (
            write_ledger(PLAN),
            done(1, behavior_delta="a\u200bb"),
            'behavior_delta: found U+200B in "a\\u200bb"; expected characters that everybody sees',
        ),
    ],
)
def test_what_cannot_be_appended_is_refused(text: str, report: PromptReport, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        append_report(text, report)
    assert str(caught.value) == message


def test_a_report_takes_the_prompts_row_and_no_other_letter_of_the_ledger() -> None:
    text = (
        "# W\r\n\r\n| Prompt | Scope | Owner | Status | Commit | Verdict | Integrity OK |\r\n|---|---|---|---|---|---|---|\r\n"
        "| Prompt 0 | `a` \\| **b** | Ann | pending |  | | |\r\n| 1 | c | Ben | in_progress |\r\n2 | d | Eve | pending | none | - | -\r\n\r\nEnd"
    )
    for number in (0, 1, 2, 3):
        text = append_report(text, done(number, tests_or_checks_run=()))
    lines = text.split("\r\n")
    assert lines[:9] == [
        "# W",
        "",
        "| Prompt | Scope | Owner | Status | Commit | Verdict | Integrity OK |",
        "|---|---|---|---|---|---|---|",
        f"| Prompt 0 | `a` \\| **b** | Ann | done | {digest('commit 0')[:12]} | PASS | true |",
        f"| 1 | c | Ben | done | {digest('commit 1')[:12]} | PASS | true |",
        f"2 | d | Eve | done | {digest('commit 2')[:12]} | PASS | true ",
        f"| 3 |  |  | done | {digest('commit 3')[:12]} | PASS | true |",
        "",
    ]
    assert lines[9:12] == ["End", "", "### Prompt 0"]
    assert "tests_or_checks_run: none" in lines
    assert [block.prompt for block in read_execution_ledger(text.encode(), "w").blocks] == ["0", "1", "2", "3"]


def test_a_report_of_a_prompt_that_has_a_name_stands_below_it() -> None:
    text = append_report(write_ledger(PLAN), done("closure"))
    assert "\n### closure\n\n```yaml\nprompt_id: closure\n" in text
    assert f"\n| closure |  | done | {digest('commit closure')[:12]} |\n" in text


def test_a_real_ledger_takes_one_more_report() -> None:
    text = (WAVE1 / "ledger.md").read_text(encoding="utf-8")
    longer = append_report(text, done(8))

    assert longer.startswith(text[: text.index("\n## Blocker policy")])
    assert set(text.split("\n")) <= set(longer.split("\n"))
    assert [block.prompt for block in read_execution_ledger(longer.encode(), "w").blocks] == [*"012345678"]


def test_values_are_quoted_where_yaml_would_see_something_else() -> None:
    report = done(1, behavior_delta='a: "b" # c\td\ne', files_changed=("@x", "- y"), integrity_ok=None)
    text = append_report(write_ledger(PLAN), report)
    assert 'behavior_delta: "a: \\"b\\" # c\\td\\ne"\n' in text
    assert 'files_changed:\n  - "@x"\n  - "- y"\n' in text
    assert "casimir_integrityOk: none\n" in text
