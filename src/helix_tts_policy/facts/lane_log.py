"""A training log in pieces of any size: bytes go in, events come out; somebody else reads the file.

Rules kept here:

1. Only a complete line counts, so the events do not depend on where the pieces were cut. A last line without its end is
   never an event of its own: ``PROGRESS 5 10`` may be the beginning of ``PROGRESS 5 100``. `close` reports it.
2. Of a line only what stands behind its last carriage return counts, and of that no more than `MAX_SEGMENT_BYTES` is kept.
3. A piece is searched as a whole for beginnings of signals; nothing else in it is looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.facts.lane import (
    MAX_LINE_BYTES,
    MAX_SEGMENT_BYTES,
    Malformed,
    MalformedReason,
    Progress,
    Stats,
    beginning,
    signal_of,
    stats_of,
    without_control_sequences,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from helix_tts_policy.facts.lane import Signal

REPORT_HEADER = "=== COLAB TRAIN REPORT ==="

REPORT_KEYS = (
    "objective_status",
    "first_failed_step",
    "root_cause",
    "head_commit",
    "python_version",
    "gpu_available",
    "audio_path",
    "audio_exists",
    "audio_size_bytes",
    "audio_is_lfs_pointer",
    "manifest_path",
    "manifest_exists",
    "manifest_entry_count",
    "training_status_path",
    "training_status_json",
    "checkpoint_path",
    "checkpoint_exists",
    "checkpoint_size_bytes",
    "checkpoint_sha256",
    "next_unblock_action",
)
"""What the report of the Colab lane may say."""

GLUED_LOOK_BYTES = 2 * 1024 * 1024
"""Bytes at the beginning of a log that are searched for signals glued behind other text.

A script that writes so does it from its first step on, and to search a whole log would take as long as to read it.
"""


class Notice(NamedTuple):
    """``[<tag>] status=<word> <key>=<value> ...``: how a step of a lane ended.

    Attributes:
        tag: who says it, such as ``tts-prod``.
        fields: what is said, ``status`` first.
    """

    tag: str
    fields: Mapping[str, str]

    def __str__(self) -> str:
        return f"[{self.tag}] {' '.join(f'{key}={value}' for key, value in self.fields.items())}"


class ReportStart(NamedTuple):
    """The head of a Colab report; from here on, lines of an earlier one count no more."""

    def __str__(self) -> str:
        return REPORT_HEADER


class ReportLine(NamedTuple):
    """``<key>: <value>`` of a Colab report."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"


if TYPE_CHECKING:
    LaneEvent: TypeAlias = Signal | Notice | ReportStart | ReportLine


class LaneLogParser:
    """The events of a training log that arrives in pieces.

    The events are those of `parse_signal`, and those of the other two dialects of the lanes: `Notice`, `ReportStart`,
    `ReportLine`. Each comes with the piece that completes its line, and they are the same however the log is cut.

    Attributes:
        lines: complete lines so far.
    """

    __slots__ = ("_scanner", "lines")

    def __init__(self) -> None:
        self._scanner = LaneScanner()
        self.lines = 0

    def feed(self, data: bytes | bytearray | memoryview) -> list[LaneEvent]:
        """The events that the next bytes of the log complete.

        Raises:
            TypeError: the data are no bytes.
            ValueError: the log was closed.
        """
        if isinstance(data, bytearray | memoryview):
            data = bytes(data)
        start = self._scanner.size
        found = self._scanner.feed(data)
        events = [
            event if type(event) is not Malformed else event._replace(line=self._line(data, offset - start))
            for offset, event in found
        ]
        self.lines += data.count(b"\n")
        return events

    def close(self) -> list[LaneEvent]:
        """The end of the log: a last line without its end that begins as an event is reported as unterminated."""
        return [event._replace(line=self.lines + 1) for _, event in self._scanner.close()]

    def _line(self, data: bytes, position: int) -> int:
        return self.lines + 1 + (data.count(b"\n", 0, position) if position > 0 else 0)


class LaneScanner:
    """As `LaneLogParser`, with the offset in the log at which each event begins, instead of lines, which cost time.

    Attributes:
        size: bytes so far, with those of earlier files of the log.
        glued: how many signals stand behind other text among the first `GLUED_LOOK_BYTES`; they are no events.
        first_glued: offset of the first of them.
    """

    __slots__ = ("_closed", "_in_report", "_rest", "_start", "first_glued", "glued", "size")

    def __init__(self) -> None:
        self.size = 0
        self.glued = 0
        self.first_glued: int | None = None
        self._start = b""
        self._rest = b""
        self._in_report = False
        self._closed = False

    def next_file(self) -> LaneScanner:
        """A scanner for the file in which the log goes on; its offsets are beyond all of this one."""
        scanner = LaneScanner()
        scanner.size = self.size + 1
        scanner.glued, scanner.first_glued = self.glued, self.first_glued
        return scanner

    @property
    def utf16(self) -> bool:
        """Whether the log begins with the byte order mark of UTF-16, in which nothing can be found."""
        return self._start in {b"\xff\xfe", b"\xfe\xff"}

    def feed(self, data: bytes) -> list[tuple[int, LaneEvent]]:
        """As `LaneLogParser.feed`."""
        if self._closed:
            raise ValueError("the log was closed; expected no more of it")
        if not isinstance(data, bytes):
            raise TypeError(f"data: expected bytes, found {type(data).__name__}")
        events: list[tuple[int, LaneEvent]] = []
        size = self.size
        self.size += len(data)
        if len(self._start) < 2:
            self._start += data[: 2 - len(self._start)]
        first = data.find(b"\n")
        if first < 0:
            self._rest = _that_counts(self._rest + data)
            return events
        head, last = b"\n" + self._rest + data[: first + 1], data.rfind(b"\n")
        self._rest = _that_counts(data[last + 1 :])
        # The end of one line is the mark before the next, so the piece itself can be searched from its first one on.
        for block, start, end, base in (
            (head, 0, len(head), size + first + 1 - len(head)),
            (data, first, last + 1, size),
        ):
            self._scan(block, start, end, base, events)
            if base < GLUED_LOOK_BYTES:
                self._look_for_glued(block, start, end, base)
        return events

    def close(self) -> list[tuple[int, Malformed]]:
        """As `LaneLogParser.close`."""
        if self._closed:
            return []
        self._closed = True
        segment = self._rest.removesuffix(b"\r").rpartition(b"\r")[2]
        text = without_control_sequences(segment)
        if self._event(segment) is None and not (text and any(prefix.startswith(text) for prefix in _PREFIXES)):
            return []
        found = _KEYWORD.match(text)
        keyword = "" if found is None else found[0][:-1].decode()
        return [(self.size, Malformed(MalformedReason.UNTERMINATED, keyword, beginning(text)))]

    def _scan(self, block: bytes, start: int, end: int, base: int, events: list[tuple[int, LaneEvent]]) -> None:
        """Add the events of complete lines up to ``end``; at ``start`` the line before them ends, ``base`` is the offset of 0."""
        marked = block.replace(b"\r", b"\n")
        pattern = _CANDIDATE_IN_REPORT if self._in_report else _CANDIDATE
        for found in pattern.finditer(marked, start, end):
            kind = found.lastindex
            begin, stop = found.start() + 1, found.end() if kind == _NUMBERS else marked.find(b"\n", found.end())
            if block[stop] == _CR and block[stop + 1] != _LF:
                continue  # overwritten by what stands behind the carriage return
            # Most lines need no closer look; the others get it from `_event`, which would say the same of these.
            if stop - begin <= MAX_LINE_BYTES:
                if kind == _NUMBERS:
                    current, total = int(found[1]), int(found[2])
                    if current <= total:
                        events.append((base + begin, Progress(current, total)))
                        continue
                elif kind == _STATS:
                    stats = stats_of(block[found.end() : stop])
                    if type(stats) is Stats:
                        events.append((base + begin, stats))
                        continue
            event = self._event(block[begin:stop])
            if event is not None:
                events.append((base + begin, event))
            if type(event) is ReportStart and not self._in_report:
                self._in_report = True
                self._scan(block, stop, end, base, events)
                return

    def _event(self, segment: bytes) -> LaneEvent | None:
        if len(segment) > MAX_SEGMENT_BYTES:
            segment = segment[: MAX_SEGMENT_BYTES + 1]  # as much as is kept of a line that comes in pieces
        signal = signal_of(segment)
        if signal is not None:
            return signal
        text = without_control_sequences(segment).rstrip(b" \t")
        if len(text) > MAX_LINE_BYTES or len(segment) > MAX_SEGMENT_BYTES:
            return None
        if _CONTROL.search(text):
            return None
        if text.startswith(b"["):
            return _notice(text.decode("utf-8", "replace"))
        if text == REPORT_HEADER.encode():
            return ReportStart()
        if self._in_report:
            found = _REPORT_LINE.fullmatch(text.decode("utf-8", "replace"))
            return None if found is None else ReportLine(found[1], found[2] or "")
        return None

    def _look_for_glued(self, block: bytes, start: int, end: int, base: int) -> None:
        marked = block.replace(b"\r", b"\n")
        position = start
        while (found := _KEYWORD.search(marked, position, end)) is not None:
            begin = marked.rfind(b"\n", start, found.start()) + 1
            position = marked.find(b"\n", begin)
            if base + begin >= GLUED_LOOK_BYTES:
                return
            if (block[position] == _CR and block[position + 1] != _LF) or position - begin > MAX_SEGMENT_BYTES:
                continue
            segment = block[begin:position]
            if signal_of(segment) is None and _is_glued(without_control_sequences(segment)):
                self.glued += 1
                if self.first_glued is None:
                    self.first_glued = base + begin


_BEGINNINGS = (
    rb"P(?:ROGRESS[ \t]+([0-9]{1,19})[ \t]+([0-9]{1,19})(?=\n)|(?:ROGRESS[ \t]|[A-Z]{0,7}\x1b))"
    rb"|S(?:TATS([ \t]+)|[A-Z]{0,4}\x1b)|A(?:RTIFACT[ \t]|[A-Z]{0,7}\x1b)"
    rb"|\[[A-Za-z0-9._-]*+(?:\][ \t]+status=|(?:\][ \t]*+[a-z]*+)?\x1b)|=(?:== COLAB |[= A-Z]*+\x1b)"
    rb"|\x1b\[[0-?]*+[ -/]*+[@-~][\x1bPSA\[=%s]"
)
_CANDIDATE = re.compile(rb"\n(?:" + _BEGINNINGS % b"" + rb")")
_CANDIDATE_IN_REPORT = re.compile(
    rb"\n(?:" + _BEGINNINGS % b"a-z" + rb"|(?:%s):|[a-z0-9_]++\x1b)" % "|".join(REPORT_KEYS).encode()
)
"""How a line begins that may be an event; a carriage return begins one too, and stands as a line feed here.

A pattern that begins with one byte, and goes on with another for each kind, is what `re` searches fastest.
"""
_NUMBERS, _STATS = 2, 3
"""The last group of a candidate that is a whole PROGRESS line, and of one that is a STATS line."""

_LF, _CR = b"\n\r"
_PREFIXES = (b"PROGRESS ", b"STATS ", b"ARTIFACT ")
_KEYWORD = re.compile(rb"(?:PROGRESS|STATS|ARTIFACT)[ \t]")
_PROGRESS_AT_END = re.compile(rb"PROGRESS[ \t]+[0-9]+[ \t]+[0-9]+\Z")
_STATS_INSIDE = re.compile(rb"STATS[ \t]+\{")
_ARTIFACT_INSIDE = re.compile(rb"[^\w \t]ARTIFACT[ \t]+[^ \t]")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NOTICE = re.compile(r"\[([A-Za-z0-9._-]+)\][ \t]+(status=[^ \t].*)")
_REPORT_LINE = re.compile(rf"({'|'.join(REPORT_KEYS)}):(?:[ \t]+(.*))?", re.DOTALL)
_BLANKS = re.compile(r"[ \t]+")


def _that_counts(rest: bytes) -> bytes:
    """What of an incomplete line can still count: the text behind its last carriage return, and of that a bounded part.

    A carriage return at the very end is no last one yet, since a line feed may follow.
    """
    if len(rest) <= MAX_SEGMENT_BYTES:
        return rest
    rest = rest[rest.rfind(b"\r", 0, -1) + 1 :]
    if len(rest) <= MAX_SEGMENT_BYTES + 2:  # one that is too long, and its carriage return
        return rest
    return rest[: MAX_SEGMENT_BYTES + 1] + (b"\r" if rest.endswith(b"\r") else b"")


def _notice(text: str) -> Notice | None:
    found = _NOTICE.fullmatch(text)
    if found is None:
        return None
    fields: dict[str, str] = {}
    key = ""
    for word in _BLANKS.split(found[2]):
        name, equals, value = word.partition("=")
        if equals and name not in fields:
            key = name
            fields[key] = value
        else:
            fields[key] += f" {word}"  # a value of several words, or a key that comes again
    return Notice(found[1], fields)


def _is_glued(text: bytes) -> bool:
    text = text.rstrip(b" \t")
    return (
        _PROGRESS_AT_END.search(text) is not None
        or (text.endswith(b"}") and _STATS_INSIDE.search(text) is not None)
        or _ARTIFACT_INSIDE.search(text) is not None
    )
