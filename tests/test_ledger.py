"""What is read of an execution ledger, in how many forms, and where it stands."""

from __future__ import annotations

import pytest
from tests.ledgers import GOOD, HASH, WAVE1, read

from helix_tts_policy.facts.execution_ledger import read_execution_ledger
from helix_tts_policy.facts.ledger_markdown import Stated
from helix_tts_policy.facts.ledger_records import NotUnderstood, place_of
from helix_tts_policy.facts.ledger_words import (
    FIELDS,
    field_of,
    hash_digits,
    is_none,
    prompt_in_heading,
    prompt_of,
    resembles_field,
    state_word,
    without_remark,
)

# --- the two real ones ------------------------------------------------------------------------------------------------


def test_wave_1_is_read_as_it_is_written() -> None:
    ledger = read_execution_ledger((WAVE1 / "ledger.md").read_bytes(), "ledger.md")

    assert ledger.title == Stated("Helix Ask TTS Production Stack Wave 1 Ledger (2026-02-24)", 1, 3)
    assert ledger.baseline == Stated("origin/main@dc2a2f13", 7, 3)
    assert [item.line for item in ledger.scope] == [4, 5, 6, 8]
    assert ledger.tables == (("prompt_id", "objective", "status", "commit_sha"),)
    assert [row.prompt for row in ledger.rows] == [block.prompt for block in ledger.blocks] == [*"01234567"]
    assert ledger.rows[7].fields["commit_sha"] == Stated("HEAD (prompt-7 commit)", 21, 47)
    assert ledger.rows[3].fields["objective"].text == "Production job scaffold (tts_prod_train_nemo)"
    assert [template.line for template in ledger.templates] == [42]
    assert [(item.stated.line, item.checked) for item in ledger.checklist] == [(line, False) for line in range(32, 38)]
    assert [line.status for line in ledger.policy] == ["done", "partial-blocked", "blocked", None]
    assert ledger.not_understood == ()
    last = ledger.blocks[7]
    assert tuple(name for name in FIELDS if name in last.fields or name in last.lists) == FIELDS
    assert last.heading == Stated("Prompt 7", 229, 5)
    assert last.fields["blocker_reason"] == Stated("nemo_runtime_unavailable", 247, 17)
    assert [file.line for file in last.lists["files_changed"]] == [234, 235]


def test_the_ledger_before_it_is_read_as_it_is_written() -> None:
    ledger = read_execution_ledger((WAVE1 / "tts-prod-lane-ledger.md").read_bytes(), "ledger.md")

    assert ledger.baseline == Stated("origin/main@032f2264", 3, 1)
    assert ledger.tables == (
        (
            "prompt_id",
            "objective",
            "status",
            "commit_sha",
            "casimir_verdict",
            "casimir_certificateHash",
            "casimir_integrityOk",
            "notes",
        ),
    )
    assert [block.prompt for block in ledger.blocks] == [*"012345678"]
    assert ledger.blocks[0].fields["casimir_runId"] == Stated("1", 70, 16)
    assert ledger.blocks[0].heading is None
    assert [(odd.stated.line, odd.what) for odd in ledger.not_understood] == [(56, "HTML")]
    assert len(ledger.checklist) == 7


# --- many forms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("3", "3"),
        ("prompt-3", "3"),
        ("Prompt 3", "3"),
        ("PROMPT_03", "3"),
        ("prompt 3 (closure)", "3"),
        ("#3", "3"),
        ("0", "0"),
        ("3a", "3a"),
        ("Final", "final"),
        ("<0..7>", None),
        ("prompt-<N>", None),
        ("none", None),
        ("", None),
    ],
)
def test_ids(text: str, prompt: str | None) -> None:
    assert prompt_of(text) == prompt


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("Prompt 3", "3"),
        ("prompt-3: the trainer", "3"),
        ("Prompt 3 (again)", "3"),
        ("Prompt 0..7", None),
        ("Prompts", None),
    ],
)
def test_prompts_in_headings(text: str, prompt: str | None) -> None:
    assert prompt_in_heading(text) == prompt


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("done", "done"),
        ("Done (closure).", "done"),
        ("In progress", "in-progress"),
        ("partial_blocked", "partial-blocked"),
    ],
)
def test_statuses(text: str, word: str) -> None:
    assert state_word(text) == word


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (HASH, HASH),
        (f"sha256:{HASH.upper()}", HASH),
        ("6e84f...", "6e84f"),
        ("6e84f\u2026", "6e84f"),
        ("463434B (squashed)", "463434b"),
        ("463434", None),
        ("6e8...", None),
        ("added", None),
        ("HEAD", None),
        ("HEAD (prompt-7 commit)", None),
        (f"{HASH}{HASH}0", None),
    ],
)
def test_hashes(text: str, digits: str | None) -> None:
    assert hash_digits(text) == digits


@pytest.mark.parametrize("text", ["none", "None", "null", "~", "-", "\u2014", "", "n/a", "<sha>", "none (yet)"])
def test_what_means_none(text: str) -> None:
    assert is_none(text)


def test_remarks() -> None:
    assert without_remark("done (a)") == "done"
    assert without_remark("done (a) more") == "done (a) more"
    assert without_remark("(a)") == ""


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Certificate Hash", "casimir_certificateHash"),
        ("casimir_certificateHash", "casimir_certificateHash"),
        ("Integrity OK", "casimir_integrityOk"),
        ("Commit", "commit_sha"),
        ("Prompt", "prompt_id"),
        ("Scope", "objective"),
        ("Owner", None),
    ],
)
def test_columns_and_keys_have_many_names(name: str, field: str | None) -> None:
    assert field_of(name) == field


@pytest.mark.parametrize(
    ("name", "resembles"),
    [
        ("casimir_verdct", True),
        ("statuss", True),
        ("st\u0430tus", True),
        ("owner", False),
        ("reviewer", False),
        ("gate", False),
    ],
)
def test_a_name_that_looks_like_that_of_a_field(name: str, resembles: bool) -> None:  # noqa: FBT001 - a column of the table
    assert resembles_field(name) is resembles


@pytest.mark.parametrize(
    "block",
    [
        "- prompt_id: 3\n- status: done\n- commit_sha: 463434b\n- files_changed: a.py, b.py\n",
        "- prompt_id: 3\n  status: done\n  commit: 463434b\n  files_changed: a.py, b.py\n",
        "- Prompt 3\n  - status: done\n  - commit_sha: 463434b\n  - files:\n    - a.py\n    - b.py\n",
        "### Prompt 3\n\n- status: `done`\n- commit_sha: `463434b`\n- files_changed:\n  - a.py\n  - b.py\n",
        "### Prompt 3\n\n```\nstatus: done\ncommit_sha: 463434b\nfiles_changed: [a.py, b.py]\n```\n",
        "```yaml\n- prompt_id: prompt-3\n  status: done\n  commit_sha: 463434b\n  files_changed: [a.py, b.py]\n```\n",
        "> ~~~yml\n> prompt_id: 3\n> status: done\n> commit_sha: 463434b\n> files_changed: [a.py, b.py]\n> ~~~\n",
    ],
)
def test_a_block_has_many_forms(block: str) -> None:
    (entry,) = read(block).blocks
    assert entry.prompt == "3"
    assert {name: entry.fields[name].text for name in ("status", "commit_sha")} == {
        "status": "done",
        "commit_sha": "463434b",
    }
    assert [file.text for file in entry.lists["files_changed"]] == ["a.py", "b.py"]


def test_one_list_can_hold_several_blocks() -> None:
    text = "- prompt_id: 1\n- status: done\n- prompt_id: 2\n- status: blocked\n\n"
    assert [(block.prompt, block.fields["status"].text) for block in read(text).blocks] == [
        ("1", "done"),
        ("2", "blocked"),
    ]
    ledger = read(
        "```yaml\n- prompt_id: 1\n  status: done\n- voice: mei\n- words\n- prompt_id: 2\n  status: blocked\n```\n"
    )
    assert [(block.prompt, block.fields["status"].text) for block in ledger.blocks] == [("1", "done"), ("2", "blocked")]
    assert ledger.not_understood == (
        NotUnderstood(Stated("words", 5, 3), "a line that is no part of a pair", evidence=True),
        NotUnderstood(Stated("voice", 4, 3), "a part of a fenced block", evidence=False),
    )


@pytest.mark.parametrize(
    ("written", "files"),
    [
        ("files_changed: none", []),
        ("files_changed: []", []),
        ("files_changed:\n  - none", []),
        ("tests_or_checks_run: none", []),
        ("files_changed:\n  - a\n  - none", ["a"]),
        ("files_changed: <path>", ["<path>"]),
        ("tests_or_checks_run: a, b", ["a, b"]),
    ],
)
def test_lists_that_are_none_or_one_line(written: str, files: list[str]) -> None:
    (block,) = read(f"```yaml\nprompt_id: 1\n{written}\n```\n").blocks
    assert [item.text for items in block.lists.values() for item in items] == files


def test_templates_are_no_blocks() -> None:
    ledger = read(
        "```yaml\nprompt_id: <0..7>\nstatus: <done>\nfiles_changed:\n  - <path>\n```\n\n- prompt_id: prompt-<N>\n- status: none\n"
    )
    assert [stated.line for stated in ledger.templates] == [2, 8]
    assert (ledger.blocks, ledger.not_understood) == ((), ())


def test_what_is_not_understood_is_listed() -> None:
    text = (
        "| gate | result |\n|---|---|\n| a | b |\n\n"
        "| prompt | status | commit | sha | owner |\n|---|---|---|---|---|\n| 1 | done | 463434b | x | y |\n| | | | | |\n"
        "| <N> | done | a | | |\n\n"
        "```yaml\nprompt_id: 1\ncommit: 463434b\ncommit_sha: 463434b\nstatus: [done, blocked]\nreviewer: Ann\nx: {status: done}\n```\n\n"
        "```yaml\nprompt_id: <N>\nstatus: done\n```\n\n```yaml\nstatus: done\n```\n\n```yaml\nvoice: mei\n```\n\n"
        '```bash\nmake\n```\n\n```json\n{"casimir_verdict": "PASS"}\n```\n\n'
        "Status: in progress\nprompt_id: 4\nNote: all well\nOwner: Ann\n| broken | table |\n\n- commit_sha: 463434b\n- words\n\n"
        "- status: done\n- notes: x\n\n    prompt_id: 5\n\n```yaml\nprompt_id: 1\n"
    )
    ledger = read(text)
    assert [(odd.stated.line, odd.evidence, odd.what, odd.stated.text) for odd in ledger.not_understood] == [
        (1, False, "a table without columns for prompt and status", "gate | result"),
        (5, True, "the column", "sha"),
        (5, False, "the column", "owner"),
        (9, True, "a row that names no prompt", "<N> | done | a |  | "),
        (15, True, "a list in the place of one value", "status"),
        (16, False, "the key", "reviewer"),
        (17, False, "the key", "x"),
        (17, True, "a line that is no part of a pair", "{status: done}"),
        (21, True, "a report block that names no prompt", "prompt_id, status"),
        (26, False, "a report block that names no prompt", "status"),
        (29, False, "a fenced block of yaml", "voice: mei"),
        (33, False, "a fenced block of bash", "make"),
        (37, True, "a fenced block of json", '{"casimir_verdict": "PASS"}'),
        (41, False, "a value for status outside of table and blocks", "Status: in progress"),
        (42, True, "a value for prompt_id outside of table and blocks", "prompt_id: 4"),
        (45, True, "a line like one of a table", "| broken | table |"),
        (53, True, "a value for prompt_id outside of table and blocks", "prompt_id: 5"),
        (47, False, "a value for commit_sha outside of table and blocks", "commit_sha: 463434b"),
        (50, False, "a value for status outside of table and blocks", "status: done"),
        (55, True, "a fence that nothing closes", "```yaml"),
    ]
    assert ledger.blocks[0].prompt == "1"
    assert [(problem.line, problem.message) for problem in ledger.blocks[0].problems] == [
        (14, "the key stands twice in one block, first at 13:1; readers disagree which value counts")
    ]


def test_scope_policy_and_checklist_are_found_by_what_stands_above_them() -> None:
    ledger = read(
        "# A\n\n# B\n\nScope lock:\n\n- one\n  - two\n- [ ] box\n\n## Blocker policy\n\n- done: full scope\n- On FAIL: fix first\n"
        "- `blocked`\n\n## Scope\n\n- three\n- Baseline: `main@1234567` (locked)\n\nBaseline lock: other@7654321\n"
    )
    assert ledger.title == Stated("A", 1, 3)
    assert [item.text for item in ledger.scope] == ["one", "two", "three"]
    assert [(line.stated.text, line.status) for line in ledger.policy] == [
        ("done: full scope", "done"),
        ("On FAIL: fix first", None),
        ("blocked", None),
    ]
    assert [item.stated.text for item in ledger.checklist] == ["box"]
    assert ledger.baseline == Stated("main@1234567", 20, 3)


def test_windows_line_ends_change_nothing() -> None:
    assert read(GOOD.replace("\n", "\r\n")) == read(GOOD)


def test_places_are_those_of_the_nearest_part() -> None:
    ledger = read(GOOD)
    block = ledger.blocks[1]
    assert place_of(ledger, "/blocks/1/status") == (block.fields["status"].line, 9)
    assert place_of(ledger, "/blocks/1/no_such_field") == (block.stated.line, 1)
    assert place_of(ledger, "/blocks/1/files_changed/1") == (block.lists["files_changed"][1].line, 5)
    assert place_of(ledger, "/blocks/1/files_changed") == (block.stated.line, 1)
    assert place_of(ledger, "/checklist/0") == (ledger.checklist[0].stated.line, 3)
    assert place_of(ledger, "/policy/1")
    assert place_of(ledger, "/title") == (1, 3)
    assert place_of(read("x\n"), "/title") is None
