"""A training script as a process, with everything that it starts.

Rules kept here:

- There is no shell: a command is a list of words, of which none comes from a request.
- The script leads a process group of its own, so that its data loaders end with it. A signal goes to the group only while the
  script is not yet reaped, for as long as its number cannot be another's.
- What the script leaves running may hold its pipes open; that keeps nobody waiting for long, and it is killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PIECE_BYTES = 64 * 1024
"""Bytes read at once: what a pipe holds on Linux."""

POLL_SECONDS = 0.2
"""How often is looked whether a script has ended whose pipes are still open."""

DRAIN_SECONDS = 0.5
"""How long the pipes of a script that has ended are read on, where something that it left running holds them open."""


class TrainingProcess:
    """A running script.

    Attributes:
        pid: its process, and its group.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Start the script.

        Args:
            command: program and arguments.
            folder: the folder in which it runs.

        Raises:
            OSError: it cannot be started.
        """
        self._lock = Lock()
        self._process = subprocess.Popen(  # noqa: S603 - the words are those of the lanes file
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.pid = self._process.pid
        pipes = {"stdout": self._process.stdout, "stderr": self._process.stderr}
        self._pipes = {name: pipe for name, pipe in pipes.items() if pipe is not None}

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        """What the script writes, as it comes, each piece with the name of its stream."""
        with selectors.DefaultSelector() as selector:
            for name, pipe in self._pipes.items():
                selector.register(pipe, selectors.EVENT_READ, name)
            ended_at = None
            while selector.get_map():
                for key, _ in selector.select(POLL_SECONDS):
                    if data := os.read(key.fd, PIECE_BYTES):
                        yield key.data, data
                    else:
                        selector.unregister(key.fileobj)
                if ended_at is None:
                    if self._has_ended(os.WNOHANG):
                        ended_at = time.monotonic()
                elif time.monotonic() - ended_at > DRAIN_SECONDS:
                    return

    def wait(self) -> int:
        """The exit code, or the negative number of the signal that killed the script; what it left running is killed."""
        self._has_ended()
        self.signal(signal.SIGKILL)
        with self._lock:
            code = self._process.wait()
        for pipe in self._pipes.values():
            pipe.close()
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the script and to what it started; nothing happens once it is reaped."""
        with self._lock:
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self.pid, number)

    def _has_ended(self, options: int = 0) -> bool:
        """Whether the script has ended, without reaping it; waits for that unless ``WNOHANG`` is given."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | options) is not None
