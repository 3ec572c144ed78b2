"""``lane parse`` as people and services run it, and what both verbs of ``lane`` refuse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import REPOSITORY, command, environment, run

from helix_tts_policy.cli import main

LOGS = Path(__file__).parent / "data" / "logs"
GOOD = 'PROGRESS 1 2\nSTATS {"loss": 0.75}\nPROGRESS 2 2\nSTATS {"loss": 0.5}\nARTIFACT out/voice.nemo\n'


def test_parse_tells_a_summary_and_what_was_not_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lane", "parse", str(LOGS / "resume_stdout.log")]) == 0
    out, err = capsys.readouterr()

    assert err == ""
    assert out.startswith(
        f"GO  {LOGS}/resume_stdout.log\n\n  progress   12 of 12, all steps done\n  figures    t_loss 36.6081, "
    )
    assert "\n  artifact   o/fp_resumed.nemo\n  log        1633 bytes: 7 PROGRESS, 6 STATS, 0 malformed\n" in out
    assert out.endswith("\nGO: 3 notes\n")


@pytest.mark.parametrize(
    ("log", "arguments", "code"),
    [
        (GOOD, [], 0),
        ("PROGRESS 1 2\n", [], 1),
        ("PROGRESS 1 2\nPROGRESS 0 2\n", [], 1),
        ("[tts-prod] status=blocked reason=nemo_runtime_unavailable\n", [], 2),
        (GOOD, ["--lane", "tts_prod_train_nemo"], 0),
        (GOOD, ["--lane", "tts_voice_train"], 1),
        (GOOD, ["--lane", "espnet2"], 1),
        (GOOD, ["--lane", "espnet2", "--nemo-blocked", "nemo_runtime_unavailable"], 0),
        (GOOD, ["--lane", "espnet2", "--policy", "blocked.toml"], 0),
        (GOOD, ["--lane", "espnet2", "--policy", "expired.toml"], 1),
        (GOOD, ["--lane", "espnet2", "--policy", "expired.toml", "--nemo-blocked", "nemo_runtime_unavailable"], 0),
        (GOOD, ["--lane", "espnet2", "--policy", "no-such.toml"], 2),
        (GOOD, ["--status", "no-such.json"], 1),
        (GOOD, ["--status", "broken.json"], 2),
        (GOOD, ["--status", "blocked.json"], 2),
        (GOOD, ["--root", "."], 1),
    ],
)
def test_exit_codes(log: str, arguments: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.log").write_text(log)
    Path("broken.json").write_text("{")
    Path("blocked.json").write_text('{"status": "blocked", "reason": "out_of_disk"}')
    for name, day in (("blocked", "9999-12-31"), ("expired", "2026-11-01")):
        Path(f"{name}.toml").write_text(
            'schema_version = "license-policy/1"\n'
            f'[nemo_blocked]\nreason = "nemo_runtime_unavailable"\nowner = "speech"\nexpires_on = {day}\n'
        )

    assert main(["lane", "parse", "run.log", *arguments]) == code


def test_a_log_that_is_not_there_is_two() -> None:
    done = run("lane", "parse", "no-such.log")

    assert (done.code, done.err) == (2, "")
    assert "error[input-unreadable] no-such.log\n" in done.out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lane", "parse", str(LOGS / "nemo_lane_stdout.log"), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert document["schema"] == "helix-tts-policy/verify/1"
    (report,) = document["reports"]
    assert report["schema"] == "helix-tts-policy/training-run-report/1"
    assert report["log"]["progress"] == {"current": 4, "total": 4}
    assert report["log"]["history"]["val_loss"][-1] == [4, 38.78403854370117]


@pytest.mark.parametrize("form", ["sarif", "github", "junit"])
def test_other_formats(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lane", "parse", str(LOGS / "kill_stdout.log"), "--format", form]) == 1
    out = capsys.readouterr().out

    assert "progress-incomplete" in out
    assert "found PROGRESS 7 12 as the last progress" in out


def test_standard_input_is_a_log() -> None:
    done = run("lane", "parse", "-", stdin=(LOGS / "nemo_lane_stdout.log").read_bytes())

    assert done.code == 0
    assert done.out.startswith("GO  <stdin>\n")


def test_standard_input_that_is_no_log(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as unreadable:
        for action in ("parse", "follow"):
            done = subprocess.run(  # noqa: S603
                command("lane", action, "-"),
                stdin=unreadable,
                cwd=REPOSITORY,
                env=environment(),
                capture_output=True,
                check=False,
            )
            assert (done.returncode, done.stdout) == (2, b"")
            assert done.stderr == b"-: standard input cannot be read: Bad file descriptor; expected a log there\n"
    closed = " ".join(command("lane", "parse", "-")) + " <&-"
    done = subprocess.run(closed, shell=True, cwd=REPOSITORY, env=environment(), capture_output=True, check=False)  # noqa: S602
    assert (done.returncode, done.stderr) == (2, b"-: standard input is closed; expected a log there\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--idle", "0"], "--idle: found 0; expected more than 0 seconds"),
        (["--idle", "nan"], "--idle: found nan; expected more than 0 seconds"),
        (["--interval", "-1"], "--interval: found -1; expected more than 0 seconds"),
        (["--pid", "0"], "--pid: found 0; expected the number of a process"),
    ],
)
def test_usage_of_follow(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lane", "follow", "run.log", *arguments]) == 2
    assert capsys.readouterr() == ("", f"{message}\n")


def test_only_a_file_is_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lane", "follow", str(tmp_path)]) == 2
    assert capsys.readouterr() == ("", f"{tmp_path}: is a directory; expected a regular file\n")


def test_help_of_both(capsys: pytest.CaptureFixture[str]) -> None:
    for action, words in {"parse": "--nemo-blocked REASON", "follow": "--until-done"}.items():
        with pytest.raises(SystemExit) as caught:
            main(["lane", action, "--help"])
        ended: Any = caught.value
        assert ended.code == 0
        assert words in capsys.readouterr().out
