"""How fast weights are hashed, told as ratios that were measured in one run on one machine.

Each pair is measured one after the other, in alternating order, and the median of the pairs' ratios is told; so a machine
that has other work slows both sides alike. The files lie in a temporary folder, are read once beforehand so that memory
and not the disk is measured, and are removed at the end. Run: ``python benchmarks/hashing.py [--size MIB] [--strict]``.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from helix_tts_policy.digest import hash_file
from helix_tts_policy.facts.weights_file import observe_weights
from pairs import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
SINGLE_GOAL = 0.97
THREADS_GOAL = 1.8
FILES = 8


def write_file(path: Path, mib: int) -> None:
    block = Random(1).randbytes(MIB)  # noqa: S311 - bytes to hash, nothing secret
    with path.open("wb") as file:
        for number in range(mib):
            file.write(number.to_bytes(8, "big"))
            file.write(block[8:])


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def throughput_ratio(ours: Callable[[], object], reference: Callable[[], object], pairs: int) -> tuple[float, float]:
    """Median of how many times faster the first is, and the median of its own seconds."""
    took = in_turns(seconds, ours, reference, pairs)
    ratios = [reference_took / ours_took for ours_took, reference_took in took]
    return median(ratios), median([ours_took for ours_took, _ in took])


def single_file(folder: Path, mib: int, pairs: int) -> tuple[float, float]:
    path = folder / "one.bin"
    write_file(path, mib)

    def reference() -> str:
        with path.open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    if hash_file(path).hex != reference():  # also warms the page cache
        sys.exit("hash_file and hashlib.file_digest differ")
    result = throughput_ratio(lambda: hash_file(path), reference, pairs)
    path.unlink()
    return result


def many_files(folder: Path, mib: int, pairs: int) -> tuple[float, float]:
    root = folder / "many"
    root.mkdir()
    for number in range(FILES):
        write_file(root / f"{number}.bin", mib)
    if observe_weights(root, expected=None, jobs=1) != observe_weights(root, expected=None, jobs=2):
        sys.exit("one thread and two threads differ")
    return throughput_ratio(
        lambda: observe_weights(root, expected=None, jobs=2),
        lambda: observe_weights(root, expected=None, jobs=1),
        pairs,
    )


def told(name: str, ratio: float, goal: float, speed: float) -> bool:
    reached = ratio >= goal
    print(f"{name} throughput: {ratio:.2f}x (goal >= {goal}x) {'ok' if reached else 'MISSED'}, {speed:,.0f} MiB/s")
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how fast weights are hashed.")
    parser.add_argument("--size", type=int, default=2048, help="MiB of the one file, and of eight files together")
    parser.add_argument("--pairs", type=int, default=9, help="measurements of each pair")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    size: int = max(arguments.size, FILES)
    with tempfile.TemporaryDirectory(prefix="hashing-benchmark-") as name:
        ratio, took = single_file(Path(name), size, arguments.pairs)
        reached = told("hash_file / hashlib.file_digest", ratio, SINGLE_GOAL, size / took)
        each = size // FILES
        ratio, took = many_files(Path(name), each, arguments.pairs)
        reached &= told("observe_weights jobs=2 / jobs=1", ratio, THREADS_GOAL, each * FILES / took)
    return 1 if arguments.strict and not reached else 0


if __name__ == "__main__":
    sys.exit(main())
