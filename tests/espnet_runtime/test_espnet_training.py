"""Voices that ESPnet trained, as the lane left them: done by evidence, and the same again with the same seed."""

from __future__ import annotations

import signal
import wave
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.espnet_runtime.conftest import NOW, STEPS, configured, trained
from tests.training_lane import Trained, left_running

from helix_tts_policy import Verdict, check_training_run, load_policy, read_lane_log, verify_bundle, verify_manifest

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "tacotron2": ["weights/tacotron2.pth", "weights/tacotron2.yaml", "weights/tacotron2.npz"],
    "vits": ["weights/vits.pth", "weights/vits.yaml"],
}


@pytest.fixture(params=sorted(FILES))
def voice(request: pytest.FixtureRequest) -> tuple[str, Trained]:
    return request.param, request.getfixturevalue(request.param)


def test_a_voice_is_trained_and_says_so(voice: tuple[str, Trained]) -> None:
    model, run = voice
    status = run.status

    assert (run.code, status["status"], status["reason"]) == (0, "completed", None), run.err
    assert status["job_type"] == "tts_prod_train_espnet2"
    assert status["progress"] == {"current": STEPS, "total": STEPS}
    assert status["nemo_blocked"] == {
        "reason": "nemo_runtime_unavailable:its image has no driver for these machines",
        "owner": "speech@acme-voices.com",
        "expires_on": "2026-12-31",
    }
    assert status["runtime"]["espnet"].startswith("2025")
    assert status["artifacts"] == [
        *FILES[model],
        "sample.wav",
        "dataset.jsonl",
        "weights-manifest.json",
        "bundle",
        "train_status.json",
    ]


def test_every_step_stands_in_the_lane(voice: tuple[str, Trained]) -> None:
    _, run = voice
    read = read_lane_log(run.folder / "lane.log", places=True)

    assert [line.split()[1] for line in run.lane if line.startswith("PROGRESS")] == [
        *map(str, range(STEPS + 1)),
        str(STEPS),
    ]
    assert (run.folder / "lane.log").read_text().splitlines() == run.lane
    assert (read.is_complete, read.malformed, read.breaks) == (True, (), ())
    assert {"loss", "val_loss"} <= read.stats.keys()


def test_the_run_is_good_while_the_policy_lets_the_lane_train(voice: tuple[str, Trained]) -> None:
    _, run = voice
    policy = load_policy(run.folder.parent / "policy.toml")

    def checked(day: datetime) -> list[str]:
        report = check_training_run(
            run.folder / "lane.log",
            status=run.folder / "train_status.json",
            root=run.folder,
            nemo_blocked=policy.nemo_blocked_on(day.date()),
        )
        return [finding.rule for finding in report.findings]

    assert checked(datetime(2026, 12, 31, tzinfo=UTC)) == []
    assert checked(datetime(2027, 1, 1, tzinfo=UTC)) == ["lane-not-promotable"]


def test_the_voice_speaks(voice: tuple[str, Trained]) -> None:
    _, run = voice
    with wave.open(str(run.folder / "sample.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22050, 1, 2)
        sound = array("h", file.readframes(file.getnframes()))

    assert len(sound) > 0.3 * 22050
    assert max(map(abs, sound)) > 100


def test_the_outputs_verify(voice: tuple[str, Trained]) -> None:
    _, run = voice
    now = datetime.fromisoformat(NOW)
    manifest = verify_manifest(run.folder / "weights-manifest.json", root=run.folder / "weights", now=now)
    bundle = verify_bundle(run.folder / "bundle", now=now)

    assert (manifest.verdict, bundle.verdict) == (Verdict.GO, Verdict.GO), [*manifest.findings, *bundle.findings]


def test_nothing_tells_where_it_was_trained(voice: tuple[str, Trained]) -> None:
    model, run = voice
    for name in FILES[model]:
        assert str(run.folder.parent).encode() not in (run.folder / name).read_bytes()


def test_a_run_that_is_terminated_says_so(terminated: tuple[Trained, Trained]) -> None:
    first, _ = terminated

    assert first.code == 128 + signal.SIGTERM, first.err
    assert (first.status["status"], first.status["reason"]) == ("error", "terminated_by_signal:SIGTERM")
    assert 5 <= first.status["progress"]["current"] < STEPS


def test_a_run_that_is_killed_never_says_that_it_completed(killed: tuple[Trained, Trained]) -> None:
    first, _ = killed

    assert first.code == -signal.SIGKILL
    assert (first.status["status"], first.status["reason"]) == ("running", None)


def test_a_run_that_goes_on_comes_to_the_bytes_of_one_that_nobody_disturbed(
    terminated: tuple[Trained, Trained], tacotron2: Trained
) -> None:
    _, second = terminated

    assert second.status["tensors"] == tacotron2.status["tensors"]
    for name in (*FILES["tacotron2"], "sample.wav", "dataset.jsonl"):
        assert (second.folder / name).read_bytes() == (tacotron2.folder / name).read_bytes(), name


@pytest.mark.parametrize("broken_off", ["terminated", "killed"])
def test_a_run_that_goes_on_is_one_run_in_two_attempts(broken_off: str, request: pytest.FixtureRequest) -> None:
    _, second = request.getfixturevalue(broken_off)
    read = read_lane_log(second.folder / "lane.log", places=True)

    assert (second.code, second.status["status"], second.status["resumed"]) == (0, "completed", True), second.err
    assert (read.attempts, read.is_complete, read.breaks, read.malformed) == (2, True, (), ())
    assert left_running(second.folder.parent) == []


def test_a_loss_that_is_no_number_ends_the_run_at_once(tmp_path: Path, data: Path) -> None:
    ended = trained(configured(tmp_path, data, training="learning_rate = 1e30"))

    assert (ended.code, ended.status["status"]) == (1, "error"), ended.err
    assert ended.status["reason"] == f"non_finite_loss:step {ended.status['progress']['current'] + 1}"
    assert ended.status["progress"]["current"] < STEPS
    assert [*(ended.folder / "weights").iterdir()] == []
    assert "NaN" not in (ended.folder / "lane.log").read_text()


def test_a_full_disk_is_told_as_one(tmp_path: Path, data: Path) -> None:
    ended = trained(configured(tmp_path, data), file_limit=1_000_000)

    assert (ended.code, ended.status["status"], ended.status["reason"]) == (1, "error", "out_of_disk"), ended.err
    assert not (ended.folder / "weights" / "tacotron2.pth").exists()


def test_a_learning_rate_of_zero_changes_nothing_and_says_so(tmp_path: Path, data: Path) -> None:
    ended = trained(configured(tmp_path, data, steps=1, training="learning_rate = 0.0"))

    assert (ended.code, ended.status["status"], ended.status["reason"]) == (1, "error", "weights_unchanged")
