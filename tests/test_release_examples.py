"""The releases under ``examples``: one is GO, and the others are NO-GO for exactly the one thing that is broken in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.release_examples import EXAMPLES, EXPECTED, GO, NO_GO, answer, ledger, release_file, trace
from tests.releases import NOW, document

from helix_tts_policy import GateState, Verdict
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.facts.file_format import FileFormat, inspect_file

if TYPE_CHECKING:
    from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_release_that_is_go() -> None:
    promotion = examine_release(GO / "release.toml", now=NOW)

    assert promotion.verdict is Verdict.GO
    assert promotion.decision.blocking == ()
    assert {result.state for result in promotion.decision.gates} == {GateState.PASS}


def test_its_weights_are_those_of_a_real_training() -> None:
    for path in (GO / "run" / "weights").iterdir():
        seen = inspect_file(path)
        assert seen.format in {FileFormat.NEMO, FileFormat.NEMO_GZIP}
        assert seen.nemo is not None
        assert (seen.nemo.target or "").startswith("nemo.collections.tts.models.")


def test_what_stands_around_the_run_is_as_it_would_be_written() -> None:
    written = {
        "release.toml": release_file(),
        "verification.json": document(answer()),
        "trace.jsonl": trace(),
        "ledger.md": ledger(),
    }

    assert {path: data for path, data in contents(GO).items() if path in written} == written


def test_every_example_is_expected_to_fail_for_something() -> None:
    assert {folder.name for folder in EXAMPLES.glob(f"{NO_GO}*")} == {f"{NO_GO}{name}" for name in EXPECTED}


@pytest.mark.parametrize("name", EXPECTED)
def test_one_broken_thing_is_told_and_nothing_else(name: str) -> None:
    make, expected = EXPECTED[name]
    folder = EXAMPLES / f"{NO_GO}{name}"

    promotion = examine_release(folder / "release.toml", now=NOW)

    assert promotion.verdict is Verdict.NO_GO
    assert [*dict.fromkeys((each.gate, each.finding.rule) for each in promotion.decision.blocking)] == expected
    assert contents(folder) == make()
