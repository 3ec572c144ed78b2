"""Which format the first bytes of a file promise. The marks are a literal table; what has no mark is tried by its structure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.formats import htsvoice_file, npy_file
from helix_tts_policy.facts.formats.inspected import FileFormat
from helix_tts_policy.facts.formats.onnx_file import is_onnx
from helix_tts_policy.facts.formats.pickle_stream import MAX_PICKLE_BYTES
from helix_tts_policy.facts.formats.tar_listing import BLOCK, is_tar
from helix_tts_policy.facts.formats.tensor_file import is_safetensors
from helix_tts_policy.facts.formats.torch_file import LEGACY_MAGIC

if TYPE_CHECKING:
    from helix_tts_policy.facts.formats.byte_source import ByteSource
    from helix_tts_policy.facts.formats.pickle_stream import PickleWalker

HEAD_BYTES: Final = BLOCK
"""Bytes that decide, where there is a mark: the first block of a tar has its mark at 257."""

_TEXT_BYTES = 4096

_MARKS: Final[tuple[tuple[bytes, FileFormat], ...]] = (
    (b"version https://git-lfs.github.com/spec/", FileFormat.LFS_POINTER),
    (b"version https://hawser.github.com/spec/", FileFormat.LFS_POINTER),  # before it was called git-lfs
    (b"PK\x03\x04", FileFormat.ZIP),
    (b"PK\x05\x06", FileFormat.ZIP),  # one without members
    (b"\x1f\x8b", FileFormat.GZIP),
    (LEGACY_MAGIC, FileFormat.TORCH_LEGACY),
    (npy_file.MARK, FileFormat.NPY),
    (b"GGUF", FileFormat.GGUF),
    (b"fLaC", FileFormat.FLAC),
    (b"OggS", FileFormat.OGG),
    (htsvoice_file.MARK, FileFormat.HTSVOICE),
)
_BEGIN_ANYHOW: Final = frozenset({FileFormat.UNKNOWN, FileFormat.SAFETENSORS, FileFormat.TAR})
"""What has its mark later, if any, and begins with bytes of its maker's choice, which can be opcodes that lead over the rest."""

_WAVE = re.compile(rb"(?:RIFF|RF64)....WAVE", re.DOTALL)
_PROTOCOL = re.compile(rb"\x80[\x00-\x0f]")  # with room for protocols to come, which are then refused as such
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")


def format_by_mark(head: bytes) -> FileFormat:
    """What the first `HEAD_BYTES` promise; UNKNOWN where they have no mark."""
    if is_tar(head):  # before the marks, which could stand in the name of its first member
        return FileFormat.TAR
    for mark, found in _MARKS:
        if head.startswith(mark):
            return found
    tests = (
        (_WAVE.match(head) is not None, FileFormat.WAV),
        (is_safetensors(head), FileFormat.SAFETENSORS),
        (_PROTOCOL.match(head) is not None, FileFormat.PICKLE),
        (is_onnx(head), FileFormat.ONNX),
    )
    return next((found for is_it, found in tests if is_it), FileFormat.UNKNOWN)


def format_of(source: ByteSource, walker: PickleWalker) -> FileFormat:
    """What a file promises, also where it has no mark: a pickle of the first protocols, JSON, text, nothing."""
    if not source.size:
        return FileFormat.EMPTY
    head = source.read(0, HEAD_BYTES)
    found = format_by_mark(head)
    if found not in _BEGIN_ANYHOW:
        return found
    if may_be_pickle(head, source.size, walker):
        walk = walker.walk(source.read(0, MAX_PICKLE_BYTES), whole=source.size)
        # What has a mark and leads far is mostly no more than that mark.
        is_open = found is FileFormat.UNKNOWN and (walk.is_bounded or walk.is_whole(source.size))
        if walk.calls or is_open:
            return FileFormat.PICKLE
    if found is not FileFormat.UNKNOWN:
        return found
    text = _text(source)
    if text is None:
        return FileFormat.UNKNOWN
    return FileFormat.JSON if text.lstrip().startswith(("{", "[")) else FileFormat.TEXT


def may_be_pickle(head: bytes, size: int, walker: PickleWalker) -> bool:
    """Whether the opcodes of a file that begins so can lead to a call, or do lead exactly to its end.

    An unpickler calls what comes before it meets bytes that it cannot read, so a text can be a pickle and yet not a whole one.
    """
    walk = walker.walk(head, whole=size)
    return bool(walk.calls) or walk.is_bounded or walk.is_whole(size)


def _text(source: ByteSource) -> str | None:
    head = source.read(0, _TEXT_BYTES)
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        # A character may be cut where the head ends.
        if len(head) == source.size or error.start < len(head) - 3:
            return None
        text = head[: error.start].decode()
    return None if _CONTROL.search(text) else text
