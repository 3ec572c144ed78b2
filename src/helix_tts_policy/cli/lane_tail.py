"""The bytes that a log gains: from a file that may be rotated, cut short or not be there yet, or from a pipe."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from helix_tts_policy.document import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES = 128 * 1024

WAIT_SECONDS = 0.2
"""Between two looks at a file: what a person takes for at once, and nothing for a machine."""

MARK_BYTES = 64
"""Bytes before the place that was read to, by which a file that was written anew is told from one that only grew."""


class FileTail:
    """Follows a path as ``tail -F`` does.

    Attributes:
        ended: whether nothing more can come, which nobody knows of a file.
    """

    ended = False

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._offset = 0
        self._mark = b""

    def look(self) -> Iterator[bytes | None]:
        """What came since the last look, in pieces; None where another file begins, or the same one anew.

        Raises:
            MalformedInput: the path names something else than a regular file.
        """
        if self._descriptor is None:
            if not os.path.lexists(self._path):
                return
            self._descriptor = open_regular(self._path)
        if self._is_anew(self._descriptor):
            self._offset, self._mark = 0, b""
            yield None
        yield from self._rest(self._descriptor)
        if self._is_rotated(self._descriptor):
            yield from self._rest(self._descriptor)  # what came before the writer took the new file
            os.close(self._descriptor)
            self._descriptor, self._offset, self._mark = open_regular(self._path), 0, b""
            yield None
            yield from self._rest(self._descriptor)

    def wait(self) -> None:
        """Let some time pass."""
        time.sleep(WAIT_SECONDS)

    def changed_at(self) -> float | None:
        """When the file was last written to, in seconds of the epoch; None where there is none yet."""
        return None if self._descriptor is None else os.fstat(self._descriptor).st_mtime

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _rest(self, descriptor: int) -> Iterator[bytes]:
        while piece := os.pread(descriptor, PIECE_BYTES, self._offset):
            self._offset += len(piece)
            self._mark = (self._mark + piece)[-MARK_BYTES:]
            yield piece

    def _is_anew(self, descriptor: int) -> bool:
        if not self._offset:
            return False
        begin = self._offset - len(self._mark)
        return os.pread(descriptor, len(self._mark), begin) != self._mark

    def _is_rotated(self, descriptor: int) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(descriptor))  # noqa: PTH116 - a path as it was given
        except OSError:
            return False  # the new file is not there yet


class PipeTail:
    """Follows a descriptor that cannot be read twice, up to its end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.ended = False

    def look(self) -> Iterator[bytes | None]:
        """What can be read without waiting."""
        while not self.ended and select.select([self._descriptor], [], [], 0)[0]:
            piece = os.read(self._descriptor, PIECE_BYTES)
            if not piece:
                self.ended = True
                return
            yield piece

    def wait(self) -> None:
        """Wait until something can be read, or some time has passed."""
        if not self.ended:
            select.select([self._descriptor], [], [], WAIT_SECONDS)

    def changed_at(self) -> float | None:
        """Nobody knows of a pipe."""
        return None

    def close(self) -> None:
        """The descriptor belongs to somebody else."""
