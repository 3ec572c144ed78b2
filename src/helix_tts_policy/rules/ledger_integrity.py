"""Rules over a ledger and itself: whether table and blocks speak of the same prompts, and say the same of each."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from helix_tts_policy.blocker_record import BlockerState
from helix_tts_policy.facts.ledger_words import hash_digits, is_none, prompt_in_heading, same_digits, without_remark
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.ledger_subject import lines_told, prompt_state
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helix_tts_policy.rules.ledger_subject import Claim, LedgerSubject, Prompt

_NOT_BEGUN: Final = frozenset({BlockerState.PENDING, BlockerState.IN_PROGRESS})

_COMPARED: Final = (
    "casimir_verdict",
    "casimir_firstFail",
    "casimir_certificateHash",
    "casimir_integrityOk",
    "casimir_traceId",
    "casimir_runId",
    "blocker_reason",
)
_SAYING_NONE: Final = frozenset({"casimir_firstFail", "blocker_reason"})
"""Fields in which ``none`` is a statement; in the others it says that nothing is stated."""


def ledger_prompt_repeated(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        A prompt has one row in a table and one report block.

    Why it is NO-GO:
        Of two reports on one prompt nobody knows which one holds.

    Example:
        Two rows that begin with `| 3 |`.

    Remedy:
        Keep the one that holds. What was tried before belongs into its notes, or into a prompt of its own.
    """
    for prompt in subject.prompts:
        by_table = [[*rows] for _, rows in groupby(prompt.rows, key=lambda row: row.entry.table)]
        for sources, what in (*((rows, "rows in one table") for rows in by_table), (prompt.blocks, "report blocks")):
            if len(sources) > 1:
                lines = lines_told(source.entry.stated.line for source in sources)
                message = f"{prompt.told}: found {len(sources)} {what} ({lines}); expected one"
                yield Complaint(sources[1].path, message, "keep the one that holds")


def ledger_block_missing(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Every prompt of an execution table that was worked on has a report block.

    Why it is NO-GO:
        The row only sums up. What was changed, checked and verified stands in the block.

    Example:
        A row `| 3 | The trainer | done | 1c2dfb5 |` without a block that has `prompt_id: 3`

    Remedy:
        Write the block: `helix-tts-policy ledger append`. A prompt that nobody began has the status `pending`.
    """
    for prompt in subject.prompts:
        if not prompt.blocks and not prompt.states <= _NOT_BEGUN:
            message = (
                f"{prompt.told}: found a row and no report block; expected a block with prompt_id {shown(prompt.name)}"
            )
            yield Complaint(prompt.rows[0].path, message, "write the block, or set the status back to pending")


def ledger_row_missing(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Every report block speaks of a prompt that an execution table lists.

    Why it is NO-GO:
        The table is what people look at; a report that it does not list was left out or has a wrong id.

    Example:
        A block with `prompt_id: 9` below a table that ends with prompt 8.

    Remedy:
        Add the row, or correct the id of the block.
    """
    missing = [prompt for prompt in subject.prompts if not prompt.rows]
    if missing and not subject.ledger.rows:
        message = (
            f"found {len(subject.ledger.blocks)} report blocks and no execution table; expected a row for each prompt"
        )
        yield Complaint(
            missing[0].first.path, message, "write the table, with columns prompt_id, status and commit_sha"
        )
        return
    for prompt in missing:
        message = (
            f"{prompt.told}: found a report block and no row in a table; expected the prompt in the execution table"
        )
        yield Complaint(prompt.first.path, message, "add the row, or correct the id of the block")


def ledger_heading_disagrees(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The heading above a report block names the prompt that the block names.

    Why it is NO-GO:
        People read the heading, programs the block: they see reports on two different prompts.

    Example:
        The heading `Prompt 3` above a block with `prompt_id: 4`

    Remedy:
        Correct the one that is wrong.
    """
    for index, block in enumerate(subject.ledger.blocks):
        heading = block.heading
        if heading is not None and prompt_in_heading(heading.text) != block.prompt and "prompt_id" in block.fields:
            found = f"found prompt_id {shown(block.fields['prompt_id'].text)}"
            message = (
                f"{found} below the heading {shown(heading.text)} (line {heading.line}); expected one prompt in both"
            )
            yield Complaint(f"/blocks/{index}/prompt_id", message, "correct the one that is wrong")


def ledger_status_disagrees(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The report block of a prompt and its row in the table state the same status.

    Why it is NO-GO:
        One of them is wrong, and the ledger does not say which.

    Example:
        `| 3 | The trainer | done | 1c2dfb5 |`, and in the block of prompt 3 `status: blocked`

    Remedy:
        Find out which is true, and correct the other.
    """
    return _disagreements(subject, "status", lambda one, other: prompt_state(one) is prompt_state(other))


def ledger_commit_disagrees(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The report block of a prompt and its row in the table name the same commit; one may abbreviate it.

    Why it is NO-GO:
        What was verified is what one commit holds. Nobody knows which of the two.

    Example:
        `| 3 | The trainer | done | 1c2dfb5 |`, and in the block of prompt 3 `commit_sha: 140eb7e`

    Remedy:
        Look both up with `git show`, and keep the one that holds the change.
    """
    return _disagreements(subject, "commit_sha", _same_hash)


def ledger_evidence_disagrees(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        What the row of a prompt says of verdict, first failure, certificate, integrity, trace, run and blocker reason, its
        report block says too.

    Why it is NO-GO:
        Evidence that is stated in two ways proves neither.

    Example:
        `PASS` in the table and `casimir_verdict: FAIL` in the block.

    Remedy:
        Copy the value from the verifier's answer into both.
    """
    for name in _COMPARED:
        same = _same_hash if name == "casimir_certificateHash" else _same_text
        yield from _disagreements(subject, name, same, also_none=name in _SAYING_NONE)


def _same_text(one: str, other: str) -> bool:
    return without_remark(one).casefold() == without_remark(other).casefold() or (is_none(one) and is_none(other))


def _same_hash(one: str, other: str) -> bool:
    """Whether two hashes can be the same; what is no hash is told by another rule."""
    first, second = hash_digits(one), hash_digits(other)
    return first is None or second is None or same_digits(first, second)


def _disagreements(
    subject: LedgerSubject, name: str, same: Callable[[str, str], bool], *, also_none: bool = False
) -> Iterator[Complaint]:
    for prompt in subject.prompts:
        claims = [claim for claim in prompt.claims(name) if also_none or not is_none(claim.text)]
        for claim in claims[1:]:
            if not same(claims[0].text, claim.text):
                yield Complaint(
                    claims[0].path, _disagreement(prompt, name, claims[0], claim), "correct the one that is wrong"
                )


def _disagreement(prompt: Prompt, name: str, one: Claim, other: Claim) -> str:
    return (
        f"{prompt.told}: found {name} {shown(one.text)} in {one.where} and {shown(other.text)} in {other.where} "
        f"(line {other.stated.line}); expected the same in both"
    )
