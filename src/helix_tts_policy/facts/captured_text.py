"""Text that a console wrote into a file: UTF-8 or UTF-16, with or without a byte order mark, in pieces of any size.

A Windows shell's ``>`` writes UTF-16. What a program printed beside the text that matters may be in any encoding, so bytes
that are none of these do not end the reading: each becomes a surrogate, which no JSON that is taken may hold.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

PIECE_BYTES: Final = 64 * 1024
"""Bytes read at once: the capacity of a pipe on Linux."""

NOT_TEXT: Final = re.compile("[\ud800-\udfff]")
"""What stands in a text for bytes that were none."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(head: bytes) -> tuple[str, int]:
    """The encoding of a text that begins so, and the length of its byte order mark.

    Without a mark, UTF-16 shows by its zeros: half of the bytes of Latin text, always on the same side.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > len(head) // 8 and odd > 4 * even:
        return "utf-16-le", 0
    if even > len(head) // 8 and even > 4 * odd:
        return "utf-16-be", 0
    return "utf-8", 0


class TextDecoder:
    """Makes text of bytes in pieces; the first `PIECE_BYTES` of the first one decide the encoding.

    Attributes:
        encoding: what was found; empty before the first piece.
    """

    __slots__ = ("_decoder", "encoding")

    def __init__(self) -> None:
        self.encoding = ""
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, piece: bytes) -> str:
        """The text of the next piece, but for a character whose bytes have not all come."""
        if self._decoder is None:
            self.encoding, mark = encoding_of(piece[:PIECE_BYTES])
            errors = "surrogateescape" if self.encoding == "utf-8" else "surrogatepass"
            self._decoder = codecs.getincrementaldecoder(self.encoding)(errors)
            piece = piece[mark:]
        return self._decoder.decode(piece)

    def close(self) -> str:
        """What is left at the end: nothing, or a mark for half a character."""
        return "\udc80" if self._decoder is not None and self._decoder.getstate()[0] else ""
