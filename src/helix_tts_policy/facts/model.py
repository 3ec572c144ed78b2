"""The base of every record that is read from JSON, and the one strict way to read it.

The fast path lets pydantic validate the bytes and then asks one question more: did every string of the text arrive in
the record? JSON readers keep the last of two equal keys, so a repeated key shows as text that is missing from the record.
Only when that fails, or the bytes hold something that a reader cannot see, is the text walked for names and positions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from helix_tts_policy.document import (
    MAX_DEPTH,
    MAX_PROBLEMS,
    UNSAFE_TEXT,
    check_json,
    line_and_column,
    more_problems,
    pointer_token,
    scan,
    unsafe_message,
)
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from pydantic_core import ErrorDetails

    from helix_tts_policy.document import Scan

    _Scanner: TypeAlias = Callable[[str, Collection[str]], Scan]


class Facts(BaseModel):
    """A frozen record of strict types that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


FactsType = TypeVar("FactsType", bound=Facts)

ONE, MANY = "#one", "#many"
"""Tags of a field that holds one record or an array of them; no step of a pointer."""


def read_json(model: type[FactsType], data: bytes, source: str, *, kind: ProblemKind = ProblemKind.SHAPE) -> FactsType:
    """The record that a JSON document states; ``kind`` is what its problems of shape are.

    Raises:
        MalformedInput: the bytes are no strict JSON, or not of the record's shape; with all problems and positions.
    """
    try:
        facts: FactsType = model.__pydantic_validator__.validate_json(data)
    except ValidationError as error:
        text = check_json(data, source)
        raise MalformedInput(source, tuple(_shape_problems(model, error, text, scan, kind))) from None
    if not (_is_plain(data) and _strings_arrived(facts, data)):
        check_json(data, source)
    return facts


def read_mapping(model: type[FactsType], mapping: Mapping[str, Any], source: str) -> FactsType:
    """The record that a mapping states, as if it had been read from JSON; problems have pointers and no lines.

    Raises:
        MalformedInput: the mapping is not of the record's shape, or holds unsafe characters.
    """
    problems = [*_problems_no_text_has(dict(mapping))]
    if problems:
        more = more_problems(problems[:MAX_PROBLEMS], len(problems))
        raise MalformedInput(source, (*problems[:MAX_PROBLEMS], *more))
    try:
        facts: FactsType = model.__pydantic_validator__.validate_python(dict(mapping))
    except ValidationError as error:
        raise MalformedInput(source, tuple(_shape_problems(model, error, None, scan))) from None
    return facts


def validate(
    model: type[FactsType], value: Mapping[str, Any], text: str, source: str, *, scan: _Scanner, kind: ProblemKind
) -> FactsType:
    """The record that a value states which another reader made of a text; ``scan`` finds positions in that text.

    Raises:
        MalformedInput: the value is not of the record's shape, with all problems, each of the given kind.
    """
    try:
        facts: FactsType = model.__pydantic_validator__.validate_python(value)
    except ValidationError as error:
        raise MalformedInput(source, tuple(_shape_problems(model, error, text, scan, kind))) from None
    return facts


def json_schema(model: type[Facts], name: str) -> dict[str, Any]:
    """The JSON Schema 2020-12 of a record, under the name by which it is published.

    ``format`` stands in it as an annotation, which is what the 2020-12 dialect makes of it: dates, URLs and digests are
    judged by rules, so that a document with a wrong one is still read to its end.
    """
    schema = model.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:helix-tts-policy:schema:{name}:1",
        **schema,
    }


_UNPLAIN_ESCAPE = re.compile(rb'\\[^"\\/nrt]')
"""An escape that can write any character, or one that writes a control character which we refuse."""


def _is_plain(data: bytes) -> bool:
    """Whether the text can hold no unsafe character, and no quote but those that are written as such."""
    if b"\\" in data and _UNPLAIN_ESCAPE.search(data):
        return False
    return b"\x7f" not in data and (data.isascii() or not UNSAFE_TEXT.search(data.decode()))


def _strings_arrived(facts: Facts, data: bytes) -> bool:
    # Every quote of a plain text stands around a string or is an escaped one in it, and the record writes itself in the
    # same way. So both have as many quotes, unless a member was dropped with its key. (A null is dropped too, and then
    # the text is looked at closely.)
    written: bytes = facts.__pydantic_serializer__.to_json(facts, exclude_none=True)
    return written.count(b'"') == data.count(b'"')


def _problems_no_text_has(value: object) -> Iterator[Problem]:
    """What a mapping can hold and JSON text cannot, and the characters that `check_json` refuses in a text."""
    seen: set[int] = set()  # a container that stands at many places, or in itself, is walked once
    waiting: list[tuple[str, int, object]] = [("", 0, value)]
    while waiting:
        path, depth, value = waiting.pop()
        if isinstance(value, str):
            if unsafe := UNSAFE_TEXT.search(value):
                message, tip = unsafe_message(unsafe[0]), "write the text without it"
                yield Problem(kind=ProblemKind.UNSAFE_TEXT, message=message, tip=tip, path=path)
        elif isinstance(value, dict | list | tuple):
            if depth == MAX_DEPTH:
                message, tip = f"nests deeper than {MAX_DEPTH} levels", "check that this is the document you meant"
                yield Problem(kind=ProblemKind.SYNTAX, message=message, tip=tip)
                return
            if id(value) not in seen:
                seen.add(id(value))
                members = [*value.items()] if isinstance(value, dict) else [*enumerate(value)]
                waiting += [(f"{path}/{pointer_token(key)}", depth + 1, member) for key, member in reversed(members)]
                if isinstance(value, dict):
                    waiting += [(path, depth + 1, key) for key in reversed(value)]
        elif value is not None and not isinstance(value, bool | int | float):
            message = f"found a value of the Python type {type(value).__name__}; expected one that JSON has"
            yield Problem(
                kind=ProblemKind.SHAPE, message=message, tip="give text, numbers, booleans, lists and dicts", path=path
            )


def _shape_problems(
    model: type[Facts],
    error: ValidationError,
    text: str | None,
    scan: _Scanner,
    kind: ProblemKind = ProblemKind.SHAPE,
) -> Iterator[Problem]:
    # pydantic counts the entries that passed, so a list whose entries are wrong looks too short to it as well.
    details = [
        detail
        for detail in map(_without_tags, error.errors(include_url=False))
        if not (detail["type"] == "too_short" and len(detail["input"]) > 0)
    ]
    told = details[:MAX_PROBLEMS]
    pointers = [_pointer(detail["loc"]) for detail in told]
    owners = [pointer.rpartition("/")[0] for pointer in pointers]
    found = scan(text, frozenset((*pointers, *owners))) if text is not None else None
    problems = []
    for detail, pointer, owner in zip(told, pointers, owners, strict=True):
        message, tip = _in_words(model, detail)
        line = column = None
        if text is not None and found is not None:
            offset = found.keys.get(pointer) if detail["type"] == "extra_forbidden" else found.values.get(pointer)
            line, column = line_and_column(text, found.values[owner] if offset is None else offset)
        problems.append(Problem(kind=kind, message=message, tip=tip, path=pointer, line=line, column=column))
    problems.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
    yield from problems
    yield from more_problems(problems, len(details))


def _without_tags(detail: ErrorDetails) -> ErrorDetails:
    detail["loc"] = tuple(step for step in detail["loc"] if step not in {ONE, MANY})
    return detail


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{pointer_token(step)}" for step in location)


_KINDS = {str: "a string", bool: "true or false", int: "a whole number", float: "a number", type(None): "null"}
_KINDS |= {list: "an array", tuple: "an array", dict: "an object"}

_EXPECTED = {
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "tuple_type": "an array",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "date_type": "a date such as 2027-01-31, without quotes",
}


def _in_words(model: type[Facts], detail: ErrorDetails) -> tuple[str, str]:
    """What was found and expected, and what to do, in the words of the document rather than of pydantic."""
    kind, value, name = detail["type"], detail["input"], _name(detail["loc"])
    limits = detail.get("ctx", {})
    if kind == "missing":
        meaning = _field_meaning(model, detail["loc"])
        return f"the required field {name} is missing", f"add {name}: {meaning}"
    if kind == "extra_forbidden":
        return _unknown_field(model, detail["loc"])
    if kind in _EXPECTED:
        found = _KINDS.get(type(value), "another kind of value")
        if type(value) is str:
            found = f"the string {shown(value)}"
        return f"found {found}; expected {_EXPECTED[kind]}", f"write {name} as {_EXPECTED[kind]}"
    if kind == "literal_error":
        return f"found {shown(value)}; expected {limits['expected']}", f"write one of these values for {name}"
    if kind in {"too_short", "string_too_short"}:
        return "is empty; expected at least one entry", f"give {name} a value, or leave an optional field out"
    if kind in {"too_long", "string_too_long"}:
        most = limits["max_length"]
        return f"is longer than {most}; expected at most {most}", f"shorten {name}"
    if kind == "string_pattern_mismatch":
        return (
            f"found {shown(value)}; expected a text that says something",
            f"write {name}, or leave an optional field out",
        )
    if kind == "finite_number":
        return "is not a finite number; expected one", f"write {name} as a plain number"
    if kind == "less_than_equal":
        return f"is more than {limits['le']}; expected at most {limits['le']}", f"correct {name}"
    if kind == "greater_than_equal":
        return f"is less than {limits['ge']}; expected at least {limits['ge']}", f"correct {name}"
    return f"{detail['msg'][0].lower()}{detail['msg'][1:]}", f"correct {name}"


def _name(location: tuple[int | str, ...]) -> str:
    if not location:
        return "the document"
    last = location[-1]
    return f"entry {last}" if isinstance(last, int) else shown(last)


def _owner(model: type[Facts], location: tuple[int | str, ...]) -> type[Facts]:
    """The record to which the last step of a location belongs."""
    for step in location[:-1]:
        if isinstance(step, str):
            model = _record_in(model.model_fields[step].annotation) or model
    return model


def _record_in(annotation: Any) -> type[Facts] | None:
    if isinstance(annotation, type) and issubclass(annotation, Facts):
        return annotation
    return next(filter(None, map(_record_in, getattr(annotation, "__args__", ()))), None)


def _field_meaning(model: type[Facts], location: tuple[int | str, ...]) -> str:
    return _owner(model, location).model_fields[str(location[-1])].description or ""


def _unknown_field(model: type[Facts], location: tuple[int | str, ...]) -> tuple[str, str]:
    import difflib  # noqa: PLC0415 - only for documents with an unknown field

    name = str(location[-1])
    known = list(_owner(model, location).model_fields)
    close = difflib.get_close_matches(name[:64], known, n=1, cutoff=0.75)
    foreign = next((character for character in name if not character.isascii()), None)
    strange = "" if foreign is None else f", which holds U+{ord(foreign):04X}"
    message = f"found the unknown field {shown(name)}{strange}; expected only known fields"
    if close:
        return message, f'did you mean "{close[0]}"?'
    return message, f"remove it; the fields here are {', '.join(known)}"
