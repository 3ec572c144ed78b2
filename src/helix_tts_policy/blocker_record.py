"""A piece of work and everything that happened to it; `blocker` says how it may move.

A record holds facts only: its state and its open reasons are what its attempts amount to. Attempts are never changed and only
ever appended, and each keeps all that was looked at when it was made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class BlockerState(StrEnum):
    """How far a piece of work is."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    PARTIAL_BLOCKED = "partial-blocked"
    BLOCKED = "blocked"
    DONE = "done"

    @property
    def promotable(self) -> bool:
        """Whether what was made may go on to promotion: only what is done; a shipped part never is."""
        return self is BlockerState.DONE


class BlockerEvent(StrEnum):
    """What happens to a piece of work."""

    START = "start"  # somebody takes it up
    RAISE = "raise"  # a reason shows that stands in its way
    RESOLVE = "resolve"  # such a reason is gone
    FAIL = "fail"  # the verifier says FAIL
    FINISH = "finish"  # the verifier certifies it
    SHIP_PART = "ship_part"  # a safe additive part is delivered, the rest cannot be
    BLOCK = "block"  # no safe additive change is possible


class Hardness(StrEnum):
    """Whether a constraint decides, or only counts."""

    HARD = "HARD"
    SOFT = "SOFT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One thing that the verifier checks."""

    id: str
    hardness: Hardness

    def __post_init__(self) -> None:
        Hardness(self.hardness)  # a constraint that is neither would never run


@runtime_checkable
class Evidence(Protocol):
    """What the machine looks at of one verification; a `VerificationEvidence` has it all."""

    @property
    def verdict(self) -> object:
        """``PASS`` or ``FAIL``; anything else is neither."""

    @property
    def certificate_hash(self) -> object:
        """The digest of the certificate, in hexadecimal."""

    @property
    def integrity(self) -> object:
        """Whether the verifier vouches for the certificate; only ``True`` itself is a yes."""

    @property
    def proxies(self) -> Sequence[str]:
        """What of it is, or may be, a stand-in for the real thing: ``signal``, ``source``."""

    @property
    def reservations(self) -> Sequence[str]:
        """What else keeps it from being taken as it stands, in sentences."""

    @property
    def failed_constraint(self) -> str | None:
        """The first constraint that failed."""

    @property
    def substance(self) -> str:
        """A digest of what was found, without what differs between two equal runs; empty where that is not known."""

    @property
    def trace_id(self) -> str | None:
        """Where the verifier keeps its trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is kept of the evidence: all that the guards look at. It is `Evidence` itself."""

    verdict: object = None
    certificate_hash: object = None
    integrity: object = None
    proxies: tuple[str, ...] = ()
    reservations: tuple[str, ...] = ()
    failed_constraint: str | None = None
    substance: str = ""
    trace_id: str | None = None

    @classmethod
    def of(cls, evidence: Evidence) -> Proof:
        """What is kept of any evidence."""
        return cls(
            verdict=evidence.verdict,
            certificate_hash=evidence.certificate_hash,
            integrity=evidence.integrity,
            proxies=tuple(evidence.proxies),
            reservations=tuple(evidence.reservations),
            failed_constraint=evidence.failed_constraint,
            substance=evidence.substance,
            trace_id=evidence.trace_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockerStep:
    """An event with all that was brought along; the arguments of `advance` by the same names."""

    event: BlockerEvent
    evidence: Evidence | None = None
    reason: str | None = None
    resolution: str | None = None
    ran: tuple[str, ...] | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A step that was taken, and what it did.

    Attributes:
        step: the event, and what was brought along; its evidence is a `Proof`.
        before: the state that it found.
        after: the state that it left.
        opened: the reason that it opened; empty where it opened none.
        closed: the reason that it closed; empty where it closed none.
    """

    step: BlockerStep
    before: BlockerState
    after: BlockerState
    opened: str = ""
    closed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockerRecord:
    """One piece of work on fixed inputs, with everything that happened to it.

    Attributes:
        item: what the work is called, such as ``prompt-3``.
        inputs: what it is about, by digest, commit or any other fixed name. Done is final for these; see `renewed`.
        constraints: what the verifier checks, as declared; empty where the verifier alone knows.
        attempts: every step that was taken, the first one first.
    """

    item: str
    inputs: str = ""
    constraints: tuple[Constraint, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    def __post_init__(self) -> None:
        if not self.item.strip():
            raise ValueError("item: expected a name")
        names = [constraint.id for constraint in self.constraints]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"constraints: {shown(repeated)} is declared twice")

    @property
    def state(self) -> BlockerState:
        """Where the last attempt left it."""
        return self.attempts[-1].after if self.attempts else BlockerState.PENDING

    @property
    def open_reasons(self) -> tuple[str, ...]:
        """The reasons that were opened and not closed, the oldest first."""
        reasons: dict[str, None] = {}
        for attempt in self.attempts:
            if attempt.opened:
                reasons[attempt.opened] = None
            reasons.pop(attempt.closed, None)
        return tuple(reasons)

    @property
    def run_order(self) -> tuple[str, ...]:
        """The constraints in the order in which they run: HARD before SOFT, else as declared."""
        return tuple(
            constraint.id for hardness in Hardness for constraint in self.constraints if constraint.hardness == hardness
        )

    @property
    def to_fix(self) -> str | None:
        """The constraint that failed first when the verifier last said FAIL; None once the work is done."""
        if self.state is BlockerState.DONE:
            return None
        failures = (each.step.evidence for each in self.attempts if each.step.event is BlockerEvent.FAIL)
        *_, last = None, *failures
        return None if last is None else last.failed_constraint

    @property
    def promotable(self) -> bool:
        """As that of its state."""
        return self.state.promotable

    def renewed(self, inputs: str) -> BlockerRecord:
        """A new item of the same name for changed inputs; what was done for the old ones proves nothing for these.

        Raises:
            ValueError: the inputs are those of the record.
        """
        if inputs == self.inputs:
            raise ValueError("inputs: are those of the record; expected changed ones")
        return replace(self, inputs=inputs, attempts=())
