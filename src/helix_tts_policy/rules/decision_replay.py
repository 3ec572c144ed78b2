"""Rules over a decision that was made a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator


class Difference(NamedTuple):
    """One thing that is not as the recorded decision says: its pointer there, and what it was and is, in words."""

    pointer: str
    was: str
    now: str
    tip: str


class ReplaySubject(NamedTuple):
    """Everything in which a decision that was made again differs from the recorded one."""

    differences: tuple[Difference, ...]


def decision_differs(subject: ReplaySubject) -> Iterator[Complaint]:
    """What it checks:
        The decision made again, at the time of the recorded one, is the same to the byte: the same inputs by their digests,
        the same policy, catalogue, SPDX list and tool, the same findings at every gate.

    Why it is NO-GO:
        What was decided then does not hold for what lies here now. It may be as good, but nobody has decided that.

    Example:
        A ledger to which a prompt was added after the decision.

    Remedy:
        Get what the decision was about, by the digests that it names; or decide anew, and keep the new document.
    """
    for difference in subject.differences:
        yield Complaint(difference.pointer, f"found {difference.now}; expected {difference.was}", difference.tip)
