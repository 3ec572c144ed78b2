"""The backup lane where ESPnet is missing, broken or lying: blocked or failed with a reason, and never believed.

What stands in for ESPnet's environment here is a program of its own, as the real one is. Training with the real one is
tested under `tests/espnet_runtime`.
"""

from __future__ import annotations

import json
import sys
import time
import venv
import wave
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from tests.format_files import torch_zip
from tests.training_lane import Trained

from helix_tts_policy import check_training_run, read_lane_log
from helix_tts_policy.cli import main
from helix_tts_policy.training_children import require_result
from helix_tts_policy.training_process import ChildEnd
from helix_tts_policy.training_run import RunFailed

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2026-11-25T12:00:00+00:00"
REASON = "nemo_runtime_unavailable"
RECORD = f'[nemo_blocked]\nreason = "{REASON}"\nowner = "speech@acme-voices.com"\nexpires_on = 2026-12-31\n'
HEAD = 'schema_version = "license-policy/1"\n'

CONFIG = """
schema_version = "espnet-training/1"
preset = "smoke"
model = "{model}"
[espnet]
python = "{python}"
[data]
train = "train.jsonl"
name = "tones"
license = "CC0-1.0"
[training]
steps = 2
batch_size = 1
"""

TOOLS = f"""#!{sys.executable}
import json, os, pathlib, shutil, sys
_, _, verb, path = sys.argv[1:]
plan = json.loads(pathlib.Path(path).read_text())
voice = pathlib.Path(plan["voice"])
def say(line):
    os.write(int(os.environ["HELIX_TTS_POLICY_LANE"]), line.encode() + b"\\n")
def result(**facts):
    pathlib.Path(plan["result"]).write_text(json.dumps(facts))
def train():
    say('READY {{"espnet": "202511"}}')
    say("PROGRESS 0 2")
    say("PROGRESS 1 2")
    say("PROGRESS 2 2")
    say('STATS {{"loss": 0.5}}')
    for name in ("yaml", "npz"):
        (voice / f"tacotron2.{{name}}").write_bytes(b"x")
    shutil.copy(pathlib.Path(sys.argv[0]).with_name("weights"), voice / "tacotron2.pth")
facts = dict(steps=2, losses={{"loss": 0.5}}, initial="a", parameters="b", tensors="c")
spoken = dict(tensors="c", seconds=1.0, peak=0.5)
if verb == "look":
    result(espnet="202511")
    sys.exit()
"""
"""The beginning of a program that takes the place of the interpreter; it has an ESPnet, as it says."""


def tone(folder: Path, seconds: float = 1.0) -> None:
    """A data set of one recording."""
    samples = array("h", [int(8000 * ((number % 100) / 50 - 1)) for number in range(int(22_050 * seconds))])
    with wave.open(str(folder / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        file.writeframes(samples.tobytes())
    row = {"audio_filepath": "tone.wav", "text": "A tone.", "duration": seconds}
    (folder / "train.jsonl").write_text(json.dumps(row) + "\n")


class Lane:
    """Runs the command in this process, each test in its folder."""

    def __init__(self, folder: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._captured = captured

    def trained(
        self, python: str, *options: str, policy: str = HEAD + RECORD, model: str = "tacotron2", seconds: float = 1.0
    ) -> Trained:
        (self.folder / "policy.toml").write_text(policy)
        config = self.folder / "train.toml"
        config.write_text(CONFIG.format(model=model, python=python))
        tone(self.folder, seconds)
        words = ["train", "espnet", "--config", str(config), "--policy", str(self.folder / "policy.toml"), "--now", NOW]
        start = time.monotonic()
        code = main([*words, *options])
        out, err = self._captured.readouterr()
        status = self.folder / "run" / "train_status.json"
        told = json.loads(status.read_bytes()) if status.exists() else {}
        return Trained(code, out.splitlines(), err, self.folder / "run", time.monotonic() - start, told)

    def stand_in(self, script: str, weights: bytes = b"no weights") -> str:
        (self.folder / "weights").write_bytes(weights)
        program = self.folder / "python"
        program.write_text(TOOLS + script)
        program.chmod(0o755)
        return str(program)


@pytest.fixture
def lane(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Lane:
    return Lane(tmp_path, capfd)


def blocked(run: Trained) -> tuple[str, str]:
    """The reason and the message of a run that is blocked, which the lane tells as the status file does."""
    status = run.status

    assert (run.code, status["status"], status["job_type"]) == (2, "blocked", "tts_prod_train_espnet2"), run.err
    assert run.lane == [
        "PROGRESS 0 2",
        f"STATS {json.dumps({'reason': status['reason'], 'status': 'blocked'})}",
        f"[tts-prod] status=blocked reason={status['reason']}",
        "ARTIFACT train_status.json",
    ]
    assert read_lane_log(run.folder / "lane.log").blocked_reason == status["reason"]
    assert check_training_run(run.folder / "lane.log", status=run.folder / "train_status.json").blocked
    return status["reason"], status["message"]


# --- whether the lane may train ---------------------------------------------------------------------------------------


def test_the_lane_does_not_train_where_no_policy_records_that_nemo_is_blocked(lane: Lane, tmp_path: Path) -> None:
    assert blocked(lane.trained(sys.executable, policy=HEAD)) == (
        "backup_lane_not_allowed",
        f"{tmp_path}/policy.toml: found no record that NeMo is blocked; expected one, since this lane is its backup",
    )


def test_a_record_that_expired_lets_nothing_train(lane: Lane, tmp_path: Path) -> None:
    run = lane.trained(sys.executable, policy=HEAD + RECORD.replace("2026-12-31", "2026-11-24"))

    reason, message = blocked(run)

    assert reason == "backup_lane_not_allowed:expired"
    assert message == (
        f"{tmp_path}/policy.toml: found the record that NeMo is blocked (nemo_runtime_unavailable), "
        "which expired on 2026-11-24; expected one that holds"
    )
    assert run.status["nemo_blocked"]["owner"] == "speech@acme-voices.com"


def test_a_policy_that_cannot_be_used_is_a_usage_error(lane: Lane, tmp_path: Path) -> None:
    run = lane.trained(sys.executable, policy=HEAD + RECORD.replace(REASON, "NeMo is broken"))

    assert (run.code, run.lane, run.folder.exists()) == (2, [], False)
    assert run.err == (f"{tmp_path}/policy.toml: the policy cannot be used; helix-tts-policy policy check tells why\n")


def test_a_configuration_of_another_shape_is_a_usage_error(lane: Lane, tmp_path: Path) -> None:
    run = lane.trained(sys.executable, model="jets")

    assert (run.code, run.lane, run.folder.exists()) == (2, [], False)
    assert run.err.startswith(f"{tmp_path}/train.toml:4:9: ")


# --- whether ESPnet is there ------------------------------------------------------------------------------------------


def test_an_environment_that_is_not_there_blocks_the_run(lane: Lane, tmp_path: Path) -> None:
    run = lane.trained("env/bin/python")

    program = tmp_path / "env/bin/python"
    expected = "expected the interpreter of an environment that has ESPnet"

    assert blocked(run) == ("espnet_runtime_unavailable", f"{program}: found no program there; {expected}")
    assert run.status["runtime"] == {"python": f"{tmp_path}/env/bin/python", "espnet": None}


def test_an_environment_without_espnet_blocks_the_run(lane: Lane) -> None:
    assert blocked(lane.trained(sys.executable)) == (
        "espnet_runtime_unavailable",
        f"{sys.executable}: found no ESPnet: its environment has none; expected an environment that has it",
    )


def test_a_program_that_is_no_python_blocks_the_run(lane: Lane, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no such option >&2\nexit 2\n")
    program.chmod(0o755)

    assert blocked(lane.trained(str(program))) == (
        "espnet_runtime_unavailable",
        f"{program}: found no ESPnet: no such option; expected an environment that has it",
    )


def test_a_program_that_cannot_be_started_blocks_the_run(lane: Lane, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)

    assert blocked(lane.trained(str(program))) == (
        "espnet_runtime_unavailable",
        f"{program}: cannot be started: No such file or directory; expected a Python interpreter",
    )


def test_an_espnet_that_cannot_be_imported_blocks_the_run(lane: Lane, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "espnet-202511.dist-info").mkdir()
    (site / "espnet-202511.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: espnet\nVersion: 202511\n")

    run = lane.trained(str(tmp_path / "env" / "bin" / "python"))

    assert (run.code, run.status["status"], run.status["reason"]) == (2, "blocked", "espnet_runtime_unavailable")
    assert run.status["message"].startswith("ESPnet cannot be imported: ModuleNotFoundError: No module named ")


# --- the data ---------------------------------------------------------------------------------------------------------


def test_data_that_cannot_be_trained_on_block_the_run(lane: Lane, tmp_path: Path) -> None:
    reason, message = blocked(lane.trained(lane.stand_in(""), seconds=0.01))

    assert reason == f"audio_too_short:{tmp_path}/train.jsonl:1"
    assert message == (
        f'{tmp_path}/train.jsonl:1: "tone.wav" has 220 samples for 7 symbols of text; expected at least 2304'
    )


def test_vits_needs_longer_recordings(lane: Lane) -> None:
    assert blocked(lane.trained(lane.stand_in(""), model="vits", seconds=0.3)) == (
        "audio_too_short:tone.wav",
        "line 1: tone.wav: found 6615 samples; expected 8448 for vits",
    )


# --- a child that lies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "reason", "message"),
    [
        ("train(); sys.exit()", "internal_error", "training: exit code 0: it said nothing"),
        ("train(); print('so much'); sys.exit(3)", "internal_error", "training: exit code 3: so much"),
        ("train(); os.kill(os.getpid(), 11)", "terminated_by_signal:11", "training: signal 11 ended the process"),
        ("train(); result(reason='out_of_memory', message='no room')", "out_of_memory", "no room"),
        ("train(); result(**{**facts, 'steps': 1})", "steps_incomplete", "found 1 steps; expected 2"),
        (
            "train(); say('PROGRESS 1 2'); result(**facts)",
            "steps_incomplete",
            "found PROGRESS 1 2; expected all steps done",
        ),
        (
            "train(); result(**{**facts, 'parameters': 'a'})",
            "weights_unchanged",
            "found the weights that training began with",
        ),
        (
            "train(); (voice / 'tacotron2.npz').unlink(); result(**facts)",
            "artifact_missing",
            "tacotron2.npz: found nothing; expected what the training saved",
        ),
    ],
)
def test_a_child_is_not_believed(lane: Lane, script: str, reason: str, message: str) -> None:
    run = lane.trained(lane.stand_in(script))

    assert (run.code, run.status["status"]) == (1, "error"), run.err
    assert (run.status["reason"], run.status["message"]) == (reason, message)
    judged = check_training_run(run.folder / "lane.log", status=run.folder / "train_status.json", nemo_blocked=REASON)
    assert judged.verdict == "NO-GO"


FIT = "if verb == 'fit': train(); result(**facts); sys.exit()\n"
"""A training that is told without a fault."""


@pytest.mark.parametrize(
    ("script", "reason", "message"),
    [
        ("", "internal_error", "the second look: exit code 0: it said nothing"),
        ("result(**{**spoken, 'tensors': 'd'})", "artifact_invalid", "found other tensors than were trained"),
        ("result(reason='weights_nonfinite', message='NaN')", "weights_nonfinite", "NaN"),
    ],
)
def test_a_voice_that_does_not_speak_is_none(lane: Lane, script: str, reason: str, message: str) -> None:
    run = lane.trained(lane.stand_in(FIT + script, torch_zip()))

    assert (run.code, run.status["status"]) == (1, "error"), run.err
    assert (run.status["reason"], run.status["message"]) == (reason, message)


def test_what_the_children_did_is_told_and_laid_out(lane: Lane) -> None:
    speak = f"result(**spoken); shutil.copy('{lane.folder}/tone.wav', plan['sample'])"
    run = lane.trained(lane.stand_in(FIT + speak, torch_zip()))

    assert (run.code, run.status["status"]) == (0, "completed"), run.err
    assert run.lane == [
        "PROGRESS 0 2",
        "PROGRESS 1 2",
        "PROGRESS 2 2",
        'STATS {"loss": 0.5}',
        "ARTIFACT weights/tacotron2.pth",
        "ARTIFACT weights/tacotron2.yaml",
        "ARTIFACT weights/tacotron2.npz",
        "ARTIFACT sample.wav",
        "ARTIFACT dataset.jsonl",
        "PROGRESS 2 2",
        'STATS {"status": "completed"}',
        "ARTIFACT train_status.json",
    ]
    assert run.status["nemo_blocked"] == {
        "reason": REASON,
        "owner": "speech@acme-voices.com",
        "expires_on": "2026-12-31",
    }
    assert run.status["tensors"] == {"tacotron2": "c"}
    assert (run.folder / "stages" / "train" / "text").read_text() == "u00000000 a tone.\n"
    assert (run.folder / "stages" / "valid" / "wav.scp").read_text() == f"u00000000 {lane.folder}/tone.wav\n"
    assert (run.folder / "stages" / "tokens.txt").read_text().split()[:4] == ["<blank>", "<unk>", "<space>", "!"]


def test_vits_has_two_files(lane: Lane) -> None:
    script = FIT.replace("result(", "os.rename(voice / 'tacotron2.pth', voice / 'vits.pth'); result(")
    run = lane.trained(lane.stand_in(script), model="vits")

    assert (run.code, run.status["reason"], run.status["message"]) == (
        1,
        "artifact_missing",
        "vits.yaml: found nothing; expected what the training saved",
    )


def test_weights_that_are_something_else_are_seen(lane: Lane) -> None:
    run = lane.trained(lane.stand_in("train(); result(**facts)"))

    assert (run.code, run.status["status"], run.status["reason"]) == (1, "error", "artifact_invalid:tacotron2.pth")
    assert run.status["message"].startswith("tacotron2.pth: found ")


def status_fields(run: Trained) -> dict[str, Any]:
    return {name: run.status[name] for name in ("status", "reason", "resumed")}


def test_a_run_that_broke_off_goes_on_with_its_own_data_only(lane: Lane) -> None:
    program = lane.stand_in("train(); sys.exit(3)")
    lane.trained(program)

    again = lane.trained(program, "--resume", seconds=2.0)

    assert status_fields(again) == {"status": "blocked", "reason": "manifest_invalid", "resumed": True}
    assert again.status["message"] == "found other data than the run began with; expected the same to go on"


def test_a_run_that_broke_off_is_not_begun_again_unasked(lane: Lane, tmp_path: Path) -> None:
    program = lane.stand_in("train(); sys.exit(3)")
    lane.trained(program)

    assert lane.trained(program).err == (
        f"{tmp_path}/run: found a run that broke off; resume it with --resume, or name another folder\n"
    )


def test_a_run_that_broke_off_goes_on_when_it_is_asked_to(lane: Lane) -> None:
    lane.trained(lane.stand_in("train(); sys.exit(3)"))
    speak = f"result(**spoken); shutil.copy('{lane.folder}/tone.wav', plan['sample'])"

    again = lane.trained(lane.stand_in(FIT + speak, torch_zip()), "--resume")

    assert (again.code, status_fields(again)) == (0, {"status": "completed", "reason": None, "resumed": True})
    assert again.lane[:2] == ["PROGRESS 0 2", f'STATS {{"attempt": "{again.status["attempt"]}"}}']


@pytest.mark.parametrize(
    ("ended", "reason", "message"),
    [
        ("out_of_memory", "out_of_memory", "voice: the kernel ended the process for want of memory"),
        ("timed_out", "internal_error:timeout", "voice: the process took too long"),
    ],
)
def test_how_a_child_ended_tells_why_it_said_nothing(ended: str, reason: str, message: str, tmp_path: Path) -> None:
    end = ChildEnd(
        code=None, signal=None, timed_out=ended == "timed_out", out_of_memory=ended == "out_of_memory", tail=""
    )

    with pytest.raises(RunFailed) as failed:
        require_result("voice", tmp_path / "voice.json", end)

    assert (failed.value.reason, failed.value.message) == (reason, message)
