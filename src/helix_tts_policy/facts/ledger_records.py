"""The parts of an execution ledger as they are stated, each with its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.errors import Problem
from helix_tts_policy.facts.ledger_markdown import Stated

if TYPE_CHECKING:
    from collections.abc import Mapping


class ChecklistItem(NamedTuple):
    """One line of a checklist."""

    stated: Stated
    checked: bool


class PolicyLine(NamedTuple):
    """One line of the blocker policy: what a status means, or a rule for all (``status`` is None)."""

    stated: Stated
    status: str | None


class NotUnderstood(NamedTuple):
    """Something that states what the reader does not know; ``evidence`` where it speaks of a prompt nevertheless."""

    stated: Stated
    what: str
    evidence: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What one row of an execution table, or one report block, says of a prompt.

    Attributes:
        stated: where it begins.
        prompt: the prompt, as `prompt_of` reads its id.
        fields: the values by the names of `FIELDS`, and ``objective`` and ``notes``.
        lists: the items of the `LIST_FIELDS`.
        table: index of the table of a row in `ExecutionLedger.tables`; None for a block.
        heading: the heading above a block, where it names a prompt.
        problems: what keeps a block from being YAML; it was read line by line then.
    """

    stated: Stated
    prompt: str
    fields: Mapping[str, Stated]
    lists: Mapping[str, tuple[Stated, ...]] = field(default_factory=dict)
    table: int | None = None
    heading: Stated | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionLedger:
    """A ledger, part by part, each in the order of the document.

    Attributes:
        title: the first heading of the first level.
        baseline: what the work started from, such as ``origin/main@dc2a2f13``.
        scope: what the scope lock lists.
        tables: the fields of the columns of each execution table; None for a column that is not understood.
        rows: of the execution tables.
        blocks: the report blocks.
        templates: where templates of a report block stand.
        checklist: every item with a box.
        policy: the lines of the blocker policy.
        not_understood: what states something that the reader does not know.
    """

    title: Stated | None = None
    baseline: Stated | None = None
    scope: tuple[Stated, ...] = ()
    tables: tuple[tuple[str | None, ...], ...] = ()
    rows: tuple[LedgerEntry, ...] = ()
    blocks: tuple[LedgerEntry, ...] = ()
    templates: tuple[Stated, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    policy: tuple[PolicyLine, ...] = ()
    not_understood: tuple[NotUnderstood, ...] = ()


def place_of(ledger: ExecutionLedger, pointer: str) -> tuple[int, int] | None:
    """Line and column of what a pointer such as ``/blocks/3/status`` names, or of the nearest part around it."""
    found: tuple[int, int] | None = None
    node: object = ledger
    for step in pointer.split("/")[1:]:
        node = _below(node, step)
        stated = node.stated if isinstance(node, LedgerEntry | ChecklistItem | PolicyLine | NotUnderstood) else node
        if isinstance(stated, Stated):
            found = stated.line, stated.column
        elif isinstance(stated, Problem):
            found = stated.line or 1, stated.column or 1
    return found


def _below(node: object, step: str) -> object:
    if isinstance(node, ExecutionLedger):
        return getattr(node, step)
    if isinstance(node, LedgerEntry):
        return node.problems if step == "problems" else node.lists.get(step) or node.fields.get(step)
    return node[int(step)] if isinstance(node, tuple) else None
