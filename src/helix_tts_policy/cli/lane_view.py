"""How a training run looks while it goes on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from helix_tts_policy.cli import output
from helix_tts_policy.finding import printable
from helix_tts_policy.rules.training_subject import main_losses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Never

    from tqdm import tqdm

    from helix_tts_policy.facts.lane import Progress

RATE_SECONDS = 60.0
"""Time over which the rate is told: longer than a validation, shorter than a change of what the machine does."""


class View(Protocol):
    """What is shown of a run."""

    def update(self, progress: Progress | None, stats: Mapping[str, Any], now: float) -> None:
        """How far the run is, with its figures, at a time of the monotonic clock."""

    def say(self, line: str) -> None:
        """Something that happened."""

    def close(self) -> None:
        """Nothing more is shown."""


class LineView:
    """A line now and then, for pipes and files."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._told_at: float | None = None
        self._told: Progress | None = None
        self._latest: tuple[Progress, Mapping[str, Any], float] | None = None
        self._rate = Rate()

    def update(self, progress: Progress | None, stats: Mapping[str, Any], now: float) -> None:
        """Tell the progress, unless it was told a moment ago."""
        if progress is None:
            return
        self._rate.take(progress, now)
        self._latest = (progress, stats, now)
        if progress != self._told and (self._told_at is None or now - self._told_at >= self._interval):
            self._tell()

    def say(self, line: str) -> None:
        """Tell it at once."""
        output(f"{printable(line)}\n")

    def close(self) -> None:
        """Tell the last progress, where that was not told yet."""
        if self._latest is not None and self._latest[0] != self._told:
            self._tell()

    def _tell(self) -> None:
        if self._latest is not None:
            progress, stats, now = self._latest
            self._told, self._told_at = progress, now
            share = 100 * progress.current // progress.total if progress.total else 0
            words = [f"{progress.current}/{progress.total} {share}%", *figures(stats)]
            rate = self._rate.per_second
            if rate:
                words += [f"{rate:.3g} steps/s", f"eta {duration((progress.total - progress.current) / rate)}"]
            output(printable("  ".join(words)) + "\n")


class BarView:
    """A bar on a terminal, with what happens above it."""

    def __init__(self) -> None:
        from tqdm import tqdm  # noqa: PLC0415 - only with a terminal

        self._tqdm = tqdm
        self._bar: tqdm[Never] | None = None

    def update(self, progress: Progress | None, stats: Mapping[str, Any], _: float) -> None:
        """Move the bar."""
        if progress is None:
            return
        bar = self._bar
        if bar is None:
            bar = self._tqdm(
                total=progress.total, initial=progress.current, unit="step", dynamic_ncols=True, file=sys.stderr
            )
            self._bar = bar
        elif bar.total != progress.total or progress.current < bar.n:
            bar.reset(total=progress.total)  # another phase or attempt
            bar.n = bar.initial = progress.current
        bar.set_postfix_str(printable(", ".join(figures(stats))), refresh=False)
        bar.update(progress.current - bar.n)

    def say(self, line: str) -> None:
        """Tell it above the bar."""
        self._tqdm.write(printable(line), file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()


class Rate:
    """Steps for each second, over the last `RATE_SECONDS`; None where nobody can know yet."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Progress]] = deque()

    def take(self, progress: Progress, now: float) -> None:
        """Note how far the run is; a step back begins anew."""
        seen = self._seen
        if seen and (progress.current < seen[-1][1].current or progress.total != seen[-1][1].total):
            seen.clear()
        if not seen or progress.current > seen[-1][1].current:
            seen.append((now, progress))
        while len(seen) > 2 and now - seen[0][0] > RATE_SECONDS:
            seen.popleft()

    @property
    def per_second(self) -> float | None:
        """The rate."""
        if len(self._seen) < 2 or self._seen[-1][0] <= self._seen[0][0]:
            return None
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now.current - before.current) / (last - first)


def figures(stats: Mapping[str, Any]) -> list[str]:
    """The loss, and the loss of a validation where there is one."""
    return [f"{key} {float(stats[key]):.4g}" for key in main_losses(stats)]


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
