"""From a file, a stream or pieces to what a training log says; it is never held as a whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from helix_tts_policy.document import open_regular, unreadable
from helix_tts_policy.facts.lane_log import LaneScanner
from helix_tts_policy.facts.lane_tally import LaneTally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol, TypeAlias

    from helix_tts_policy.facts.lane_log import LaneEvent
    from helix_tts_policy.facts.lane_run import LaneRun

    class ByteStream(Protocol):
        """What bytes can be read from, such as an open file."""

        def read(self, size: int, /) -> bytes:
            """At most ``size`` bytes; none at the end."""

    LogSource: TypeAlias = str | os.PathLike[str] | ByteStream

PIECE_BYTES = 128 * 1024
"""Bytes read at once: little enough to stay in a core's own cache while they are searched."""


def read_lane_log(source: LogSource, *, places: bool = False) -> LaneRun:
    """What a training log says: the last progress, merged figures, files, faults with their lines.

    Args:
        source: a path, or a stream of bytes, which is read to its end.
        places: also tell where progress, figures and files stand; of a file that takes a second look.

    Raises:
        MalformedInput: the path names no regular file, or one that cannot be read.
        TypeError: the source is neither a path nor a stream of bytes.
    """
    if isinstance(source, str | os.PathLike):
        return _of_file(source, places=places)
    if not callable(getattr(source, "read", None)):
        raise TypeError(f"source: expected a path or a stream of bytes, found {type(source).__name__}")
    return _of_stream(source, places=places)


def _of_file(path: str | os.PathLike[str], *, places: bool) -> LaneRun:
    scanner, tally = LaneScanner(), LaneTally()
    descriptor = open_regular(path)
    try:
        while piece := os.read(descriptor, PIECE_BYTES):
            tally.take(scanner.feed(piece))
        tally.take(scanner.close())
        lines = _lines_in(descriptor, tally.offsets(scanner, everything=places))
    except OSError as error:
        raise unreadable(
            os.fspath(path), f"cannot be read: {error.strerror}", "name an existing, readable log"
        ) from None
    finally:
        os.close(descriptor)
    return tally.run(scanner, lines, places=places)


def _lines_in(descriptor: int, offsets: Iterable[int]) -> dict[int, int]:
    """The line of each offset. To count lines takes as long as to find signals, so it is done only where one is told."""
    lines: dict[int, int] = {}
    line, start, piece = 1, 0, b""
    for offset in sorted(set(offsets)):
        while offset > start + len(piece):
            line += piece.count(b"\n")
            start += len(piece)
            if not (piece := os.pread(descriptor, PIECE_BYTES, start)):
                break  # the file became shorter meanwhile
        lines[offset] = line + piece.count(b"\n", 0, offset - start)
    return lines


def _of_stream(stream: ByteStream, *, places: bool) -> LaneRun:
    reader = LaneReader(places=places)
    while piece := stream.read(PIECE_BYTES):
        if not isinstance(piece, bytes):
            raise TypeError(f"source: expected a stream of bytes, found one of {type(piece).__name__}")
        reader.feed(piece)
    return reader.run()


class LaneReader:
    """Adds up a log that arrives in pieces and cannot be read again, such as one that is followed while it grows.

    Attributes:
        tally: what it comes to so far.
    """

    def __init__(self, *, places: bool = True) -> None:
        self.tally = LaneTally()
        self._scanner = LaneScanner()
        self._places = places
        self._lines: dict[int, int] = {}
        self._before = 0
        self._is_open = False

    def feed(self, piece: bytes) -> list[LaneEvent]:
        """Add the next bytes, and say which events they complete."""
        start = self._scanner.size
        found = self._scanner.feed(piece)
        self.tally.take(found)
        # Lines are counted while the piece is there; those that nobody will tell are dropped.
        self._lines = {
            offset: self._lines.get(offset) or self._before + 1 + piece.count(b"\n", 0, max(offset - start, 0))
            for offset in self.tally.offsets(self._scanner, everything=self._places)
        }
        self._before += piece.count(b"\n")
        self._is_open = not piece.endswith(b"\n")
        return [event for _, event in found]

    def begin_file(self) -> None:
        """The log goes on in another file, or in the same one from its beginning."""
        self._close()
        if self._is_open:
            self._before += 1
        self._scanner = self._scanner.next_file()
        self.tally.begin_file()

    def run(self) -> LaneRun:
        """What the log says; nothing more can be fed."""
        self._close()
        return self.tally.run(self._scanner, self._lines, places=self._places)

    def _close(self) -> None:
        self.tally.take(self._scanner.close())
        for offset in self.tally.offsets(self._scanner, everything=self._places):
            self._lines.setdefault(offset, self._before + 1)
