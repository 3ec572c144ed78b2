"""How the tests run the command: in this process, as a real process, and on a real terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parents[1]
VOICES = Path("examples/voices")
NOW = "2026-11-24T00:00:00+00:00"
LIMIT_SECONDS = 60.0


class Outcome(NamedTuple):
    """What a process left behind."""

    code: int
    out: str
    err: str


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "helix_tts_policy", *arguments]


def environment(**changes: str) -> dict[str, str]:
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY / "src")}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return kept | changes


def run(
    *arguments: str, cwd: Path = REPOSITORY, env: Mapping[str, str] | None = None, stdin: bytes | None = None
) -> Outcome:
    done = subprocess.run(  # noqa: S603
        command(*arguments),
        cwd=cwd,
        env=environment(**(env or {})),
        input=stdin if stdin is not None else b"",
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


class OnTerminal(NamedTuple):
    """What a process left behind, of which some streams were a terminal."""

    code: int
    screen: str
    out: str


def run_on_terminal(
    *arguments: str,
    cwd: Path = REPOSITORY,
    env: Mapping[str, str] | None = None,
    streams: Sequence[str] = ("stdin", "stdout", "stderr"),
    answers: Sequence[tuple[str, str]] = (),
) -> OnTerminal:
    """Run the command with the named streams on a terminal, and type each answer once its question is on the screen."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = subprocess.Popen(  # noqa: S603
        command(*arguments),
        cwd=cwd,
        env=environment(**{"TERM": "xterm", **(env or {})}),
        stdin=end if "stdin" in streams else subprocess.DEVNULL,
        stdout=end if "stdout" in streams else subprocess.PIPE,
        stderr=end if "stderr" in streams else subprocess.PIPE,
        start_new_session=True,
    )
    os.close(end)
    waiting = list(answers)
    screen = b""
    seen = 0
    give_up = time.monotonic() + LIMIT_SECONDS
    try:
        while time.monotonic() < give_up:
            if select.select([terminal], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):  # the terminal ends with EIO
                    if chunk := os.read(terminal, 65536):
                        screen += chunk
                        continue
                break
            if waiting and (at := screen.find(waiting[0][0].encode(), seen)) >= 0:
                seen = at + len(waiting[0][0].encode())
                os.write(terminal, f"{waiting.pop(0)[1]}\n".encode())
        out, _ = process.communicate(timeout=LIMIT_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(terminal)
    return OnTerminal(process.returncode, screen.decode().replace("\r\n", "\n"), (out or b"").decode())
