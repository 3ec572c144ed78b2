"""What a real training leaves: a voice, its evidence, and the same bytes every time."""

from __future__ import annotations

import json
import struct
import tarfile
import wave
from typing import TYPE_CHECKING

import pytest

from helix_tts_policy import read_lane_log, verify_bundle, verify_manifest
from helix_tts_policy.check_training import check_training_run
from helix_tts_policy.facts.lane import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nemo_runtime.conftest import Runs
    from tests.training_lane import Trained

STAGES = ("fastpitch", "hifigan")
STEPS = 10


def heard(path: Path) -> tuple[int, int, int, list[int]]:
    with wave.open(str(path)) as file:
        data = file.readframes(file.getnframes())
        return (
            file.getframerate(),
            file.getnchannels(),
            file.getsampwidth(),
            [*struct.unpack(f"<{len(data) // 2}h", data)],
        )


def test_a_voice_is_trained_from_scratch(scratch: Trained) -> None:
    assert (scratch.code, scratch.status["status"], scratch.status["reason"]) == (0, "completed", None), scratch.err
    assert scratch.status["progress"] == {"current": STEPS, "total": STEPS}
    assert scratch.status["artifacts"] == [
        "weights/fastpitch.nemo",
        "weights/hifigan.nemo",
        "sample.wav",
        "dataset.jsonl",
        "weights-manifest.json",
        "bundle",
        "train_status.json",
    ]


def test_every_progress_stands_in_the_log_and_on_standard_output(scratch: Trained) -> None:
    run = read_lane_log(scratch.folder / "lane.log", places=True)
    told = [line for line in scratch.lane if line.startswith("PROGRESS ")]

    assert [*dict.fromkeys(told)] == [str(Progress(step, STEPS)) for step in range(STEPS + 1)]
    assert (scratch.folder / "lane.log").read_text().splitlines() == scratch.lane
    assert (run.progress, run.is_complete, run.malformed, run.breaks) == (Progress(STEPS, STEPS), True, (), ())
    assert {"t_loss", "t_mel_loss", "g_loss", "d_loss", "val_loss"} <= run.stats.keys()


def test_the_log_the_status_and_the_files_of_a_run_agree(scratch: Trained) -> None:
    report = check_training_run(
        scratch.folder / "lane.log", status=scratch.folder / "train_status.json", root=scratch.folder
    )

    assert (report.verdict, report.findings) == ("GO", ())


def test_nothing_but_the_lane_is_on_standard_output(scratch: Trained) -> None:
    assert {line.split()[0] for line in scratch.lane} == {"PROGRESS", "STATS", "ARTIFACT"}
    assert max(map(len, scratch.lane)) < 4096
    assert scratch.err == (scratch.folder / "train.log").read_text()
    assert "`Trainer.fit` stopped: `max_steps=6` reached." in scratch.err


def test_figures_of_training_and_of_validation_do_not_mix(scratch: Trained) -> None:
    stats = [json.loads(line.removeprefix("STATS ")) for line in scratch.lane if line.startswith("STATS ")]
    begins = {
        tuple(sorted({name.split("_")[0] for name in each})) for each in stats if any("loss" in key for key in each)
    }

    assert begins == {("t",), ("d", "g"), ("val",)}


@pytest.mark.parametrize("name", ["scratch", "tuned"])
def test_the_voice_speaks(name: str, request: pytest.FixtureRequest) -> None:
    trained: Trained = request.getfixturevalue(name)
    rate, channels, width, samples = heard(trained.folder / "sample.wav")

    assert (rate, channels, width) == (22_050, 1, 2)
    assert 0.3 < len(samples) / rate < 30
    assert max(samples) - min(samples) > 100
    assert trained.status["sample"]["seconds"] == pytest.approx(len(samples) / rate)


@pytest.mark.parametrize("name", ["scratch", "tuned"])
def test_weights_and_bundle_verify(name: str, request: pytest.FixtureRequest) -> None:
    trained: Trained = request.getfixturevalue(name)
    manifest = verify_manifest(trained.folder / "weights-manifest.json", root=trained.folder / "weights")
    bundle = verify_bundle(trained.folder / "bundle")

    assert [(each.rule, each.message) for each in manifest.findings if each.severity == "error"] == []
    assert [(each.rule, each.message) for each in bundle.findings if each.severity == "error"] == []
    assert (manifest.verdict, bundle.verdict) == ("GO", "GO")


def test_a_voice_is_fine_tuned_and_inherits_its_licences(scratch: Trained, tuned: Trained) -> None:
    manifest = json.loads((tuned.folder / "weights-manifest.json").read_bytes())
    begun = {stage: json.loads((tuned.folder / f"stages/{stage}.json").read_bytes()) for stage in STAGES}

    assert (tuned.code, tuned.status["status"]) == (0, "completed"), tuned.err
    assert {stage: begun[stage]["initial"]["tensors"] for stage in STAGES} == scratch.status["tensors"]
    assert all(tuned.status["tensors"][stage] != scratch.status["tensors"][stage] for stage in STAGES)
    assert (manifest["weights_license"], manifest["code_license"]) == ("CC0-1.0", "Apache-2.0")
    assert [part["role"] for part in manifest["components"]] == ["base_model", "training_data", "vocoder"]


def test_two_runs_with_one_seed_are_equal(scratch: Trained, runs: Runs) -> None:
    again = runs.again.result()

    assert again.status["tensors"] == scratch.status["tensors"]
    for name in ("weights/fastpitch.nemo", "weights/hifigan.nemo", "sample.wav", "dataset.jsonl"):
        assert (again.folder / name).read_bytes() == (scratch.folder / name).read_bytes(), name


def test_an_archive_says_nothing_of_the_place_where_it_was_made(scratch: Trained) -> None:
    for stage in STAGES:
        with tarfile.open(scratch.folder / f"weights/{stage}.nemo") as archive:
            members = archive.getmembers()
            config = archive.extractfile("model_config.yaml")
            assert config is not None
            text = config.read().decode()
        assert [member.name for member in members] == ["model_config.yaml", "model_weights.ckpt"]
        assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members} == {
            (0, 0, 0, "", "")
        }
        assert ": /" not in text


def test_a_completed_run_keeps_no_pickles_and_no_links(scratch: Trained) -> None:
    assert {path.name for path in scratch.folder.iterdir()} == {
        ".lock",
        "bundle",
        "dataset.jsonl",
        "lane.log",
        "run.json",
        "sample.wav",
        "stages",
        "train.log",
        "train_status.json",
        "weights",
        "weights-manifest.json",
    }
