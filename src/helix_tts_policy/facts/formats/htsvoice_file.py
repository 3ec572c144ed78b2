"""HTS voices (HTS_engine API 1.x): a header of text, and the bytes it gives positions of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.formats.inspected import malformed
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from helix_tts_policy.facts.formats.byte_source import ByteSource

MARK: Final = b"[GLOBAL]\n"

MAX_HEADER_BYTES: Final = 64 * 1024
"""Bytes before the data: the voice "Mei" has 970."""

_SECTIONS = ("GLOBAL", "STREAM", "POSITION", "DATA")
_DATA = b"\n[DATA]\n"
_LINE = re.compile(r"([A-Z0-9_]+(?:\[[A-Za-z0-9_]+\])?):(.*)")
_RANGES = re.compile(r"[0-9]{1,18}-[0-9]{1,18}(?:,[0-9]{1,18}-[0-9]{1,18})*")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")
_VERSION = "1.0"


def read_htsvoice(source: ByteSource) -> None:
    """Do nothing for a voice whose header is whole and whose positions fill the bytes behind it.

    Raises:
        Flawed: it is cut off, has bytes behind, or a header that is not that of a voice.
    """
    head = source.read(0, MAX_HEADER_BYTES)
    end = head.find(_DATA)
    if end < 0:
        raise malformed("breaks off in its header, before [DATA]")
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in head[: end + len(_DATA) - 1].decode("latin-1").split("\n"):
        entry = _LINE.fullmatch(line)
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1], {})
        elif entry is None or entry[1] in section:
            raise malformed(f"has the line {shown(line)} in its header", "a new key and its value")
        else:
            section[entry[1]] = entry[2]
    if tuple(sections) != _SECTIONS:
        raise malformed(f"has the sections {shown(', '.join(sections))}", ", ".join(_SECTIONS))
    stated = sections["GLOBAL"]
    if stated.get("HTS_VOICE_VERSION") != _VERSION:
        raise malformed(f"is of version {shown(stated.get('HTS_VOICE_VERSION', ''))}", _VERSION)
    if not _COUNT.fullmatch(stated.get("SAMPLING_FREQUENCY", "")):
        raise malformed("states no sampling frequency")
    _check_positions(sections["POSITION"], source.size - end - len(_DATA))


def _check_positions(positions: dict[str, str], size: int) -> None:
    ranges = []
    for key, value in positions.items():
        if not _RANGES.fullmatch(value):
            raise malformed(f"gives no position of {shown(key)}")
        ranges += [tuple(int(place) for place in each.split("-")) for each in value.split(",")]
    due = 0
    for first, last in sorted(ranges):
        if first != due or last < first:
            raise malformed(f"has a gap or an overlap at byte {due} of its data")
        due = last + 1
    if due != size:
        raise malformed(f"has {size} bytes of data", f"{due}, as its positions say")
