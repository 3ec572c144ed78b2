"""``lane follow`` on logs that grow: real processes, real files, a real terminal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.command_line import LIMIT_SECONDS, command, environment, run_on_terminal

from helix_tts_policy.cli.lane_tail import FileTail
from helix_tts_policy.cli.lane_view import LineView, Rate, duration
from helix_tts_policy.facts.lane import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOOD = 'PROGRESS 1 2\nSTATS {"loss": 0.75}\nPROGRESS 2 2\nSTATS {"loss": 0.5}\nARTIFACT out/voice.nemo\n'


class Followed:
    """``lane follow`` in a process of its own, with what it has said so far."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            command("lane", "follow", *arguments, "--interval", "0.01"),
            cwd=cwd,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))

    def until(self, said: Callable[[list[str]], bool]) -> None:
        give_up = time.monotonic() + LIMIT_SECONDS
        while not said(self.lines):
            assert time.monotonic() < give_up, self.lines
            assert self.process.poll() is None or said(self.lines), self.lines
            time.sleep(0.01)

    def says(self, line: str) -> None:
        self.until(lambda lines: any(line in each for each in lines))

    def ends(self) -> int:
        code = self.process.wait(LIMIT_SECONDS)
        self._reader.join()
        return code

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Callable[..., Followed]]:
    begun: list[Followed] = []

    def begin(*arguments: str) -> Followed:
        begun.append(Followed(*arguments, cwd=tmp_path))
        return begun[-1]

    yield begin
    for each in begun:
        each.stop()


def append(path: Path, text: str) -> None:
    with path.open("a") as log:
        log.write(text)


def test_a_log_is_followed_from_before_it_is_there_to_its_status(
    tmp_path: Path, follow: Callable[..., Followed]
) -> None:
    log = tmp_path / "run.log"
    followed = follow("run.log", "--until-done", "--root", ".")
    followed.says("waiting for run.log")
    append(log, "PROGRESS 0 4\nPROG")
    followed.says("0/4 0%")
    append(log, 'RESS 2 4\nSTATS {"loss": 0.5, "val_loss": 0.75}\nbar\r')
    followed.says("2/4 50%  loss 0.5  val_loss 0.75")
    append(log, "PROGRESS 4 4\nARTIFACT out/voice.nemo\n")
    followed.says("artifact out/voice.nemo")
    followed.says("4/4 100%")
    assert followed.process.poll() is None  # all steps done is not the end
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "voice.nemo").write_bytes(b"weights")
    (tmp_path / "train_status.json").write_text('{"job_type": "tts_prod_train_nemo", "status": "completed"}')

    assert followed.ends() == 0
    assert "GO  run.log" in followed.lines
    assert followed.lines[-1] == "GO: nothing to complain about"
    assert any("steps/s  eta 0:00:0" in line for line in followed.lines)


def test_a_run_that_failed_is_one(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    (tmp_path / "run.log").write_text("PROGRESS 1 4\n")
    (tmp_path / "my.json").write_text('{"status": "error", "message": "CUDA out of memory"}')
    followed = follow("run.log", "--until-done", "--status", "my.json")

    assert followed.ends() == 1
    assert any("error[run-not-completed] my.json:1:12" in line for line in followed.lines)


def test_a_status_of_an_earlier_run_is_not_the_end(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    status = tmp_path / "train_status.json"
    status.write_text('{"status": "completed"}')
    os.utime(status, (time.time() - 3600,) * 2)
    (tmp_path / "run.log").write_text("PROGRESS 1 4\n")
    followed = follow("run.log", "--until-done")
    followed.says("1/4 25%")
    time.sleep(0.6)
    assert followed.process.poll() is None
    status.write_text("{")  # as somebody writes who does not replace it as one
    time.sleep(0.4)
    assert followed.process.poll() is None
    status.write_text('{"status": "error", "reason": "non_finite_loss"}')

    assert followed.ends() == 1


def test_a_blocked_run_is_two(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    (tmp_path / "run.log").write_text("starting\n")
    followed = follow("run.log", "--until-done")
    append(tmp_path / "run.log", "[tts-prod] status=blocked reason=nemo_runtime_unavailable\n")

    assert followed.ends() == 2
    assert followed.lines[0] == "[tts-prod] status=blocked reason=nemo_runtime_unavailable"


def test_a_colab_report_is_the_end(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    (tmp_path / "run.log").write_text(
        "=== COLAB TRAIN REPORT ===\nobjective_status: failed\nfirst_failed_step: gpu_probe\n"
    )

    assert follow("run.log", "--until-done").ends() == 1


def test_the_end_of_the_process_is_the_end(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    log = tmp_path / "run.log"
    with log.open("wb") as stream:
        training = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; print('PROGRESS 1 4', flush=True); sys.stdin.read(); print('PROGRESS 2 4')",
            ],
            stdin=subprocess.PIPE,
            stdout=stream,
        )
    followed = follow("run.log", "--until-done", "--pid", str(training.pid))
    followed.says("1/4 25%")
    assert training.stdin is not None
    training.stdin.close()
    assert training.wait(LIMIT_SECONDS) == 0

    assert followed.ends() == 1
    assert any("found PROGRESS 2 4 as the last progress" in line for line in followed.lines)


def test_silence_is_the_end_where_the_caller_says_so(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    (tmp_path / "run.log").write_text(GOOD)
    followed = follow("run.log", "--idle", "0.3")

    assert followed.ends() == 0
    assert followed.lines == ["artifact out/voice.nemo", "2/2 100%  loss 0.5", "the log has not grown for 0.3 s"]


def test_rotation_and_truncation_lose_nothing(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    log = tmp_path / "run.log"
    with log.open("w") as old:
        old.write("PROGRESS 0 9\nPROGRESS 1 9\n")
        old.flush()
        followed = follow("run.log", "--until-done", "--idle", "3")
        followed.says("1/9")
        log.rename(tmp_path / "run.log.1")
        old.write("PROGRESS 2 9\nARTIFACT out/2\n")  # the writer does not know yet
        old.flush()
        followed.says("artifact out/2")
    log.write_text("PROGRESS 3 9\n")
    followed.says("3/9")
    assert followed.lines.count("the log begins anew") == 1
    append(log, "x" * 200 + "\n")
    time.sleep(0.4)
    log.write_text("PROGRESS 4 9\n")  # cut short in place
    followed.says("4/9")
    assert followed.lines.count("the log begins anew") == 2
    time.sleep(0.4)
    log.write_text("PROGRESS 1 9\nARTIFACT out/1\n" + "y" * 400 + "\nPROGRESS 9 9\n")  # and longer than before at once
    followed.says("9/9")

    assert followed.ends() == 0
    assert followed.lines.count("the log begins anew") == 3
    assert [line for line in followed.lines if line.startswith("artifact ")] == ["artifact out/2", "artifact out/1"]
    assert not any("progress-regressed" in line for line in followed.lines)


def test_a_pipe_is_followed_to_its_end(follow: Callable[..., Followed]) -> None:
    followed = follow("-", "--until-done", "--lane", "tts_prod_train")
    assert followed.process.stdin is not None
    followed.process.stdin.write(GOOD[:40].encode())
    followed.process.stdin.flush()
    followed.says("1/2 50%  loss 0.75")
    followed.process.stdin.write(GOOD[40:].encode())
    followed.process.stdin.close()

    assert followed.ends() == 0
    assert followed.lines[-1] == "GO: 2 notes"


def test_malformed_lines_are_told_as_they_come(follow: Callable[..., Followed]) -> None:
    followed = follow("-")
    assert followed.process.stdin is not None
    followed.process.stdin.write(b"PROGRESS 5\nSTATS {\x1b[31m\n" + b"ARTIFACT \n" * 2000)
    followed.process.stdin.close()

    assert followed.ends() == 0
    assert followed.lines[:2] == ["malformed (progress-fields): PROGRESS 5", "malformed (stats-syntax): STATS {"]
    assert followed.lines[-1] == "and more, which is not told one by one any more"
    assert len(followed.lines) == 1000


def test_a_follower_whose_reader_leaves_ends() -> None:
    process = subprocess.Popen(  # noqa: S603
        command("lane", "follow", "-"),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, told = process.communicate(b"ARTIFACT a\n" * 100_000, timeout=LIMIT_SECONDS)

    assert (process.returncode, told) == (2, b"")


def test_an_interrupted_follower_says_so(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    (tmp_path / "run.log").write_text("PROGRESS 1 4\n")
    followed = follow("run.log")
    followed.says("1/4 25%")
    followed.process.send_signal(2)

    assert followed.ends() == 130
    assert followed.process.stderr is not None
    assert followed.process.stderr.read() == b"helix-tts-policy: interrupted\n"


def test_a_terminal_has_a_bar(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text('PROGRESS 3 10\nSTATS {"loss": 0.5}\n')

    def train() -> None:
        for step in range(4, 11):
            time.sleep(0.3)
            append(log, f'PROGRESS {step} 10\nSTATS {{"loss": {step / 100}}}\n')
        append(log, "ARTIFACT out/\x1b[31mvoice.nemo\n")
        time.sleep(0.6)
        append(log, "ARTIFACT out/voice.nemo\nPROGRESS 0 5\nPROGRESS 5 5\n")
        (tmp_path / "train_status.json").write_text('{"status": "completed", "stats": {"loss": 0.1}}')

    writer = threading.Thread(target=train)
    writer.start()
    shown = run_on_terminal("lane", "follow", "run.log", "--until-done", cwd=tmp_path)
    writer.join()

    assert shown.code == 0
    assert re.search(r"\b[3-9]/10 \[", shown.screen)
    assert "10/10 [" in shown.screen
    assert "loss 0.1" in shown.screen
    assert "artifact out/voice.nemo" in shown.screen
    assert "5/5 [" in shown.screen
    assert "\x1b[1;32mGO\x1b[0m" in shown.screen


def test_a_bar_on_standard_error_leaves_the_report_on_standard_output(tmp_path: Path) -> None:
    (tmp_path / "run.log").write_text(GOOD)
    shown = run_on_terminal(
        "lane", "follow", "run.log", "--until-done", "--idle", "0.3", cwd=tmp_path, streams=("stderr",)
    )

    assert "2/2 [" in shown.screen
    assert shown.out.startswith("GO  run.log\n")


def test_rate_and_duration() -> None:
    rate = Rate()
    assert rate.per_second is None
    rate.take(Progress(5, 100), 0.0)
    assert rate.per_second is None
    rate.take(Progress(15, 100), 2.0)
    assert rate.per_second == 5.0
    for second in range(3, 200):
        rate.take(Progress(15 + second // 5, 100), float(second))
    assert rate.per_second == pytest.approx(0.2, rel=0.1)
    rate.take(Progress(0, 100), 201.0)
    assert rate.per_second is None
    assert [duration(seconds) for seconds in (0, 61, 3599.6, 360_000)] == ["0:00:00", "0:01:01", "1:00:00", "100:00:00"]


def test_lines_come_not_too_often(capsys: pytest.CaptureFixture[str]) -> None:
    view = LineView(10)
    view.update(None, {}, 0.0)
    for second in range(25):
        view.update(Progress(second, 0 if second == 0 else 100), {"loss": 1.0}, float(second))
    view.close()
    view.close()

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["0/0", "10/100", "20/100", "24/100"]


def test_a_tail_sees_each_byte_once_however_files_change(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    tail = FileTail(str(path))
    assert (list(tail.look()), tail.changed_at()) == ([], None)
    path.write_bytes(b"a\n")
    assert list(tail.look()) == [b"a\n"]
    assert list(tail.look()) == []
    path.unlink()
    assert list(tail.look()) == []
    path.write_bytes(b"b\n")
    assert list(tail.look()) == [None, b"b\n"]
    with path.open("ab") as log:
        log.write(b"c\n" * 100_000)
    assert b"".join(piece for piece in tail.look() if piece) == b"c\n" * 100_000
    path.write_bytes(b"")
    assert list(tail.look()) == [None]
    path.write_bytes(b"d\n")
    assert list(tail.look()) == [b"d\n"]
    copy = tmp_path / "copy"
    shutil.copyfile(path, copy)
    copy.replace(path)
    assert list(tail.look()) == [None, b"d\n"]
    assert isinstance(tail.changed_at(), float)
    tail.close()
    tail.close()
