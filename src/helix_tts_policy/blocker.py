"""How a piece of work may move between its states.

Rules kept here:

1. `TRANSITIONS` is the whole machine: nothing moves but by a row of it whose guards hold, and `done` has no rows.
2. `done` needs the verdict PASS, a certificate hash, integrity that is exactly true, no proxy, and no open reason.
3. `blocked` and `partial-blocked` are held by open reasons whose codes the catalogue knows, and are left only when the last
   of them is resolved.
4. After a fix every declared constraint runs again, HARD before SOFT. The same constraint failing again on the same
   evidence is `no_progress`.
5. Attempts are only ever appended, and hold all that the guards looked at, so that replaying them gives the same record.
   Time is told by the caller and decides nothing.
6. An event that is not legal leaves the record as it was; the error says everything that was missing and what is legal.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.blocker_guards import (
    ALL_RAN,
    CERTIFYING,
    EVIDENCE_GIVEN,
    FAILING,
    LAST_OPEN,
    NO_REASON_GIVEN,
    NO_REASON_OPEN,
    OTHERS_OPEN,
    PROGRESSED,
    RAN_TO_FAILURE,
    REASON_KNOWN,
    REASON_KNOWN_OR_OPEN,
    REASON_NEW,
    REASON_OPEN,
    RESOLUTION_SAID,
    STALLED,
    Guard,
)
from helix_tts_policy.blocker_reasons import BUILT_IN_REASONS, parse_reason
from helix_tts_policy.blocker_record import (
    Attempt,
    BlockerEvent,
    BlockerRecord,
    BlockerState,
    BlockerStep,
    Evidence,
    Proof,
)
from helix_tts_policy.finding import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = [
    "TRANSITIONS",
    "BlockerEvent",
    "BlockerRecord",
    "BlockerState",
    "BlockerStep",
    "IllegalTransition",
    "Transition",
    "advance",
    "replay",
]


class Transition(NamedTuple):
    """Where an event leads when all guards hold, and the code of the reason that it opens by itself."""

    to: BlockerState
    guards: tuple[Guard, ...] = ()
    opens: str = ""


PENDING, IN_PROGRESS, PARTIAL_BLOCKED, BLOCKED, DONE = BlockerState

TRANSITIONS: Final[Mapping[BlockerState, Mapping[BlockerEvent, tuple[Transition, ...]]]] = {
    PENDING: {
        BlockerEvent.START: (Transition(IN_PROGRESS, (NO_REASON_GIVEN,)),),
        BlockerEvent.BLOCK: (Transition(BLOCKED, (REASON_KNOWN,)),),
    },
    IN_PROGRESS: {
        BlockerEvent.FAIL: (
            Transition(IN_PROGRESS, (EVIDENCE_GIVEN, FAILING, RAN_TO_FAILURE, NO_REASON_GIVEN, PROGRESSED)),
            Transition(
                BLOCKED, (EVIDENCE_GIVEN, FAILING, RAN_TO_FAILURE, NO_REASON_GIVEN, STALLED), opens="no_progress"
            ),
        ),
        BlockerEvent.FINISH: (Transition(DONE, (*CERTIFYING, ALL_RAN, NO_REASON_OPEN, NO_REASON_GIVEN)),),
        BlockerEvent.RAISE: (Transition(IN_PROGRESS, (REASON_KNOWN, REASON_NEW)),),
        BlockerEvent.RESOLVE: (Transition(IN_PROGRESS, (REASON_OPEN, RESOLUTION_SAID)),),
        BlockerEvent.SHIP_PART: (Transition(PARTIAL_BLOCKED, (REASON_KNOWN_OR_OPEN,)),),
        BlockerEvent.BLOCK: (Transition(BLOCKED, (REASON_KNOWN_OR_OPEN,)),),
    },
    PARTIAL_BLOCKED: {
        BlockerEvent.RAISE: (Transition(PARTIAL_BLOCKED, (REASON_KNOWN, REASON_NEW)),),
        BlockerEvent.RESOLVE: (
            Transition(IN_PROGRESS, (REASON_OPEN, RESOLUTION_SAID, LAST_OPEN)),
            Transition(PARTIAL_BLOCKED, (REASON_OPEN, RESOLUTION_SAID, OTHERS_OPEN)),
        ),
    },
    BLOCKED: {
        BlockerEvent.RAISE: (Transition(BLOCKED, (REASON_KNOWN, REASON_NEW)),),
        BlockerEvent.RESOLVE: (
            Transition(IN_PROGRESS, (REASON_OPEN, RESOLUTION_SAID, LAST_OPEN)),
            Transition(BLOCKED, (REASON_OPEN, RESOLUTION_SAID, OTHERS_OPEN)),
        ),
    },
    DONE: {},
}
"""What may happen in each state. Of several transitions of one event at most one has all of its guards."""


class IllegalTransition(Exception):  # noqa: N818 - the name that callers catch, fixed by the contract
    """An event that a record may not take; the record stays as it was.

    Attributes:
        record: the record, unmoved.
        step: the step that was refused.
        problems: everything that was missing, in sentences; never empty.
        legal: what the state of the record knows, each event with where it leads and what it needs.
    """

    def __init__(self, record: BlockerRecord, step: BlockerStep, problems: tuple[str, ...]) -> None:
        super().__init__(record, step, problems)
        self.record = record
        self.step = step
        self.problems = problems

    @property
    def legal(self) -> Mapping[BlockerEvent, tuple[Transition, ...]]:
        """The transitions of the record's state."""
        return TRANSITIONS[self.record.state]

    def __str__(self) -> str:
        state = self.record.state
        return (
            f"{printable(self.record.item)}: {self.step.event} cannot be taken in the state {state}: "
            f"{'; '.join(self.problems)}; legal in {state}: {', '.join(self.legal) or 'nothing, since it is final for these inputs'}"
        )


def advance(
    record: BlockerRecord,
    event: BlockerEvent,
    *,
    evidence: Evidence | None = None,
    reason: str | None = None,
    resolution: str | None = None,
    ran: Sequence[str] | None = None,
    at: datetime | None = None,
    reasons: Collection[str] | None = None,
) -> BlockerRecord:
    """The record after an event; the record that was given stays what it is.

    Args:
        record: the work.
        event: what happened to it.
        evidence: the verifier's word, which ``finish`` and ``fail`` need.
        reason: the reason, ``code`` or ``code:detail``, that is opened or, by ``resolve``, closed.
        resolution: what resolved the reason, in words.
        ran: the constraints that the verifier ran, in its order; needed where the work declares constraints.
        at: when it happened, with offset; kept beside the attempt.
        reasons: the codes that count as known: a policy's ``reasons``, by default those that are built in.

    Raises:
        IllegalTransition: no transition of the record's state allows it.
        TypeError: the evidence or a text is not what its name says.
        ValueError: the event does not exist, or ``at`` has no offset.
    """
    step = BlockerStep(
        event=event,
        evidence=evidence,
        reason=reason,
        resolution=resolution,
        ran=_names(ran),
        at=at,
    )
    return _taken(record, _checked(step), reasons)


def replay(
    record: BlockerRecord, steps: Iterable[BlockerStep], *, reasons: Collection[str] | None = None
) -> BlockerRecord:
    """The record after all steps, one after the other; ``replay(start, (each.step for each in record.attempts))`` is it.

    Raises:
        IllegalTransition: at the first step that is not legal; its ``record`` has the steps before.
        TypeError: as `advance`.
        ValueError: as `advance`.
    """
    for step in steps:
        record = _taken(record, _checked(step), reasons)
    return record


def _names(ran: Sequence[str] | None) -> tuple[str, ...] | None:
    if isinstance(ran, str):
        raise TypeError("ran: expected the names of constraints, found one text")
    return None if ran is None else tuple(ran)


def _checked(step: BlockerStep) -> BlockerStep:
    """The same step with only what is kept of its evidence, once everything in it is what its name says."""
    evidence = step.evidence
    if evidence is not None and not isinstance(evidence, Evidence):
        raise TypeError(f"evidence: expected what read_verification gives, found {type(evidence).__name__}")
    for name, text in (("reason", step.reason), ("resolution", step.resolution)):
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{name}: expected a text, found {type(text).__name__}")
    if step.at is not None and step.at.utcoffset() is None:
        raise ValueError("at: expected a time with offset")
    return replace(
        step,
        event=BlockerEvent(step.event),
        evidence=None if evidence is None else Proof.of(evidence),
        ran=_names(step.ran),
    )


def _taken(record: BlockerRecord, step: BlockerStep, reasons: Collection[str] | None) -> BlockerRecord:
    state, known = record.state, BUILT_IN_REASONS if reasons is None else reasons
    ways = TRANSITIONS[state].get(step.event, ())
    refusals = []
    for way in ways:
        problems = [found for guard in way.guards if (found := guard.complaint(record, step, known))]
        if not problems:
            return replace(record, attempts=(*record.attempts, _attempt(record, step, way)))
        refusals.append(problems)
    # Ways of one event share all guards but the one that tells them apart, so the shortest list is what really is missing.
    problems = min(refusals, key=len, default=["no transition of the state has it"])
    raise IllegalTransition(record, step, tuple(problems))


def _attempt(record: BlockerRecord, step: BlockerStep, way: Transition) -> Attempt:
    proof, opened, closed = step.evidence, "", ""
    if step.event is BlockerEvent.RESOLVE:
        closed = step.reason or ""
    elif way.opens:
        detailed = f"{way.opens}:{proof.failed_constraint}" if proof is not None and proof.failed_constraint else ""
        opened = detailed if parse_reason(detailed) else way.opens
    else:
        opened = step.reason or ""
    if opened in record.open_reasons:
        opened = ""
    return Attempt(step=step, before=record.state, after=way.to, opened=opened, closed=closed)
