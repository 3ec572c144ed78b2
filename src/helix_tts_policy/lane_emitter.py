"""The writing side of the lane protocol, for training scripts.

Rules kept here:

- A line is written whole, in one call, at most `MAX_LINE_BYTES` long with all that goes with it; so several writers of one
  pipe do not interleave, and neither do threads.
- A progress bar may have left the stream in the middle of a line. Unless the stream is the emitter's own, a line break
  goes before each signal; the protocol takes an empty line for nothing.
- What `parse_signal` would not read back is not written: the caller gets `TypeError` or `ValueError`.
- Whoever reads may be gone. That is no reason for a training to fail: nothing more is written, and `reader_left` says so.
"""

from __future__ import annotations

import io
import math
import operator
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from helix_tts_policy.facts.lane import MAX_LINE_BYTES, Artifact, Malformed, Progress, Stats, parse_signal

if TYPE_CHECKING:
    from typing import IO, Self, SupportsIndex


class LaneEmitter:
    """Writes PROGRESS, STATS and ARTIFACT lines; may be called from any thread and from signal handlers.

    ``LaneEmitter.on_own_descriptor()`` makes one between whose lines no other output of the process can come.

    Args:
        stream: of text or bytes, to write to; standard output by default.
        exclusive: whether nobody else writes to the stream, no progress bar and no other process.
        tag: who speaks in bracket lines.

    Attributes:
        reader_left: whether nobody reads any more; lines are dropped from then on.

    Raises:
        ValueError: there is no standard output.
    """

    def __init__(self, stream: IO[Any] | None = None, *, exclusive: bool = False, tag: str = "tts-prod") -> None:
        stream = sys.stdout if stream is None else stream
        if stream is None:
            raise ValueError("stream: standard output is closed; expected a stream to write to")
        self.reader_left = False
        self._stream: IO[Any] | None = stream
        self._descriptor = _descriptor_of(stream)
        self._exclusive = exclusive
        self._tag = tag
        self._lock = threading.RLock()  # a signal handler may interrupt the thread that holds it
        self._left_at: int | None = 0

    @classmethod
    def on_own_descriptor(cls, *, tag: str = "tts-prod") -> Self:
        """An emitter on what was standard output, whose descriptor now leads to standard error.

        After this, what libraries and their progress bars print cannot come between the lines of the lane. Call it before
        importing a training framework, since some keep the stream that they find then.
        """
        emitter = cls(exclusive=True, tag=tag)
        sys.stdout.flush()
        emitter._stream, emitter._descriptor = None, os.dup(1)
        os.dup2(2, 1)
        return emitter

    def close(self) -> None:
        """Let go of a descriptor of its own, so that its reader sees the end; nothing can be written after that."""
        with self._lock:
            if self._stream is None and self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def progress(self, current: SupportsIndex, total: SupportsIndex) -> None:
        """Write how many steps are done, of how many.

        Raises:
            TypeError: one is no whole number.
            ValueError: ``0 <= current <= total`` does not hold, or a number has more than 19 digits.
        """
        event = Progress(operator.index(current), operator.index(total))
        if not 0 <= event.current <= event.total:
            raise ValueError(f"progress: found {event.current} of {event.total}; expected 0 <= current <= total")
        self._write(event)

    def stats(self, values: Mapping[str, Any]) -> None:
        """Write figures of the run. Numbers of other kinds, such as a tensor with one value, are written as floats.

        Raises:
            TypeError: the values are no mapping from text to what JSON has.
            ValueError: a number is not finite, or the line would be too long.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"stats: expected a mapping, found {type(values).__name__}")
        self._write(Stats(_plain(values, "stats")))

    def artifact(self, path: str | os.PathLike[str]) -> None:
        """Write the path of a file that is complete now.

        Raises:
            TypeError: it is no path of text.
            ValueError: no line can hold it: it is empty, too long, no UTF-8, or has a control character, or a blank at an end.
        """
        text = os.fspath(path)
        if not isinstance(text, str):
            raise TypeError("path: expected a path of text, found one of bytes")
        self._write(Artifact(text))

    def blocked(self, reason: str) -> None:
        """Write that the run is blocked; the process is to exit with 2 then.

        Raises:
            ValueError: the reason is not ``lower_snake_case``, or that with ``:detail``.
        """
        from helix_tts_policy.blocker_reasons import parse_reason  # noqa: PLC0415 - what few runs need, no loop pays for

        if parse_reason(reason) is None:
            raise ValueError(f"reason: found {reason!a}; expected lower_snake_case, or that with :detail")
        self._send(f"[{self._tag}] status=blocked reason={reason}\n".encode())

    def _write(self, event: Progress | Stats | Artifact) -> None:
        line = str(event)
        read = parse_signal(line)
        data = line.encode("utf-8", "surrogatepass") + b"\n"
        if len(data) >= MAX_LINE_BYTES:  # one byte is for the line break before it
            raise ValueError(f"line: found {len(data)} bytes; expected less than {MAX_LINE_BYTES}")
        if read != event:
            reason = f"; it is read as malformed ({read.reason})" if isinstance(read, Malformed) else ""
            raise ValueError(f"line: found {line[:200]!a}; expected one that is read back as it is{reason}")
        self._send(data)

    def _send(self, data: bytes) -> None:
        with self._lock:
            if self.reader_left:
                return
            try:
                if self._descriptor is not None:
                    if self._stream is not None:
                        self._stream.flush()  # what this process printed before
                    _write_all(self._descriptor, data if self._exclusive else b"\n" + data)
                elif self._stream is not None:
                    self._send_to_stream(self._stream, data)
                else:
                    raise ValueError("the lane was closed; expected nothing more to be said")
            except BrokenPipeError:
                self.reader_left = True

    def _send_to_stream(self, stream: IO[Any], data: bytes) -> None:
        """Write to a stream without a descriptor, whose position tells whether somebody else wrote."""
        before = _position(stream)
        alone = self._exclusive or (before is not None and before == self._left_at)
        written = _put(stream, data if alone else b"\n" + data)
        self._left_at = _position(stream)
        if alone and not self._exclusive and before is not None and self._left_at != before + written:
            # Another thread wrote at the same moment. A signal may come twice without harm.
            _put(stream, b"\n" + data)
            self._left_at = _position(stream)


def _put(stream: IO[Any], data: bytes) -> int:
    binary = isinstance(stream, io.RawIOBase | io.BufferedIOBase)
    text: Any = data if binary else data.decode()
    stream.write(text)
    stream.flush()
    return len(text)


def _position(stream: IO[Any]) -> int | None:
    try:
        return stream.tell()
    except (AttributeError, OSError, ValueError):
        return None  # it cannot be told, so somebody may have written


def _descriptor_of(stream: IO[Any]) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _plain(value: Any, name: str) -> Any:
    """The value as JSON has it, with numbers of other kinds as floats."""
    if value is None or isinstance(value, str | bool):
        return value
    if hasattr(value, "__index__"):
        with suppress(TypeError):  # a tensor has it, and refuses where its numbers are no whole ones
            return operator.index(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{name}: found a key of type {type(key).__name__}; expected text")
        return {key: _plain(member, f"{name}: {key!a}") for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member, name) for member in value]
    if not hasattr(value, "__float__"):
        raise TypeError(
            f"{name}: found {type(value).__name__}; expected text, a number, true, false, null, or these nested"
        )
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name}: found {number}; expected a finite number")
    return number


class LaneCallback:
    """Hooks for a training loop of any framework, which speak the lane in the order of its protocol.

    Call them from the loop, or from a callback of a framework. Each tick is PROGRESS, then STATS, then ARTIFACT.

    Args:
        emitter: where the lines go.
        every: steps from one PROGRESS to the next; the last step is always told.
        attempt: id of this attempt, so that a resumed run may begin below where the last one ended.

    Raises:
        ValueError: ``every`` is less than 1.
    """

    def __init__(self, emitter: LaneEmitter, *, every: int = 1, attempt: str | None = None) -> None:
        if every < 1:
            raise ValueError(f"every: found {every}; expected 1 or more")
        self.emitter = emitter
        self._every = every
        self._attempt = attempt
        self._step = self._total = 0
        self._after_artifact = False

    def on_train_start(self, total: int, *, step: int = 0) -> None:
        """Training begins, or goes on after ``step`` steps that a checkpoint restored."""
        self._step, self._total = step, total
        self._tick()
        if self._attempt is not None:
            self.emitter.stats({"attempt": self._attempt})

    def on_step_end(self, step: int, stats: Mapping[str, Any] | None = None) -> None:
        """``step`` steps are done.

        Raises:
            ValueError: it is fewer than before.
        """
        if step < self._step:
            raise ValueError(f"step: found {step} after {self._step}; expected no step back")
        self._step = step
        if step % self._every == 0 or step == self._total:
            self._tick()
            if stats:
                self.emitter.stats(stats)

    def on_validation_end(self, stats: Mapping[str, Any]) -> None:
        """A validation has figures; give those of the validation alone, since frameworks keep old ones beside them."""
        if self._after_artifact:
            self._tick()
        self.emitter.stats(stats)

    def on_artifact(self, path: str | os.PathLike[str]) -> None:
        """A file is complete at its final path."""
        self.emitter.artifact(path)
        self._after_artifact = True

    def _tick(self) -> None:
        self.emitter.progress(self._step, self._total)
        self._after_artifact = False
