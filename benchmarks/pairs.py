"""Two things measured in turns, so that a machine that has other work slows both alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Work = TypeVar("Work")


def in_turns(seconds: Callable[[Work], float], ours: Work, reference: Work, turns: int) -> list[tuple[float, float]]:
    """Seconds of both sides in each turn; the side that goes first alternates."""
    took: list[tuple[float, float]] = []
    for turn in range(turns):
        if turn % 2:
            reference_took = seconds(reference)
            ours_took = seconds(ours)
        else:
            ours_took = seconds(ours)
            reference_took = seconds(reference)
        took.append((ours_took, reference_took))
    return took
