"""Bytes of a document, strictly: what may be opened, what counts as JSON, and where in the text a value stands.

Rules kept here:

1. Only regular files are opened, without blocking, and never more than a bound is read.
2. A text is UTF-8 without a byte order mark, and one JSON value without repeated keys, NaN, deep nesting or characters
   that a reader cannot see.
3. Positions are computed only once something is wrong: a good document is never scanned for them.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
"""Bound of one document: a manifest of 20,000 files is about 3 MB; PyPI's largest attestation is far below."""

MAX_DEPTH = 64
"""Bound of nesting: our deepest document has 4 levels."""

MAX_POINTER_LENGTH = 512
"""Characters of a pointer that a finding carries: room for every path of a record, not for a key of a megabyte."""

MAX_PROBLEMS = 100
"""Problems of one document that are told one by one; the rest are counted."""

MAX_INTEGER_DIGITS = 19
"""Digits of 2**63 - 1; more is no size of a file."""

UNSAFE_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters but tab, line feed, carriage return
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls (Unicode TR36, "Trojan Source")
    "\u00ad\u034f\u115f\u1160\u180e\u2061-\u2064\u3164\uffa0"  # soft hyphen, fillers, invisible operators
    "\u200b\u2028\u2029\u2060\ufeff\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"  # invisible, surrogates, tags
)
"""Characters that make a text look other than it is."""

_TOKEN = re.compile(r'[ \t\n\r]*([{}\[\],:"]|[^ \t\n\r{}\[\],:"]+)')


def read_bytes(path: str | os.PathLike[str], *, source: str | None = None, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes.

    A FIFO or a device is refused without being read. Links are followed, and a message never names their target.

    Raises:
        MalformedInput: the file is missing, no regular file, not readable or too large.
    """
    name = os.fspath(path) if source is None else source
    descriptor = open_regular(path, source=name)
    try:
        size = os.fstat(descriptor).st_size
        if size > limit:
            raise _too_large(name, f"{size} bytes", limit)
        with open(descriptor, "rb", closefd=False) as stream:
            return read_stream(stream, source=name, limit=limit)
    finally:
        os.close(descriptor)


def open_regular(path: str | os.PathLike[str], *, source: str | None = None) -> int:
    """A descriptor of a regular file, to be read; the caller closes it.

    Raises:
        MalformedInput: the file is missing, no regular file, or not readable.
    """
    name = os.fspath(path) if source is None else source
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have such a name"
        raise unreadable(
            name, f"cannot be opened: {reason}; expected a regular file", "name an existing, readable file"
        ) from None
    # Looked at before it becomes a stream, because making one of a directory raises.
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise unreadable(name, f"is {_kind(mode)}; expected a regular file", "name the document itself")
    return descriptor


def read_stream(stream: BinaryIO, *, source: str, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """What a stream holds, up to ``limit`` bytes.

    Raises:
        MalformedInput: the stream holds more, or reading it fails.
    """
    try:
        data = stream.read(limit + 1)
    except OSError as error:
        raise unreadable(source, f"cannot be read: {error.strerror}", "name an existing, readable file") from None
    return bounded(data, source=source, limit=limit)


def bounded(data: bytes, *, source: str, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """The same bytes, when they are no more than ``limit``.

    Raises:
        MalformedInput: they are more.
    """
    if len(data) > limit:
        raise _too_large(source, f"more than {limit} bytes", limit)
    return data


def unreadable(source: str, message: str, tip: str) -> MalformedInput:
    """The error of an input that gave no bytes at all."""
    return MalformedInput(source, (Problem(kind=ProblemKind.UNREADABLE, message=message, tip=tip),))


def _too_large(source: str, found: str, limit: int) -> MalformedInput:
    return unreadable(source, f"holds {found}; expected at most {limit}", "check that this is the document you meant")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")


def decode(data: bytes, source: str, *, kind: str = "JSON object") -> str:
    """The text of a document; ``kind`` is what is said to be expected where there is none.

    Raises:
        MalformedInput: the bytes are empty, another encoding than UTF-8, or begin with a byte order mark.
    """
    tip = "save the document as UTF-8 without a byte order mark"
    if not data.strip():
        message = f"is empty; expected one {kind}"
        raise MalformedInput(source, (Problem(kind=ProblemKind.SYNTAX, message=message, tip="write the document"),))
    found = None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:2] in (b"{\x00", b"\x00{"):
        found = "is UTF-16 or UTF-32"
    elif data.startswith(b"\xef\xbb\xbf"):
        found = "begins with a byte order mark (EF BB BF)"
    if found is None:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            before = data[: error.start]
            line = before.count(b"\n") + 1
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
            message = f"byte 0x{data[error.start]:02x} at offset {error.start} is no UTF-8"
            problem = Problem(kind=ProblemKind.ENCODING, message=message, tip=tip, line=line, column=column)
            raise MalformedInput(source, (problem,)) from None
    problem = Problem(kind=ProblemKind.ENCODING, message=f"{found}; expected plain UTF-8", tip=tip, line=1, column=1)
    raise MalformedInput(source, (problem,))


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset; lines end at LF, columns count code points."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def place_within(place: tuple[int, int], begin: tuple[int, int]) -> tuple[int, int]:
    """A line and column of a text, as the text has them that it stands in, beginning at a line and column there."""
    line, column = place
    return line + begin[0] - 1, column + begin[1] - 1 if line == 1 else column


def pointer_token(key: str | int) -> str:
    """One step of a JSON pointer, escaped as RFC 6901 section 3 says."""
    return str(key).replace("~", "~0").replace("/", "~1")


@dataclass(slots=True)
class Scan:
    """What one walk over a JSON text found.

    Attributes:
        values: offset of the value of each wanted pointer.
        keys: offset of the key of each wanted pointer that is a member of an object.
        repeated: pointer, offset of the first key and offset of the later one, for every repeated key.
        unsafe: pointer, offset and character of every string or key with an unsafe character.
        too_deep: offset of the first bracket beyond `MAX_DEPTH`, where the walk stopped.
    """

    values: dict[str, int] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    repeated: list[tuple[str, int, int]] = field(default_factory=list)
    unsafe: list[tuple[str, int, str]] = field(default_factory=list)
    too_deep: int | None = None


def scan(text: str, wanted: Collection[str] = ()) -> Scan:
    """Walk a text that ``json.loads`` accepted and note where the wanted values stand.

    The walk is iterative, linear, and keeps only what was asked for, so a hostile text cannot make it large.
    """
    # Needed only for documents with a problem; a public name of the module, though typeshed leaves it out.
    from json.decoder import scanstring  # type: ignore[attr-defined]  # noqa: PLC0415

    found = Scan()
    containers: list[tuple[str, dict[str, int] | None]] = []  # pointer, and offsets of the keys where it is an object
    indexes: list[int] = []
    path, members, key = "", None, None
    position = 0
    while token := _TOKEN.match(text, position):
        position, start, mark = token.end(), token.start(1), token[1]
        if mark == ":":
            continue
        if mark == ",":
            indexes[-1] += 1
            continue
        if mark in "}]":
            containers.pop()
            indexes.pop()
            path, members = containers[-1] if containers else ("", None)
            key = None
            continue
        string = None
        if mark == '"':
            string, position = scanstring(text, position, False)
        if members is not None and key is None and string is not None:
            key = f"{path}/{pointer_token(string)}"
            first = members.setdefault(string, start)
            if first != start:
                found.repeated.append((key, first, start))
            if key in wanted:
                found.keys[key] = start
            if unsafe := UNSAFE_TEXT.search(string):
                found.unsafe.append((path, start, unsafe[0]))
            continue
        pointer = key if key is not None else f"{path}/{indexes[-1]}" if containers else ""
        if pointer in wanted:
            found.values[pointer] = start
        key = None
        if string is not None and (unsafe := UNSAFE_TEXT.search(string)):
            found.unsafe.append((pointer, start, unsafe[0]))
        if mark in "{[":
            if len(containers) == MAX_DEPTH:
                found.too_deep = start
                return found
            path, members = pointer, {} if mark == "{" else None
            containers.append((path, members))
            indexes.append(0)
    return found


def check_json(data: bytes, source: str, *, begin: tuple[int, int] = (1, 1)) -> str:
    """The text of a document that is strict JSON; everything that keeps it from being so is told at once.

    Args:
        data: the document.
        source: what it is called.
        begin: the line and column at which it begins, where it stands within another text.

    Raises:
        MalformedInput: encoding, syntax, depth, numbers, repeated keys or unsafe characters.
    """
    import json  # noqa: PLC0415 - needed only for documents that the fast path did not take

    text = decode(data, source)

    def place(offset: int) -> tuple[int, int]:
        return place_within(line_and_column(text, offset), begin)

    strange = ""

    def refuse(constant: str) -> object:
        nonlocal strange
        strange = constant
        raise ValueError(f"{constant}, which is no JSON number")

    def integer(digits: str) -> int:
        if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
            nonlocal strange
            strange = digits
            raise ValueError(f"a whole number of {len(digits)} digits; expected at most {MAX_INTEGER_DIGITS}")
        return int(digits)

    tip = "write one JSON object, without comments or text behind it"
    problem = None
    try:
        json.loads(text, parse_constant=refuse, parse_int=integer, strict=True)
    except json.JSONDecodeError as error:
        message = f"is no JSON: {error.msg[0].lower()}{error.msg[1:]}"
        line, column = place(error.pos)
        problem = Problem(kind=ProblemKind.SYNTAX, message=message, tip=tip, line=line, column=column)
    except ValueError as error:
        line, column = place(_offset_of(text, strange))
        problem = Problem(
            kind=ProblemKind.SYNTAX, message=f"holds {error}", tip="write a plain number", line=line, column=column
        )
    except RecursionError:
        # Python's own limit is higher than ours, and the text is JSON up to there.
        problem = _depth_problem(*place(scan(text).too_deep or 0))
    if problem is not None:
        raise MalformedInput(source, (problem,))

    found = scan(text)
    problems = []
    if found.too_deep is not None:
        problems.append(_depth_problem(*place(found.too_deep)))
    for pointer, first, again in found.repeated[:MAX_PROBLEMS]:
        line, column = place(again)
        first_line, first_column = place(first)
        problems.append(
            Problem(
                kind=ProblemKind.DUPLICATE_KEY,
                message=f"the key stands twice in one object, first at {first_line}:{first_column}; readers disagree which value counts",
                tip="keep the one value that is true",
                path=pointer,
                line=line,
                column=column,
            )
        )
    problems += more_problems(problems, len(found.repeated))
    for pointer, offset, character in found.unsafe[:MAX_PROBLEMS]:
        line, column = place(offset)
        problems.append(
            Problem(
                kind=ProblemKind.UNSAFE_TEXT,
                message=unsafe_message(character),
                tip="write the text without it",
                path=pointer,
                line=line,
                column=column,
            )
        )
    problems += more_problems(problems, len(found.unsafe))
    if problems:
        raise MalformedInput(source, tuple(problems))
    return text


def more_problems(told: list[Problem], count: int) -> list[Problem]:
    """What is said of the problems beyond the first `MAX_PROBLEMS`, at the last told one; nothing where there are none."""
    if count <= MAX_PROBLEMS:
        return []
    message, tip = f"{count - MAX_PROBLEMS} more problems of this kind", "mend the first ones"
    return [replace(told[-1], message=message, tip=tip)]


def unsafe_message(character: str) -> str:
    """What is said of a text with a character that its reader cannot see."""
    return f"holds U+{ord(character):04X}, which makes the text look other than it is; expected visible characters"


def _offset_of(text: str, number: str) -> int:
    """Where the first token outside of strings begins that begins so; the text is JSON up to it, and anything behind it."""
    from json.decoder import scanstring  # type: ignore[attr-defined]  # noqa: PLC0415 - as above

    position = 0
    while (token := _TOKEN.match(text, position)) and not token[1].startswith(number):
        position = scanstring(text, token.end(), False)[1] if token[1] == '"' else token.end()
    return token.start(1) if token else 0


def _depth_problem(line: int, column: int) -> Problem:
    return Problem(
        kind=ProblemKind.SYNTAX,
        message=f"nests deeper than {MAX_DEPTH} levels",
        tip="check that this is the document you meant",
        line=line,
        column=column,
    )
