"""Recordings and data sets for tests: tones, written byte by byte where a header has to be wrong."""

from __future__ import annotations

import json
import math
import struct
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RATE = 22_050


def tone(frames: int, pitch: float = 440.0, amplitude: float = 8000.0, *, channels: int = 1) -> bytes:
    """16-bit samples of a sine."""
    samples = (round(amplitude * math.sin(2 * math.pi * pitch * index / RATE)) for index in range(frames))
    return array("h", [sample for sample in samples for _ in range(channels)]).tobytes()


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    """A chunk of a RIFF file, with another size than it has where one is given."""
    return name + struct.pack("<I", len(data) if size is None else size) + data + b"\0" * (len(data) % 2)


def form(*, encoding: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, extra: bytes = b"") -> bytes:
    """A format chunk."""
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", encoding, channels, rate, rate * block, block, bits) + extra)


def riff(*chunks: bytes) -> bytes:
    """A RIFF/WAVE file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def wav(samples: bytes, *, channels: int = 1, rate: int = RATE) -> bytes:
    """A plain recording."""
    return riff(form(channels=channels, rate=rate), chunk(b"data", samples))


def write_dataset(folder: Path, name: str, texts: list[str], *, pitch: float = 300.0) -> Path:
    """A manifest with a tone of its own for each text."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, text in enumerate(texts):
        path = f"{name}-{number}.wav"
        frames = 1024 + 256 * (len(text) + 2)
        (folder / path).write_bytes(wav(tone(frames, pitch + 10 * number)))
        rows.append({"audio_filepath": path, "text": text, "duration": round(frames / RATE, 3)})
    manifest = folder / f"{name}.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return manifest
