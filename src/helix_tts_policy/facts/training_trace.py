"""The training trace that a verifier exports: one JSON record to a line, read line by line.

Rules kept here:

1. A line is a record or it is told as unread, with its number; only blank lines say nothing.
2. Memory holds one line, and no more than `MAX_LINE_CHARACTERS` of it, however long the trace is.
3. A line is as strict as every other document: no repeated keys, no NaN, no deep nesting, no unseen characters.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.document import MAX_DEPTH, MAX_INTEGER_DIGITS, UNSAFE_TEXT, check_json
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.captured_text import NOT_TEXT, TextDecoder
from helix_tts_policy.facts.verification_statement import (
    TRACE_KIND,
    Misshapen,
    UnreadLine,
    VerificationEvidence,
    misshapen,
    read_record,
)
from helix_tts_policy.finding import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_LINE_CHARACTERS: Final = 1024 * 1024
"""Bound of one record: a real one has about 2 KB, and its deltas may be many."""

SHOWN_CHARACTERS: Final = 120
"""Characters of an unread line that are kept: as many as a message quotes."""

TOLD_PROBLEMS: Final = 3
"""Problems of one line that its message tells."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')


def trace_lines(pieces: Iterable[bytes], source: str) -> Iterator[VerificationEvidence | UnreadLine]:
    """Every record of a trace in the order of its lines, and every line that is none."""
    for number, line in _lines(pieces):
        if len(line) > MAX_LINE_CHARACTERS:
            message = f"is longer than {MAX_LINE_CHARACTERS} characters; expected one record to a line"
            yield UnreadLine(line=number, message=message, text=printable(line[:SHOWN_CHARACTERS]))
        elif line.strip():
            yield _record(line, number, source)


def begins_a_trace(text: str) -> bool:
    """Whether one of the lines of a text is a record of a trace, or means to be one."""
    for line in text.split("\n"):
        if line.lstrip().startswith("{") and TRACE_KIND in line and len(line) <= MAX_LINE_CHARACTERS:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if value.get("kind") == TRACE_KIND and "pass" in value:  # an artifact may be of this kind too
                return True
    return False


def _lines(pieces: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Each line with its number, without its end; of one that is too long a beginning that still is."""
    decoder = TextDecoder()
    number, rest = 1, ""
    for piece in pieces:
        *whole, rest = (rest + decoder.feed(piece)).split("\n")
        for line in whole:
            yield number, line
            number += 1
        rest = rest[: MAX_LINE_CHARACTERS + 1]
    yield number, rest + decoder.close()


def _record(line: str, number: int, source: str) -> VerificationEvidence | UnreadLine:
    try:
        return read_record(_object(line, number, source), source=source, line=number)
    except (MalformedInput, Misshapen) as error:
        message = "; ".join(problem.message for problem in error.problems[:TOLD_PROBLEMS])
    return UnreadLine(line=number, message=message, text=printable(line.strip()[:SHOWN_CHARACTERS]))


def _object(line: str, number: int, source: str) -> dict[str, Any]:
    """The object of a line: the fast way for strict JSON, else the way that tells everything that is wrong."""
    value: Any = None
    try:
        value = _STRICT.decode(line)
        strict = not (UNSAFE_TEXT.search(line) or "\\u" in line or _is_deep(line))
    except (ValueError, RecursionError):
        strict = False
    if not strict:
        if NOT_TEXT.search(line):
            raise misshapen("holds bytes that are neither UTF-8 nor UTF-16; expected text")
        value = json.loads(check_json(line.encode(), source, begin=(number, 1)))
    if not isinstance(value, dict):
        raise misshapen("is JSON, but no object; expected a record of the trace")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a repeated key")
    return values


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise ValueError("a long number")
    return int(digits)


def _constant(name: str) -> object:
    raise ValueError(name)


_STRICT = json.JSONDecoder(object_pairs_hook=_once, parse_int=_integer, parse_constant=_constant)


def _is_deep(line: str) -> bool:
    if line.count("{") + line.count("[") <= MAX_DEPTH:
        return False
    depth = deepest = 0
    for token in _BRACKETS.finditer(line):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        deepest = max(deepest, depth)
    return deepest > MAX_DEPTH
