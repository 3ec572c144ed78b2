"""What it costs to start, told as ratios of whole processes, measured in one run on one machine.

Each pair of processes is run one after the other, in alternating order, and the median of the pairs' ratios is told with
the middle half of them. Run: ``python benchmarks/cold_start.py [--quick] [--strict]``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from pairs import in_turns

REPOSITORY = Path(__file__).resolve().parents[1]
SCHEMA = REPOSITORY / "schemas" / "weights-manifest.json"
MANIFEST = REPOSITORY / "examples" / "voices" / "mei" / "weights-manifest.json"
COMMANDS = Path(sys.executable).parent
NOW = "2026-11-24T00:00:00Z"
VERIFY_GOAL = 0.6
PARSE_GOAL = 2.5


def seconds(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=REPOSITORY)
    return perf_counter() - start


def told(name: str, ours: list[str], reference: list[str], goal: float, pairs: int) -> bool:
    seconds(ours)  # writes the byte code of both, and warms the page cache
    seconds(reference)
    took = in_turns(seconds, ours, reference, pairs)
    own = [ours_took for ours_took, _ in took]
    low, ratio, high = quantiles([ours_took / reference_took for ours_took, reference_took in took], n=4)
    reached = ratio <= goal
    print(
        f"{name}: {ratio:.2f}x (goal <= {goal:g}x) {'ok' if reached else 'MISSED'}; "
        f"middle half {low:.2f}-{high:.2f}, {median(own) * 1000:.0f} ms"
    )
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what it costs to start.")
    parser.add_argument("--quick", action="store_true", help="fewer pairs, for a look")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    pairs = 9 if arguments.quick else 41
    verify = [str(COMMANDS / "helix-tts-policy"), "verify", str(MANIFEST), "--now", NOW]
    check = [str(COMMANDS / "check-jsonschema"), "--schemafile", str(SCHEMA), str(MANIFEST)]
    reached = told("verify / check-jsonschema, whole processes", verify, check, VERIFY_GOAL, pairs)
    parse = [sys.executable, "-c", "import helix_tts_policy as h; h.parse_progress('PROGRESS 1 2')"]
    nothing = [sys.executable, "-c", "pass"]
    reached &= told("import and parse_progress / an empty program", parse, nothing, PARSE_GOAL, pairs)
    return 1 if arguments.strict and not reached else 0


if __name__ == "__main__":
    sys.exit(main())
