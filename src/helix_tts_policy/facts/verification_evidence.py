"""What a verifier said, in a file or in bytes: its JSON answer, console output around it, or a training trace.

A text is a trace where one of its first lines is a record of one; else it has to hold one answer. Of a trace the record with
the highest ``seq`` is the verifier's last word, and a trace with lines that could not be read certifies nothing, since the
last word may stand in one of them.
"""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

from helix_tts_policy.document import open_regular, unreadable
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.captured_output import MAX_CAPTURE_BYTES, find_answer
from helix_tts_policy.facts.captured_text import PIECE_BYTES, TextDecoder
from helix_tts_policy.facts.training_trace import begins_a_trace, trace_lines
from helix_tts_policy.facts.verification_statement import (
    EvidenceForm,
    FirstFail,
    Misshapen,
    UnreadLine,
    VerificationEvidence,
    read_answer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "EvidenceForm",
    "FirstFail",
    "UnreadLine",
    "VerificationEvidence",
    "read_trace",
    "read_verification",
]

LOOK_BYTES: Final = 1024 * 1024
"""Bytes in which a record has to stand for a text to be a trace; a real record has about 2 KB."""

MAX_UNREAD: Final = 100
"""Unread lines of a trace that are kept; the rest are counted."""


def read_verification(source: str | os.PathLike[str] | bytes) -> VerificationEvidence:
    """What the verifier said: in its answer, in console output around its answer, or at the end of a training trace.

    Args:
        source: a path, or the bytes themselves.

    Raises:
        MalformedInput: there is no verification in it, more than one answer, or one that is not strict JSON; with all problems.
        TypeError: the source is neither a path nor bytes.
    """
    with _opened(source) as (stream, name):
        hashed = hashlib.sha256()
        head = _read(stream, LOOK_BYTES, name)
        hashed.update(head)
        if begins_a_trace(TextDecoder().feed(head)):
            evidence = _last_word(chain([head], _pieces(stream, name, hashed)), name)
        else:
            rest = _read(stream, MAX_CAPTURE_BYTES + 1 - len(head), name)
            hashed.update(rest)
            evidence = _answer(head + rest, name)
    return replace(evidence, sha256=hashed.hexdigest())


def read_trace(
    source: str | os.PathLike[str] | bytes, *, hashed: hashlib._Hash | None = None
) -> Iterator[VerificationEvidence | UnreadLine]:
    """Every record of an exported training trace, and every line that is none, in the order of the lines.

    The trace is read while it is iterated over, and memory does not grow with it.

    Args:
        source: a path, or the bytes themselves.
        hashed: updated with all bytes, so that whoever relies on the records can say of what.

    Raises:
        MalformedInput: the file cannot be read.
        TypeError: the source is neither a path nor bytes.
    """
    with _opened(source) as (stream, name):
        yield from trace_lines(_pieces(stream, name, hashed), name)


def _answer(data: bytes, source: str) -> VerificationEvidence:
    if len(data) > MAX_CAPTURE_BYTES:
        message = f"holds more than {MAX_CAPTURE_BYTES} bytes and no training trace; expected the verifier's answer"
        raise unreadable(source, message, "check that this is the document you meant")
    if not data.strip():
        message = "is empty; expected the verifier's answer"
        raise MalformedInput(source, (Problem(kind=ProblemKind.SYNTAX, message=message, tip="run the verifier"),))
    decoder = TextDecoder()
    text = decoder.feed(data) + decoder.close()
    found = find_answer(text, source)
    form = EvidenceForm.ANSWER if data.strip() == found.text.encode() else EvidenceForm.CAPTURED
    try:
        return read_answer(found.value, source=source, form=form, line=found.line)
    except Misshapen as error:
        raise MalformedInput(source, found.placed(error.problems)) from None


def _last_word(pieces: Iterable[bytes], source: str) -> VerificationEvidence:
    last: VerificationEvidence | None = None
    records = repeated = unread_count = 0
    unread: list[UnreadLine] = []
    for line in trace_lines(pieces, source):
        if isinstance(line, UnreadLine):
            unread_count += 1
            unread += [line] if unread_count <= MAX_UNREAD else []
            continue
        records += 1
        if last is None or _place(line) >= _place(last):
            repeated = 1 + (repeated if last is not None and _place(line) == _place(last) else 0)
            last = line
    if last is None:
        raise MalformedInput(source, tuple(_problem(line) for line in unread))
    reservations = list(last.reservations)
    if repeated > 1:
        reservations.append(f"{repeated} records have the highest seq {last.seq}; expected one last word")
    if unread:
        lines = "1 line" if unread_count == 1 else f"{unread_count} lines"
        reservations.append(
            f"{lines} of the trace could not be read, the first is {unread[0].line}; expected records only"
        )
    return replace(
        last, records=records, unread=tuple(unread), unread_count=unread_count, reservations=tuple(reservations)
    )


def _place(record: VerificationEvidence) -> int:
    return record.seq or 0


def _problem(line: UnreadLine) -> Problem:
    tip = "export the trace again"
    return Problem(kind=ProblemKind.VERIFICATION, message=line.message, tip=tip, line=line.line, column=1)


@contextmanager
def _opened(source: str | os.PathLike[str] | bytes) -> Iterator[tuple[BinaryIO, str]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source), "<bytes>"
        return
    name = os.fspath(source)
    if not isinstance(name, str):
        raise TypeError(f"source: expected a path of text or bytes, found {type(source).__name__}")
    with open(open_regular(name), "rb") as stream:  # noqa: PTH123 - a descriptor
        yield stream, name


def _pieces(stream: BinaryIO, source: str, hashed: hashlib._Hash | None = None) -> Iterator[bytes]:
    while piece := _read(stream, PIECE_BYTES, source):
        if hashed is not None:
            hashed.update(piece)
        yield piece


def _read(stream: BinaryIO, size: int, source: str) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise unreadable(source, f"cannot be read: {error.strerror}", "name an existing, readable file") from None
