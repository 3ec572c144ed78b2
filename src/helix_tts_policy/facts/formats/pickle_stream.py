"""What a pickle would do, by walking through its opcodes: which globals it names, and what it would build. Nothing is run.

The walk does with inert stand-ins what an unpickler does with objects. So a name is found wherever it comes from: out of the
stream, off the stack, out of the memo.

Rules kept here:

- What the walk cannot follow is a fault; the globals found so far stay.
- Bytes and opcodes are bounded, the opcodes over all pickles of one file together.
"""

from __future__ import annotations

import io
import pickletools
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.facts.formats.pickle_machine import UNKNOWN, Bound, PickleWalk, follow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_PICKLE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one pickle: a state dict spends about 100 on a tensor, and its numbers lie elsewhere."""

MAX_OPCODES: Final = 1_000_000
"""Opcodes of all pickles of one file: a state dict spends about 40 on a tensor, which leaves room for 25,000 tensors."""


class PickleWalker:
    """Walks through the pickles of one file, which share the bound of opcodes."""

    def __init__(self) -> None:
        self._left = MAX_OPCODES

    def walk(self, data: bytes, start: int = 0, *, whole: int | None = None) -> PickleWalk:
        """Walk through the pickle that begins at an offset of the bytes.

        Args:
            data: the bytes, from the beginning of a file.
            start: where the pickle begins.
            whole: how many bytes the file has, where these may not be all.
        """
        stream = io.BytesIO(data) if whole is None or whole <= len(data) else _Beginning(data, whole)
        stream.seek(start)
        walk = follow(self._opcodes(stream))
        walk.end = stream.tell() - start
        return walk

    def _opcodes(self, stream: io.BytesIO) -> Iterator[tuple[str, Any]]:
        code = b""
        while code != _STOP:
            self._left -= 1
            if self._left < 0:
                raise Bound(f"has more than {MAX_OPCODES} opcodes")
            code = stream.read(1)
            opcode = _OPCODES.get(code)
            if opcode is None:
                raise ValueError
            name, read = opcode
            yield name, None if read is None else read(stream)


def _line(stream: io.BytesIO) -> str:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise ValueError
    return line[:-1].decode()


def _two_lines(stream: io.BytesIO) -> tuple[str, str]:
    return _line(stream), _line(stream)


def _quoted(stream: io.BytesIO) -> object:
    text = _line(stream)
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"":
        raise ValueError
    return UNKNOWN if "\\" in text else text[1:-1]


_READ: Final[dict[str, Callable[[io.BytesIO], Any]]] = {
    "GLOBAL": _two_lines,
    "INST": _two_lines,
    "PERSID": _line,
    "STRING": _quoted,
}
"""How arguments are read that `pickletools` unescapes, which an unpickler does to none of them but the last."""

_STOP = b"."
_OPCODES: Final[dict[bytes, tuple[str, Callable[[io.BytesIO], Any] | None]]] = {
    each.code.encode("latin-1"): (each.name, _READ.get(each.name) or (each.arg.reader if each.arg else None))
    for each in pickletools.opcodes
}


class _Beginning(io.BytesIO):
    """The first bytes of a larger file: to read beyond them is a bound, to read beyond the file is not."""

    def __init__(self, data: bytes, whole: int) -> None:
        super().__init__(data)
        self._whole = whole

    def read(self, size: int | None = -1, /) -> bytes:
        place = self.tell()
        data = super().read(size)
        if size is not None and len(data) < size <= self._whole - place:
            raise Bound(f"goes on behind its first {MAX_PICKLE_BYTES} bytes")
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise Bound(f"goes on behind its first {MAX_PICKLE_BYTES} bytes")
        return line
