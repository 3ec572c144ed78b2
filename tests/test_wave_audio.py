"""What is seen in a recording, and that nothing in a file can make the look fail."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import sys
import wave
from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recordings import RATE, chunk, form, riff, tone, wav

from helix_tts_policy.facts import wave_audio
from helix_tts_policy.facts.wave_audio import MAX_AUDIO_BYTES, AudioFault, observe_audio

if TYPE_CHECKING:
    from pathlib import Path

SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
"""The end of the GUID under which the extensible form names an encoding."""

EXTENSIBLE = form(encoding=0xFFFE, extra=struct.pack("<HHIH", 22, 16, 4, 1) + SUBFORMAT)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, RATE, 48_000])
def test_what_the_wave_module_writes_is_seen(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as recording:
        recording.setnchannels(channels)
        recording.setsampwidth(2)
        recording.setframerate(rate)
        recording.writeframes(tone(5000, channels=channels))

    seen = observe_audio(path)

    assert (seen.rate, seen.channels, seen.frames, seen.fault) == (rate, channels, 5000, None)
    assert seen.seconds == 5000 / rate
    assert seen.size == path.stat().st_size
    assert seen.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert seen.loudness == pytest.approx(8000 / 2**0.5 / 32_768, rel=0.01)


@pytest.mark.parametrize(
    ("samples", "loudness"),
    [
        (bytes(4000), 0.0),
        (array("h", [12_000] * 2000).tobytes(), 0.0),
        (array("h", [-32_768, 32_767] * 1000).tobytes(), 1.0),
        (b"", 0.0),
    ],
    ids=["zeros", "a constant", "full scale", "no samples"],
)
def test_loudness_is_that_around_the_mean(tmp_path: Path, samples: bytes, loudness: float) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(samples))

    assert observe_audio(path).loudness == pytest.approx(loudness, abs=1e-3)


def test_a_quiet_second_channel_does_not_hide_the_first(tmp_path: Path) -> None:
    both = array("h", [0] * 4000)
    both[1::2] = array("h", tone(2000))
    (tmp_path / "a.wav").write_bytes(wav(both.tobytes(), channels=2))

    assert observe_audio(tmp_path / "a.wav").loudness > 0.1


def test_samples_are_little_endian_wherever_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = array("h", tone(2000))
    swapped.byteswap()
    (tmp_path / "a.wav").write_bytes(wav(swapped.tobytes()))
    (tmp_path / "b.wav").write_bytes(wav(tone(2000)))
    expected = observe_audio(tmp_path / "b.wav").loudness
    monkeypatch.setattr(sys, "byteorder", "big")

    assert observe_audio(tmp_path / "a.wav").loudness == expected


@pytest.mark.parametrize(
    "data",
    [
        riff(chunk(b"LIST", b"INFOx"), form(), chunk(b"junk", b""), chunk(b"data", tone(600)), chunk(b"id3 ", b"xyz")),
        riff(EXTENSIBLE, chunk(b"data", tone(600))),
        riff(form(extra=b"\0\0"), chunk(b"data", tone(600))) + b"trailing",
        riff(form(), chunk(b"data", tone(600)), chunk(b"data", tone(10))),
    ],
    ids=["other chunks", "extensible", "text behind it", "the first of two"],
)
def test_the_samples_are_found_among_other_things(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(data)

    seen = observe_audio(tmp_path / "a.wav")

    assert (seen.fault, seen.frames, seen.channels, seen.rate) == (None, 600, 1, RATE)
    assert (seen.size, seen.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("data", "fault", "detail"),
    [
        (b"", "unreadable", "holds no bytes; expected a RIFF/WAVE file"),
        (b"ID3\x04 and so on", "unreadable", "is an MP3 file; expected a RIFF/WAVE file"),
        (b"RIFX" + wav(tone(10))[4:], "unreadable", "is a big-endian WAVE file; expected a RIFF/WAVE file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "unreadable", "is a Git LFS pointer; expected a RIFF/WAVE file"),
        # Not one byte is told: a path may lead to anybody's file.
        (b"root:$6$salt", "unreadable", "is no RIFF/WAVE file; expected one"),
        (b"RIFF\0\0\0\0AVI LIST", "unreadable", "is no RIFF/WAVE file; expected one"),
        (riff(form()), "unreadable", "ends before its samples; expected a data chunk"),
        (riff(form(), b"data\0"), "unreadable", "ends before its samples; expected a data chunk"),
        (riff(form(), chunk(b"LIST", b"x", 99)), "unreadable", "ends before its samples; expected a data chunk"),
        (riff(chunk(b"fmt ", bytes(14))), "unreadable", "its format takes 14 bytes; expected at least 16"),
        (riff(chunk(b"data", tone(10))), "unreadable", "states no rate or no channels before its samples; expected both"),
        (
            riff(form(channels=0), chunk(b"data", tone(10))),
            "unreadable",
            "states no rate or no channels before its samples; expected both",
        ),
        (
            riff(form(rate=0), chunk(b"data", tone(10))),
            "unreadable",
            "states no rate or no channels before its samples; expected both",
        ),
        (
            riff(form(), chunk(b"data", tone(10), 2**32 - 1)),
            "unreadable",
            "holds 20 bytes of samples; its header says 4294967295",
        ),
        (riff(form(channels=2), chunk(b"data", tone(11))), "unreadable", "ends in the middle of a sample; expected whole ones"),
        (riff(form(), chunk(b"data", b"abc")), "unreadable", "ends in the middle of a sample; expected whole ones"),
        (riff(form(bits=24), chunk(b"data", bytes(30))), "encoding", "found 24-bit PCM; expected 16-bit PCM"),
        (
            riff(form(encoding=3, bits=32), chunk(b"data", bytes(40))),
            "encoding",
            "found 32-bit float; expected 16-bit PCM",
        ),
        (
            riff(form(encoding=0xFFFE), chunk(b"data", bytes(40))),
            "encoding",
            "found 16-bit encoding 65534; expected 16-bit PCM",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, data: bytes, fault: str, detail: str) -> None:
    (tmp_path / "a.wav").write_bytes(data)

    seen = observe_audio(tmp_path / "a.wav")

    assert (seen.fault, seen.detail, seen.frames) == (fault, detail, 0)
    assert seen.sha256 == hashlib.sha256(data).hexdigest()


def test_what_is_no_recording_is_told_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("/srv/secret/place")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "a.wav").write_bytes(wav(tone(10)))
    (tmp_path / "link.wav").symlink_to("a.wav")
    with (tmp_path / "large.wav").open("wb") as file:
        file.truncate(MAX_AUDIO_BYTES + 1)

    assert observe_audio(tmp_path / "none").fault is AudioFault.MISSING
    assert observe_audio("a\0b").fault is AudioFault.MISSING
    assert observe_audio(tmp_path / "dangling").fault is AudioFault.MISSING
    assert observe_audio(tmp_path / "link.wav").fault is None
    details = {name: observe_audio(tmp_path / name).detail for name in ("dangling", "fifo", ".", "large.wav")}
    assert details == {
        "dangling": "cannot be opened: No such file or directory; expected a regular file",
        "fifo": "is a FIFO; expected a regular file",
        ".": "is a directory; expected a regular file",
        "large.wav": "holds 536870913 bytes; expected at most 536870912",
    }
    assert observe_audio(tmp_path / "fifo").fault is AudioFault.UNREADABLE


def test_a_disk_that_fails_is_a_fact(tmp_path: Path) -> None:
    # Reading the memory of another process at its address 0 fails as a broken disk does.
    seen = observe_audio("/proc/self/mem")

    assert (seen.fault, seen.detail) == (AudioFault.UNREADABLE, "cannot be read: Input/output error")


@given(
    st.lists(st.sampled_from([form(), EXTENSIBLE, chunk(b"data", tone(700)), chunk(b"LIST", b"odd")]), max_size=4),
    st.integers(0, 3000),
    st.binary(max_size=8),
)
def test_no_bytes_make_it_fail(chunks: list[bytes], cut: int, noise: bytes) -> None:
    data = riff(*chunks)[:cut] + noise
    reading = wave_audio._Reading(io.BytesIO(data))

    fault, detail = wave_audio._walk(reading)

    assert reading.drain() == hashlib.sha256(data).hexdigest()
    assert (fault is None) == (detail == "")
    assert detail.isprintable()
