"""What an audit of a ledger costs, told as ratios: of a large ledger to a small one, and to a bare reading of its Markdown.

Time and memory are those of each prompt, so that a ratio of 1 means linear. Run: ``python benchmarks/ledger.py [--quick]
[--strict]``.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import sys
import tracemalloc
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from helix_tts_policy import Verdict, audit_ledger
from helix_tts_policy.cli import GARBAGE_THRESHOLD
from pairs import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL, LARGE = 1_000, 10_000
LINEAR_GOAL = 1.5
MEMORY_GOAL = 1.2
PARSE_GOAL = 8.0


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def ledger(prompts: int) -> str:
    """A ledger in the form of the first wave's, with evidence of its own for every prompt."""
    lines = ["# Ledger", "", "| prompt_id | objective | status | commit_sha |", "|---|---|---|---|"]
    lines += [
        f"| {number} | Step {number} of `the lane` | done | {digest(f'c{number}')[:12]} |" for number in range(prompts)
    ]
    for number in range(prompts):
        lines += [
            "",
            f"### Prompt {number}",
            "",
            "```yaml",
            f"prompt_id: {number}",
            "files_changed:",
            f"  - scripts/voice/step_{number}.py",
            "  - reports/ledger.md",
            "behavior_delta: added the step to the lane, with deterministic progress, stats and artifact lines",
            "tests_or_checks_run:",
            "  - npx vitest run tests/train-status.routes.spec.ts",
            "  - npm run casimir:verify -- --url http://127.0.0.1:5173/api/agi/adapter/run --trace-limit 200 --ci",
            "casimir_verdict: PASS",
            "casimir_firstFail: none",
            f"casimir_certificateHash: {digest(f'h{number}')}",
            "casimir_integrityOk: true",
            f"casimir_traceId: adapter:{digest(f't{number}')[:36]}",
            f"casimir_runId: {number + 1}",
            f"commit_sha: {digest(f'c{number}')[:12]}",
            "status: done",
            "blocker_reason: none",
            "```",
        ]
    return "\n".join(lines) + "\n"


def audited(text: str) -> None:
    if audit_ledger(text).verdict is not Verdict.GO:
        sys.exit("the ledger is not GO")


def seconds(work: Callable[[], object]) -> float:
    gc.collect()
    start = perf_counter()
    work()
    return perf_counter() - start


def peak(text: str) -> int:
    tracemalloc.start()
    audited(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def told(name: str, ratios: list[float], goal: float, remark: str) -> bool:
    middle = median(ratios)
    low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else (middle, middle, middle)
    reached = middle <= goal
    word = "ok" if reached else "MISSED"
    print(f"{name}: {middle:.2f}x (goal <= {goal:g}x) {word}; middle half {low:.2f}-{high:.2f}, {remark}")
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what an audit of a ledger costs.")
    parser.add_argument("--quick", action="store_true", help="fewer turns, for a look")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    gc.set_threshold(GARBAGE_THRESHOLD)  # as the command does
    turns = 2 if arguments.quick else 6
    small, large = ledger(SMALL), ledger(LARGE)
    audited(small)
    markdown = MarkdownIt("commonmark").enable("table")

    took = in_turns(seconds, lambda: audited(large), lambda: audited(small), turns)
    ratios = [many / few / (LARGE / SMALL) for many, few in took]
    remark = f"{median([many for many, _ in took]):.2f} s for {len(large) / 1e6:.1f} MB"
    reached = told(f"time for each prompt, {LARGE:,} / {SMALL:,} prompts", ratios, LINEAR_GOAL, remark)

    memory = peak(large), peak(small)
    ratio = memory[0] / memory[1] / (LARGE / SMALL)
    remark = f"{memory[0] / 1e6:.0f} MB at most, {memory[0] / len(large):.1f} bytes for each byte"
    reached &= told(f"memory for each prompt, {LARGE:,} / {SMALL:,} prompts", [ratio], MEMORY_GOAL, remark)

    took = in_turns(
        seconds,
        lambda: audited(small),
        lambda: markdown.block.parse(small, markdown, {}, []),
        turns * 4,
    )
    remark = f"{median([ours for ours, _ in took]) * 1e3:.0f} ms for {SMALL:,} prompts"
    ratios = [ours / bare for ours, bare in took]
    reached &= told("audit / blocks of its Markdown alone, markdown-it-py", ratios, PARSE_GOAL, remark)
    return 1 if arguments.strict and not reached else 0


if __name__ == "__main__":
    sys.exit(main())
