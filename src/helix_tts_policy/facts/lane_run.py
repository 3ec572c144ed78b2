"""What a training log says as a whole: how far the run came, its figures, its files, and what is odd about its lines.

Nothing is judged here. A log that breaks off says so by its facts; whether that matters is for rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helix_tts_policy.facts.lane import Malformed, MalformedReason, Progress
    from helix_tts_policy.facts.lane_log import Notice


class BreakKind(StrEnum):
    """How the lines of a log break the order that the protocol keeps."""

    REGRESSED = "regressed"
    TOTAL_CHANGED = "total-changed"
    PHASE_UNFINISHED = "phase-unfinished"
    OUT_OF_ORDER = "out-of-order"


class Break(NamedTuple):
    """A line that breaks the order.

    Attributes:
        kind: what is broken.
        found: the signal, as its line would state it; of STATS and ARTIFACT the keyword.
        before: what stood before it, in the same form; empty where nothing did.
        line: number of the line, from 1.
    """

    kind: BreakKind
    found: str
    before: str
    line: int


class Sample(NamedTuple):
    """The numbers of one STATS line, and how many steps were done by then."""

    step: int
    values: Mapping[str, float]


class Places(NamedTuple):
    """Lines, from 1, of what a finding may point to; None or 0 for what the log does not have."""

    progress: int
    stats: int
    artifacts: Mapping[str, int]
    blocked: int
    report: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRun:
    """What a training log says.

    Attributes:
        size: bytes of the log.
        progress: the last progress; None where there is none.
        progress_count: PROGRESS lines.
        stats: of every key of STATS its last value, for a bounded number of keys.
        stats_count: STATS lines.
        samples: the numbers of some STATS lines, among them the last: all of a short run, an even choice of a long one.
        artifacts: the files that the run names, in their order, each once.
        notices: bracket lines, such as ``[weights-manifest] status=ok``.
        report: the last Colab report; None where there is none.
        blocked_reason: why the run is blocked, empty where nobody said why; None where it is not blocked.
        attempts: attempts that announced themselves by an id.
        phases: phases of progress.
        malformed: the first lines of each reason that begin as signals and are none.
        malformed_counts: how many there are of each reason.
        breaks: the first lines of each kind that break the order.
        break_counts: how many there are of each kind.
        glued: signals behind other text at the beginning of the log, which are lost.
        first_glued: line of the first of them.
        untold: keys, artifacts and bracket lines beyond the bounds.
        utf16: whether the log begins as UTF-16 does, in which no signal can be read.
        places: where things stand; None unless asked for.
    """

    size: int
    progress: Progress | None
    progress_count: int
    stats: Mapping[str, Any]
    stats_count: int
    samples: tuple[Sample, ...]
    artifacts: tuple[str, ...]
    notices: tuple[Notice, ...]
    report: Mapping[str, str] | None
    blocked_reason: str | None
    attempts: int
    phases: int
    malformed: tuple[Malformed, ...]
    malformed_counts: Mapping[MalformedReason, int]
    breaks: tuple[Break, ...]
    break_counts: Mapping[BreakKind, int]
    glued: int
    first_glued: int | None
    untold: int
    utf16: bool
    places: Places | None = None

    @property
    def history(self) -> dict[str, tuple[tuple[int, float], ...]]:
        """Of every key with numbers the steps and values of the samples that have it."""
        history: dict[str, list[tuple[int, float]]] = {}
        for sample in self.samples:
            for key, value in sample.values.items():
                history.setdefault(key, []).append((sample.step, value))
        return {key: tuple(points) for key, points in history.items()}

    @property
    def is_complete(self) -> bool:
        """Whether all steps of the last phase are done, and there were any. Not whether the run is any good."""
        return self.progress is not None and 0 < self.progress.total == self.progress.current
