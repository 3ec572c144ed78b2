"""What it costs to read a training log, told as ratios to grep and to a plain loop, measured in one run on one machine.

The log is real: the training section of a NeMo run with its output and its progress bars in one file, over and over, as a
long run writes it, and between its lines the signals of a NeMo lane, 2 in 100. The sides take turns, and the median of the
turns' ratios is told with the middle half of them. grep counts the lines that begin as signals, the plain loop too;
`read_lane_log` also reads them. Run: ``python benchmarks/lane_log.py [--size MB] [--turns N] [--strict]``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING

from helix_tts_policy import read_lane_log
from pairs import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable

LOGS = Path(__file__).resolve().parents[1] / "tests" / "data" / "logs"
KEYWORDS = (b"PROGRESS ", b"STATS ", b"ARTIFACT ")
MB = 1_000_000
SIGNALS_IN_100 = 2
GREP_GOAL = 2.5
LOOP_GOAL = 3.0
MEMORY_GOAL_MIB = 16.0

PEAK = """
import resource, sys
from helix_tts_policy import read_lane_log
read_lane_log(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_lane_log(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def write_log(path: Path, size: int, lines: list[bytes]) -> int:
    """Write a log of ``size`` bytes with signals between the lines; how many there are."""
    logs = [LOGS / name for name in ("nemo_lane_stdout.log", "kill_stdout.log", "resume_stdout.log")]
    stats = [line for log in logs for line in log.read_bytes().split(b"\n") if line.startswith(b"STATS ")]
    text, figures = cycle(lines), cycle(stats)
    total, written, step = 10 * MB, 0, 0
    with path.open("wb") as log:
        while written < size:
            block: list[bytes] = []
            for _ in range(500):
                step += 1
                block += islice(text, 100 - SIGNALS_IN_100)
                block += [b"PROGRESS %d %d" % (step, total), next(figures)]
            written += log.write(b"\n".join(block) + b"\n")
    return 2 * step


def real_lines(name: str, *, since: bytes) -> list[bytes]:
    """The lines of a real log from the first that holds ``since``, without signals."""
    lines = (LOGS / name).read_bytes().split(b"\n")[:-1]
    first = next(number for number, line in enumerate(lines) if since in line)
    return [line for line in lines[first:] if not line.startswith(KEYWORDS)]


def grep(path: Path) -> int:
    command = ["grep", "-cE", "^(PROGRESS|STATS|ARTIFACT) ", str(path)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def loop(path: Path) -> int:
    count = 0
    with path.open(encoding="utf-8", errors="replace") as log:
        for line in log:
            if line.startswith("PROGRESS ") or line.startswith("STATS ") or line.startswith("ARTIFACT "):  # noqa: PIE810 - as plain
                count += 1
    return count


def loop_over_bytes(path: Path) -> int:
    count = 0
    with path.open("rb") as log:
        for line in log:
            if line.startswith(KEYWORDS):
                count += 1
    return count


def ours(path: Path) -> int:
    run = read_lane_log(path)
    return run.progress_count + run.stats_count


def seconds(work: Callable[[], int]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def told(name: str, ratios: list[float], goal: float | None = None, *, at_least: bool = False) -> bool:
    low, middle, high = quantiles(ratios, n=4)
    if goal is None:
        print(f"{name}: {middle:.2f}x; middle half {low:.2f}-{high:.2f}")
        return True
    reached = middle >= goal if at_least else middle <= goal
    sign = ">=" if at_least else "<="
    print(
        f"{name}: {middle:.2f}x (goal {sign} {goal:g}x) {'ok' if reached else 'MISSED'}; middle half {low:.2f}-{high:.2f}"
    )
    return reached


def ratios(upper: Callable[[], int], lower: Callable[[], int], turns: int) -> list[float]:
    return [above / below for above, below in in_turns(seconds, upper, lower, turns)]


def peak_mib(path: Path) -> float:
    """Peak memory of reading the log above that of the imports and of reading a small one."""
    command = [sys.executable, "-c", PEAK, str(LOGS / "nemo_lane_stdout.log"), str(path)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what it costs to read a training log.")
    parser.add_argument("--size", type=int, default=200, help="MB of the log")
    parser.add_argument("--turns", type=int, default=15, help="measurements of each pair")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    turns = max(arguments.turns, 2)
    with tempfile.TemporaryDirectory(prefix="lane-log-benchmark-") as folder:
        path = Path(folder) / "run.log"
        signals = write_log(path, arguments.size * MB, real_lines("nemo_merged_2to1.log", since=b"Sanity Checking"))
        if {grep(path), loop(path), loop_over_bytes(path), ours(path)} != {signals}:  # also warms the page cache
            sys.exit("the sides do not count the same")
        took = median([seconds(lambda: ours(path)) for _ in range(3)])
        reached = told("read_lane_log / grep -c", ratios(lambda: ours(path), lambda: grep(path), turns), GREP_GOAL)
        reached &= told(
            "plain loop / read_lane_log",
            ratios(lambda: loop(path), lambda: ours(path), turns),
            LOOP_GOAL,
            at_least=True,
        )
        told("plain loop over bytes / read_lane_log", ratios(lambda: loop_over_bytes(path), lambda: ours(path), turns))
        peak = peak_mib(path)
        fits = peak <= MEMORY_GOAL_MIB
        print(
            f"peak memory of read_lane_log / {MEMORY_GOAL_MIB:g} MiB: {peak / MEMORY_GOAL_MIB:.2f}x (goal <= 1x) {'ok' if fits else 'MISSED'}; {peak:.1f} MiB"
        )
        print(
            f"read_lane_log: {signals} signals in {path.stat().st_size / MB:.0f} MB, {path.stat().st_size / took / MB:,.0f} MB/s"
        )
        short = write_log(path, arguments.size * MB, real_lines("nemo_merged_2to1.log", since=b"OneLogger"))
        grep(path)
        told(
            f"read_lane_log / grep -c, with the short lines of the run's beginning, {short} signals",
            ratios(lambda: ours(path), lambda: grep(path), turns),
        )
    return 1 if arguments.strict and not (reached and fits) else 0


if __name__ == "__main__":
    sys.exit(main())
