"""The record of one inspected file, and what stops an inspection. Whether a file is good is not said here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple


class FileFormat(StrEnum):
    """What the bytes of a file are, whatever its name says."""

    NEMO = "nemo"
    NEMO_GZIP = "nemo-gzip"
    TAR = "tar"
    TAR_GZIP = "tar-gzip"
    GZIP = "gzip"
    TORCH = "torch"
    TORCH_LEGACY = "torch-legacy"
    TORCHSCRIPT = "torchscript"
    ZIP = "zip"
    PICKLE = "pickle"
    NPY = "npy"
    SAFETENSORS = "safetensors"
    ONNX = "onnx"
    GGUF = "gguf"
    HTSVOICE = "htsvoice"
    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"
    LFS_POINTER = "lfs-pointer"
    JSON = "json"
    TEXT = "text"
    EMPTY = "empty"
    UNKNOWN = "unknown"


class FormatProblemKind(StrEnum):
    """In which way the bytes of a file are not whole; each kind is one rule of `rules/weights_format.py`."""

    UNREADABLE = "unreadable"
    CHANGED = "changed-while-reading"
    MALFORMED = "malformed"
    UNSAFE = "unsafe"
    OPAQUE = "opaque"


class FormatProblem(NamedTuple):
    """One defect of a file; the message goes on behind the file's name, as in ``breaks off in its header``."""

    kind: FormatProblemKind
    message: str
    tip: str


class Flawed(Exception):  # noqa: N818 - it tells what the bytes are, not what went wrong with the program
    """A file is not what its first bytes promise, and cannot be read on."""

    def __init__(self, kind: FormatProblemKind, message: str, tip: str) -> None:
        super().__init__(kind, message, tip)
        self.problem = FormatProblem(kind, message, tip)


WRITE_ANEW = "restore the reviewed file, or write it anew and review that"


def malformed(found: str, expected: str = "a whole file that agrees with itself") -> Flawed:
    """The error of bytes that are cut off or contradict themselves."""
    return Flawed(FormatProblemKind.MALFORMED, f"{found}; expected {expected}", WRITE_ANEW)


def unsafe(found: str, expected: str = "an archive that every reader reads alike") -> Flawed:
    """The error of an archive that is larger than it looks, or that two readers read differently."""
    return Flawed(FormatProblemKind.UNSAFE, f"{found}; expected {expected}", "pack it anew, with nothing else in it")


MAX_MEMBER_NAME: Final = 1024
"""Characters of a member's name: room for four names as long as Linux has them."""


class MemberKind(StrEnum):
    """What a member of an archive is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    DEVICE = "device"
    OTHER = "other"


class ArchiveMember(NamedTuple):
    """A member as the archive's directory lists it: its name unchanged, its kind, its unpacked size in bytes."""

    name: str
    kind: MemberKind
    size: int


class Tensor(NamedTuple):
    """A tensor as a header describes it; its numbers were not read."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class AudioFacts(NamedTuple):
    """What the header of an audio file says: frames in one second, channels, bits of one sample, frames."""

    rate: int
    channels: int
    bits: int
    frames: int


class NemoFacts(NamedTuple):
    """What a NeMo archive says of itself.

    Attributes:
        has_config: whether there is a ``model_config.yaml``.
        target: its ``target``, the class that the archive restores; None without.
        version: its ``nemo_version``; None without.
        checkpoint: the format of ``model_weights.ckpt``; None without.
        calls: what the configuration would have a loader call: ``target``, every ``_target_``, and every text in which
            OmegaConf calls a resolver; in the order of the text.
    """

    has_config: bool
    target: str | None
    version: str | None
    checkpoint: FileFormat | None
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedFile:
    """One file by its bytes.

    Attributes:
        name: what messages call it; its suffix is judged.
        size: in bytes; 0 where it could not be opened.
        format: what the first bytes promise, and for an archive what it holds.
        members: of an archive, in its order; not those of an archive within.
        pickle_globals: every ``module.name`` that a pickle names, also one within an archive or a pickle; sorted.
        tensors: in the order of the file.
        audio: None for everything but audio.
        nemo: None for everything but an archive with one of NeMo's two members.
        external: files beside it in which an ONNX model keeps tensors; as it names them, sorted.
        problems: what keeps the file from being what its first bytes promise.
    """

    name: str
    size: int
    format: FileFormat
    members: tuple[ArchiveMember, ...] = ()
    pickle_globals: tuple[str, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    audio: AudioFacts | None = None
    nemo: NemoFacts | None = None
    external: tuple[str, ...] = ()
    problems: tuple[FormatProblem, ...] = ()
