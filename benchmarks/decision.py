"""What a decision costs, told as ratios to bare validation of the same document, measured in one run on one machine.

The sides take turns, many times over, and the median of the turns' ratios is told with the middle half of them; so a
machine that has other work slows both sides alike. Run: ``python benchmarks/decision.py [--quick] [--strict]``.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from jsonschema import Draft202012Validator

from helix_tts_policy import Verdict, WeightsManifest, verify_manifest
from helix_tts_policy.facts.model import json_schema
from pairs import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable

MEI = Path(__file__).resolve().parents[1] / "examples" / "voices" / "mei" / "weights-manifest.json"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
DECISION_GOAL = 4.0
SCHEMA_GOAL = 3.5
CALLS = 50
"""Calls of one turn: some milliseconds, far above the resolution of the clock."""


class Ratio(NamedTuple):
    """The median of the turns' ratios, the quarters that lie around it, and the median microseconds of the upper side."""

    median: float
    low: float
    high: float
    microseconds: float

    def __str__(self) -> str:
        return f"middle half {self.low:.2f}-{self.high:.2f}, {self.microseconds:,.1f} us above the line"


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    for _ in range(CALLS):
        work()
    return perf_counter() - start


def ratio(upper: Callable[[], object], lower: Callable[[], object], turns: int) -> Ratio:
    seconds(upper)
    seconds(lower)
    gc.collect()
    gc.freeze()
    took = in_turns(seconds, upper, lower, turns)
    ratios = [above / below for above, below in took]
    low, _, high = quantiles(ratios, n=4)
    return Ratio(median(ratios), low, high, median([above / CALLS * 1e6 for above, _ in took]))


def nine_fields(document: bytes) -> bytes:
    """The document with the nine required fields alone, which are all the first version had."""
    fields = json.loads(document)
    required = [name for name, field in WeightsManifest.model_fields.items() if field.is_required()]
    return json.dumps({name: fields[name] for name in required}, indent=2).encode()


def told(name: str, measured: Ratio, goal: float | None = None, *, at_least: bool = False) -> bool:
    if goal is None:
        print(f"{name}: {measured.median:.2f}x; {measured}")
        return True
    reached = measured.median >= goal if at_least else measured.median <= goal
    sign = ">=" if at_least else "<="
    print(f"{name}: {measured.median:.2f}x (goal {sign} {goal:g}x) {'ok' if reached else 'MISSED'}; {measured}")
    return reached


def against_validation(name: str, document: bytes, turns: int) -> bool:
    if verify_manifest(document, now=NOW).verdict is not Verdict.GO:
        sys.exit(f"{name} is not GO")

    def bare() -> object:
        return WeightsManifest.model_validate_json(document)

    decided = ratio(lambda: verify_manifest(document, now=NOW).verdict, bare, turns)
    reached = told(f"full decision / model_validate_json, {name}", decided, DECISION_GOAL)
    explained = ratio(lambda: verify_manifest(document, now=NOW).findings, bare, max(turns // 4, 2))
    told(f"with findings and their places / model_validate_json, {name}", explained)
    return reached


def against_schema(name: str, document: bytes, turns: int) -> bool:
    validator = Draft202012Validator(
        json_schema(WeightsManifest, "weights-manifest"), format_checker=Draft202012Validator.FORMAT_CHECKER
    )

    def shape_only() -> object:
        return validator.is_valid(json.loads(document))

    if not shape_only():
        sys.exit(f"{name} does not follow the schema")
    measured = ratio(shape_only, lambda: verify_manifest(document, now=NOW).verdict, turns)
    return told(f"jsonschema, shape only / full decision, {name}", measured, SCHEMA_GOAL, at_least=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what a decision costs.")
    parser.add_argument("--quick", action="store_true", help="fewer turns, for a look")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    turns = 20 if arguments.quick else 200
    document = MEI.read_bytes()
    reached = True
    for name, text in (("a real manifest", document), ("nine fields", nine_fields(document))):
        reached &= against_validation(name, text, turns)
        reached &= against_schema(name, text, turns)
    return 1 if arguments.strict and not reached else 0


if __name__ == "__main__":
    sys.exit(main())
