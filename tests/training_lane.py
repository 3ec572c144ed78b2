"""How the tests run a training lane: the real command, and what it left in the folder of its run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.command_line import REPOSITORY, command, environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT_SECONDS = 300.0


class Trained(NamedTuple):
    """What a run left behind.

    Attributes:
        code: exit code; the negative number of the signal that killed it.
        lane: lines of standard output.
        err: standard error.
        folder: of the run.
        seconds: it took.
        status: what its status file said at its end; empty where there was none.
    """

    code: int
    lane: list[str]
    err: str
    folder: Path
    seconds: float
    status: dict[str, Any]


def train(
    config: Path,
    *options: str,
    lane: str = "nemo",
    run: str = "run",
    signal_at: Mapping[int, int] | None = None,
    close_at: int | None = None,
    file_limit: int | None = None,
    variables: Mapping[str, str] | None = None,
) -> Trained:
    """Run ``train nemo``, or another lane, to its end.

    Args:
        config: the configuration, beside which the folder of the run lies.
        options: further words of the command.
        lane: what is run.
        run: name of that folder.
        signal_at: by the number of steps done, the signal that is sent to the command then.
        close_at: after how many steps standard output is closed.
        file_limit: bytes beyond which no file of the run can grow, as on a full disk.
        variables: of the environment.
    """
    start = time.monotonic()
    due = dict(signal_at or {})
    limited = [] if file_limit is None else [sys.executable, "-c", _LIMITED, str(file_limit)]
    errors = config.with_suffix(".err")
    kept = {name: os.environ[name] for name in ("TMPDIR", "HOME") if name in os.environ}
    with errors.open("wb") as err:
        process = subprocess.Popen(  # noqa: S603
            [*limited, *command("train", lane, "--config", str(config), *options)],
            env=environment(**kept, **(variables or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
        )
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.decode().rstrip("\n"))
            words = lines[-1].split()
            if words[0] == "PROGRESS":
                done = int(words[1])
                if done == close_at:
                    break
                if done in due:  # an end tells its progress again
                    process.send_signal(due.pop(done))
        process.stdout.close()
        code = process.wait(LIMIT_SECONDS)
    folder = config.parent / run
    status = folder / "train_status.json"
    told = json.loads(status.read_bytes()) if status.exists() else {}
    return Trained(code, lines, errors.read_text(), folder, time.monotonic() - start, told)


_LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs a command that cannot write larger files, as the one of a shell does, and without threads of this process."""


def example_data(folder: Path) -> Path:
    """Eight utterances of the example to train with, and two to validate with, in a folder; skips where none can be made."""
    if shutil.which("espeak-ng") is None or shutil.which("sox") is None:
        pytest.skip("found no espeak-ng and sox to make recordings with")
    script = str(REPOSITORY / "examples/training/make_data.py")
    subprocess.run([sys.executable, script, str(folder)], check=True)  # noqa: S603
    for name, count in (("train", 8), ("validation", 2)):
        rows = (folder / f"{name}.jsonl").read_text().splitlines(keepends=True)
        (folder / f"{name}.jsonl").write_text("".join(rows[:count]))
    return folder


def left_running(folder: Path) -> list[str]:
    """Processes whose command line names a folder, as those of its run do."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                with open(f"/proc/{entry.name}/cmdline", "rb") as file:  # noqa: PTH123 - a name of the kernel's
                    words = file.read()
            except OSError:
                continue
            if os.fsencode(folder) in words:
                found.append(words.replace(b"\0", b" ").decode())
    return found
