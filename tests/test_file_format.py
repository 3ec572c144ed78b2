"""What is told of the bytes of a file: every format whole, and what torch itself wrote."""

from __future__ import annotations

import pickletools
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests import format_files as make

from helix_tts_policy.facts.file_format import FileFormat, inspect_file
from helix_tts_policy.facts.formats import pickle_machine
from helix_tts_policy.facts.formats.inspected import (
    ArchiveMember,
    AudioFacts,
    FormatProblemKind,
    InspectedFile,
    MemberKind,
    NemoFacts,
    Tensor,
)
from helix_tts_policy.rules.format_registry import FORMAT_RULES
from helix_tts_policy.rules.format_subject import FormatSubject
from helix_tts_policy.rules.rule import complaints

HERE = Path(__file__).parent
MADE_BY_TORCH = HERE / "data" / "torch"
VOICE = HERE.parent / "examples" / "voices" / "mei" / "mei_normal.htsvoice"
DECODER = (Tensor("decoder.weight", "F32", (2, 3)),)
ENCODER = (Tensor("encoder.weight", "float32", (2, 3)),)
GLOBALS = ("collections.OrderedDict", "torch.FloatStorage", "torch._utils._rebuild_tensor_v2")
TARGET = "nemo.collections.tts.models.fastpitch.FastPitchModel"


def inspected(tmp_path: Path, data: bytes, name: str = "file") -> InspectedFile:
    (tmp_path / "file").write_bytes(data)
    return inspect_file(tmp_path / "file", name=name)


def problems(tmp_path: Path, data: bytes) -> list[tuple[FormatProblemKind, str]]:
    return [(problem.kind, problem.message) for problem in inspected(tmp_path, data).problems]


# --- whole files ------------------------------------------------------------------------------------------------------

WHOLE = {
    "nemo": (make.nemo(), FileFormat.NEMO),
    "nemo-gzip": (make.gzipped(make.nemo()), FileFormat.NEMO_GZIP),
    "tar": (make.tarred({"a.txt": b"a\n"}), FileFormat.TAR),
    "tar-gnu": (make.tarred({"a" * 150: b"a\n"}, style=tarfile.GNU_FORMAT), FileFormat.TAR),
    "tar-pax": (make.tarred({"a" * 150: b"a\n"}, style=tarfile.PAX_FORMAT), FileFormat.TAR),
    "tar-ustar": (make.tarred({f"{'a' * 90}/{'b' * 90}": b"a\n"}, style=tarfile.USTAR_FORMAT), FileFormat.TAR),
    "tar-gzip": (make.gzipped(make.tarred({"a.txt": b"a\n"})), FileFormat.TAR_GZIP),
    "gzip": (make.gzipped(b"a\n"), FileFormat.GZIP),
    "torch": (make.torch_zip(), FileFormat.TORCH),
    "torch-legacy": (make.torch_legacy(), FileFormat.TORCH_LEGACY),
    "zip": (make.zipped({"a.txt": b"a\n", "b/": b""}), FileFormat.ZIP),
    "zip-deflated": (make.zipped({"a.txt": b"a\n" * 99}, method=zipfile.ZIP_DEFLATED), FileFormat.ZIP),
    "zip-empty": (make.zipped({}), FileFormat.ZIP),
    "pickle": (make.BARE, FileFormat.PICKLE),
    "pickle-unmarked": (b"(lp0\nI1\na.", FileFormat.PICKLE),
    "npy": (make.npy(), FileFormat.NPY),
    "npy-scalar": (make.npy("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", b"a"), FileFormat.NPY),
    "npy-text": (make.npy("{'descr': '<U3', 'fortran_order': True, 'shape': (2,), }"), FileFormat.NPY),
    "npy-objects": (make.npy(make.OBJECTS, b"\x80\x02]."), FileFormat.NPY),
    "safetensors": (make.safetensors(), FileFormat.SAFETENSORS),
    "safetensors-metadata": (
        make.safetensors(b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F64","shape":[3],"data_offsets":[0,24]}}'),
        FileFormat.SAFETENSORS,
    ),
    "onnx": (make.onnx(make.onnx_tensor()), FileFormat.ONNX),
    "gguf": (make.gguf(), FileFormat.GGUF),
    "htsvoice": (make.htsvoice(), FileFormat.HTSVOICE),
    "wav": (make.wave(), FileFormat.WAV),
    "flac": (make.flac(), FileFormat.FLAC),
    "ogg": (b"OggS\0\2" + bytes(40), FileFormat.OGG),
    "lfs-pointer": (make.LFS_POINTER, FileFormat.LFS_POINTER),
    "json": (b' {"error": "Not Found"}\n', FileFormat.JSON),
    "text": (b"A voice.\n", FileFormat.TEXT),
    "text-cut-in-a-character": (("a" * 4095 + "\N{EURO SIGN}").encode(), FileFormat.TEXT),
    "text-of-words-that-are-opcodes": (b"cat\ncar\ndog\n", FileFormat.TEXT),
    "empty": (b"", FileFormat.EMPTY),
    "unknown": (b"\xff\xfe\0\1", FileFormat.UNKNOWN),
    "unknown-not-utf8": (b"a" * 4000 + b"\xff" * 99, FileFormat.UNKNOWN),
    "unknown-control": (b"a\x01b\n", FileFormat.UNKNOWN),
}


@pytest.mark.parametrize(("data", "expected"), WHOLE.values(), ids=WHOLE)
def test_a_whole_file_is_known_by_its_bytes_and_has_no_problem(
    tmp_path: Path, data: bytes, expected: FileFormat
) -> None:
    found = inspected(tmp_path, data, name="whatever.jpeg")

    assert (found.format, found.size, found.problems) == (expected, len(data), ())
    assert found.name == "whatever.jpeg"


def test_every_format_has_an_example() -> None:
    assert {expected for _, expected in WHOLE.values()} == set(FileFormat) - {FileFormat.TORCHSCRIPT}


def test_a_nemo_archive_tells_its_class_its_members_and_its_tensors(tmp_path: Path) -> None:
    for data in (make.nemo(), make.gzipped(make.nemo())):
        found = inspected(tmp_path, data)
        assert found.nemo == NemoFacts(True, TARGET, "2.7.3", FileFormat.TORCH, (TARGET,))
        assert found.members == (
            ArchiveMember("./", MemberKind.FOLDER, 0),
            ArchiveMember("./model_config.yaml", MemberKind.FILE, len(make.CONFIG)),
            ArchiveMember("./model_weights.ckpt", MemberKind.FILE, len(make.torch_zip())),
        )
        assert found.tensors == ENCODER
        assert found.pickle_globals == GLOBALS


def test_audio_tells_its_rate_channels_bits_and_frames(tmp_path: Path) -> None:
    found = inspected(tmp_path, make.wave(22_050 // 2 // 50))
    assert found.audio == AudioFacts(rate=22_050, channels=1, bits=16, frames=220)
    assert inspected(tmp_path, make.flac()).audio == AudioFacts(rate=22_050, channels=1, bits=16, frames=22_050)


def test_wave_in_its_large_and_its_extensible_form(tmp_path: Path) -> None:
    guid = bytes.fromhex("0300000000001000800000aa00389b71")
    extensible = make.wave_format(0xFFFE, channels=2, bits=32) + struct.pack("<HHL", 22, 32, 3) + guid
    body = make.chunk(b"LIST", b"odd") + make.chunk(b"fmt ", extensible) + make.chunk(b"data", bytes(16))
    assert inspected(tmp_path, make.riff(body)).audio == AudioFacts(22_050, 2, 32, 2)

    chunks = make.chunk(b"fmt ", make.wave_format()) + b"data" + b"\xff" * 4 + bytes(6)
    sizes = make.chunk(b"ds64", struct.pack("<QQQL", 4 + 36 + len(chunks), 6, 3, 0))
    assert inspected(tmp_path, b"RF64" + b"\xff" * 4 + b"WAVE" + sizes + chunks).audio == AudioFacts(22_050, 1, 16, 3)


def test_tensors_of_other_formats(tmp_path: Path) -> None:
    assert inspected(tmp_path, make.safetensors()).tensors == DECODER
    assert inspected(tmp_path, make.torch_legacy()).tensors == ENCODER
    assert inspected(tmp_path, make.npy()).tensors == (Tensor("", "<f4", (2, 3)),)
    assert inspected(tmp_path, make.onnx(make.onnx_tensor("b"), make.onnx_tensor("a"))).external == ("a", "b")


def test_a_real_voice_of_hts_is_whole() -> None:
    found = inspect_file(VOICE)

    assert (found.format, found.size, found.problems, found.name) == (FileFormat.HTSVOICE, 862_503, (), str(VOICE))


# --- what torch wrote -------------------------------------------------------------------------------------------------


def test_checkpoints_that_torch_wrote() -> None:
    encoder = (Tensor("encoder.weight", "float32", (2, 3)), Tensor("encoder.bias", "float32", (2,)))
    expected = (*encoder, Tensor("step", "int64", ()))
    names = ("collections.OrderedDict", "torch.FloatStorage", "torch.LongStorage", "torch._utils._rebuild_tensor_v2")

    for name, kind in (("state.pt", FileFormat.TORCH), ("legacy.pt", FileFormat.TORCH_LEGACY)):
        found = inspect_file(MADE_BY_TORCH / name)
        assert (found.format, found.problems, found.tensors) == (kind, (), expected)
        assert found.pickle_globals == names
    for name, more in (("bare.pkl", ()), ("bare2.pkl", ("_codecs.encode",))):
        found = inspect_file(MADE_BY_TORCH / name)
        assert (found.format, found.problems) == (FileFormat.PICKLE, ())
        assert found.pickle_globals == (*more, *names, "torch.storage._load_from_bytes")


def test_a_program_that_torch_wrote_is_no_checkpoint() -> None:
    found = inspect_file(MADE_BY_TORCH / "script.pt")

    assert found.format is FileFormat.TORCHSCRIPT
    assert [problem.kind for problem in found.problems] == [FormatProblemKind.OPAQUE]
    assert "__torch__.torch.nn.modules.linear.Linear" in found.pickle_globals


def test_every_kind_of_tensor_that_torch_wrote() -> None:
    found = inspect_file(MADE_BY_TORCH / "kinds.pt")

    assert found.problems == ()
    assert {(tensor.name, tensor.dtype, tensor.shape) for tensor in found.tensors} == {
        ("parameter", "float32", (3,)),
        ("half", "float16", (3,)),
        ("turned", "float32", (2, 3)),
        ("view", "int64", (2,)),
        ("float8", "float8_e4m3fn", (2,)),
        ("empty", "float32", (0,)),
        ("within/list/1", "bool", (2,)),
    }


def test_quantised_tensors_and_a_number_of_numpy_pass() -> None:
    found = inspect_file(MADE_BY_TORCH / "quantised.pt")

    assert complaints(FORMAT_RULES, FormatSubject(files=(("", found),))) == []
    assert found.tensors == (Tensor("whole", "qint8", (2, 3)), Tensor("rows", "quint8", (2, 3)))


def test_every_opcode_of_python_is_known_to_the_machine() -> None:
    assert set(pickle_machine._STEPS) == {opcode.name for opcode in pickletools.opcodes}
