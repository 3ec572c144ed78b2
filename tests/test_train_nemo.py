"""``train nemo`` as far as it comes without NeMo: blocked at once, and blocked by everything that is looked at before.

What is missing is there as far as its metadata goes: a folder with the record of an installed distribution, by which the
lane knows the version. NeMo itself is never imported by the command.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.command_line import environment
from tests.format_files import CONFIG as CONFIG_OF_NEMO
from tests.format_files import nemo
from tests.recordings import RATE, tone, wav, write_dataset
from tests.training_lane import Trained, train

from helix_tts_policy import read_lane_log
from helix_tts_policy.check_training import check_training_run

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
schema_version = "nemo-training/1"
preset = "smoke"
[data]
train = "data/train.jsonl"
name = "tones"
[fastpitch]
steps = 6
batch_size = 2
{fastpitch}
[hifigan]
steps = 4
"""
TEXTS = ["a lamp", "the river", "good bread", "a long road"]
BLOCKED = ["PROGRESS 0 10", 'STATS {{"reason": "{0}", "status": "blocked"}}', "[tts-prod] status=blocked reason={0}"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "data", "train", TEXTS)
    path = tmp_path / "train.toml"
    path.write_text(CONFIG.format(fastpitch=""))
    return path


def installed(folder: Path, version: str) -> dict[str, str]:
    """Variables under which NeMo counts as installed, and cannot be imported."""
    record = folder / "site" / f"nemo_toolkit-{version}.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: nemo_toolkit\nVersion: {version}\n")
    package = folder / "site" / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('libcudart.so.13: cannot open shared object file')\n")
    return {"PYTHONPATH": f"{environment()['PYTHONPATH']}{os.pathsep}{folder / 'site'}"}


def assert_blocked(ended: Trained, reason: str) -> dict[str, Any]:
    status = ended.status
    assert ended.code == 2, ended.err
    assert ended.lane == [*(line.format(reason) for line in BLOCKED), "ARTIFACT train_status.json"]
    assert (status["job_type"], status["status"], status["reason"]) == ("tts_prod_train_nemo", "blocked", reason)
    assert status["artifacts"] == ["train_status.json"]
    return status


@pytest.fixture
def without_nemo(tmp_path: Path) -> dict[str, str]:
    """Variables that hide a NeMo that is installed: the first record of a distribution counts."""
    return installed(tmp_path / "hiding", "0.0")


def test_a_nemo_that_is_too_old_blocks_the_run_at_once(config: Path, tmp_path: Path) -> None:
    ended = train(config, variables=installed(tmp_path, "1.23.0"))
    status = assert_blocked(ended, "nemo_runtime_unavailable")

    assert status["message"] == "found nemo_toolkit 1.23.0; expected 2.7 or later"
    assert status["runtime"] == {"package": "nemo_toolkit", "version": "1.23.0"}
    assert ended.err == (ended.folder / "train.log").read_text()
    assert ended.err == (
        "tts_prod_train_nemo: blocked (nemo_runtime_unavailable): found nemo_toolkit 1.23.0; expected 2.7 or later\n"
        "what to do: Install nemo_toolkit[tts] there, or run the lane in the image that has it.\n"
    )


def test_a_configuration_that_is_not_there_is_told_without_a_line(config: Path) -> None:
    config.unlink()
    ended = train(config)

    assert (ended.code, ended.lane) == (2, [])
    assert ended.err == (
        f"{config}: cannot be opened: No such file or directory; expected a regular file; name an existing, readable file\n"
    )


def test_a_nemo_that_cannot_be_imported_blocks_the_run_with_details(config: Path, tmp_path: Path) -> None:
    variables = installed(tmp_path, "3.0.0")
    train(config, variables=variables)
    status = assert_blocked(train(config, variables=variables), "nemo_runtime_unavailable")  # tried again as it is

    assert status["runtime"] == {
        "package": "nemo_toolkit",
        "error": "ImportError: libcudart.so.13: cannot open shared object file",
    }


def test_a_blocked_run_is_read_back_as_blocked(config: Path, without_nemo: dict[str, str]) -> None:
    folder = train(config, variables=without_nemo).folder
    report = check_training_run(folder / "lane.log", status=folder / "train_status.json", root=folder)

    assert read_lane_log(folder / "lane.log").blocked_reason == "nemo_runtime_unavailable"
    assert report.blocked
    assert [finding.rule for finding in report.findings] == ["run-blocked"]


def test_a_blocked_run_can_be_tried_again_in_its_folder(config: Path, without_nemo: dict[str, str]) -> None:
    first = train(config, variables=without_nemo)
    second = train(config, variables=without_nemo)

    assert (first.code, second.code) == (2, 2)
    assert second.status["attempt"] != first.lane
    assert (second.folder / "lane.log").read_text().splitlines() == second.lane


SILENCE = wav(bytes(2 * RATE))

TRAPS: dict[str, tuple[str, dict[str, Any]]] = {
    "no steps": ("no_training_steps", {"fastpitch": "steps = 0"}),
    "a batch larger than the data": ("no_training_steps", {"fastpitch": "batch_size = 5"}),
    "a text out of the vocabulary": ("text_out_of_vocabulary", {"text": "東京"}),
    "a text of nothing": ("text_out_of_vocabulary", {"text": " "}),
    "silence": ("audio_silent", {"audio": SILENCE}),
    "another rate": ("audio_sample_rate_mismatch", {"audio": wav(tone(16_000), rate=16_000)}),
    "stereo": ("audio_not_mono", {"audio": wav(tone(16_000, channels=2), channels=2)}),
    "a recording that breaks off": ("audio_unreadable", {"audio": wav(tone(16_000))[:-8_000]}),
    "no recording": ("audio_missing", {"audio": None}),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_data_that_would_ruin_a_training_blocks_it(trap: str, config: Path, tmp_path: Path) -> None:
    reason, change = TRAPS[trap]
    manifest = tmp_path / "data" / "train.jsonl"
    if "fastpitch" in change:
        text = config.read_text()
        key = change["fastpitch"].split()[0]
        config.write_text(
            "".join(
                f"{change['fastpitch']}\n" if line.startswith(f"{key} = ") and "steps = 4" not in line else line
                for line in text.splitlines(keepends=True)
            )
        )
    if "text" in change:
        rows = [json.loads(line) for line in manifest.read_text().splitlines()]
        rows[2]["text"] = change["text"]
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if "audio" in change:
        audio = tmp_path / "data" / "train-2.wav"
        audio.unlink()
        if change["audio"] is not None:
            audio.write_bytes(change["audio"])

    ended = train(config, variables=installed(tmp_path, "3.0.0"))
    status = ended.status

    assert (ended.code, status["status"]) == (2, "blocked"), ended.err
    assert status["reason"].partition(":")[0] == reason
    if "fastpitch" not in change:
        assert status["reason"].endswith("train.jsonl:3")
    assert status["findings"][0].startswith(status["message"][:40])
    assert not (ended.folder / "checkpoints").exists()


HIFIGAN = CONFIG_OF_NEMO.replace(b"fastpitch.FastPitchModel", b"hifigan.HifiGanModel")
BASES: dict[str, tuple[str, bytes, str]] = {
    "another class": ("init_class_mismatch:base.nemo", nemo(HIFIGAN), "CC0-1.0"),
    "no archive": ("init_artifact_invalid:base.nemo", b"<html>", "CC0-1.0"),
    "a licence that does not allow it": ("invalid_weights_manifest", nemo(), "CC-BY-NC-4.0"),
}


@pytest.mark.parametrize("name", BASES)
def test_base_weights_that_cannot_ship_block_the_run_before_anything_is_computed(
    name: str, config: Path, tmp_path: Path
) -> None:
    reason, weights, licence = BASES[name]
    (tmp_path / "base.nemo").write_bytes(weights)
    stated = {
        "model_id": "acme/base",
        "source_url": "https://models.acme.dev/base",
        "code_license": "Apache-2.0",
        "weights_license": licence,
        "commercial_use_allowed": True,
        "attribution_required": False,
        "evidence_links": ["https://models.acme.dev/base/LICENSE"],
        "checksum": f"sha256:{hashlib.sha256(weights).hexdigest()}",
        "created_at": "2026-11-24T10:00:00Z",
    }
    (tmp_path / "base.json").write_text(json.dumps(stated))
    init = 'init = { artifact = "base.nemo", manifest = "base.json" }'
    config.write_text(CONFIG.format(fastpitch=init))

    status = assert_blocked(train(config, variables=installed(tmp_path, "3.0.0")), reason)

    assert {"another class": "expected nemo.", "no archive": "base.nemo: "}.get(name, "base.json:1: ") in status[
        "message"
    ]
    assert not (tmp_path / "run" / "checkpoints").exists()
