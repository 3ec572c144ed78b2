"""One line of a training log, as training scripts and services read it.

Kept free of everything but the standard library's cheapest modules, because it runs inside training loops; `json` is
loaded with the first STATS line. Rules kept here:

- A keyword counts only where a line begins, followed by a blank. What a progress bar left before the last carriage return,
  and ANSI control sequences, are dropped first.
- A line that begins as a signal and is none becomes `Malformed` with its reason. Nothing raises.
- ``parse_signal(str(event)) == event`` for every event that a line can state.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeAlias

MAX_DIGITS = 19
"""Digits of a step count or of a whole number in STATS: 2**63 - 1 has as many."""

MAX_LINE_BYTES = 4096
"""Bytes of a signal: PIPE_BUF on Linux, up to which POSIX lets writes to one pipe not interleave."""

MAX_SEGMENT_BYTES = 4 * MAX_LINE_BYTES
"""Bytes of a signal with the control sequences around it; a cursor movement has about five."""

MAX_DEPTH = 64
"""Levels of nesting in STATS, as in every document that is read here."""

SHOWN_CHARACTERS = 120
"""Characters of a malformed line that are kept: as many as a message quotes."""

_LF, _ESC = b"\n\x1b"

_TOO_LARGE = 10**MAX_DIGITS

_CSI = re.compile(rb"\x1b\[[0-?]*+[ -/]*+[@-~]")
"""Control sequences of ECMA-48, section 5.4, which progress bars write between the signals."""

_KEYWORD = re.compile(rb"(PROGRESS|STATS|ARTIFACT)[ \t]+")

_FIELDS = re.compile(rb"PROGRESS[ \t]+([0-9]+)[ \t]+([0-9]+)[ \t]*")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')
"""Strings, and the brackets that stand outside of them."""


class Progress(NamedTuple):
    """``PROGRESS <current> <total>``: how many steps of a phase are done, of how many."""

    current: int
    total: int

    def __str__(self) -> str:
        return f"PROGRESS {self.current} {self.total}"


class Stats(NamedTuple):
    """``STATS <one JSON object>``: figures of the run; of a key that comes again the last value holds."""

    values: Mapping[str, Any]

    def __str__(self) -> str:
        import json  # noqa: PLC0415 - the module says why

        return f"STATS {json.dumps(self.values, allow_nan=False, sort_keys=True)}"


class Artifact(NamedTuple):
    """``ARTIFACT <path>``: a file that the run wrote."""

    path: str

    def __str__(self) -> str:
        return f"ARTIFACT {self.path}"


class MalformedReason(StrEnum):
    """Why a line that begins as a signal is none."""

    PROGRESS_FIELDS = "progress-fields"
    PROGRESS_RANGE = "progress-range"
    NUMBER_TOO_LONG = "number-too-long"
    STATS_SYNTAX = "stats-syntax"
    STATS_NOT_OBJECT = "stats-not-object"
    STATS_DUPLICATE_KEY = "stats-duplicate-key"
    STATS_NOT_FINITE = "stats-not-finite"
    STATS_DEPTH = "stats-depth"
    ARTIFACT_EMPTY = "artifact-empty"
    ARTIFACT_CONTROL = "artifact-control"
    ENCODING = "encoding"
    LINE_BREAK = "line-break"
    LINE_TOO_LONG = "line-too-long"
    UNTERMINATED = "unterminated"


class Malformed(NamedTuple):
    """A line that begins as a signal and is none.

    Attributes:
        reason: what is wrong with it.
        keyword: the word it begins with; empty where the line ends within it.
        text: its beginning, at most `SHOWN_CHARACTERS`, with every byte that is no UTF-8 replaced.
        line: number of the line in its log, from 1; None where the line stands alone.
    """

    reason: MalformedReason
    keyword: str
    text: str
    line: int | None = None


if TYPE_CHECKING:
    Signal: TypeAlias = Progress | Stats | Artifact | Malformed


def parse_progress(line: str | bytes) -> Progress | None:
    """The progress that one complete line states; None for every other line.

    What a progress bar left before the last carriage return, and ANSI control sequences, are dropped first. The keyword
    counts only at the start, numbers are ASCII digits, and ``0 <= current <= total`` holds.

    Raises:
        TypeError: the line is neither text nor bytes.
    """
    data = _bytes_of(line)
    if b"PROGRESS" not in data and b"\x1b" not in data:
        return None
    found = parse_signal(data)
    return found if isinstance(found, Progress) else None


def parse_signal(line: str | bytes) -> Signal | None:
    """The signal that one complete line states, `Malformed` for one that only begins so, None for ordinary text.

    Raises:
        TypeError: the line is neither text nor bytes.
    """
    data = _bytes_of(line).removesuffix(b"\n").removesuffix(b"\r")
    return signal_of(data.rpartition(b"\r")[2][: MAX_SEGMENT_BYTES + 1])  # as much as is kept of a line in pieces


def signal_of(segment: bytes) -> Signal | None:
    """As `parse_signal`, of what stands behind the last carriage return of a line, without the line's end.

    The caller cuts it after `MAX_SEGMENT_BYTES` and one more, by which it is known to be too long.
    """
    text = segment if _ESC not in segment else without_control_sequences(segment)
    found = _KEYWORD.match(text)
    if found is None:
        return None
    keyword = found[1]
    if len(text) > MAX_LINE_BYTES or len(segment) > MAX_SEGMENT_BYTES:
        signal: Progress | Stats | Artifact | MalformedReason = MalformedReason.LINE_TOO_LONG
    elif _LF in text:
        signal = MalformedReason.LINE_BREAK
    elif keyword == b"PROGRESS":
        signal = _progress(text)
    elif keyword == b"STATS":
        signal = stats_of(text[found.end() :])
    else:
        signal = _artifact(text[found.end() :])
    if isinstance(signal, MalformedReason):
        return Malformed(signal, keyword.decode(), beginning(text))
    return signal


def without_control_sequences(segment: bytes) -> bytes:
    """The bytes without ANSI control sequences."""
    return _CSI.sub(b"", segment) if _ESC in segment else segment


def beginning(text: bytes) -> str:
    """The first characters of a line, as a message may quote them."""
    return text[: 4 * SHOWN_CHARACTERS].decode("utf-8", "replace")[:SHOWN_CHARACTERS]


def _bytes_of(line: str | bytes) -> bytes:
    if isinstance(line, bytes):
        return line
    if isinstance(line, str):
        return line.encode("utf-8", "surrogatepass")  # a surrogate is no UTF-8, and is found to be none
    raise TypeError(f"line: expected str or bytes, found {type(line).__name__}")


def _progress(text: bytes) -> Progress | MalformedReason:
    found = _FIELDS.fullmatch(text)
    if found is None:
        return MalformedReason.PROGRESS_FIELDS
    first, second = found.groups()
    if len(first) > MAX_DIGITS or len(second) > MAX_DIGITS:
        return MalformedReason.NUMBER_TOO_LONG
    current, total = int(first), int(second)
    return Progress(current, total) if current <= total else MalformedReason.PROGRESS_RANGE


def _artifact(data: bytes) -> Artifact | MalformedReason:
    data = data.rstrip(b" \t")
    if not data:
        return MalformedReason.ARTIFACT_EMPTY
    try:
        path = data.decode()
    except UnicodeDecodeError:
        return MalformedReason.ENCODING
    return MalformedReason.ARTIFACT_CONTROL if _CONTROL.search(path) else Artifact(path)


def stats_of(data: bytes) -> Stats | MalformedReason:
    """What stands behind the keyword of a STATS line."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return MalformedReason.ENCODING
    try:
        values, end = _scanner()(text, 0)
    except StopIteration:
        return _not_json(text)
    except ValueError as error:  # of its own class where the text is no JSON, plain where `_refuse` raised it
        return _examined(text) if type(error) is ValueError else _not_json(text)
    except RecursionError:
        return _examined(text)
    if end == len(text) and type(values) is dict and "\\" not in text and _arrived_plainly(values, text.count('"')):
        return Stats(values)
    return _examined(text)


def _arrived_plainly(values: Mapping[str, Any], quotes: int) -> bool:
    """Whether an object is flat, each number in its bounds, and no member was dropped with a key that comes again.

    In a text without backslashes every string has two quotes, and readers keep the last of two equal keys; so then quotes
    are missing from the object.
    """
    strings, total = len(values), 0.0
    for value in values.values():
        kind = type(value)
        if kind is float:
            total += value
        elif kind is int:
            if not -_TOO_LARGE < value < _TOO_LARGE:
                return False
        elif kind is str:
            strings += 1
        elif kind is not bool and value is not None:
            return False
    return 2 * strings == quotes and total - total == 0.0  # a sum is finite only if all of its parts are


def _refuse(_: str) -> object:
    raise ValueError


@cache
def _scanner() -> Callable[[str, int], tuple[Any, int]]:
    """The C scanner behind ``json.loads``, without the search for white space around the document."""
    from json import JSONDecoder  # noqa: PLC0415 - the module says why

    decoder: Any = JSONDecoder(parse_constant=_refuse)  # typeshed leaves the attribute out
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once
    return scan


def _not_json(text: str) -> MalformedReason:
    depth = 0
    for token in _JSON_TOKEN.finditer(text) if text.count("{") + text.count("[") > MAX_DEPTH else ():
        depth += _DEEPER.get(token[0], 0)
        if depth > MAX_DEPTH:
            return MalformedReason.STATS_DEPTH
    return MalformedReason.STATS_SYNTAX


_DEEPER = {"{": 1, "[": 1, "}": -1, "]": -1}


def _examined(text: str) -> Stats | MalformedReason:
    """As `_stats`, slowly: the one reason that counts of all that can be wrong, the same in every implementation."""
    from json import JSONDecoder  # noqa: PLC0415 - the module says why

    if _not_json(text) is MalformedReason.STATS_DEPTH:
        return MalformedReason.STATS_DEPTH
    faults: set[MalformedReason] = set()

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) != len(pairs):
            faults.add(MalformedReason.STATS_DUPLICATE_KEY)
        return values

    def constant(_: str) -> float:
        faults.add(MalformedReason.STATS_NOT_FINITE)
        return 0.0

    def integer(digits: str) -> int:
        if len(digits.removeprefix("-")) > MAX_DIGITS:
            faults.add(MalformedReason.NUMBER_TOO_LONG)
            return 0
        return int(digits)

    def number(digits: str) -> float:
        value = float(digits)
        if value - value != 0.0:
            faults.add(MalformedReason.STATS_NOT_FINITE)
        return value

    decoder = JSONDecoder(object_pairs_hook=members, parse_constant=constant, parse_int=integer, parse_float=number)
    try:
        values = decoder.decode(text)
    except ValueError:
        return MalformedReason.STATS_SYNTAX
    if type(values) is not dict:
        return MalformedReason.STATS_NOT_OBJECT
    if "\\u" in text and any("\ud800" <= character <= "\udfff" for character in _characters(values)):
        faults.add(MalformedReason.ENCODING)
    return next((reason for reason in _ORDER if reason in faults), None) or Stats(values)


def _characters(value: Any) -> Iterable[str]:
    """Every character of every string and key."""
    if isinstance(value, str):
        yield from value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from key
            yield from _characters(member)
    elif isinstance(value, list):
        for member in value:
            yield from _characters(member)


_ORDER = (
    MalformedReason.STATS_DUPLICATE_KEY,
    MalformedReason.STATS_NOT_FINITE,
    MalformedReason.NUMBER_TOO_LONG,
    MalformedReason.ENCODING,
)
"""Which reason is told of an object with several faults."""
