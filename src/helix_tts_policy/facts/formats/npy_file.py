"""Arrays as numpy saves them: a header, and numbers, or a pickle where the array is one of objects.

See https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.formats.byte_source import Part, exactly
from helix_tts_policy.facts.formats.inspected import Tensor, malformed

if TYPE_CHECKING:
    from helix_tts_policy.facts.formats.byte_source import ByteSource

MARK: Final = b"\x93NUMPY"

MAX_HEADER_BYTES: Final = 10_000
"""Bytes of the header: numpy itself refuses more."""

_HEADER = re.compile(
    r"\{'descr': '([<>|=]?)([?biufcOSUV])([0-9]{0,9})', 'fortran_order': (?:True|False), "
    r"'shape': \(((?:[0-9]{1,18}, ?){0,32}(?:[0-9]{1,18})?)\), \} *\n"
)
_OBJECT = "O"
_WIDE = "U"  # counted in characters of four bytes


def read_npy(source: ByteSource) -> Tensor | ByteSource:
    """The array; of one of objects the pickle that makes them.

    Raises:
        Flawed: it is cut off, has records for elements, or a header that numpy would not write.
    """
    start = len(MARK) + 4
    version, _, *length = exactly(source, len(MARK), 4, "its header")
    if version > 1:
        length += exactly(source, start, 2, "its header")
        start += 2
    size = int.from_bytes(bytes(length), "little")
    if size > MAX_HEADER_BYTES:
        raise malformed(f"has a header of {size} bytes", f"at most {MAX_HEADER_BYTES}")
    header = _HEADER.fullmatch(exactly(source, start, size, "its header").decode("latin-1"))
    if header is None:
        raise malformed("has a header of another form", "that of an array of numbers")
    rest = Part(source, start + size, source.size - start - size)
    order, kind, width, dimensions = header.groups()
    if kind == _OBJECT:
        return rest
    shape = tuple(int(number) for number in dimensions.replace(",", " ").split())
    item = int(width or "1") * (4 if kind == _WIDE else 1)
    if math.prod(shape) * item != rest.size:
        raise malformed(f"has {rest.size} bytes of numbers", f"{math.prod(shape) * item}, as its header says")
    return Tensor("", f"{order}{kind}{width}", shape)
