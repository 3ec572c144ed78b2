"""Files of tensors without a program in them: safetensors and GGUF.

See https://huggingface.co/docs/safetensors (format) and https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.document import check_json
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.formats.byte_source import exactly
from helix_tts_policy.facts.formats.inspected import Tensor, malformed
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from helix_tts_policy.facts.formats.byte_source import ByteSource

MAX_HEADER_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a safetensors header: about 100 for each tensor, so 40,000 of them. The format's own bound is 100 MB."""

_LENGTH = struct.Struct("<Q")
_BITS: Final = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("F8_E5M2FNUZ", "F8_E4M3FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
_FIELDS = {"dtype", "shape", "data_offsets"}
_MOST_DIMENSIONS = 32  # numpy 1 has no more

MAX_GGUF_TENSORS: Final = 10_000
"""Tensors of one file: the largest models have some thousands. From 10,240 on the count can be read as opcodes of a pickle,
for which "G" is one already."""

_GGUF_HEAD = struct.Struct("<4sLQQ")
_GGUF_VERSIONS = range(2, 4)
_GGUF_SMALLEST_TENSOR = 8 + 4 + 8 + 4 + 8  # length of the name, dimensions, one of them, kind, offset
_GGUF_SMALLEST_VALUE = 8 + 4 + 1  # length of the key, kind, a value of one byte


def is_safetensors(head: bytes) -> bool:
    """Whether a file begins with the length of a JSON object and its brace."""
    return len(head) > _LENGTH.size and head[_LENGTH.size] == ord("{") and head[4:8] == b"\0\0\0\0"


def read_safetensors(source: ByteSource) -> tuple[Tensor, ...]:
    """Every tensor, in the order of the bytes, which they fill without a gap.

    Raises:
        Flawed: the header is no strict JSON, or does not describe the bytes behind it.
    """
    (length,) = _LENGTH.unpack(exactly(source, 0, _LENGTH.size, "the length of its header"))
    if length > MAX_HEADER_BYTES:
        raise malformed(f"has a header of {length} bytes", f"at most {MAX_HEADER_BYTES}")
    header = exactly(source, _LENGTH.size, length, "its header")
    try:
        fields = json.loads(check_json(header, "header"))  # an object, since it begins with a brace
    except MalformedInput as error:
        raise malformed(f"has a header that {error.problems[0].message}") from None
    metadata = fields.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise malformed("has metadata that are no texts")
    placed = sorted(_placed(name, entry) for name, entry in fields.items())
    end = 0
    for begin, stop, name, _, _ in placed:
        if begin != end:
            raise malformed(f"has a gap or an overlap before the tensor {shown(name)}, at byte {end} of its data")
        end = stop
    size = source.size - _LENGTH.size - length
    if end != size:
        raise malformed(f"has {size} bytes of tensors", f"{end}, as its header says")
    return tuple(Tensor(name, dtype, shape) for _, _, name, dtype, shape in placed)


def _placed(name: str, entry: Any) -> tuple[int, int, str, str, tuple[int, ...]]:
    """Where a tensor begins and ends, its name, type and shape."""
    if isinstance(entry, dict) and entry.keys() == _FIELDS:
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        bits = _BITS.get(dtype, 0) if isinstance(dtype, str) else 0
        fits = bits and _are_counts(shape) and _are_counts(offsets) and len(offsets) == 2
        if fits and math.prod(shape) * bits == (offsets[1] - offsets[0]) * 8:
            return offsets[0], offsets[1], name, dtype, tuple(shape)
    raise malformed(f"describes the tensor {shown(name)} by no known type, or by offsets that do not fit its shape")


def _are_counts(values: Any) -> bool:
    is_list = isinstance(values, list) and len(values) <= _MOST_DIMENSIONS
    return is_list and all(type(value) is int and value >= 0 for value in values)


def read_gguf(source: ByteSource) -> None:
    """Do nothing for a file whose head is that of GGUF with counts that fit into its size.

    Raises:
        Flawed: it is cut off, of another version, or has impossible counts.
    """
    _, version, tensors, values = _GGUF_HEAD.unpack(exactly(source, 0, _GGUF_HEAD.size, "its header"))
    if version not in _GGUF_VERSIONS:
        raise malformed(f"is GGUF of version {version}", "2 or 3, in little-endian order")
    if not tensors:
        raise malformed("has no tensors")
    if tensors > MAX_GGUF_TENSORS:
        raise malformed(f"lists {tensors} tensors", f"at most {MAX_GGUF_TENSORS}")
    if tensors * _GGUF_SMALLEST_TENSOR + values * _GGUF_SMALLEST_VALUE > source.size - _GGUF_HEAD.size:
        raise malformed(f"lists {tensors} tensors and {values} values, which {source.size} bytes cannot hold")
