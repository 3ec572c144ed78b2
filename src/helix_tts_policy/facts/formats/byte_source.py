"""Bytes by offset: of an open file, of a part of it, and of what is packed in it. Nothing is read that is not asked for.

Rules kept here:

- A read gives what is there, and fewer bytes at the end; `exactly` refuses fewer.
- What is packed is unpacked in small pieces and thrown away again. The ratio, the size and the work are bounded.
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING, Final, Protocol

from helix_tts_policy.facts.formats.inspected import malformed, unsafe

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_RATIO: Final = 100
"""Bytes that one packed byte may unpack to. Weights hardly shrink, a word list to a fifth; DEFLATE's limit is 1,032."""

RATIO_FREE: Final = 1024 * 1024
"""Bytes that are unpacked before the ratio is looked at, for tables full of zeros."""

MAX_UNPACKED: Final = 4 * 1024**3
"""Bytes of one packed stream: a billion float32 parameters, far beyond any voice of the years when NeMo packed them."""

MAX_PASSES: Final = 8
"""How often a packed stream may be unpacked: one of NeMo's archives takes five, since directories stand at the end."""

_PIECE = 64 * 1024
_KEPT: Final = 1024 * 1024
"""Unpacked bytes kept, so that a directory can be read after the end that tells where it begins."""


class ByteSource(Protocol):
    """Bytes that can be read at any offset."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, offset: int, count: int) -> bytes:
        """Those from an offset, up to a number of them."""


def exactly(source: ByteSource, offset: int, count: int, what: str) -> bytes:
    """All of these bytes; ``what`` is what they are, in a message.

    Raises:
        Flawed: the source ends before.
    """
    data = source.read(offset, count) if offset + count <= source.size else b""
    if len(data) != count:
        raise malformed(f"breaks off in {what}")
    return data


class OpenFile:
    """A file that somebody else opened and closes."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size

    def read(self, offset: int, count: int) -> bytes:
        """As `ByteSource`."""
        return os.pread(self._descriptor, max(0, min(count, self.size - offset)), offset)


class Part:
    """A part of another source."""

    def __init__(self, source: ByteSource, start: int, size: int) -> None:
        self._source = source
        self._start = start
        self.size = size

    def read(self, offset: int, count: int) -> bytes:
        """As `ByteSource`."""
        return self._source.read(self._start + offset, max(0, min(count, self.size - offset)))


class Held:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, count: int) -> bytes:
        """As `ByteSource`."""
        return self._data[offset : offset + count]


def beginning(source: ByteSource, count: int) -> bytes:
    """The first bytes that a DEFLATE stream holds; none where it is damaged there."""
    try:
        return zlib.decompressobj(-15).decompress(source.read(0, _PIECE), count)
    except zlib.error:
        return b""


class Unpacked:
    """What a gzip or DEFLATE stream holds; it is one stream that fills its source.

    Raises:
        Flawed: it is damaged, cut off, followed by other bytes, or larger than the bounds.
    """

    def __init__(self, source: ByteSource, *, gzip: bool, most: int = MAX_UNPACKED) -> None:
        self._source = source
        self._most = most
        self._window_bits = 31 if gzip else -15
        self._passes = 0
        self.size = sum(len(piece) for piece in self._pieces())
        self._rewind()

    def read(self, offset: int, count: int) -> bytes:
        """As `ByteSource`; going back further than the kept bytes begins a new pass."""
        wanted = max(0, min(count, self.size - offset))
        if offset < self._start:
            self._rewind()
        while self._start + len(self._kept) < offset + wanted:
            piece = next(self._stream, None)
            if piece is None:  # the first pass saw more
                raise malformed("changed while it was unpacked")
            if len(self._kept) > _KEPT:
                # Only what lies before the offset goes; the bytes asked for stay until they are given.
                gone = min(len(self._kept) - _KEPT // 2, max(0, offset - self._start))
                del self._kept[:gone]
                self._start += gone
            self._kept += piece
        begin = offset - self._start
        return bytes(self._kept[begin : begin + wanted])

    def _rewind(self) -> None:
        self._stream = self._pieces()
        self._kept = bytearray()
        self._start = 0

    def _pieces(self) -> Iterator[bytes]:
        if self._passes == MAX_PASSES:
            raise unsafe(f"has to be unpacked more than {MAX_PASSES} times to be listed")
        self._passes += 1
        unpacker = zlib.decompressobj(self._window_bits)
        taken = given = 0
        packed = b""
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail
            if not packed:
                packed = self._source.read(taken, _PIECE)
                taken += len(packed)
            try:
                piece = unpacker.decompress(packed, _PIECE)
            except zlib.error:
                raise malformed("is packed, and the packed bytes are damaged") from None
            if not packed and not piece:
                raise malformed("is packed, and breaks off")
            given += len(piece)
            if given > RATIO_FREE and given > MAX_RATIO * taken:
                raise unsafe(f"unpacks to more than {MAX_RATIO} times its size")
            if given > self._most:
                raise unsafe(f"unpacks to more than {self._most} bytes")
            if piece:
                yield piece
        behind = self._source.size - taken + len(unpacker.unused_data)
        if behind:
            raise unsafe(f"has {behind} bytes behind its packed bytes", "none")
