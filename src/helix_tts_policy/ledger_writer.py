"""Writes execution ledgers as text: a new one, and one report after the other. Nothing here opens a file.

Rules kept here:

1. What is written reads back as the same facts; `append_report` makes sure of it on the text that it returns.
2. A report is only ever appended: one that stands already is never changed, and of a table only the prompt's own cells are.
3. Values are written so that Markdown and YAML see text. What cannot be written so is refused with `ValueError`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from helix_tts_policy.blocker_record import BlockerState
from helix_tts_policy.document import UNSAFE_TEXT
from helix_tts_policy.facts.execution_ledger import read_execution_ledger
from helix_tts_policy.facts.ledger_block import is_plain_value
from helix_tts_policy.facts.ledger_markdown import cell_spans
from helix_tts_policy.facts.ledger_words import FIELDS, LIST_FIELDS, is_none, prompt_of
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helix_tts_policy.facts.ledger_records import ExecutionLedger, LedgerEntry

COLUMNS: Final = ("prompt_id", "objective", "status", "commit_sha")
"""The columns of a new execution table."""

POLICY: Final = (
    ("done", "full scope delivered, checks ran, the verifier says PASS with integrity true."),
    ("partial-blocked", "safe additive part shipped, deterministic blocker reason recorded."),
    ("blocked", "no safe additive change possible, deterministic blocker reason recorded."),
)

_TEMPLATE: Final[Mapping[str, str]] = {
    "prompt_id": "<prompt>",
    "files_changed": "<path>",
    "behavior_delta": "<deterministic summary>",
    "tests_or_checks_run": "<command>",
    "casimir_verdict": "<PASS|FAIL>",
    "casimir_firstFail": "<constraint id or none>",
    "casimir_certificateHash": "<hash>",
    "casimir_integrityOk": "<true|false>",
    "casimir_traceId": "<trace id>",
    "casimir_runId": "<run id>",
    "commit_sha": "<hash>",
    "status": "<done|partial-blocked|blocked>",
    "blocker_reason": "<none or code:detail>",
}

_SPECIAL = frozenset("\\`*[<&|#")
"""What Markdown takes for more than a letter inside of a line; a backslash in front makes it one."""

_BEGINS_A_BLOCK = re.compile(r"[0-9]{0,9}[->+=~_.)]")
"""How a list, a quote, a fence or a rule may begin; its last character is escaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPlan:
    """What is known of a wave before its work begins.

    Attributes:
        title: of the ledger.
        baseline: what the work starts from, such as ``origin/main@dc2a2f13``.
        scope: what the scope lock lists.
        objectives: of the prompts, from prompt 0 on.
        checklist: what has to hold when all of them are done.
    """

    title: str
    objectives: tuple[str, ...]
    baseline: str = ""
    scope: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReport:
    """What is reported of one prompt, by the fields of a report block; an empty text is written as ``none``."""

    prompt_id: str
    status: BlockerState
    commit_sha: str = ""
    files_changed: tuple[str, ...] = ()
    behavior_delta: str = ""
    tests_or_checks_run: tuple[str, ...] = ()
    verdict: str = ""
    first_fail: str = ""
    certificate_hash: str = ""
    integrity_ok: bool | None = None
    trace_id: str = ""
    run_id: str = ""
    blocker_reason: str = ""

    def values(self) -> dict[str, str]:
        """The fields that hold one value, by their names in a block."""
        integrity = "none" if self.integrity_ok is None else str(self.integrity_ok).lower()
        stated = {
            "prompt_id": self.prompt_id,
            "behavior_delta": self.behavior_delta,
            "casimir_verdict": self.verdict,
            "casimir_firstFail": self.first_fail,
            "casimir_certificateHash": self.certificate_hash,
            "casimir_integrityOk": integrity,
            "casimir_traceId": self.trace_id,
            "casimir_runId": self.run_id,
            "commit_sha": self.commit_sha,
            "status": self.status.value,
            "blocker_reason": self.blocker_reason,
        }
        return {name: value or "none" for name, value in stated.items()}

    def lists(self) -> dict[str, tuple[str, ...]]:
        """The fields that hold a list, by their names in a block."""
        return {"files_changed": self.files_changed, "tests_or_checks_run": self.tests_or_checks_run}


def write_ledger(plan: LedgerPlan) -> str:
    """A new ledger, in which every prompt is pending.

    Raises:
        ValueError: a text is empty, has several lines, holds characters that nobody sees, or would be read as something
            else (a scope that says ``status: done``, for example); or there is no prompt.
    """
    if not plan.objectives:
        raise ValueError("objectives: expected one prompt at least")
    text = "".join(f"{line}\n" for line in _new(plan))
    if plan_of(read_execution_ledger(text.encode(), "the new ledger")) != _stripped(plan):
        raise ValueError(
            "title, baseline, scope or checklist would be read as something else; write them in other words"
        )
    return text


def plan_of(ledger: ExecutionLedger) -> LedgerPlan:
    """What a ledger was begun with."""
    return LedgerPlan(
        title="" if ledger.title is None else ledger.title.text,
        baseline="" if ledger.baseline is None else ledger.baseline.text,
        scope=tuple(item.text for item in ledger.scope),
        objectives=tuple(row.fields["objective"].text for row in ledger.rows if "objective" in row.fields),
        checklist=tuple(item.stated.text for item in ledger.checklist),
    )


def _stripped(plan: LedgerPlan) -> LedgerPlan:
    return LedgerPlan(
        title=plan.title.strip(" \t"),
        baseline=plan.baseline.strip(" \t"),
        scope=tuple(item.strip(" \t") for item in plan.scope),
        objectives=tuple(item.strip(" \t") for item in plan.objectives),
        checklist=tuple(item.strip(" \t") for item in plan.checklist),
    )


def _new(plan: LedgerPlan) -> Iterator[str]:
    yield f"# {_line('title', plan.title)}"
    if plan.scope or plan.baseline:
        yield from ("", "Scope lock:", "")
        if plan.baseline:
            yield f"- Baseline lock: {_line('baseline', plan.baseline)}"
        yield from (f"- {_line('scope', item)}" for item in plan.scope)
    yield from ("", "## Prompt execution table", "", _row(COLUMNS), _row(["---"] * len(COLUMNS)))
    for number, objective in enumerate(plan.objectives):
        yield _row([str(number), _line("objective", objective), BlockerState.PENDING.value, "none"])
    yield from ("", "## Blocker policy", "")
    yield from (f"- `{status}`: {meaning}" for status, meaning in POLICY)
    yield "- On `FAIL` from the verifier: fix the first failing `HARD` constraint, then run all constraints again."
    if plan.checklist:
        yield from ("", "## Done checklist", "")
        yield from (f"- [ ] {_line('checklist', item)}" for item in plan.checklist)
    yield from ("", "## Report block template", "", "```yaml")
    for name in FIELDS:
        yield from (f"{name}:", f"  - {_TEMPLATE[name]}") if name in LIST_FIELDS else (f"{name}: {_TEMPLATE[name]}",)
    yield from ("```", "", "## Prompt reports")


def append_report(text: str, report: PromptReport) -> str:
    """A ledger with one report more: its block at the end, and its values in the prompt's row.

    A prompt that the table does not list gets a row at its end.

    Raises:
        ValueError: the prompt has a report already, there is no table for it, a value cannot be written, or what would be
            written cannot be found again (behind a fence that nothing closes, for example).
        MalformedInput: the text is no ledger.
    """
    name = prompt_of(report.prompt_id)
    if name is None:
        raise ValueError(f"prompt_id: found {shown(report.prompt_id)}; expected the number of a prompt")
    ledger = read_execution_ledger(text.encode("utf-8", "surrogatepass"), "the ledger")
    if (block := next((block for block in ledger.blocks if block.prompt == name), None)) is not None:
        raise ValueError(f"prompt {name} has a report block in line {block.stated.line}; reports are never changed")
    if not ledger.tables:
        raise ValueError("found no execution table; expected one with columns prompt_id, status and commit_sha")
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    _put_row(lines, ledger, name, report)
    heading = f"Prompt {name}" if name.isdecimal() else _line("prompt_id", report.prompt_id)
    lines += ["", f"### {heading}", "", "```yaml", *_block(report), "```", ""]
    written = end.join(lines)
    _check_found(read_execution_ledger(written.encode(), "the ledger"), name, report)
    return written


def _put_row(lines: list[str], ledger: ExecutionLedger, name: str, report: PromptReport) -> None:
    rows = [row for row in ledger.rows if row.prompt == name]
    if len(rows) > 1:
        raise ValueError(f"prompt {name} has {len(rows)} rows; expected one, whose status and commit can be written")
    values = report.values()
    if rows:
        number = rows[0].stated.line - 1
        columns = ledger.tables[rows[0].table or 0]
        lines[number] = _with_values(lines[number], columns, values)
        return
    last = [row for row in ledger.rows if row.table == 0][-1:]
    if not last:
        raise ValueError(f"prompt {name} has no row, and the table none that it could follow; expected the row")
    cells = [values.get(column or "", "") for column in ledger.tables[0]]
    lines.insert(last[0].stated.line, _row(cells))


def _with_values(line: str, columns: Sequence[str | None], values: Mapping[str, str]) -> str:
    """A row with the values of the report in the columns that have one; id and objective stay as they are written."""
    if missing := len(columns) - len(cell_spans(line)):
        line = f"{line.rstrip()}{'' if line.rstrip().endswith('|') else ' |'}{' |' * missing}"
    pieces, position = [], 0
    for (begin, end), column in zip(cell_spans(line), columns, strict=False):
        value = values.get(column or "") if column != "prompt_id" else None
        pieces += [line[position:begin], line[begin:end] if value is None else f" {_cell(value)} "]
        position = end
    return "".join([*pieces, line[position:]])


def _block(report: PromptReport) -> Iterator[str]:
    values, lists = report.values(), report.lists()
    for name in FIELDS:
        if name in values:
            yield f"{name}: {_scalar(name, values[name])}"
        elif lists[name]:
            yield f"{name}:"
            yield from (f"  - {_scalar(name, item)}" for item in lists[name])
        else:
            yield f"{name}: none"


def _check_found(ledger: ExecutionLedger, name: str, report: PromptReport) -> None:
    blocks = [block for block in ledger.blocks if block.prompt == name]
    rows = [row for row in ledger.rows if row.prompt == name]
    values = report.values()
    found = (
        len(blocks) == len(rows) == 1
        and not blocks[0].problems
        and {key: stated.text for key, stated in blocks[0].fields.items()} == values
        and all(_items(blocks[0], key) == items for key, items in report.lists().items())
        and all(rows[0].fields[key].text == values[key] for key in ("status", "commit_sha") if key in rows[0].fields)
    )
    if not found:
        raise ValueError(
            f"the report of prompt {name} cannot be found again where it would be written; mend the ledger first"
        )


def _items(block: LedgerEntry, name: str) -> tuple[str, ...]:
    return tuple(item.text for item in block.lists[name])


# --- values -----------------------------------------------------------------------------------------------------------


def _checked(name: str, value: str) -> str:
    if (unsafe := UNSAFE_TEXT.search(value)) is not None or "\r" in value:
        character = unsafe[0] if unsafe is not None else "\r"
        raise ValueError(
            f"{name}: found U+{ord(character):04X} in {shown(value)}; expected characters that everybody sees"
        )
    return value


def _line(name: str, value: str) -> str:
    """A text in a line of its own Markdown."""
    if not value.strip() or "\n" in value:
        raise ValueError(f"{name}: found {shown(value)}; expected a text of one line")
    text = _escaped(_checked(name, value.strip(" \t")))
    mark = _BEGINS_A_BLOCK.match(text)
    return text if mark is None else f"{text[: mark.end() - 1]}\\{text[mark.end() - 1 :]}"


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: str) -> str:
    return _escaped(_checked("cell", value.replace("\n", " ")))


def _scalar(name: str, value: str) -> str:
    """A value as YAML writes it: plain where every reader sees the same text in it, else in double quotes."""
    if name in LIST_FIELDS and (is_none(value) or not value.strip()):
        raise ValueError(f"{name}: found {shown(value)}; expected a file or a command")
    if is_plain_value(_checked(name, value)):
        return value
    return json.dumps(value, ensure_ascii=False)
