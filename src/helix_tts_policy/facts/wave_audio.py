"""What a recording is: its rate, its channels, its length, how loud it is, and the digest of its bytes.

Rules kept here:

- One reading of the bytes gives all of it. Only 16-bit PCM in a RIFF/WAVE file is understood, which is what training takes.
- What a header promises is held against the bytes: a data chunk that ends early is a fault, never a shorter recording.
- What the file system does is a fact among others, never an exception. Links are followed, and their targets never told,
  nor the first bytes of what may be anybody's file: only the name of a format that is known.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
import sys
from array import array
from dataclasses import dataclass
from enum import StrEnum
from operator import mul
from typing import TYPE_CHECKING, BinaryIO, Final

from helix_tts_policy.document import open_regular
from helix_tts_policy.errors import MalformedInput

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_AUDIO_BYTES: Final = 512 * 1024 * 1024
"""Bound of one recording: more than three hours at 22,050 Hz, and no utterance has a minute."""

CHUNK_SIZE: Final = 256 * 1024

_STRIDE: Final = 7
"""Every seventh sample is enough to tell how loud a recording is; odd, so that both channels of two are heard."""

_FULL_SCALE: Final = 32_768

_PCM, _EXTENSIBLE = 1, 0xFFFE
_ENCODINGS: Final = {_PCM: "PCM", 2: "ADPCM", 3: "float", 6: "A-law", 7: "mu-law", 0x55: "MP3"}
"""Of RFC 2361, those that recordings of speech come in."""

_MARKS: Final = {
    b"ID3": "an MP3 file",
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"FORM": "an AIFF file",
    b"RIFX": "a big-endian WAVE file",
    b"RF64": "a WAVE file of more than 4 GiB",
    b"version http": "a Git LFS pointer",
}
"""How files begin that are put in the place of a WAVE file."""
_MAX_FORMAT_BYTES: Final = 4096
"""Bound of a format chunk; the longest that is defined has 40 bytes."""


class AudioFault(StrEnum):
    """Why a recording could not be taken at all."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    ENCODING = "encoding"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedAudio:
    """One recording.

    Attributes:
        size: in bytes.
        sha256: of all bytes; None where they could not be read to their end.
        rate: samples a second; 0 where no header says so.
        channels: 0 where no header says so.
        frames: samples of one channel.
        loudness: root mean square around the mean, of full scale (1.0).
        fault: why it cannot be taken.
        detail: one line about the fault, without the path.
    """

    size: int = 0
    sha256: str | None = None
    rate: int = 0
    channels: int = 0
    frames: int = 0
    loudness: float = 0.0
    fault: AudioFault | None = None
    detail: str = ""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate if self.rate else 0.0


def observe_audio(path: str | os.PathLike[str]) -> ObservedAudio:
    """Look at one recording, from its first byte to its last."""
    try:
        descriptor = open_regular(path)
    except MalformedInput as error:
        missing = AudioFault.UNREADABLE if os.path.exists(path) else AudioFault.MISSING  # noqa: PTH110 - a path as it came
        return ObservedAudio(fault=missing, detail=error.problems[0].message)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        size = os.fstat(descriptor).st_size
        if size > MAX_AUDIO_BYTES:
            detail = f"holds {size} bytes; expected at most {MAX_AUDIO_BYTES}"
            return ObservedAudio(size=size, fault=AudioFault.UNREADABLE, detail=detail)
        reading = _Reading(file)
        try:
            fault, detail = _walk(reading)
            digest = reading.drain()
        except OSError as error:
            detail = f"cannot be read: {error.strerror}"
            return ObservedAudio(size=size, fault=AudioFault.UNREADABLE, detail=detail)
    return ObservedAudio(
        size=reading.position,
        sha256=digest,
        rate=reading.rate,
        channels=reading.channels,
        frames=0 if fault else reading.samples // reading.channels,
        loudness=reading.loudness,
        fault=fault,
        detail=detail,
    )


class _Reading:
    """The bytes of a file, each read once and hashed, and what was heard in them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.position = 0
        self.rate = self.channels = self.bits = self.encoding = 0
        self.samples = self._heard = self._sum = self._squares = 0

    def read(self, size: int) -> bytes:
        """That many bytes, or as many as there are."""
        parts = []
        while size and (part := self._file.read(size)):
            parts.append(part)
            size -= len(part)
        data = b"".join(parts)
        self.position += len(data)
        self._digest.update(data)
        return data

    def pieces(self, size: int) -> Iterator[bytes]:
        """That many bytes in pieces, or as many as there are."""
        while size and (data := self.read(min(size, CHUNK_SIZE))):
            size -= len(data)
            yield data

    def skip(self, size: int) -> int:
        """How many of that many bytes were there."""
        return sum(map(len, self.pieces(size)))

    def drain(self) -> str:
        """Read to the end of the file; the digest of all of it."""
        self.skip(MAX_AUDIO_BYTES + 1)
        return self._digest.hexdigest()

    def hear(self, data: bytes) -> None:
        """Take in 16-bit samples."""
        samples = array("h", data)
        if sys.byteorder == "big":
            samples.byteswap()
        self.samples += len(samples)
        some = samples[::_STRIDE]
        self._heard += len(some)
        self._sum += sum(some)
        self._squares += sum(map(mul, some, some))

    @property
    def loudness(self) -> float:
        if not self._heard:
            return 0.0
        mean = self._sum / self._heard
        return math.sqrt(max(0.0, self._squares / self._heard - mean * mean)) / _FULL_SCALE


_Fault = tuple[AudioFault | None, str]


def _walk(reading: _Reading) -> _Fault:
    """Read the chunks up to the samples, and these; what is wrong with them."""
    head = reading.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        if not head:
            return AudioFault.UNREADABLE, "holds no bytes; expected a RIFF/WAVE file"
        known = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
        message = "is no RIFF/WAVE file; expected one" if known is None else f"is {known}; expected a RIFF/WAVE file"
        return AudioFault.UNREADABLE, message
    while len(chunk := reading.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk)
        if name == b"data":
            return _samples(reading, size)
        if name == b"fmt ":
            data = reading.read(min(size, _MAX_FORMAT_BYTES))
            if len(data) < 16:
                return AudioFault.UNREADABLE, f"its format takes {len(data)} bytes; expected at least 16"
            _format(reading, data)
            size -= len(data)
        if reading.skip(size + size % 2) < size:
            break
    return AudioFault.UNREADABLE, "ends before its samples; expected a data chunk"


def _format(reading: _Reading, data: bytes) -> None:
    encoding, reading.channels, reading.rate, _, _, reading.bits = struct.unpack_from("<HHIIHH", data)
    if encoding == _EXTENSIBLE and len(data) >= 26:
        (encoding,) = struct.unpack_from("<H", data, 24)
    reading.encoding = encoding


def _samples(reading: _Reading, size: int) -> _Fault:
    if not reading.rate or not reading.channels:
        return AudioFault.UNREADABLE, "states no rate or no channels before its samples; expected both"
    if reading.encoding != _PCM or reading.bits != 16:
        kind = _ENCODINGS.get(reading.encoding, f"encoding {reading.encoding}")
        return AudioFault.ENCODING, f"found {reading.bits}-bit {kind}; expected 16-bit PCM"
    start = reading.position
    for data in reading.pieces(size - size % 2):
        reading.hear(data[: len(data) - len(data) % 2])
    found = reading.position - start
    if found < size - size % 2:
        return AudioFault.UNREADABLE, f"holds {found} bytes of samples; its header says {size}"
    if size % (2 * reading.channels):
        return AudioFault.UNREADABLE, "ends in the middle of a sample; expected whole ones"
    return None, ""
