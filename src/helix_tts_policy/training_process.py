"""A training child as a process: what it prints, the lane that it speaks, and how it ended.

Rules kept here:

- The lane has a pipe of its own, so that no progress bar can come between its lines; the child finds the number of its
  descriptor in `LANE_VARIABLE`. Whatever else the child prints is one stream of bytes.
- A child ends with its parent, also where the parent was killed. It leads a process group of its own, so that what it
  started ends with it.
- A signal to the parent is passed on to the child as SIGTERM; what does not end within `GRACE_SECONDS` is killed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import Self

LANE_VARIABLE: Final = "HELIX_TTS_POLICY_LANE"
"""Names the descriptor of the lane to a child; without it a child speaks to nobody."""

GRACE_SECONDS: Final = 30.0
"""How long a child may take to end after a signal: a step of training, and a checkpoint."""

DRAIN_SECONDS: Final = 0.5
"""How long the pipes of an ended child are read on, where something that it left running holds them open."""

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors by which a disk, a quota or a limit of the process says that nothing more can be written."""

_POLL_SECONDS = 0.1
_PIECE_BYTES = 64 * 1024
_TAIL_BYTES = 2048
_MAX_LINE_BYTES = 64 * 1024
_PR_SET_PDEATHSIG = 1


class Terminated(Exception):  # noqa: N818 - what happened, as its siblings are named
    """A signal asked the run to end.

    Attributes:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class SignalWatch:
    """Notices SIGTERM, SIGINT and SIGHUP while it is entered, and raises `Terminated` at the first of them.

    Attributes:
        received: the first signal that came.
        held: whether a signal is only noted: while a child runs, which is to end first, and while an outcome is told.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.held = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        first, self.received = self.received is None, self.received or number
        if first and not self.held:
            raise Terminated(number)


class TimeLimit:
    """How long a child may take; may be lifted while it runs, once it has shown what it was to show."""

    def __init__(self, seconds: float) -> None:
        self._until: float | None = time.monotonic() + seconds

    def lift(self) -> None:
        """Let the child take as long as it needs."""
        self._until = None

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self._until is not None and time.monotonic() > self._until


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnd:
    """How a child ended.

    Attributes:
        code: its exit code; None where a signal killed it.
        signal: the signal that killed it; None where it exited.
        timed_out: whether it was killed because it took too long.
        out_of_memory: whether the kernel killed something of this control group for want of memory meanwhile.
        tail: the end of what it printed.
    """

    code: int | None
    signal: int | None
    timed_out: bool
    out_of_memory: bool
    tail: str


def run_child(
    command: Sequence[str],
    *,
    output: Callable[[bytes], None],
    watch: SignalWatch,
    lane: Callable[[bytes], None] | None = None,
    environment: Mapping[str, str | None] | None = None,
    limit: TimeLimit | None = None,
) -> ChildEnd:
    """Run a child to its end, and hand on what it says.

    Args:
        command: program and arguments.
        output: takes what the child prints, in pieces as they come. What it raises ends the child, and is raised.
        watch: knows of signals.
        lane: takes the lines of the child's lane, without their ends; without it the child has none.
        environment: variables that differ from those of this process; None for one that is to be unset.
        limit: when the child is killed.

    Raises:
        OSError: the program cannot be started.
        Terminated: a signal came, and the child has ended.
    """
    variables = dict(os.environ)
    for name, value in {**(environment or {}), LANE_VARIABLE: None}.items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    pipes = _Pipes(output, lane)
    if lane is not None:
        variables[LANE_VARIABLE] = str(pipes.lane)
    killed_before = memory_kills()
    parent = os.getpid()
    watch.held = True
    try:
        process = subprocess.Popen(  # noqa: S603 - the words are those of this program and of its configuration
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=pipes.output,
            stderr=subprocess.STDOUT,
            pass_fds=() if lane is None else (pipes.lane,),
            start_new_session=True,
            preexec_fn=lambda: die_with(parent),  # noqa: PLW1509 - this process has one thread
        )
        try:
            pipes.close_writers()
            timed_out = _follow(process, pipes, watch, limit)
        finally:
            _signal_group(process, signal.SIGKILL)
            process.wait()
    finally:
        watch.held = False
        pipes.close()
    if watch.received is not None:
        raise Terminated(watch.received)
    code = process.returncode
    return ChildEnd(
        code=code if code >= 0 else None,
        signal=None if code >= 0 else -code,
        timed_out=timed_out,
        out_of_memory=code == -signal.SIGKILL and not timed_out and memory_kills() > killed_before,
        tail=pipes.tail.decode("utf-8", "replace"),
    )


class _Pipes:
    """The pipes of a child: one for all that it prints, and one for its lane where it has one.

    Attributes:
        output: descriptor that the child prints to.
        lane: descriptor of the lane; -1 without one.
        tail: the end of what was printed.
    """

    def __init__(self, take_output: Callable[[bytes], None], take_line: Callable[[bytes], None] | None) -> None:
        self.lane = -1
        self.tail = self._rest = b""
        self._take_output, self._take_line = take_output, take_line or take_output
        self._selector = selectors.DefaultSelector()
        reader, self.output = os.pipe()
        self._selector.register(reader, selectors.EVENT_READ, self._take_printed)
        if take_line is not None:
            reader, self.lane = os.pipe()
            self._selector.register(reader, selectors.EVENT_READ, self._take_spoken)

    @property
    def are_open(self) -> bool:
        """Whether the child can still say something."""
        return bool(self._selector.get_map())

    def read(self) -> None:
        """Hand on what the child says within a moment."""
        for key, _ in self._selector.select(_POLL_SECONDS):
            if data := os.read(key.fd, _PIECE_BYTES):
                key.data(data)
            else:
                self._selector.unregister(key.fd)
                os.close(key.fd)

    def _take_printed(self, data: bytes) -> None:
        self.tail = (self.tail + data)[-_TAIL_BYTES:]
        self._take_output(data)

    def _take_spoken(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_MAX_LINE_BYTES:]
        for line in lines:
            self._take_line(line)

    def close_writers(self) -> None:
        """The child has them now."""
        for descriptor in (self.output, self.lane):
            if descriptor != -1:
                os.close(descriptor)
        self.output = self.lane = -1

    def close(self) -> None:
        """Close everything."""
        self.close_writers()
        for key in [*self._selector.get_map().values()]:
            os.close(key.fd)
        self._selector.close()


def die_with(parent: int) -> None:
    """Have the kernel kill this process once its parent is gone; call it before anything else is done.

    Args:
        parent: the process that is the parent now; one that is already gone ends this process at once.
    """
    with suppress(AttributeError, OSError):  # only Linux has it; elsewhere a child outlives a parent that was killed
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _follow(process: subprocess.Popen[bytes], pipes: _Pipes, watch: SignalWatch, limit: TimeLimit | None) -> bool:
    """Hand on what a child says until it has ended, and have it end in time; whether it took too long."""
    ended_at = kill_at = None
    timed_out = False
    while pipes.are_open or ended_at is None:
        if pipes.are_open:
            pipes.read()
        else:  # the child closed its pipes and goes on
            time.sleep(_POLL_SECONDS)
        now = time.monotonic()
        if ended_at is None and _has_ended(process):
            ended_at = now
        if ended_at is not None and now - ended_at > DRAIN_SECONDS:
            break
        if kill_at is None and watch.received is not None:
            kill_at = now + GRACE_SECONDS
            os.kill(process.pid, signal.SIGTERM)  # whichever it was: this one asks a child to keep what it has done
        timed_out = timed_out or (limit is not None and ended_at is None and limit.is_over)
        if timed_out or (kill_at is not None and now > kill_at):
            _signal_group(process, signal.SIGKILL)
    return timed_out


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has, without reaping it: its number, and that of its group, cannot be another's until then."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def memory_kills(own: str = "/proc/self/cgroup", mounted: str = "/sys/fs/cgroup") -> int:
    """How many processes of this control group the kernel killed for want of memory; 0 where nobody counts.

    Args:
        own: file that names the control group of this process.
        mounted: where control groups are (version 2).
    """
    try:
        group = next(line.split(":", 2)[2] for line in Path(own).read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        group = "/"
    for folder in (f"{mounted}{group}", mounted):  # in a container the group's own name may lead nowhere
        try:
            counts = dict(line.split() for line in Path(folder, "memory.events").read_text().splitlines())
        except OSError:
            continue
        return int(counts.get("oom_kill", "0"))
    return 0
