"""Files that contradict themselves, one defect each, and the sentence that says which."""

from __future__ import annotations

import os
import random
import struct
import tracemalloc
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from tests import format_files as make

from helix_tts_policy.facts.file_format import FileFormat, inspect_file
from helix_tts_policy.facts.formats import byte_source, onnx_file, torch_pickle
from helix_tts_policy.facts.formats.byte_source import Held, Unpacked
from helix_tts_policy.facts.formats.inspected import Flawed, FormatProblemKind, Tensor
from helix_tts_policy.facts.formats.looking_inside import Inspection

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = "a whole file that agrees with itself"
ALIKE = "an archive that every reader reads alike"


def told(data: bytes) -> list[str]:
    return [problem.message for problem in Inspection().inspect(Held(data), "file").problems]


def header(text: str) -> bytes:
    return make.safetensors(text.encode())


def described(dtype: str = '"F32"', shape: str = "[2,3]", offsets: str = "[0,24]") -> str:
    return f'{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}}}'


NO_TENSOR = f'describes the tensor "a" by no known type, or by offsets that do not fit its shape; expected {WHOLE}'

SAFETENSORS = {
    '{"a":1}': NO_TENSOR,
    f'{{"a":{described(dtype="1")}}}': NO_TENSOR,
    f'{{"a":{described(dtype="[]")}}}': NO_TENSOR,
    f'{{"a":{described(dtype=chr(34) + "F33" + chr(34))}}}': NO_TENSOR,
    f'{{"a":{described(shape="[-2,-3]")}}}': NO_TENSOR,
    f'{{"a":{described(shape="[2.0,3]")}}}': NO_TENSOR,
    f'{{"a":{described(shape=str([1] * 33))}}}': NO_TENSOR,
    f'{{"a":{described(offsets="[0]")}}}': NO_TENSOR,
    f'{{"a":{described(offsets="[24,0]")}}}': NO_TENSOR,
    f'{{"a":{described(offsets="[4,28]")}}}': f'has a gap or an overlap before the tensor "a", at byte 0 of its data; expected {WHOLE}',
    f'{{"a":{described()},"b":{described()}}}': f'has a gap or an overlap before the tensor "b", at byte 24 of its data; expected {WHOLE}',
    f'{{"a":{described(shape="[2,2]", offsets="[0,16]")}}}': "has 24 bytes of tensors; expected 16, as its header says",
    '{"__metadata__":{"format":1}}': f"has metadata that are no texts; expected {WHOLE}",
    '{"__metadata__":[]}': f"has metadata that are no texts; expected {WHOLE}",
    '{"a":1,"a":2}': (
        "has a header that the key stands twice in one object, first at 1:2; readers disagree which value counts; "
        f"expected {WHOLE}"
    ),
    "{": f"has a header that is no JSON: expecting property name enclosed in double quotes; expected {WHOLE}",
}


@pytest.mark.parametrize(("text", "message"), SAFETENSORS.items())
def test_safetensors(text: str, message: str) -> None:
    assert told(header(text)) == [message]


def test_a_header_of_safetensors_is_bounded() -> None:
    long = struct.pack("<Q", 5 * 1024 * 1024) + b"{" + bytes(20)
    assert told(long) == ["has a header of 5242880 bytes; expected at most 4194304"]
    assert told(struct.pack("<Q", 999) + b"{}") == [f"breaks off in its header; expected {WHOLE}"]
    assert told(header("{}")[:10]) == [] == told(header("{}")[:10])


GRAPH = make.field(7, make.field(2, b"voice"))
OPERATORS = make.field(8, make.field(2, 17))

ONNX = {
    make.field(1, 8) + GRAPH + OPERATORS + make.field(9, 1): "has a field 9 that no ONNX model has",
    make.field(1, 8) + GRAPH + OPERATORS + b"\x0b": "has a field of a kind that protobuf no longer has",
    make.field(1, 8) + GRAPH + OPERATORS + b"\x0d\0\0\0\0": "has a field 1 that no ONNX model has",
    make.field(1, 8) + GRAPH + OPERATORS + b"\x09\0\0\0": "breaks off in a field",
    make.field(1, 8) + GRAPH + b"\x80" * 10 + b"\1": "has a number of more than 64 bits",
    make.field(1, 8) + GRAPH + b"\x80": "breaks off in a field",
    make.field(1, 8) + make.field(2, b"x") + GRAPH: "is no whole ONNX model",
    make.field(1, 8) + make.field(2, b"x") + OPERATORS: "is no whole ONNX model",
    make.field(1, 8) + GRAPH + GRAPH + OPERATORS: "is no whole ONNX model",
}


@pytest.mark.parametrize(("data", "message"), ONNX.items())
def test_onnx(data: bytes, message: str) -> None:
    ((found),) = told(data)
    assert found.startswith(f"{message}; expected ")


def test_tensors_of_an_onnx_model_are_found_wherever_they_stand() -> None:
    tensor = make.onnx_tensor("far/away.data")
    attribute = make.field(5, make.field(1, b"value") + make.field(5, tensor))
    within = make.field(5, make.field(1, b"body") + make.field(6, make.field(1, attribute)))
    sparse = make.field(15, make.field(1, tensor))
    function = make.field(25, make.field(7, within))
    for data in (
        make.field(7, make.field(1, attribute)),
        make.field(7, make.field(1, within)),
        make.field(7, sparse),
        GRAPH + function,
    ):
        model = make.field(1, 8) + make.field(2, b"by hand") + data + OPERATORS
        assert Inspection().inspect(Held(model), "file").external == ("far/away.data",)


def test_names_of_members_are_bounded() -> None:
    name = "a/" * 600 + "a"
    for data in (make.tarred({name: b""}), make.zipped({name: b""})):
        assert told(data) == ["has a member with a name of 1201 characters; expected at most 1024"]


def test_the_bounds_of_an_onnx_model(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = b""
    for _ in range(20):
        deep = make.field(1, make.field(5, make.field(6, deep)))
    model = make.field(1, 8) + make.field(2, b"x") + make.field(7, deep) + OPERATORS
    assert told(model) == [f"nests messages more than 32 deep; expected {WHOLE}"]
    unnamed = make.onnx_tensor("x" * 5000)
    assert told(make.onnx(unnamed)) == [f"keeps a tensor in a file without a plain name; expected {WHOLE}"]
    monkeypatch.setattr(onnx_file, "MAX_LOCATIONS", 1)
    several = make.onnx(make.onnx_tensor("a"), make.onnx_tensor("b"))
    assert told(several) == [f"keeps tensors in more than 1 files; expected {WHOLE}"]
    monkeypatch.setattr(onnx_file, "MAX_FIELDS", 5)
    assert told(make.onnx()) == [f"has more than 5 fields; expected {WHOLE}"]


def test_an_onnx_model_that_becomes_shorter_is_told() -> None:
    class Shrunk(Held):
        """What was there when it was opened is not there when it is read."""

        def read(self, offset: int, count: int) -> bytes:
            return super().read(offset, count) if count <= 512 else b""

    assert (
        Inspection().inspect(Shrunk(make.onnx()), "f").problems[0].message == f"breaks off in a field; expected {WHOLE}"
    )


def test_a_large_onnx_model_is_read_in_blocks() -> None:
    model = make.onnx(*(make.onnx_tensor(f"{number}.data") for number in range(3000)))
    assert len(model) > 2 * 64 * 1024
    assert len(Inspection().inspect(Held(model), "file").external) == 3000


DATA = make.chunk(b"data", bytes(8))
FORMAT = make.chunk(b"fmt ", make.wave_format())
ODD_GUID = make.wave_format(0xFFFE) + struct.pack("<HHL", 22, 16, 4) + bytes(16)

WAVES = {
    make.riff(DATA, FORMAT): 'has a chunk "data" twice, or its data before its format',
    make.riff(FORMAT, DATA, DATA): 'has a chunk "data" twice, or its data before its format',
    make.riff(FORMAT, FORMAT, DATA): 'has a chunk "fmt " twice, or its data before its format',
    make.riff(FORMAT): "has no chunk with a format, or none with data",
    make.riff(): "has no chunk with a format, or none with data",
    make.riff(make.chunk(b"fmt ", bytes(8)), DATA): "has a format of too few bytes",
    make.riff(make.chunk(b"fmt ", ODD_GUID), DATA): "has an extensible format of no known kind",
    make.riff(make.chunk(b"fmt ", make.wave_format(0xFFFE)), DATA): "has an extensible format of no known kind",
    make.riff(make.chunk(b"fmt ", make.wave_format(2)), DATA): "is coded as 0x0002",
    make.riff(make.chunk(b"fmt ", make.wave_format(channels=0)), DATA): "has a format that contradicts itself",
    make.riff(make.chunk(b"fmt ", make.wave_format(rate=0)), DATA): "has a format that contradicts itself",
    make.riff(make.chunk(b"fmt ", make.wave_format(bits=12)), DATA): "has a format that contradicts itself",
    make.riff(FORMAT, make.chunk(b"data", bytes(7))): "has 7 bytes of data, which are no whole frames of 2",
    make.riff(FORMAT, b"data\xff\xff\xff\xff"): 'breaks off in its chunk "data"',
    make.riff(FORMAT, b"da"): "breaks off in the header of a chunk",
    make.riff(FORMAT, *[make.chunk(b"note", b"")] * 1001, DATA): 'breaks off in its chunk "note"',
    make.riff(FORMAT, DATA) + b"x": "has 53 bytes",
    b"RF64" + bytes(4) + b"WAVE" + FORMAT + DATA: "is RF64 without the sizes that belong to it",
    b"fLaC" + bytes(38): "does not begin with what its stream is",
    b"fLaC\x80\0\0\x22" + bytes(34): "has a sample rate of 0",
    make.flac(behind=b"some text"): "has no frame of audio behind its blocks",
    make.flac(behind=b"\xff"): "breaks off in its blocks",
    make.flac().replace(b"\x80", b"\0", 1): "breaks off in its blocks",
    make.flac(behind=bytes(4 * 1000)).replace(b"\x80", b"\0", 1): "has more than 1000 blocks before its audio",
}


@pytest.mark.parametrize(("data", "message"), WAVES.items())
def test_audio(data: bytes, message: str) -> None:
    (found,) = told(data)
    assert found.startswith(message)
    assert "; expected " in found


VOICES = {
    make.htsvoice().replace(b"VERSION:1.0", b"VERSION:2.0"): 'is of version "2.0"; expected 1.0',
    make.htsvoice().replace(b"48000", b"none"): f"states no sampling frequency; expected {WHOLE}",
    make.htsvoice().replace(
        b"COMMENT:\n", b"a note\n"
    ): 'has the line "a note" in its header; expected a new key and its value',
    make.htsvoice().replace(b"COMMENT:\n", b"SAMPLING_FREQUENCY:1\n"): (
        'has the line "SAMPLING_FREQUENCY:1" in its header; expected a new key and its value'
    ),
    make.htsvoice().replace(b"[STREAM]", b"[STREAMS]"): (
        'has the sections "GLOBAL, STREAMS, POSITION, DATA"; expected GLOBAL, STREAM, POSITION, DATA'
    ),
    make.htsvoice("DURATION_PDF:\n"): f'gives no position of "DURATION_PDF"; expected {WHOLE}',
    make.htsvoice("A:0-11\nB:11-23\n"): f"has a gap or an overlap at byte 12 of its data; expected {WHOLE}",
    make.htsvoice("A:0-11\nB:13-23\n"): f"has a gap or an overlap at byte 12 of its data; expected {WHOLE}",
    make.htsvoice("A:0-23\nB:24-23\n"): f"has a gap or an overlap at byte 24 of its data; expected {WHOLE}",
    make.htsvoice("A:0-11,12-22\n"): "has 24 bytes of data; expected 23, as its positions say",
    b"[GLOBAL]\n" + b"COMMENT:\n" * 9000: f"breaks off in its header, before [DATA]; expected {WHOLE}",
}


@pytest.mark.parametrize(("data", "message"), VOICES.items())
def test_voices_of_hts(data: bytes, message: str) -> None:
    assert told(data) == [message]


def test_gguf() -> None:
    assert told(make.gguf(version=1)) == ["is GGUF of version 1; expected 2 or 3, in little-endian order"]
    assert told(make.gguf(tensors=10_001)) == ["lists 10001 tensors; expected at most 10000"]
    assert told(make.gguf(tensors=0)) == [f"has no tensors; expected {WHOLE}"]
    assert told(make.gguf(values=99)) == [
        f"lists 1 tensors and 99 values, which 94 bytes cannot hold; expected {WHOLE}"
    ]


def test_arrays_of_numpy() -> None:
    form = "has a header of another form; expected that of an array of numbers"
    simple = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    for header, data, message in (
        (simple, make.WEIGHTS[:-1], "has 23 bytes of numbers; expected 24, as its header says"),
        (simple.replace("'<f4'", "[('a', '<f4')]"), make.WEIGHTS, form),
        (simple.replace("(2, 3)", "(-2, 3)"), make.WEIGHTS, form),
        (simple + " + exit()", make.WEIGHTS, form),
        (" " * 10_000, b"", "has a header of 10001 bytes; expected at most 10000"),
    ):
        assert told(make.npy(header, data)) == [message]
    later = b"\x93NUMPY\x03\x00" + struct.pack("<L", len(simple) + 1) + simple.encode() + b"\n" + make.WEIGHTS
    assert told(later) == []
    assert told(later[:9]) == [f"breaks off in its header; expected {WHOLE}"]


CONFIGS = {
    b"": "has a model_config.yaml that cannot be read: is empty",
    b"- a\n": "has a model_config.yaml that is no mapping",
    b"a: 1\na: 2\n": "has a model_config.yaml that cannot be read: the key stands twice in one object, first at 1:1",
    b"target: !!python/object/apply:os.system ['true']\n": (
        'has a model_config.yaml that cannot be read: found the tag "tag:yaml.org,2002:python/object/apply:os.system"'
    ),
    b"a: &a [*a]\n": "has a model_config.yaml that cannot be read: found the anchor",
    b"\xff\xfe": "has a model_config.yaml that cannot be read: is UTF-16 or UTF-32",
}


@pytest.mark.parametrize(("config", "message"), CONFIGS.items())
def test_configurations_of_nemo(config: bytes, message: str) -> None:
    found = Inspection().inspect(Held(make.nemo(config=config)), "file")

    assert found.problems[0].message.startswith(message)
    assert found.format is FileFormat.NEMO
    assert found.nemo is not None
    assert (found.nemo.has_config, found.nemo.target) == (True, None)


def test_what_a_configuration_states_is_text_or_a_number() -> None:
    for config, expected in {
        b"target: a.B\nnemo_version: 1.0\n": ("a.B", "1.0"),
        b"target: true\nnemo_version: [1]\n": (None, None),
        b"target: ''\n": (None, None),
    }.items():
        nemo = Inspection().inspect(Held(make.nemo(config=config)), "file").nemo
        assert nemo is not None
        assert (nemo.target, nemo.version) == expected


# --- checkpoints ------------------------------------------------------------------------------------------------------

TWICE = make.zipped({f"voice/{name}": b"" for name in ("data.pkl", "version")} | {"other/data.pkl": make.STATE})

CASES = make.zipped({"v/DATA.PKL": make.STATE, "v/data.pkl": make.STATE, "v/version": b"3", "v/data/0": make.WEIGHTS})

CHECKPOINTS = {
    CASES: (FormatProblemKind.UNSAFE, "has members twice, or outside of its one folder, so that readers differ"),
    TWICE: (FormatProblemKind.UNSAFE, "has members twice, or outside of its one folder, so that readers differ"),
    make.zipped({"v/data.pkl": make.STATE, "v/data/0": make.WEIGHTS}): (
        FormatProblemKind.MALFORMED,
        'has no "version" among its members, which every torch archive has',
    ),
    make.torch_zip(byteorder=b"big"): (
        FormatProblemKind.MALFORMED,
        "has its numbers in another byte order than little",
    ),
    make.torch_zip(storages={}): (FormatProblemKind.MALFORMED, 'has none in the storage "0"; expected 24 bytes'),
    make.torch_zip().replace(b"encoder.weight", b"encoder.height", 1): (
        FormatProblemKind.MALFORMED,
        'has "voice/data.pkl" with another checksum than its directory lists',
    ),
    make.torch_legacy(keys=()): (
        FormatProblemKind.MALFORMED,
        "lists other storages at its end than its tensors are in",
    ),
    make.torch_legacy(keys=("0", "0")): (
        FormatProblemKind.MALFORMED,
        "lists other storages at its end than its tensors are in",
    ),
    make.torch_legacy(weights=make.WEIGHTS[4:]): (FormatProblemKind.MALFORMED, 'has 5 elements in the storage "0"'),
    make.torch_zip(make.STATE.replace(make.text("0"), b"K\0")): (
        FormatProblemKind.MALFORMED,
        "refers to something outside of its pickle that is no storage of torch",
    ),
    make.torch_legacy()[:-1]: (FormatProblemKind.MALFORMED, "breaks off in a storage"),
    make.torch_legacy() + b"x": (FormatProblemKind.MALFORMED, "has 1 bytes behind its last storage; expected none"),
    make.torch_legacy(make.state_dict(w=make.tensor(strides=(9, 9)))): (
        FormatProblemKind.MALFORMED,
        "has a tensor that needs 28 elements of a storage of 6",
    ),
}


def test_the_pickle_of_a_checkpoint_alone_has_no_numbers() -> None:
    assert told(make.STATE) == [f"refers to storages that do not lie in it; expected {WHOLE}"]
    assert told(make.npy(make.OBJECTS, make.STATE)) == told(make.STATE)


@pytest.mark.parametrize(("data", "expected"), CHECKPOINTS.items())
def test_checkpoints(data: bytes, expected: tuple[FormatProblemKind, str]) -> None:
    ((kind, message, _),) = Inspection().inspect(Held(data), "file").problems

    assert kind is expected[0]
    assert message.startswith(expected[1])


def test_a_pickle_in_a_checkpoint_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helix_tts_policy.facts.formats.torch_file.MAX_PICKLE_BYTES", 64)

    assert told(make.torch_zip()) == [f'has {len(make.STATE)} bytes in "voice/data.pkl"; expected at most 64']
    message = "holds a pickle that goes on behind its first 16777216 bytes"
    assert told(make.STATE) == [f"{message}; expected one that can be followed from its first opcode to its last"]
    assert told(make.STATE[:2] + make.named("a" * 99, "b") + b".") == told(make.STATE)


def test_tensors_of_arguments_that_torch_would_refuse_are_not_told() -> None:
    storage = make.tensor()[: make.tensor().index(b"tQ") + 2]
    storage = storage[storage.index(b"((") + 1 :]
    strange = (
        make.tensor(shape=(2,)),
        make.tensor(shape=(1,) * 65, strides=(1,) * 65),
        make.tensor("k" * 257),
        make.tensor().replace(b"FloatStorage", b"OtherStorage"),
        make.tensor().replace(make.text("storage"), make.text("else")),
        make.tensor().replace(b"tQ", b"t"),
        make.tensor().replace(b"tQ", b"t0" + make.text("storage") + b"Q"),
        make.tensor().replace(b"tQ", b"N\x85Q0Nt"),
        make.tensor().replace(make.number(0), make.number(-1)),
        make.tensor().replace(b"_v2", b"_v3"),
        make.tensor().replace(b"_v2", b"_v3").replace(b"\x89" + make.ORDERED, b"\x89" + make.ORDERED + b"N"),
        make.named("torch._utils", "_rebuild_tensor_v2") + b")R",
        make.named("torch._utils", "_rebuild_tensor_v2") + b"NR",
        make.named("torch._utils", "_rebuild_parameter") + b"NR",
        make.named("torch._utils", "_rebuild_parameter") + b")R",
    )
    assert storage.startswith(b"(X")
    for opcodes in strange:
        found = Inspection().inspect(Held(make.state_dict(w=opcodes)), "model.pkl")
        assert (found.tensors, found.format) == ((), FileFormat.PICKLE)


def test_one_thing_that_is_meant_many_times_does_not_become_large(monkeypatch: pytest.MonkeyPatch) -> None:
    again = 20_000
    long = make.text("k" * 100_000) + b"q\x01" + make.tensor() + b"q\x02"
    data = make.torch_zip(b"\x80\x02}(" + long + b"h\x01h\x02" * again + b"u.")
    tracemalloc.start()
    found = Inspection().inspect(Held(data), "f")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(found.tensors), len(found.tensors[0].name), found.problems) == (again + 1, 257, ())
    assert peak < 32 * 1024 * 1024
    monkeypatch.setattr(torch_pickle, "MAX_NAMES", 100_000)
    assert told(data) == [f"has names of tensors of more than 100000 characters; expected {WHOLE}"]


def test_tensors_are_found_in_containers_that_end_somewhere() -> None:
    deep = make.tensor()
    for _ in range(20):
        deep = b"(" + make.text("k") + deep + b"d"
    cycle = b"\x80\x02]q\x00h\x00a" + make.tensor() + b"a."
    keys = (
        b"\x80\x02}(" + b"K\x01" + make.tensor() + b"N" + make.tensor() + make.text("s") + b"(" + make.tensor() + b"tu."
    )

    assert Inspection().inspect(Held(make.state_dict(w=deep)), "f").tensors == ()
    assert Inspection().inspect(Held(cycle), "f").tensors == (Tensor("1", "float32", (2, 3)),)
    names = [tensor.name for tensor in Inspection().inspect(Held(keys), "f").tensors]
    assert names == ["1", "s/0"]
    surrogate = b"\x80\x02}(X\x03\0\0\0\xed\xa0\x80" + make.tensor() + b"u."
    assert Inspection().inspect(Held(surrogate), "f").tensors[0].name == "\\ud800"


# --- packed streams and archives --------------------------------------------------------------------------------------


def test_a_packed_stream_can_be_read_at_any_place(monkeypatch: pytest.MonkeyPatch) -> None:
    data = random.Random(5).randbytes(3 * 1024 * 1024)  # noqa: S311 - any bytes that do not pack
    unpacked = Unpacked(Held(make.gzipped(data)), gzip=True)

    assert unpacked.size == len(data)
    for offset in (0, 2_900_000, 2_000_000, 2_800_000, 100):
        assert unpacked.read(offset, 1000) == data[offset : offset + 1000]
    assert unpacked.read(len(data) - 5, 100) == data[-5:]
    assert unpacked.read(0, len(data)) == data
    monkeypatch.setattr(byte_source, "MAX_PASSES", 3)
    again = Unpacked(Held(make.gzipped(data)), gzip=True)
    again.read(len(data) - 5, 5)
    again.read(0, 5)
    again.read(len(data) - 5, 5)
    with pytest.raises(Flawed, match="has to be unpacked more than 3 times"):
        again.read(0, 5)


def test_a_packed_stream_that_becomes_another_one_is_told() -> None:
    class Swapped(Held):
        def swap(self) -> None:
            # As long as before, and with less in it.
            inner = bytes(self.size - 23)
            block = b"\1" + struct.pack("<HH", len(inner), len(inner) ^ 0xFFFF) + inner
            self._data = self._data[:10] + block + struct.pack("<LL", zlib.crc32(inner), len(inner))

    held = Swapped(make.gzipped(bytes(range(256)) * 400))
    unpacked = Unpacked(held, gzip=True)
    held.swap()
    with pytest.raises(Flawed, match="changed while it was unpacked"):
        unpacked.read(0, 10_000)


def test_packed_streams_that_are_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = make.gzipped(make.nemo())
    damaged = packed[:40] + bytes([packed[40] ^ 0xFF]) + packed[41:]
    assert told(packed[:-9]) == [f"is packed, and breaks off; expected {WHOLE}"]
    assert told(damaged) == [f"is packed, and the packed bytes are damaged; expected {WHOLE}"]
    assert told(packed + packed) == [f"has {len(packed)} bytes behind its packed bytes; expected none"]
    monkeypatch.setattr(byte_source.Unpacked.__init__, "__kwdefaults__", {"most": 1000})
    assert told(packed) == [f"unpacks to more than 1000 bytes; expected {ALIKE}"]


def deflated(name: str, data: bytes, *, size: int | None = None, packed: bytes | None = None) -> bytes:
    """A zip of one member, which may lie about its size or hold other bytes than it says."""
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = raw.compress(data) + raw.flush() if packed is None else packed
    values = (zlib.crc32(data), len(stream), len(data) if size is None else size)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, *values, len(name), 0) + name.encode()
    listed = (
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, *values, len(name), 0, 0, 0, 0, 0, 0) + name.encode()
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(listed), len(local) + len(stream), 0)
    return local + stream + listed + end


def test_members_that_unpack_to_something_else() -> None:
    assert told(deflated("a.pkl", make.BARE)) == []
    assert told(deflated("a.pkl", make.STATE, size=len(make.STATE) + 1)) == [
        f'lists {len(make.STATE) + 1} bytes for "a.pkl" and unpacks to {len(make.STATE)}; expected {WHOLE}'
    ]
    assert told(deflated("a.pkl", make.STATE, size=9)) == [f"unpacks to more than 9 bytes; expected {ALIKE}"]
    assert told(deflated("a.txt", b"a voice", packed=b"\xff\xff\xff")) == [
        f"is packed, and the packed bytes are damaged; expected {WHOLE}"
    ]


def test_an_archive_within_an_archive_is_not_looked_into() -> None:
    inner = make.zipped({"a": b"b"})
    for data in (make.zipped({"x": inner}), make.tarred({"x": inner}), make.tarred({"x": make.gzipped(b"b")})):
        message = 'holds "x", which is an archive within an archive, which is not looked into'
        assert told(data) == [f"{message}; expected checkpoints and plain files"]
    assert told(make.tarred({"x": inner[:-1]})) == [
        f'holds "x", which has no zip directory at its end; expected {WHOLE}'
    ]


def long_form(data: bytes, **wrong: int) -> bytes:
    """A zip with the end record for large archives, as torch writes it for small ones, too."""
    end = data[-22:]
    _, _, _, here, count, size, start, _ = struct.unpack("<4s4H2LH", end)
    values = {"disk": 0, "here": here, "count": count, "size": size, "start": start} | wrong
    large = struct.pack(
        "<4sQ2H2L4Q",
        b"PK\6\6",
        44,
        30,
        45,
        values["disk"],
        0,
        values["here"],
        values["count"],
        values["size"],
        values["start"],
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, values.get("place", len(data) - 22), 1)
    return data[:-22] + large + locator + end


def test_the_end_record_for_large_archives() -> None:
    plain = make.zipped({"a.txt": b"abc"})
    assert told(long_form(plain)) == []
    assert told(long_form(plain, place=0)) == [
        f"has an end record that does not stand right behind the other one; expected {ALIKE}"
    ]
    assert told(long_form(plain, count=2)) == [f"has two end records that contradict each other; expected {ALIKE}"]


def test_sizes_in_the_field_for_large_members() -> None:
    plain = make.zipped({"a.txt": b"abc"})
    at = plain.index(b"PK\1\2")
    entry, end = bytearray(plain[at:-22]), plain[-22:]
    entry[20:28] = b"\xff" * 8  # both sizes stand in the extra field
    for extra, message in {
        struct.pack("<2H2Q", 1, 16, 3, 3): None,
        struct.pack("<2H4s2H2Q", 9, 4, b"else", 1, 16, 3, 3): None,
        struct.pack("<2H2Q", 1, 16, 4, 3): 'lists 4 bytes for "a.txt", which is stored in 3',
        struct.pack("<2HQ", 1, 8, 3): 'has another header before "a.txt" than its directory says',
        b"\1": 'has another header before "a.txt" than its directory says',
    }.items():
        entry[30:32] = struct.pack("<H", len(extra))
        listed = bytes(entry) + extra
        data = plain[:at] + listed + end[:12] + struct.pack("<L", len(listed)) + end[16:]
        assert [found.partition(";")[0] for found in told(data)] == ([] if message is None else [message])


def test_a_zip_written_as_a_stream_has_its_sizes_behind(tmp_path: Path) -> None:
    class Pipe:
        """A file that cannot go back, so that zipfile writes the sizes behind the bytes."""

        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

        def flush(self) -> None:
            pass

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:  # type: ignore[call-overload]
        archive.writestr("a.txt", b"abc")
    assert told(pipe.data) == []
    at = pipe.data.index(b"PK\x07\x08")
    for changed in (
        pipe.data[: at + 4] + b"\0" + pipe.data[at + 5 :],
        pipe.data[:at] + b"PK\x07\x09" + pipe.data[at + 4 :],
    ):
        assert told(changed) == [f'has bytes that belong to no member behind "a.txt"; expected {ALIKE}']


# --- what the first bytes promise -------------------------------------------------------------------------------------


def test_a_text_that_begins_as_a_pickle_of_many_bytes_is_a_text() -> None:
    text = b"X\xe8\x03\0\0" + b"a" * 1000 + b"\n a voice\n"
    assert Inspection().inspect(Held(text), "f").format is FileFormat.UNKNOWN
    assert (
        Inspection().inspect(Held(b"Voice of the year, and the voice of the year before.\n" * 40), "f").format
        is FileFormat.TEXT
    )


def test_what_becomes_a_fifo_between_two_looks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(make.safetensors())
    os.mkfifo(tmp_path / "fifo")

    class Changing(os.PathLike[str]):
        asked = 0

        def __fspath__(self) -> str:
            self.asked += 1
            return str(tmp_path / ("file" if self.asked < 3 else "fifo"))

    assert [problem.message for problem in inspect_file(Changing(), name="f").problems] == [
        "is no regular file; expected one"
    ]
