"""The events of a training log, added up to a `LaneRun`.

Rules kept here:

- Memory does not grow with the log: every collection has a bound, and what it could not keep is counted.
- The facts are the same however the log was cut, and for a file as for a stream.
- Places are offsets while the log is read, because most of them are never told and to count lines takes time.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from helix_tts_policy.facts.lane import Artifact, Malformed, Progress, Stats
from helix_tts_policy.facts.lane_log import Notice, ReportLine
from helix_tts_policy.facts.lane_run import Break, BreakKind, LaneRun, Places, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from helix_tts_policy.facts.lane import MalformedReason
    from helix_tts_policy.facts.lane_log import LaneEvent, LaneScanner

MAX_TOLD = 10
"""Lines kept of each kind of fault; the rest are counted."""

MAX_KEYS = 256
"""Keys of STATS that are kept; trainers write some dozens."""

MAX_SERIES = 64
"""Keys with numbers whose history is kept."""

MAX_SAMPLES = 512
"""STATS lines kept for the history: more points than a plot can show apart."""

MAX_ARTIFACTS = 1000
"""Artifacts that are kept; a run with a checkpoint each epoch has some hundreds."""

MAX_NOTICES = 50
"""Bracket lines that are kept; a lane writes one for each of its steps."""

ATTEMPT_KEYS = ("attempt", "attempt_id", "run_id")
"""Keys of STATS by which a new attempt announces itself; it may begin below where the last one ended."""

PHASE_KEYS = ("phase", "stage")
"""Keys of STATS by which a new phase announces itself; its progress is counted anew."""

_ID_KEYS = (*ATTEMPT_KEYS, *PHASE_KEYS)

_SCRAMBLE, _SCRAMBLE_RANGE = 0x9E3779B1, 1 << 32
"""Knuth's multiplicative hash (The Art of Computer Programming, volume 3, section 6.4) spreads consecutive numbers evenly.

So thinned samples follow no regular pattern: of lines that are training and validation in turns, both are kept.
"""


class LaneTally:
    """Takes the events of one log, or of the files that one log was rotated into, and says what they come to.

    Attributes:
        progress: the last progress.
        stats: of every key of STATS the last value.
        artifacts: the files that were named, with the offset of the first line that does.
        notices: bracket lines.
        report: the last Colab report.
    """

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.stats: dict[str, Any] = {}
        self.artifacts: dict[str, int] = {}
        self.notices: list[Notice] = []
        self.report: dict[str, str] | None = None
        self._progress_count = self._stats_count = self._attempts = self._phases = self._untold = 0
        self._progress_at = self._stats_at = self._report_at = 0
        self._last_values: Mapping[str, Any] = {}
        self._samples: dict[int, Sample] = {}
        self._threshold = _SCRAMBLE_RANGE
        self._series: set[str] = set()
        self._blocked: dict[str, tuple[str, int]] = {}
        self._ids: dict[str, Any] = {}
        self._announced: tuple[str, ...] = ()
        self._suspect: tuple[Progress, Progress, int] | None = None
        self._after_artifact = False
        self._malformed: dict[MalformedReason, list[tuple[int, Malformed]]] = {}
        self._malformed_counts: Counter[MalformedReason] = Counter()
        self._breaks: dict[BreakKind, list[tuple[int, str, str]]] = {}
        self._break_counts: Counter[BreakKind] = Counter()

    @property
    def blocked_reason(self) -> str | None:
        """Why the run is blocked; empty where nobody said why, None where it is not."""
        if self._blocked:
            return next(reversed(self._blocked.values()))[0]
        if self.report is not None and self.report.get("objective_status") == "blocked":
            return self.report.get("root_cause", "")
        return None

    def take(self, events: Iterable[tuple[int, LaneEvent]]) -> None:
        """Add events, each with the offset at which it stands."""
        for offset, event in events:
            if type(event) is Progress:
                self._take_progress(offset, event)
            elif type(event) is Stats:
                self._take_stats(offset, event.values)
            else:
                self._take_other(offset, event)

    def begin_file(self) -> None:
        """Another file follows: what it begins with may be a new attempt that has no id."""
        self._announced = self._announced or ATTEMPT_KEYS

    def _take_progress(self, offset: int, now: Progress) -> None:
        before = self.progress
        if self._suspect is not None:
            self._settle()
        if before is None:
            self._phases = 1
        elif now.current < before.current or now.total != before.total:
            if self._announced or (before.current == before.total and now.current <= 1):
                self._begin_phase(offset, now, before, self._announced)
            else:
                self._suspect = (now, before, offset)
        self._announced = ()
        self._after_artifact = False
        self.progress = now
        self._progress_count += 1
        self._progress_at = offset

    def _begin_phase(self, offset: int, now: Progress, before: Progress, announced: tuple[str, ...]) -> None:
        self._phases += 1
        if announced is PHASE_KEYS and before.current < before.total:
            self._break(BreakKind.PHASE_UNFINISHED, offset, str(now), str(before))

    def _settle(self) -> None:
        """Nobody announced a new attempt or phase, so progress that goes back is what it looks like."""
        if self._suspect is not None:
            now, before, offset = self._suspect
            kind = BreakKind.REGRESSED if now.total == before.total else BreakKind.TOTAL_CHANGED
            self._break(kind, offset, str(now), str(before))
            self._suspect = None

    def _take_stats(self, offset: int, values: Mapping[str, Any]) -> None:
        self._stats_count += 1
        self._stats_at = offset
        if not values.keys().isdisjoint(_ID_KEYS):
            self._take_ids(values)
        elif self._after_artifact or self.progress is None:
            self._break(BreakKind.OUT_OF_ORDER, offset, "STATS", "ARTIFACT" if self._after_artifact else "")
        if "status" in values:
            self._take_status("STATS", str(values["status"]), str(values.get("reason") or ""), offset)
        self.stats.update(values)
        if len(self.stats) > MAX_KEYS:
            for key in [*self.stats][MAX_KEYS:]:
                del self.stats[key]
                self._untold += 1
        self._last_values = values
        if self._stats_count * _SCRAMBLE % _SCRAMBLE_RANGE < self._threshold:
            self._keep_sample()

    def _take_ids(self, values: Mapping[str, Any]) -> None:
        new = {key for key in _ID_KEYS if key in values and self._ids.get(key) != values[key]}
        if not new:
            return
        self._ids.update((key, values[key]) for key in new)
        # An attempt starts its phase anew, so both at once leave no phase unfinished.
        announced = PHASE_KEYS if new.isdisjoint(ATTEMPT_KEYS) else ATTEMPT_KEYS
        self._attempts += announced is ATTEMPT_KEYS
        if self._suspect is None:
            self._announced = announced
        else:
            now, before, offset = self._suspect
            self._begin_phase(offset, now, before, announced)
            self._suspect = None

    def _keep_sample(self) -> None:
        self._samples[self._stats_count] = self._sample()
        if len(self._samples) > MAX_SAMPLES:
            self._threshold //= 2
            self._samples = {
                number: sample
                for number, sample in self._samples.items()
                if number * _SCRAMBLE % _SCRAMBLE_RANGE < self._threshold
            }

    def _sample(self) -> Sample:
        numbers = {}
        for key, value in self._last_values.items():
            if type(value) is float or type(value) is int:
                if key not in self._series:
                    if len(self._series) == MAX_SERIES:
                        continue
                    self._series.add(key)
                numbers[key] = value
        return Sample(0 if self.progress is None else self.progress.current, numbers)

    def _take_other(self, offset: int, event: LaneEvent) -> None:
        if isinstance(event, Artifact):
            if self.progress is None:
                self._break(BreakKind.OUT_OF_ORDER, offset, "ARTIFACT", "")
            self._after_artifact = True
            if len(self.artifacts) < MAX_ARTIFACTS or event.path in self.artifacts:
                self.artifacts.setdefault(event.path, offset)
            else:
                self._untold += 1
        elif isinstance(event, Malformed):
            self._malformed_counts[event.reason] += 1
            told = self._malformed.setdefault(event.reason, [])
            if len(told) < MAX_TOLD:
                told.append((offset, event))
        elif isinstance(event, Notice):
            if len(self.notices) < MAX_NOTICES:
                self.notices.append(event)
            else:
                self._untold += 1
            self._take_status(event.tag, event.fields["status"], event.fields.get("reason", ""), offset)
        else:
            self._report_at = offset
            if isinstance(event, ReportLine) and self.report is not None:
                self.report[event.key] = event.value
            else:
                self.report = {}

    def _take_status(self, who: str, status: str, reason: str, offset: int) -> None:
        self._blocked.pop(who, None)
        if status == "blocked" and len(self._blocked) < MAX_NOTICES:
            self._blocked[who] = (reason, offset)

    def _break(self, kind: BreakKind, offset: int, found: str, before: str) -> None:
        self._break_counts[kind] += 1
        told = self._breaks.setdefault(kind, [])
        if len(told) < MAX_TOLD:
            told.append((offset, found, before))

    def offsets(self, scanner: LaneScanner, *, everything: bool) -> Iterator[int]:
        """The offsets whose lines `run` tells."""
        for faults in self._malformed.values():
            yield from (offset for offset, _ in faults)
        for breaks in self._breaks.values():
            yield from (offset for offset, _, _ in breaks)
        if self._suspect is not None:
            yield self._suspect[2]
        if scanner.first_glued is not None:
            yield scanner.first_glued
        if everything:
            yield from (self._progress_at, self._stats_at, self._report_at, max(scanner.size - 1, 0))
            yield from self.artifacts.values()
            yield from (offset for _, offset in self._blocked.values())

    def run(self, scanner: LaneScanner, lines: Mapping[int, int], *, places: bool) -> LaneRun:
        """What it all comes to, with the lines of the offsets that `offsets` names."""
        self._settle()
        if self._stats_count:
            self._samples[self._stats_count] = self._sample()
        malformed = [fault._replace(line=lines[offset]) for told in self._malformed.values() for offset, fault in told]
        breaks = [
            Break(kind, found, before, lines[offset])
            for kind, told in self._breaks.items()
            for offset, found, before in told
        ]
        return LaneRun(
            size=scanner.size,
            progress=self.progress,
            progress_count=self._progress_count,
            stats=self.stats,
            stats_count=self._stats_count,
            samples=tuple(self._samples.values()),
            artifacts=tuple(self.artifacts),
            notices=tuple(self.notices),
            report=self.report,
            blocked_reason=self.blocked_reason,
            attempts=self._attempts,
            phases=self._phases,
            malformed=tuple(sorted(malformed, key=lambda fault: fault.line or 0)),
            malformed_counts=dict(sorted(self._malformed_counts.items())),
            breaks=tuple(sorted(breaks, key=lambda each: each.line)),
            break_counts=dict(sorted(self._break_counts.items())),
            glued=scanner.glued,
            first_glued=None if scanner.first_glued is None else lines[scanner.first_glued],
            untold=self._untold,
            utf16=scanner.utf16,
            places=self._places(scanner, lines) if places else None,
        )

    def _places(self, scanner: LaneScanner, lines: Mapping[int, int]) -> Places:
        return Places(
            progress=lines[self._progress_at],
            stats=lines[self._stats_at],
            artifacts={path: lines[offset] for path, offset in self.artifacts.items()},
            blocked=lines[next(reversed(self._blocked.values()))[1]] if self._blocked else lines[self._report_at],
            report=lines[self._report_at],
            last=lines[max(scanner.size - 1, 0)],
        )
