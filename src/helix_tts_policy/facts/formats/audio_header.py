"""Audio files by their headers: RIFF/WAVE with its large form RF64, and FLAC. No sample is read.

See Microsoft's and IBM's "Multimedia Programming Interface and Data Specifications 1.0" with RFC 2361 for the codes, EBU
Tech 3306 for RF64, RFC 9639 for FLAC.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.formats.byte_source import exactly
from helix_tts_policy.facts.formats.inspected import AudioFacts, malformed
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from helix_tts_policy.facts.formats.byte_source import ByteSource

MAX_CHUNKS: Final = 1_000
"""Chunks of one file: a recording has a handful, one with notes on every cut some dozens."""

_CHUNK = struct.Struct("<4sL")
_FORMAT = struct.Struct("<HHLLHH")
_DS64 = struct.Struct("<QQQ")
_PCM, _FLOAT, _A_LAW, _MU_LAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_CODES = {_PCM: "PCM", _FLOAT: "float", _A_LAW: "A-law", _MU_LAW: "mu-law"}
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_GUID_AT, _EXTENSIBLE_LENGTH = 24, 40
_LARGE = 0xFFFF_FFFF
_FLAC_MARK = b"fLaC"
_LAST_BLOCK = 0x80
_FLAC_FRAMES = frozenset({b"\xff\xf8", b"\xff\xf9"})
"""How a frame begins (RFC 9639, section 9.1): the sync code, with blocks of one size or of several."""


def read_wave(source: ByteSource) -> AudioFacts:
    """What the ``fmt`` and ``data`` chunks say; the chunks fill the file.

    Raises:
        Flawed: the file is cut off, has bytes behind its chunks, or a header that contradicts itself.
    """
    mark, length = _CHUNK.unpack(exactly(source, 0, _CHUNK.size, "its header"))
    large: tuple[int, int] | None = None
    place = 12
    if mark == b"RF64":
        name, size = _CHUNK.unpack(exactly(source, place, _CHUNK.size, "its header"))
        if name != b"ds64" or size < _DS64.size or length != _LARGE:
            raise malformed("is RF64 without the sizes that belong to it")
        length, data_length, _ = _DS64.unpack(exactly(source, place + _CHUNK.size, _DS64.size, "its sizes"))
        large = (length, data_length)
        place += _CHUNK.size + size + size % 2
    if length + _CHUNK.size != source.size:
        raise malformed(f"has {source.size} bytes", f"{length + _CHUNK.size}, as its header says")
    facts, found = None, None
    count = 0
    while place < source.size:
        count += 1
        name, size = _CHUNK.unpack(exactly(source, place, _CHUNK.size, "the header of a chunk"))
        place += _CHUNK.size
        if name == b"data" and size == _LARGE and large is not None:
            size = large[1]
        if size > source.size - place or count > MAX_CHUNKS:
            raise malformed(f"breaks off in its chunk {shown(name.decode('latin-1'))}")
        if name == b"fmt " and facts is None:
            facts = _format(exactly(source, place, min(size, _EXTENSIBLE_LENGTH), "its format"))
        elif name == b"data" and found is None and facts is not None:
            found = size
        elif name in {b"fmt ", b"data"}:
            raise malformed(f"has a chunk {shown(name.decode('latin-1'))} twice, or its data before its format")
        place += size + size % 2
    if facts is None or found is None:
        raise malformed("has no chunk with a format, or none with data")
    frame = facts.channels * facts.bits // 8
    if found % frame:
        raise malformed(f"has {found} bytes of data, which are no whole frames of {frame}")
    return facts._replace(frames=found // frame)


def _format(data: bytes) -> AudioFacts:
    if len(data) < _FORMAT.size:
        raise malformed("has a format of too few bytes")
    code, channels, rate, second, frame, bits = _FORMAT.unpack_from(data)
    if code == _EXTENSIBLE:
        if len(data) < _EXTENSIBLE_LENGTH or data[_GUID_AT + 2 :] != _GUID_TAIL:
            raise malformed("has an extensible format of no known kind")
        code = int.from_bytes(data[_GUID_AT : _GUID_AT + 2], "little")
    if code not in _CODES:
        raise malformed(f"is coded as {code:#06x}", f"one of {', '.join(_CODES.values())}")
    if not channels or not rate or not bits or bits % 8 or frame != channels * bits // 8 or second != rate * frame:
        raise malformed(
            f"has a format that contradicts itself: {channels} channels, {bits} bits, {frame} bytes a frame"
        )
    return AudioFacts(rate, channels, bits, 0)


def read_flac(source: ByteSource) -> AudioFacts | None:
    """What the STREAMINFO block says, which is the first one (RFC 9639, section 8.2); None where it does not say how long it is.

    Raises:
        Flawed: it is cut off or contradicts itself, or what is behind its blocks is no frame.
    """
    head = exactly(source, 0, 42, "its header")
    if head[4] & 0x7F or int.from_bytes(head[5:8]) != 34:
        raise malformed("does not begin with what its stream is")
    packed = int.from_bytes(head[18:26])
    rate, channels, bits = packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
    if not rate:
        raise malformed("has a sample rate of 0")
    facts = AudioFacts(rate, channels, bits, packed & (1 << 36) - 1)
    place = len(_FLAC_MARK)
    for _ in range(MAX_CHUNKS):
        kind, *length = exactly(source, place, 4, "the header of a block")
        place += 4 + int.from_bytes(bytes(length))
        if kind & _LAST_BLOCK:
            break
    else:
        raise malformed(f"has more than {MAX_CHUNKS} blocks before its audio")
    if place == source.size:
        return facts._replace(frames=0)
    if exactly(source, place, 2, "its blocks") not in _FLAC_FRAMES:
        raise malformed("has no frame of audio behind its blocks")
    # A program that writes into a pipe does not know the length when it writes the head.
    return facts if facts.frames else None
