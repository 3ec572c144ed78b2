"""The one JSON answer in console output: what a shell, npm or a progress bar printed around it is passed over.

Rules kept here:

1. Every place where a JSON object with members can begin is tried, but none within what was read already, and no more than
   `MAX_BROKEN` that lead nowhere: the time grows with the text and with nothing else.
2. The answer is the one object that has a verdict. A second one, or a piece of one, is refused: nobody can say which of them
   counts.
3. The answer itself is as strict as every other document.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from helix_tts_policy.document import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    bounded,
    check_json,
    line_and_column,
    place_within,
    scan,
)
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.captured_text import NOT_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CAPTURE_BYTES: Final = 2 * MAX_DOCUMENT_BYTES
"""Bound of captured output: a document of the usual bound, in UTF-16."""

MAX_BROKEN: Final = 1000
"""Broken pieces of JSON that are passed over; each costs a look at the whole text before it, in which Python counts lines."""

_BEGIN = re.compile(r'\{[ \t\r\n]*"')
_VERDICT = re.compile(r'"verdict"[ \t\r\n]*:')

_EXTENTS = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len)
"""Finds where objects end; their numbers are of no interest yet, and could be too long to be made."""


class Answer(NamedTuple):
    """The answer in a text.

    Attributes:
        value: what it states.
        text: its JSON.
        line: where it begins, from 1.
        column: where it begins, from 1.
    """

    value: dict[str, Any]
    text: str
    line: int
    column: int

    def placed(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Problems of the answer's values, with the lines and columns of the text around it."""
        problems = tuple(problems)
        owners = {problem.path: problem.path.rpartition("/")[0] for problem in problems}
        offsets = scan(self.text, {*owners, *owners.values()}).values
        begin = (self.line, self.column)
        placed = []
        for problem in problems:
            offset = offsets.get(problem.path, offsets[owners[problem.path]])
            line, column = place_within(line_and_column(self.text, offset), begin)
            placed.append(replace(problem, line=line, column=column))
        return tuple(sorted(placed, key=lambda problem: (problem.line or 0, problem.column or 0)))


def find_answer(text: str, source: str) -> Answer:
    """The one object with a verdict in a text.

    Raises:
        MalformedInput: there is none, more than one, or one that is not strict JSON.
    """
    start, end = _span(text, source)
    piece = text[start:end]
    if stray := NOT_TEXT.search(piece):
        message = "holds bytes that are neither UTF-8 nor UTF-16; expected text"
        raise _refusal(source, text, start + stray.start(), message, kind=ProblemKind.ENCODING)
    begin = line_and_column(text, start)
    check_json(bounded(piece.encode(), source=source), source, begin=begin)
    return Answer(json.loads(piece), piece, *begin)


def _span(text: str, source: str) -> tuple[int, int]:
    answers = []
    broken = (0, 0)
    count = position = 0
    while begin := _BEGIN.search(text, position):
        start = begin.start()
        try:
            value, position = _EXTENTS.raw_decode(text, start)
        except json.JSONDecodeError as error:
            position = max(error.pos, begin.end() - 1)
            broken = max(broken, (start, error.pos), key=_length)
            if (count := count + 1) > MAX_BROKEN:
                message = f"holds more than {MAX_BROKEN} broken pieces of JSON; expected the verifier's answer"
                raise _refusal(source, text, start, message) from None
        except RecursionError:
            raise _refusal(source, text, start, f"nests deeper than {MAX_DEPTH} levels") from None
        else:
            answers += [(start, position)] if "verdict" in value else []
    if not answers and _length(broken):
        raise _refusal(source, text, broken[1], "holds a broken JSON object; expected the verifier's whole answer")
    if not answers:
        message = "holds no JSON object with a verdict of its own; expected the verifier's answer"
        raise _refusal(source, text, 0, message)
    start, end = answers[0]
    other = answers[1][0] if len(answers) > 1 else _verdict_outside(text, start, end)
    if other is not None:
        first = "{}:{}".format(*line_and_column(text, start))
        raise _refusal(source, text, other, f"holds a second verdict beside the answer at {first}; expected one answer")
    return start, end


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _verdict_outside(text: str, start: int, end: int) -> int | None:
    found = _VERDICT.search(text, 0, start) or _VERDICT.search(text, end)
    return None if found is None else found.start()


def _refusal(
    source: str, text: str, offset: int, message: str, *, kind: ProblemKind = ProblemKind.SYNTAX
) -> MalformedInput:
    line, column = line_and_column(text, offset)
    tip = "run the verifier again, and keep its whole answer"
    return MalformedInput(source, (Problem(kind=kind, message=message, tip=tip, line=line, column=column),))
