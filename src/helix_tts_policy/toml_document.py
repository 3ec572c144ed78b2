"""TOML, strictly, and where in the text a value stands.

``tomllib`` decides what is TOML and what it means, and says nothing of positions. They are found by a second walk over a
text that it accepted, only once something has to be pointed at; a test holds both walks against each other.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from helix_tts_policy.document import (
    MAX_DEPTH,
    MAX_POINTER_LENGTH,
    MAX_PROBLEMS,
    UNSAFE_TEXT,
    Scan,
    bounded,
    decode,
    line_and_column,
    more_problems,
    pointer_token,
    unsafe_message,
)
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MAX_TOML_BYTES = 1024 * 1024
"""Bound of one document: a policy with a thousand clarifications is about half of it."""

_NOWHERE = "\0"

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*""")
_MANY = 4 * MAX_DEPTH
"""Parts of one key that are refused unread; no fewer, since the look for them does not know keys from texts."""

_MANY_DOTS = re.compile(rf"""(?<![A-Za-z0-9_-])(?:(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*\.[ \t]*){{{_MANY}}}""")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_WORD = re.compile(r"[^,\]}#\r\n]+")
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
_TWICE = (
    "Cannot overwrite a value",
    "Cannot declare",
    "Cannot mutate immutable namespace",
    "Duplicate inline table key",
)
"""How ``tomllib`` begins what it says of a repeated key."""

_DEPTH_MESSAGE = f"nests deeper than {MAX_DEPTH} levels"


def read_toml(data: bytes, source: str) -> tuple[dict[str, Any], str]:
    """What a TOML document says, and its text.

    Raises:
        MalformedInput: too large, encoding, syntax, repeated keys, depth, or characters that a reader cannot see.
    """
    import tomllib  # noqa: PLC0415 - only a process that has such a document pays for it

    text = decode(bounded(data, source=source, limit=MAX_TOML_BYTES), source, kind="TOML document")
    _check_dots(text, source)
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedInput(source, (_syntax_problem(str(error), text),)) from None
    except ValueError:  # Python converts no whole number of more than some thousand digits
        message = "holds a whole number that is too long; expected one of at most 64 bits"
        raise MalformedInput(source, (_problem(message, None, None),)) from None
    except RecursionError:
        raise MalformedInput(source, (_problem(_DEPTH_MESSAGE, None, None),)) from None
    if _too_deep(value):
        raise MalformedInput(source, (_problem(_DEPTH_MESSAGE, None, None),))
    if unsafe := [*_unsafe_characters(text)] or [*_unsafe_escapes(value, text)]:
        told = [_unsafe(text, *each) for each in unsafe[:MAX_PROBLEMS]]
        raise MalformedInput(source, (*told, *more_problems(told, len(unsafe))))
    return value, text


def scan_toml(text: str, wanted: Collection[str]) -> Scan:
    """Where the wanted values and keys of a text that ``tomllib`` accepts stand, by JSON pointer.

    The document itself is always found. A pointer of more than `MAX_POINTER_LENGTH` characters is not: nobody wrote such a
    key, and a million of them in a table with a name of a megabyte would take hours to write down.
    """
    walk = _Walk(text, wanted)
    walk.document()
    return walk.found


def _check_dots(text: str, source: str) -> None:
    """Refuse a key of more parts than levels that a document may have: ``tomllib`` takes time and memory by their square."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") >= _MANY and (dotted := _MANY_DOTS.search(line)):
            raise MalformedInput(source, (_problem(_DEPTH_MESSAGE, number, dotted.start() + 1),))


def _syntax_problem(words: str, text: str) -> Problem:
    place = _PLACE.search(words)
    line, column = (None, None) if place is None else line_and_column(text, len(text))
    if place is not None and place[1]:
        line, column = int(place[1]), int(place[2])
    reason = words[: place.start()] if place else words
    problem = _problem(f"is no TOML: {reason[0].lower()}{reason[1:]}", line, column)
    if reason.startswith(_TWICE):
        message = f"a key or table stands twice: {reason[0].lower()}{reason[1:]}; expected each once"
        return replace(problem, kind=ProblemKind.DUPLICATE_KEY, message=message, tip="keep the one value that is true")
    return problem


def _problem(message: str, line: int | None, column: int | None) -> Problem:
    tip = "check the text against https://toml.io/en/v1.0.0"
    return Problem(kind=ProblemKind.SYNTAX, message=message, tip=tip, line=line, column=column)


def _unsafe_characters(text: str) -> Iterator[tuple[str, int, str]]:
    return ((unsafe[0], unsafe.start(), "") for unsafe in UNSAFE_TEXT.finditer(text))


def _unsafe_escapes(value: object, text: str) -> Iterator[tuple[str, int, str]]:
    """What an escape writes that the text itself does not show: the character, and offset and pointer of the value."""
    values: list[tuple[str, str]] = []
    keys: list[tuple[str, str, str]] = []
    waiting = [("", value)] if "\\" in text else []
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, str) and (unsafe := UNSAFE_TEXT.search(value)):
            values.append((unsafe[0], pointer))
        elif isinstance(value, dict | list):
            members = [*value.items()] if isinstance(value, dict) else [*enumerate(value)]
            waiting += [(_below(pointer, key), inner) for key, inner in reversed(members)]
            for key, _ in members:
                if isinstance(key, str) and (unsafe := UNSAFE_TEXT.search(key)):
                    keys.append((unsafe[0], pointer, _below(pointer, key)))
    if not (values or keys):
        return
    places = scan_toml(text, {pointer for _, pointer in values} | {pointer for _, _, pointer in keys})
    for character, owner, pointer in keys:
        yield character, places.keys.get(pointer, 0), owner
    for character, pointer in values:
        yield character, places.values.get(pointer, 0), pointer


def _below(pointer: str, key: str | int) -> str:
    """The pointer to a member, or `_NOWHERE`, which no place and no member has, once it is too long."""
    if pointer == _NOWHERE or len(pointer) + len(str(key)) >= MAX_POINTER_LENGTH:
        return _NOWHERE
    return f"{pointer}/{pointer_token(key)}"


def _unsafe(text: str, character: str, offset: int, pointer: str) -> Problem:
    line, column = line_and_column(text, offset)
    return Problem(
        kind=ProblemKind.UNSAFE_TEXT,
        message=unsafe_message(character),
        tip="write the text without it",
        path="" if pointer == _NOWHERE else pointer,
        line=line,
        column=column,
    )


def _too_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


class _Walk:
    """One pass over a valid text."""

    def __init__(self, text: str, wanted: Collection[str]) -> None:
        self.text = text
        self.wanted = set(wanted) - {_NOWHERE}
        self.position = 0
        self.found = Scan(values={"": 0})
        self.lengths: dict[str, int] = {}  # pointer of an array of tables -> tables so far

    def document(self) -> None:
        table = ""
        self._skip()
        while self.position < len(self.text):
            if self.text.startswith("[", self.position):
                table = self._header()
            else:
                self._pair(table)
            self._skip()

    def _skip(self) -> None:
        self.position = cast("re.Match[str]", _GAP.match(self.text, self.position)).end()

    def _header(self) -> str:
        start = self.position
        is_array = self.text.startswith("[[", start)
        self.position += 2 if is_array else 1
        parts = self._key()
        self.position += 2 if is_array else 1
        pointer = ""
        for index, part in enumerate(parts):
            pointer = _below(pointer, part)
            if index < len(parts) - 1:
                self._note(pointer, start)
            elif is_array:
                self.lengths[pointer] = self.lengths.get(pointer, 0) + 1
                self._note(pointer, start)
            if pointer in self.lengths:
                pointer = _below(pointer, self.lengths[pointer] - 1)
        if pointer in self.wanted:
            self.found.values[pointer] = self.found.keys[pointer] = start
        return pointer

    def _pair(self, table: str) -> None:
        start = self.position
        pointer = table
        for part in self._key():
            pointer = _below(pointer, part)
            self._note(pointer, start)
        self.position += 1  # the equals sign
        self._skip()
        self._value(pointer)

    def _note(self, pointer: str, start: int) -> None:
        if pointer in self.wanted:
            self.found.keys.setdefault(pointer, start)
            self.found.values.setdefault(pointer, start)

    def _key(self) -> list[str]:
        parts = []
        while True:
            part = cast("re.Match[str]", _KEY_PART.match(self.text, self.position))
            self.position = part.end()
            parts.append(_plain(part[1]))
            if not self.text.startswith(".", self.position):
                return parts
            self.position += 1

    def _value(self, pointer: str) -> None:
        start = self.position
        if pointer in self.wanted:
            self.found.values[pointer] = start
        if string := _STRING.match(self.text, start):
            self.position = string.end()
        elif self.text.startswith("[", start):
            self._members(pointer, "]")
        elif self.text.startswith("{", start):
            self._members(pointer, "}")
        else:
            self.position = cast("re.Match[str]", _WORD.match(self.text, start)).end()

    def _members(self, pointer: str, end: str) -> None:
        self.position += 1
        index = 0
        self._skip()
        while not self.text.startswith(end, self.position):
            if end == "]":
                self._value(_below(pointer, index))
                index += 1
            else:
                self._pair(pointer)
            self._skip()
            if self.text.startswith(",", self.position):
                self.position += 1
                self._skip()
        self.position += 1


def _plain(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    if key.startswith('"'):
        import tomllib  # noqa: PLC0415 - it knows the escapes, and is loaded already

        return str(next(iter(tomllib.loads(f"{key} = 0"))))
    return key
