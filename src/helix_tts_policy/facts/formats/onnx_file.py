"""ONNX models: the outermost fields of a ModelProto, and the files beside it in which it keeps tensors.

The wire format is that of https://protobuf.dev/programming-guides/encoding, the fields are those of onnx.proto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.facts.formats.inspected import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.formats.byte_source import ByteSource

MAX_FIELDS: Final = 1_000_000
"""Fields looked at: a node or tensor has about 10, and the largest voices have some thousands of both."""

MAX_NESTING: Final = 32
"""Messages within messages: a graph within a branch within a loop takes three for each."""

MAX_LOCATION: Final = 4096
"""Bytes of the name of a file with tensors: the longest path of Linux."""

MAX_LOCATIONS: Final = 4096
"""Different files with tensors: writers use one, or one for each tensor."""

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_FIXED = {_FIXED_64: 8, _FIXED_32: 4}
_BLOCK = 64 * 1024

# Fields of ModelProto with their wire types. A file is taken for one if these are all there is.
_IR_VERSION, _GRAPH, _OPERATORS = 1, 7, 8
_MODEL = {1: _VARINT, 5: _VARINT, **dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), _BYTES)}
_IR_VERSIONS = range(3, 100)  # 3 is that of ONNX 1.0; 1 is how TensorFlow's saved models begin

# By kind of message: which of its fields hold messages in which a tensor can be, and of what kind.
_WITHIN: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external"},
    "external": {},
}
_LOCATION = b"location"


class _Field(NamedTuple):
    number: int
    wire: int
    value: int  # of a number; of bytes, where they begin
    length: int


def is_onnx(head: bytes) -> bool:
    """Whether the first bytes are an IR version and the next field of a model, in the order in which all writers write."""
    if len(head) < 4 or head[0] != _IR_VERSION << 3 or head[1] not in _IR_VERSIONS:
        return False
    number, wire = head[2] >> 3, head[2] & 7
    return number > _IR_VERSION and _MODEL.get(number) == wire


def read_onnx(source: ByteSource) -> tuple[str, ...]:
    """The files beside the model in which it keeps tensors, as it names them, sorted.

    Raises:
        Flawed: it is cut off, no ModelProto, without a graph, or larger than the bounds.
    """
    reader = _Reader(source)
    found = []
    for field in reader.fields(0, source.size):
        if _MODEL.get(field.number) != field.wire:
            raise malformed(f"has a field {field.number} that no ONNX model has")
        found.append(field)
    numbers = [field.number for field in found]
    if numbers.count(_IR_VERSION) != 1 or numbers.count(_GRAPH) != 1 or _OPERATORS not in numbers:
        raise malformed("is no whole ONNX model", "one IR version, one graph and the operators it uses")
    reader.walk(0, source.size, "model", 0)
    return tuple(sorted(reader.locations))


class _Reader:
    """Reads fields in blocks, and counts them."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._block = b""
        self._start = 0
        self._count = 0
        self.locations: set[str] = set()

    def fields(self, place: int, end: int) -> Iterator[_Field]:
        """The fields of the message between two offsets; the bytes of none are read."""
        while place < end:
            self._count += 1
            if self._count > MAX_FIELDS:
                raise malformed(f"has more than {MAX_FIELDS} fields")
            tag, place = self._number(place, end)
            number, wire = tag >> 3, tag & 7
            if wire == _VARINT:
                value, place = self._number(place, end)
                yield _Field(number, wire, value, 0)
                continue
            length, place = (_FIXED[wire], place) if wire in _FIXED else self._length(wire, place, end)
            if length > end - place:
                raise malformed("breaks off in a field")
            yield _Field(number, wire, place, length)
            place += length

    def walk(self, place: int, end: int, kind: str, depth: int) -> None:
        """Note the location of every tensor below that lies elsewhere."""
        if depth > MAX_NESTING:
            raise malformed(f"nests messages more than {MAX_NESTING} deep")
        within = _WITHIN[kind]
        for field in self.fields(place, end):
            if field.wire == _BYTES and field.number in within:
                below = within[field.number]
                if below == "external":
                    self._external(field)
                else:
                    self.walk(field.value, field.value + field.length, below, depth + 1)

    def _external(self, entry: _Field) -> None:
        parts = {part.number: part for part in self.fields(entry.value, entry.value + entry.length)}
        key, value = (parts.get(number) for number in (1, 2))
        if key is None or key.length != len(_LOCATION) or self._source.read(key.value, key.length) != _LOCATION:
            return
        if value is None or value.wire != _BYTES or value.length > MAX_LOCATION:
            raise malformed("keeps a tensor in a file without a plain name")
        name = self._source.read(value.value, value.length)
        self.locations.add(name.decode(errors="backslashreplace"))
        if len(self.locations) > MAX_LOCATIONS:
            raise malformed(f"keeps tensors in more than {MAX_LOCATIONS} files")

    def _length(self, wire: int, place: int, end: int) -> tuple[int, int]:
        if wire != _BYTES:
            raise malformed("has a field of a kind that protobuf no longer has")
        return self._number(place, end)

    def _number(self, place: int, end: int) -> tuple[int, int]:
        """A varint and the offset behind it."""
        value = shift = 0
        while shift < 64:
            if place >= end:
                raise malformed("breaks off in a field")
            byte = self._byte(place)
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, place
            shift += 7
        raise malformed("has a number of more than 64 bits")

    def _byte(self, place: int) -> int:
        at = place - self._start
        if not 0 <= at < len(self._block):
            self._block = self._source.read(place, _BLOCK)
            self._start = place
            at = 0
            if not self._block:
                raise malformed("breaks off in a field")
        return self._block[at]
