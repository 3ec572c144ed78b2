"""Rules over the states of the prompts: each is one of the vocabulary, and everything beside it fits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from helix_tts_policy.blocker_guards import doubts_of
from helix_tts_policy.blocker_reasons import parse_reason
from helix_tts_policy.blocker_record import BlockerState, Proof
from helix_tts_policy.facts.ledger_words import is_none, without_remark
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.ledger_subject import PROVING, STATES, lines_told, prompt_state
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.ledger_subject import Claim, LedgerSubject

_BLOCKED: Final = frozenset({BlockerState.BLOCKED, BlockerState.PARTIAL_BLOCKED})
_OPEN: Final = frozenset(BlockerState) - {BlockerState.DONE}

_CERTIFYING: Final = Proof(verdict="PASS", certificate_hash="0123456789abcdef" * 4, integrity=True)
"""Evidence without a doubt, into which one stated value is put at a time, so that each doubt gets its own line."""


def ledger_status_unknown(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Every status, in tables, blocks and the blocker policy, is one of `pending`, `in_progress`, `partial-blocked`,
        `blocked` and `done`.

    Why it is NO-GO:
        What another word means nobody has agreed on: "complete" may be done without a verification.

    Example:
        `status: complete`

    Remedy:
        Write the status that the rules of the ledger know. A remark may follow in parentheses: `done (closure)`.
    """
    expected = ", ".join(STATES.values())
    tip = "write one of these; a remark may follow in parentheses"
    for prompt in subject.prompts:
        for claim in prompt.claims("status"):
            if prompt_state(claim.text) is None:
                message = f"{prompt.told}: found the status {shown(claim.text)}; expected one of {expected}"
                yield Complaint(claim.path, message, tip)
        if not prompt.states and not prompt.claims("status"):
            message = f"{prompt.told}: no status is stated; expected one of {expected}"
            yield Complaint(prompt.first.path, message, tip)
    for index, line in enumerate(subject.ledger.policy):
        if line.status is not None and prompt_state(line.status) is None:
            message = f"the blocker policy tells of a status {shown(line.status)}; expected one of {expected}"
            yield Complaint(f"/policy/{index}", message, tip)


def ledger_done_blocked(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        A prompt that is `done` states no blocker reason.

    Why it is NO-GO:
        Done means the full scope; a reason says that something stands in its way.

    Example:
        `status: done` with `blocker_reason: nemo_runtime_unavailable`

    Remedy:
        Where the reason still holds, the status is `blocked`, or `partial-blocked` if a safe part was shipped. Where it does
        not, write `none`.
    """
    for prompt in subject.prompts:
        reason = prompt.claim("blocker_reason")
        status = next(
            (claim for claim in prompt.claims("status") if prompt_state(claim.text) is BlockerState.DONE), None
        )
        if reason is not None and status is not None:
            message = (
                f'{prompt.told}: found the blocker reason {shown(reason.text)} beside status "done" '
                f"(line {status.stated.line}); expected no reason where a prompt is done"
            )
            yield Complaint(
                reason.path, message, "write the status that is true: blocked or partial-blocked, or resolve the reason"
            )


def ledger_done_unproven(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        A prompt that is `done` states the verdict PASS, the whole certificate hash, and integrity that is exactly `true`.

    Why it is NO-GO:
        Done is what the verifier says, not what somebody believes. `null`, `"true"` in quotes, `skipped` and `unknown` are no
        integrity.

    Example:
        `status: done` with `casimir_integrityOk: unknown`

    Remedy:
        Run the verifier and copy its answer, or give the prompt the status that is true.
    """
    for prompt in subject.prompts:
        stated = prompt.proof
        if prompt.is_done and doubts_of(stated):
            proofs = (
                replace(_CERTIFYING, verdict=stated.verdict),
                replace(_CERTIFYING, certificate_hash=stated.certificate_hash),
                replace(_CERTIFYING, integrity=stated.integrity),
            )
            for name, proof in zip(PROVING, proofs, strict=True):
                claim = next(iter(prompt.claims(name)), None)
                if claim is None and not prompt.blocks:
                    continue  # that there is no block is told already
                for doubt in doubts_of(proof):
                    path = prompt.first.path if claim is None else claim.path
                    message = f"{prompt.told}: is done, and {_written(doubt, claim)}"
                    yield Complaint(path, message, "copy the verifier's answer, or write the status that is true")


def _written(doubt: str, claim: Claim | None) -> str:
    """A doubt, with the value as the ledger writes it."""
    if "null" not in doubt:
        return doubt.replace('""true""', '"true" in quotes')
    return doubt.replace("null", "not stated" if claim is None else shown(claim.text))


def ledger_first_fail_doubtful(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The verdict PASS comes without a first failure, and FAIL with one.

    Why it is a warning:
        One of the two values may be of another run. But a SOFT constraint may fail under PASS, and a report block does not
        say which kind failed.

    Example:
        `casimir_verdict: PASS` with `casimir_firstFail: lint.hard`

    Remedy:
        Look at the verifier's answer, and copy both from there. The trace is compared where `--trace` gives it.
    """
    for prompt in subject.prompts:
        for source in prompt.sources:
            verdict = source.entry.fields.get("casimir_verdict")
            first = source.entry.fields.get("casimir_firstFail")
            if verdict is None or first is None:
                continue
            word = without_remark(verdict.text)
            if (word == "PASS" and not is_none(first.text)) or (word == "FAIL" and is_none(first.text)):
                message = (
                    f"{prompt.told}: found the first failure {shown(first.text)} beside the verdict {shown(verdict.text)} "
                    f"(line {verdict.line}); expected {'none' if word == 'PASS' else 'the constraint that failed'}"
                )
                yield Complaint(
                    f"{source.path}/casimir_firstFail", message, "copy both from one answer of the verifier"
                )


def ledger_blocked_without_reason(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        A prompt that is `blocked` or `partial-blocked` states its blocker reason.

    Why it is NO-GO:
        Without a reason nobody can say what has to happen, or whether it has.

    Example:
        `status: blocked` with `blocker_reason: none`

    Remedy:
        Write the reason as `code` or `code:detail`, such as `nemo_runtime_unavailable`.
    """
    for prompt in subject.prompts:
        claim = next(iter(prompt.claims("blocker_reason")), None)
        if claim is None and not prompt.blocks:
            continue  # that there is no block is told already
        if prompt.states & _BLOCKED and prompt.claim("blocker_reason") is None:
            found = "none is stated" if claim is None else f"found {shown(claim.text)}"
            path = prompt.first.path if claim is None else claim.path
            state = min(prompt.states & _BLOCKED)
            message = f"{prompt.told}: is {state}, and of the blocker reason {found}; expected code or code:detail"
            yield Complaint(path, message, "write the reason that was recorded")


def ledger_reason_unknown(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        A blocker reason is written `code` or `code:detail`, with a code that the catalogue or the policy file knows.

    Why it is a warning:
        What a free text means is up to its reader: whether trying again helps, or who has to move, nobody can tell.

    Example:
        `blocker_reason: waiting for the GPU`

    Remedy:
        Use a code of the catalogue, or add one to `[[blocker_reasons]]` of the policy file.
    """
    for prompt in subject.prompts:
        claim = prompt.claim("blocker_reason")
        if claim is None:
            continue
        written = parse_reason(without_remark(claim.text))
        if written is None or written.code not in subject.reasons:
            message = f"{prompt.told}: found the blocker reason {shown(claim.text)}; expected code or code:detail of the catalogue"
            yield Complaint(claim.path, message, "use a code of the catalogue, or add this one to the policy file")


def ledger_prompt_open(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Every prompt is done.

    Why it is a warning:
        An open prompt is no contradiction. But nothing of the wave can be promoted before it is done, also not what a
        `partial-blocked` prompt has shipped.

    Example:
        `| 3 | The trainer | blocked | none |`

    Remedy:
        Resolve the reason, and finish the prompt.
    """
    for prompt in subject.prompts:
        claim = next((claim for claim in prompt.claims("status") if prompt_state(claim.text) in _OPEN), None)
        if claim is not None:
            reason = prompt.claim("blocker_reason")
            because = "" if reason is None else f" for the reason {shown(reason.text)}"
            message = f"{prompt.told}: is {shown(claim.text)}{because}; expected done before anything is promoted"
            yield Complaint(claim.path, message, "resolve what stands in its way, and finish the prompt")


def ledger_checklist_unchecked(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        No item of a checklist is unchecked where every prompt is done.

    Why it is NO-GO:
        Either something is not done, or nobody looked. One of the two statements is wrong.

    Example:
        `- [ ] Casimir PASS recorded per prompt with integrity true.` below a table in which every status is `done`

    Remedy:
        Check each item and mark it `- [x]`, or give the prompt that lacks it the status that is true.
    """
    items = subject.ledger.checklist
    open_items = [index for index, item in enumerate(items) if not item.checked]
    prompts = subject.prompts
    if open_items and prompts and not any(prompt.is_open for prompt in prompts):
        lines = lines_told(items[index].stated.line for index in open_items)
        message = (
            f"found {len(open_items)} of {len(items)} checklist items unchecked ({lines}), although every prompt is done; "
            "expected each item checked"
        )
        tip = "check each item and mark it, or give the prompt that lacks it the status that is true"
        yield Complaint(f"/checklist/{open_items[0]}", message, tip)
