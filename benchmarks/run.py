"""Run every benchmark, each in a process of its own, and print one table. Run: ``python benchmarks/run.py [--quick]``."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
LINE = re.compile(r"(?P<name>.+): (?P<ratio>[0-9.]+x) \(goal (?P<goal>[<>]= [0-9.]+x)\) (?P<reached>ok|MISSED)")
QUICK = {
    "decision.py": ["--quick"],
    "licenses.py": ["--quick"],
    "cold_start.py": ["--quick"],
    "hashing.py": ["--size", "256", "--pairs", "5"],
    "lane_log.py": ["--size", "40", "--turns", "5"],
    "ledger.py": ["--quick"],
}
"""Every benchmark, with what makes it quick."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Run every benchmark.")
    parser.add_argument("--quick", action="store_true", help="less precise, in seconds")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    rows: list[tuple[str, str, str, str]] = []
    for name, quick in QUICK.items():
        command = [sys.executable, str(FOLDER / name), *(quick if arguments.quick else [])]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows += [
            (match["name"], match["ratio"], match["goal"], match["reached"])
            for match in map(LINE.match, printed.splitlines())
            if match
        ]
    width = max(len(row[0]) for row in rows)
    print(f"{'what':<{width}}  {'ratio':>7}  {'goal':<9}  reached")
    for name, ratio, goal, reached in rows:
        print(f"{name:<{width}}  {ratio:>7}  {goal:<9}  {reached}")
    return 1 if arguments.strict and any(row[3] != "ok" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
