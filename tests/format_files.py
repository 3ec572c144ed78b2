"""Weights and audio of a few hundred bytes in every format, whole ones and hostile ones, built without the programs they are for."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile

CONFIG = b"target: nemo.collections.tts.models.fastpitch.FastPitchModel\nnemo_version: 2.7.3\nn_speakers: 1\n"
WEIGHTS = struct.pack("<6f", *range(6))
LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)

# --- pickles, opcode by opcode ---------------------------------------------------------------------------------------


def text(value: str) -> bytes:
    return b"X" + struct.pack("<L", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<l", value)


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


ORDERED = named("collections", "OrderedDict") + b")R"


def tensor(
    key: str = "0", *, elements: int = 6, shape: tuple[int, ...] = (2, 3), strides: tuple[int, ...] = (3, 1)
) -> bytes:
    """A tensor as torch pickles it: a view of a storage that lies outside."""
    storage = (
        b"(" + text("storage") + named("torch", "FloatStorage") + text(key) + text("cpu") + number(elements) + b"tQ"
    )
    arguments = storage + number(0) + numbers(*shape) + numbers(*strides) + b"\x89" + ORDERED
    return named("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"tR"


def state_dict(**values: bytes) -> bytes:
    """A state dict in protocol 2; the values are opcodes."""
    pairs = b"".join(text(key.replace("__", ".")) + value for key, value in values.items())
    return b"\x80\x02" + ORDERED + b"(" + pairs + b"u."


STATE = state_dict(encoder__weight=tensor())
"""As it lies in a checkpoint: the storage is outside."""


def loads(data: bytes) -> bytes:
    """How a tensor pickles that is not saved with torch.save: bytes that torch loads when the pickle is loaded."""
    return named("torch.storage", "_load_from_bytes") + b"(B" + struct.pack("<L", len(data)) + data + b"tR"


def command(module: str = "posix", name: str = "system") -> bytes:
    """What a pickle calls that is not one of weights; nothing in these tests ever loads it."""
    return named(module, name) + b"(" + text("echo gotcha") + b"tR"


# --- archives --------------------------------------------------------------------------------------------------------


def zipped(members: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def torch_zip(pickled: bytes = STATE, storages: dict[str, bytes] | None = None, **more: bytes) -> bytes:
    stored = {"0": WEIGHTS} if storages is None else storages
    members = {"data.pkl": pickled, "byteorder": b"little", **{f"data/{key}": data for key, data in stored.items()}}
    members |= {"version": b"3\n", **more}
    return zipped({f"voice/{name}": data for name, data in members.items()})


LEGACY_HEAD = (
    b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    b"\x80\x02M\xe9\x03."
    b"\x80\x02}(" + text("protocol_version") + b"M\xe9\x03" + text("little_endian") + b"\x88u."
)


def torch_legacy(pickled: bytes = STATE, keys: tuple[str, ...] = ("0",), weights: bytes = WEIGHTS) -> bytes:
    listed = b"\x80\x02](" + b"".join(map(text, keys)) + b"e."
    return LEGACY_HEAD + pickled + listed + struct.pack("<q", len(weights) // 4) + weights


BARE = state_dict(encoder__weight=loads(torch_legacy()))
"""A pickle that stands on its own."""


def tarred(members: dict[str, bytes], *, style: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=style) as archive:
        folder = tarfile.TarInfo(".")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        end = archive.offset
    return stream.getvalue()[:end] + bytes(1024)  # tarfile fills up to 10,240 bytes


def nemo(config: bytes | None = CONFIG, checkpoint: bytes | None = None, **more: bytes) -> bytes:
    members = {} if config is None else {"./model_config.yaml": config}
    members["./model_weights.ckpt"] = torch_zip() if checkpoint is None else checkpoint
    return tarred(members | more)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


# --- other weights ---------------------------------------------------------------------------------------------------


def safetensors(header: bytes | None = None, data: bytes = WEIGHTS) -> bytes:
    plain = b'{"decoder.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}'
    chosen = plain if header is None else header
    return struct.pack("<Q", len(chosen)) + chosen + data


def npy(header: str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", data: bytes = WEIGHTS) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n" + data


OBJECTS = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(tag: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(tag << 3) + varint(value)
    return varint(tag << 3 | 2) + varint(len(value)) + value


def onnx(*tensors: bytes, ir_version: int = 8) -> bytes:
    node = field(4, b"Identity") + field(1, b"x") + field(2, b"y")
    graph = field(1, node) + field(2, b"voice") + b"".join(field(5, tensor) for tensor in tensors)
    operators = field(2, 17)
    return field(1, ir_version) + field(2, b"by hand") + field(7, graph) + field(8, operators)


def onnx_tensor(location: str | None = None) -> bytes:
    described = field(1, 6) + field(2, 1) + field(8, b"decoder.weight")
    if location is None:
        return described + field(9, WEIGHTS)
    entries = [field(1, b"location") + field(2, location.encode()), field(1, b"offset") + field(2, b"0")]
    return described + b"".join(field(13, entry) for entry in entries) + field(14, 1)


def gguf(version: int = 3, tensors: int = 1, values: int = 0) -> bytes:
    name = b"decoder.weight"
    described = struct.pack("<Q", len(name)) + name + struct.pack("<LQLQ", 1, 6, 0, 0)
    return struct.pack("<4sLQQ", b"GGUF", version, tensors, values) + described + WEIGHTS


def htsvoice(positions: str = "DURATION_PDF:0-11\nDURATION_TREE:12-23\n", data: bytes = WEIGHTS) -> bytes:
    head = "[GLOBAL]\nHTS_VOICE_VERSION:1.0\nSAMPLING_FREQUENCY:48000\nCOMMENT:\n[STREAM]\nVECTOR_LENGTH[MCP]:1\n"
    return f"{head}[POSITION]\n{positions}[DATA]\n".encode() + data


# --- audio -----------------------------------------------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<L", len(data)) + data + bytes(len(data) % 2)


def wave_format(code: int = 1, channels: int = 1, rate: int = 22_050, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHLLHH", code, channels, rate, rate * frame, frame, bits)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def wave(frames: int = 32) -> bytes:
    return riff(chunk(b"fmt ", wave_format()), chunk(b"data", bytes(range(frames)) * 2))


def flac(frames: int = 22_050, behind: bytes = b"\xff\xf8 and so on") -> bytes:
    packed = 22_050 << 44 | 0 << 41 | 15 << 36 | frames
    return b"fLaC" + b"\x80\0\0\x22" + bytes(10) + packed.to_bytes(8) + bytes(16) + behind
