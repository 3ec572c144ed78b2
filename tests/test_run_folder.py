"""The folder of a training run: who may have it, what its status file says at every moment, and how a run ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from helix_tts_policy import read_lane_log
from helix_tts_policy.check_training import check_training_run
from helix_tts_policy.training_run import FolderRefused, RunBlocked, RunFailed, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Body = Callable[[TrainingRun], Mapping[str, Any]]

LANE = "tts_prod_train_nemo"


def taken(folder: Path, *, resume: bool = False, record: Mapping[str, Any] | None = None) -> TrainingRun:
    return TrainingRun(folder, job_type=LANE, total=4, record=record or {"seed": 7}, resume=resume)


def supervised(folder: Path, body: Body, **taking: Any) -> tuple[int, dict[str, Any]]:
    code = taken(folder, **taking).supervise(body)
    status: dict[str, Any] = json.loads((folder / "train_status.json").read_bytes())
    return code, status


def trains(run: TrainingRun) -> Mapping[str, Any]:
    (run.folder / "checkpoints").mkdir(exist_ok=True)
    for step in range(1, 5):
        run.tell_progress(step)
        run.tell_stats({"loss": 1 / step})
    (run.folder / "voice.nemo").write_bytes(b"weights")
    run.tell_artifact(run.folder / "voice.nemo")
    return {"seed": 7}


def breaks_off(run: TrainingRun) -> Mapping[str, Any]:
    (run.folder / "checkpoints").mkdir(exist_ok=True)
    (run.folder / "checkpoints" / "2.ckpt").write_bytes(b"state")
    run.tell_progress(2)
    raise RunFailed("steps_incomplete", "found 2 of 4 steps")


def is_blocked(_: TrainingRun) -> Mapping[str, Any]:
    raise RunBlocked("audio_silent:train.jsonl:7", "row 7 is silent", findings=["row 7 is silent"])


def test_a_completed_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, status = supervised(tmp_path / "deep" / "run", trains)
    report = check_training_run(
        tmp_path / "deep/run/lane.log", status=tmp_path / "deep/run/train_status.json", root=tmp_path / "deep/run"
    )
    out, err = capfd.readouterr()

    assert (code, report.verdict, report.findings) == (0, "GO", ())
    assert out == (tmp_path / "deep/run/lane.log").read_text()
    assert out.splitlines()[-3:] == ["PROGRESS 4 4", 'STATS {"status": "completed"}', "ARTIFACT train_status.json"]
    assert err == "tts_prod_train_nemo: completed\n"
    assert {key: status[key] for key in ("status", "reason", "resumed", "seed", "artifacts", "stats")} == {
        "status": "completed",
        "reason": None,
        "resumed": False,
        "seed": 7,
        "artifacts": ["voice.nemo", "train_status.json"],
        "stats": {"loss": 0.25},
    }
    assert sorted(path.name for path in (tmp_path / "deep/run").iterdir() if path.name.startswith(".")) == [".lock"]


def test_what_nobody_needs_of_a_completed_run_is_removed(tmp_path: Path) -> None:
    taken(tmp_path).supervise(trains, passing=("checkpoints", "never-made"))

    assert not (tmp_path / "checkpoints").exists()


def test_a_file_that_is_told_twice_is_one_artifact(tmp_path: Path) -> None:
    def tells(run: TrainingRun) -> Mapping[str, Any]:
        run.tell_artifact("voice.nemo")
        run.tell_artifact(run.folder / "." / "voice.nemo")
        return {}

    assert supervised(tmp_path, tells)[1]["artifacts"] == ["voice.nemo", "train_status.json"]


def test_a_status_says_that_the_run_goes_on(tmp_path: Path) -> None:
    said = []

    def look(run: TrainingRun) -> Mapping[str, Any]:
        said.append(json.loads((run.folder / "train_status.json").read_bytes())["status"])
        return {}

    supervised(tmp_path, look)

    assert said == ["running"]


ENDS: dict[str, tuple[Body, int, str, str]] = {
    "blocked": (is_blocked, 2, "blocked", "audio_silent:train.jsonl:7"),
    "failed": (breaks_off, 1, "error", "steps_incomplete"),
}


@pytest.mark.parametrize("name", ENDS)
def test_every_end_has_its_code_and_its_reason(name: str, tmp_path: Path) -> None:
    body, code, state, reason = ENDS[name]
    found, status = supervised(tmp_path, body)

    assert (found, status["status"], status["reason"]) == (code, state, reason)
    assert read_lane_log(tmp_path / "lane.log").blocked_reason == (reason if code == 2 else None)
    assert (status.get("findings"), status["artifacts"]) == (
        ["row 7 is silent"] if code == 2 else None,
        ["train_status.json"],
    )


def test_a_reason_that_cannot_be_written_keeps_its_code() -> None:
    assert RunBlocked("audio_silent: odd\nname", "odd").reason == "audio_silent"


def test_a_full_disk(tmp_path: Path) -> None:
    def fills(_: TrainingRun) -> Mapping[str, Any]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "voice.nemo")

    code, status = supervised(tmp_path, fills)

    assert (code, status["status"], status["reason"]) == (1, "error", "out_of_disk")
    assert status["message"] == "[Errno 28] No space left on device: 'voice.nemo'"


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), KeyError("what"), KeyboardInterrupt()])
def test_what_nobody_foresaw_is_told_and_raised(error: BaseException, tmp_path: Path) -> None:
    def fails(_: TrainingRun) -> Mapping[str, Any]:
        raise error

    run = taken(tmp_path)
    with pytest.raises(type(error)):
        run.supervise(fails)

    status = json.loads((tmp_path / "train_status.json").read_bytes())
    assert (status["status"], status["reason"]) == ("error", "internal_error")
    assert status["message"].startswith(type(error).__name__)


def test_a_signal(tmp_path: Path) -> None:
    def waits(_: TrainingRun) -> Mapping[str, Any]:
        os.kill(os.getpid(), signal.SIGTERM)
        return {}

    before = signal.getsignal(signal.SIGTERM)
    code, status = supervised(tmp_path, waits)

    assert (code, status["status"], status["reason"]) == (143, "error", "terminated_by_signal:SIGTERM")
    assert signal.getsignal(signal.SIGTERM) is before


UNREAD = """
import sys
from helix_tts_policy.training_run import TrainingRun
def body(run):
    for step in range(1, 5):
        run.tell_progress(step)
        sys.stdin.readline()
    return {}
sys.exit(TrainingRun(sys.argv[1], job_type="tts_prod_train_nemo", total=4, record={}, resume=False).supervise(body))
"""


def test_a_lane_that_nobody_reads(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", UNREAD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "PROGRESS 1 4\n"
        process.stdout.close()
        process.stdin.write("\n\n\n\n")
        process.stdin.close()
    status = json.loads((tmp_path / "train_status.json").read_bytes())

    assert process.returncode == 141
    assert (status["status"], status["reason"]) == ("error", "terminated_by_signal:SIGPIPE")
    assert status["progress"] == {"current": 2, "total": 4}
    assert read_lane_log(tmp_path / "lane.log").stats["status"] == "error"


def test_a_lane_without_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        code, status = supervised(tmp_path, trains)

    assert (code, status["reason"]) == (141, "terminated_by_signal:SIGPIPE")
    assert read_lane_log(tmp_path / "lane.log").progress_count == 2


LIMITED = """
import resource, sys
from helix_tts_policy.training_run import TrainingRun
run = TrainingRun(sys.argv[1], job_type="tts_prod_train_nemo", total=4, record={}, resume=False)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
sys.exit(run.supervise(lambda run: {}))
"""


def test_no_room_for_what_is_kept_for_a_full_disk(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, check=False)  # noqa: S603
    status = json.loads((tmp_path / "train_status.json").read_bytes())

    assert (done.returncode, status["reason"]) == (1, "out_of_disk")


def test_a_child_of_a_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = """
import os
lane = int(os.environ["HELIX_TTS_POLICY_LANE"])
os.write(lane, b'STATS {"phase": "a"}\\nPROGRESS 4 4\\nnot of the lane\\n\\nSTATS {"loss": NaN}\\nARTIFACT voice.nemo\\n')
print("of the framework")
"""

    def body(run: TrainingRun) -> Mapping[str, Any]:
        assert run.run([sys.executable, "-c", script], lane=run.take_lane).code == 0
        return {}

    supervised(tmp_path, body)
    out, err = capfd.readouterr()

    assert out.splitlines()[:4] == ["PROGRESS 0 4", 'STATS {"phase": "a"}', "PROGRESS 4 4", "ARTIFACT voice.nemo"]
    assert sorted(err.splitlines()) == [
        'STATS {"loss": NaN}',
        "not of the lane",
        "of the framework",
        "tts_prod_train_nemo: completed",
    ]
    assert (tmp_path / "train.log").read_text() == err


def refused(folder: Path, **taking: Any) -> str:
    with pytest.raises(FolderRefused) as raised:
        taken(folder, **taking)
    text = str(raised.value)
    assert text.startswith(f"{folder}: ")
    return text.removeprefix(f"{folder}: ")


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    supervised(tmp_path, trains)

    expected = "found a completed run; expected a folder of its own for each run"
    assert refused(tmp_path) == refused(tmp_path, resume=True) == expected


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")

    assert refused(tmp_path) == "found thesis.tex; expected an empty folder for a new run"


def test_what_a_run_leaves_that_was_killed_at_its_first_breath_is_in_nobodys_way(tmp_path: Path) -> None:
    for name in (".lock", ".run.json.new", ".train_status.json.tmp", "lane.log", "train.log", "run.json"):
        (tmp_path / name).write_text("{")

    assert supervised(tmp_path, trains)[0] == 0


def test_a_status_that_cannot_be_read_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "train_status.json").write_text("{")
    (tmp_path / "voice.nemo").write_text("")

    assert refused(tmp_path) == "found voice.nemo; expected an empty folder for a new run"


def test_a_run_that_broke_off_goes_on_where_that_is_asked_for(tmp_path: Path) -> None:
    supervised(tmp_path, breaks_off)

    assert refused(tmp_path) == "found a run that broke off; resume it with --resume, or name another folder"
    code, status = supervised(tmp_path, trains, resume=True)
    assert (code, status["status"], status["resumed"]) == (0, "completed", True)


def test_a_run_goes_on_under_the_same_record(tmp_path: Path) -> None:
    supervised(tmp_path, breaks_off)
    expected = "found a run under another configuration or data; expected the one that broke off"

    assert refused(tmp_path, resume=True, record={"seed": 8}) == expected
    (tmp_path / "run.json").write_text("{")
    assert refused(tmp_path, resume=True) == expected


def test_where_nothing_broke_off_nothing_goes_on(tmp_path: Path) -> None:
    expected = "found no run to go on with; expected one that broke off; a new one takes no --resume"

    assert refused(tmp_path, resume=True) == expected
    supervised(tmp_path, is_blocked)
    assert refused(tmp_path, resume=True) == expected


def test_a_blocked_run_is_simply_tried_again(tmp_path: Path) -> None:
    supervised(tmp_path, is_blocked)
    code, status = supervised(tmp_path, trains)

    assert (code, status["resumed"]) == (0, False)
    assert read_lane_log(tmp_path / "lane.log").blocked_reason is None


def test_a_run_that_had_trained_and_is_blocked_keeps_its_checkpoints(tmp_path: Path) -> None:
    supervised(tmp_path, breaks_off)
    supervised(tmp_path, is_blocked, resume=True)

    assert refused(tmp_path) == "found a run that broke off; resume it with --resume, or name another folder"
    assert supervised(tmp_path, trains, resume=True)[0] == 0


def test_two_runs_at_once_in_one_folder(tmp_path: Path) -> None:
    found = []

    def tries(_: TrainingRun) -> Mapping[str, Any]:
        found.append(refused(tmp_path, resume=True))
        return {}

    supervised(tmp_path, tries)

    assert found == ["a run is going on there; expected a folder of its own"]
