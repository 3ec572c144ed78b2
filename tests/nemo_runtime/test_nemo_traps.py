"""Runs that end early, or badly: each with its own reason and exit code, a truthful status, and nothing left running."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.training_lane import train

from helix_tts_policy import read_lane_log

if TYPE_CHECKING:
    from tests.nemo_runtime.conftest import Runs
    from tests.training_lane import Trained

STEPS = 10


def test_a_run_that_is_terminated_says_so(runs: Runs) -> None:
    first, second, _ = runs.broken_off.result()

    assert first.code == 128 + signal.SIGTERM, first.err
    assert (first.status["status"], first.status["reason"]) == ("error", "terminated_by_signal:SIGTERM")
    assert 3 <= first.status["progress"]["current"] < STEPS
    assert second.lane[2] == f"PROGRESS {first.status['progress']['current']} {STEPS}"  # every step of it was kept


def test_a_run_that_is_killed_never_says_that_it_completed(runs: Runs) -> None:
    _, second, _ = runs.broken_off.result()

    assert second.code == -signal.SIGKILL
    assert (second.status["status"], second.status["reason"]) == ("running", None), f"killed at {runs.killed_at}"


def test_a_run_that_goes_on_comes_to_the_same_bytes(runs: Runs, scratch: Trained) -> None:
    _, _, third = runs.broken_off.result()

    assert (third.code, third.status["status"], third.status["resumed"]) == (0, "completed", True), third.err
    assert third.status["tensors"] == scratch.status["tensors"], f"killed at {runs.killed_at}"
    for name in ("weights/fastpitch.nemo", "weights/hifigan.nemo", "sample.wav"):
        ours, expected = (third.folder / name).read_bytes(), (scratch.folder / name).read_bytes()
        assert ours == expected, f"{name}, killed at {runs.killed_at}"


def test_attempts_stand_in_one_log(runs: Runs) -> None:
    run = read_lane_log(runs.broken_off.result()[2].folder / "lane.log", places=True)

    assert (run.attempts, run.is_complete, run.breaks, run.malformed) == (3, True, (), ())


def test_a_completed_run_is_not_touched_again(scratch: Trained) -> None:
    refused = train(scratch.folder.parent / "train.toml", "--resume")

    assert (refused.code, refused.lane) == (2, [])
    assert refused.err.endswith(": found a completed run; expected a folder of its own for each run\n")
    assert refused.status == scratch.status


def test_a_loss_that_is_no_number_ends_the_run_at_once(runs: Runs) -> None:
    ended = runs.infinite.result()
    done = ended.status["progress"]["current"]

    assert (ended.code, ended.status["status"]) == (1, "error"), ended.err
    assert ended.status["reason"] == f"non_finite_loss:fastpitch step {done + 1}"
    assert done < 6
    assert [*(ended.folder / "weights").iterdir()] == []
    assert "NaN" not in (ended.folder / "lane.log").read_text()


def test_a_learning_rate_of_zero_changes_nothing_and_says_so(runs: Runs) -> None:
    ended = runs.idle.result()

    assert (ended.code, ended.status["status"], ended.status["reason"]) == (1, "error", "weights_unchanged:hifigan")


def test_more_gpus_than_there_are_block_the_run(runs: Runs) -> None:
    ended = runs.without_gpu.result()

    assert (ended.code, ended.status["status"]) == (2, "blocked"), ended.err
    assert ended.status["reason"] == "runtime_dependency_missing:gpu"
    assert ended.status["runtime"].keys() == {"nemo", "torch", "gpus"}


def test_a_full_disk_ends_the_run(runs: Runs) -> None:
    ended = runs.full.result()

    assert (ended.code, ended.status["status"], ended.status["reason"]) == (1, "error", "out_of_disk"), ended.err
    assert [*(ended.folder / "weights").iterdir()] == []


def test_a_lane_that_nobody_reads_ends_the_run(runs: Runs) -> None:
    ended = runs.unread.result()

    assert ended.code == 128 + signal.SIGPIPE, ended.err
    assert (ended.status["status"], ended.status["reason"]) == ("error", "terminated_by_signal:SIGPIPE")
    assert 2 <= ended.status["progress"]["current"] < 6


@pytest.mark.parametrize(("stage", "steps"), [("fastpitch", 6), ("hifigan", 4)])
def test_two_processes_train_together_and_one_speaks(stage: str, steps: int, runs: Runs) -> None:
    ended = runs.pairs[stage].result()

    assert (ended.code, ended.status["status"]) == (0, "completed"), ended.err
    assert [line for line in ended.lane if line.startswith("PROGRESS ")] == [
        *(f"PROGRESS {step} {steps}" for step in range(steps + 1)),
        f"PROGRESS {steps} {steps}",
    ]
    assert "MEMBER: 2/2" in ended.err
