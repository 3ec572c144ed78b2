"""Rules over the form of a ledger: what of it could be read, and what was understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.errors import ProblemKind
from helix_tts_policy.finding import printable, shown
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.ledger_subject import LedgerSubject


def ledger_empty(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The ledger has at least one row of an execution table, or one report block.

    Why it is NO-GO:
        A ledger that reports nothing proves nothing.

    Example:
        A Markdown file whose table has the columns `gate` and `result`, and nothing else.

    Remedy:
        Give the table the columns `prompt_id`, `status` and `commit_sha`; `helix-tts-policy ledger new` writes such a ledger.
    """
    ledger = subject.ledger
    if not ledger.rows and not ledger.blocks:
        message = (
            "found neither a row of an execution table nor a report block; expected what was done, prompt by prompt"
        )
        yield Complaint("/title", message, "name the ledger itself, or begin one: helix-tts-policy ledger new")


def ledger_block_ambiguous(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        No report block states a key twice, in YAML or in a list, nor one field under two names.

    Why it is NO-GO:
        Readers of YAML keep the last value, people see the first, so that one block has two statuses.

    Example:
        `status: done`, and below in the same block `status: blocked`

    Remedy:
        Find out which value is true, and keep that one.
    """
    for index, block in enumerate(subject.ledger.blocks):
        for number, problem in enumerate(block.problems):
            if problem.kind is not ProblemKind.SYNTAX:
                message = f"prompt {printable(block.prompt)}: {problem.message}"
                yield Complaint(f"/blocks/{index}/problems/{number}", message, problem.tip)


def ledger_block_not_yaml(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        A fenced report block is plain YAML: no tabs, no aliases, no colon and blank inside of an unquoted value.

    Why it is a warning:
        The block was read line by line, so that all of it was compared. Another program may not read it at all.

    Example:
        `behavior_delta: new gate: refuses unknown licences`

    Remedy:
        Write the value in quotes, or without the character that the message names.
    """
    for index, block in enumerate(subject.ledger.blocks):
        for number, problem in enumerate(block.problems):
            if problem.kind is ProblemKind.SYNTAX:
                message = f"prompt {printable(block.prompt)}: the block {problem.message}; it was read line by line"
                yield Complaint(f"/blocks/{index}/problems/{number}", message, "write the value in quotes")


def ledger_evidence_not_understood(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Everything that speaks of a prompt was understood: rows, cells, blocks, keys, lines like those of a table.

    Why it is a warning:
        What it states was compared with nothing. It may say the contrary of the rest.

    Example:
        A fence that nothing closes, and behind it half of the ledger.

    Remedy:
        Write it in the form of the other rows and blocks; `helix-tts-policy ledger append` writes that form.
    """
    for index, odd in enumerate(subject.ledger.not_understood):
        if odd.evidence:
            message = f"not understood: {odd.what}, {shown(odd.stated.text)}; expected the form of a table row or a report block"
            yield Complaint(f"/not_understood/{index}", message, "write it in the form of the other rows and blocks")


def ledger_not_understood(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Columns, keys, tables, lists and fenced blocks are ones that the reader knows. Headings and paragraphs are for people.

    Why it is a note:
        Nothing of it speaks of a prompt, but nobody should believe that it was looked at.

    Example:
        A column `Owner`, or a table of the gates.

    Remedy:
        None is needed. Whoever relies on the part has to look at it.
    """
    for index, odd in enumerate(subject.ledger.not_understood):
        if not odd.evidence:
            message = f"not understood: {odd.what}, {shown(odd.stated.text)}; it was compared with nothing"
            yield Complaint(f"/not_understood/{index}", message, "look at it yourself where you rely on it")
