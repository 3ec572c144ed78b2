"""``train_status.json``: what the training side says of a run at its end, in every shape that is in use.

Rules kept here:

1. The reader takes all shapes and judges none of them. Words that it does not know leave the state unknown, which is never
   completed; of several words that disagree the gravest counts.
2. NaN and Infinity are read, although they are no JSON, because a run with a broken loss writes just that. Everything else
   is read as strictly as any document.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from helix_tts_policy.document import bounded, check_json, line_and_column, read_bytes, scan
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.lane import Progress
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUS_NAME = "train_status.json"
"""The name that the lanes use."""


class TrainState(StrEnum):
    """How a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    BLOCKED = "blocked"
    ERROR = "error"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether nothing more is to come."""
        return self in {TrainState.COMPLETED, TrainState.BLOCKED, TrainState.ERROR}


_STATES: Mapping[str, TrainState] = {
    "pending": TrainState.PENDING,
    "running": TrainState.RUNNING,
    "completed": TrainState.COMPLETED,
    "done": TrainState.COMPLETED,
    "ready_for_bundle": TrainState.COMPLETED,
    "blocked": TrainState.BLOCKED,
    "error": TrainState.ERROR,
    "failed": TrainState.ERROR,
}
"""The words that the lanes use."""

_GRAVITY = (
    TrainState.ERROR,
    TrainState.BLOCKED,
    TrainState.UNKNOWN,
    TrainState.RUNNING,
    TrainState.PENDING,
    TrainState.COMPLETED,
)
"""Which of several states counts: the first of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainStatus:
    """What a status file says.

    Attributes:
        state: how the run stands.
        words: by the field in which it stands, each word that says so.
        lane: ``job_type`` or ``lane``; None where neither is stated.
        reason: ``reason`` or ``root_cause``; None where neither is stated.
        message: text for people.
        progress: steps done, of how many.
        stats: figures, of ``stats`` and ``metrics`` together.
        artifacts: paths of the files that the run wrote.
        dry_run: whether nothing was trained; None where that is not stated.
        fields: the whole document.
    """

    state: TrainState
    words: Mapping[str, str]
    lane: str | None
    reason: str | None
    message: str | None
    progress: Progress | None
    stats: Mapping[str, Any]
    artifacts: tuple[str, ...]
    dry_run: bool | None
    fields: Mapping[str, Any]


def read_train_status(
    source: str | os.PathLike[str] | bytes | Mapping[str, Any], *, name: str | None = None
) -> TrainStatus:
    """What a status file says, whichever lane wrote it.

    Args:
        source: a path, the JSON text as `bytes`, or the document as a mapping.
        name: what problems call it; by default the path as given, ``<bytes>`` or ``<mapping>``.

    Raises:
        MalformedInput: it cannot be read, is no JSON object, or a known field has another type than it should.
        TypeError: the source is none of these.
    """
    if isinstance(source, Mapping):
        return status_of(dict(source), None, name or "<mapping>")
    document = read_status_document(source, name=name)
    return status_of(document.fields, document.text, document.name)


class StatusDocument(NamedTuple):
    """A status file as it was read, before its shape is looked at.

    Attributes:
        name: what it is called.
        data: its bytes.
        text: its text, with zeros of the same length for what is no number, so that places can be found in it.
        fields: its members.
    """

    name: str
    data: bytes
    text: str
    fields: dict[str, Any]


def read_status_document(source: str | os.PathLike[str] | bytes, *, name: str | None = None) -> StatusDocument:
    """The document at a path, or in bytes.

    Raises:
        MalformedInput: it cannot be read, or is no JSON object.
        TypeError: the source is neither a path nor bytes.
    """
    if isinstance(source, bytes):
        name = name or "<bytes>"
        data = bounded(source, source=name)
    elif isinstance(source, str | os.PathLike):
        name = name or os.fspath(source)
        data = read_bytes(source, source=name)
    else:
        raise TypeError(f"source: expected a path, bytes or a mapping, found {type(source).__name__}")
    text = check_json(_CONSTANT.sub(_zero, data), name)
    fields = json.loads(data)
    if not isinstance(fields, dict):
        message, tip = f"found {_kind(fields)}; expected an object", "write an object with the status in it"
        problem = Problem(kind=ProblemKind.STATUS, message=message, tip=tip, line=1, column=1)
        raise MalformedInput(name, (problem,))
    return StatusDocument(name, data, text, fields)


_CONSTANT = re.compile(rb'"(?:[^"\\]|\\.)*+"|(-?)(?:NaN|Infinity)\b', re.DOTALL)


def _zero(found: re.Match[bytes]) -> bytes:
    """What is no number as a zero of the same length, so that places stay; strings stay too."""
    if found[0].startswith(b'"'):
        return found[0]
    return (found[1] + b"0").ljust(len(found[0]))


def status_of(fields: dict[str, Any], text: str | None, name: str) -> TrainStatus:
    """What the members of a status file say.

    Raises:
        MalformedInput: a known field has another type than it should, or none says how the run stands.
    """
    problems = [*_problems(fields)]
    if problems:
        places = {} if text is None else scan(text, {path for path, _, _ in problems}).values
        told = []
        for path, message, tip in problems:
            line, column = (None, None) if text is None else line_and_column(text, places.get(path, 0))
            told.append(Problem(kind=ProblemKind.STATUS, message=message, tip=tip, path=path, line=line, column=column))
        raise MalformedInput(name, tuple(told))
    words = {key: fields[key] for key in _WORDS if fields.get(key) is not None}
    states = {_STATES.get(word, TrainState.UNKNOWN) for word in words.values()}
    progress = fields.get("progress")
    return TrainStatus(
        state=next(state for state in _GRAVITY if state in states),
        words=words,
        lane=fields.get("job_type") or fields.get("lane"),
        reason=fields.get("reason") or fields.get("root_cause"),
        message=fields.get("message"),
        progress=None if progress is None else Progress(progress["current"], progress["total"]),
        stats={**(fields.get("stats") or {}), **(fields.get("metrics") or {})},
        artifacts=tuple(_paths(fields.get("artifacts") or [])),
        dry_run=fields.get("dry_run"),
        fields=fields,
    )


_WORDS = ("status", "state", "objective_status")
_TEXTS = (*_WORDS, "job_type", "lane", "reason", "root_cause", "message")


def _problems(fields: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key in _TEXTS:
        if not isinstance(fields.get(key), str | None):
            yield f"/{key}", f"found {_kind(fields[key])}; expected a string or null", f"write {key} as a string"
    for key in ("stats", "metrics"):
        if not isinstance(fields.get(key), dict | None):
            yield f"/{key}", f"found {_kind(fields[key])}; expected an object or null", f"write {key} as an object"
    if not isinstance(fields.get("dry_run"), bool | None):
        yield "/dry_run", f"found {_kind(fields['dry_run'])}; expected true, false or null", "write true or false"
    yield from _problems_of_progress(fields.get("progress"))
    yield from _problems_of_artifacts(fields.get("artifacts"))
    if not any(fields.get(key) is not None for key in _WORDS):
        yield "", f"found none of {', '.join(_WORDS)}; expected one that says how the run stands", "state the status"


def _problems_of_progress(progress: object) -> Iterator[tuple[str, str, str]]:
    if progress is None:
        return
    if isinstance(progress, dict):
        current, total = progress.get("current"), progress.get("total")
        if type(current) is int and type(total) is int and 0 <= current <= total:
            return
    message = (
        "found something else; expected an object with current and total, whole numbers of which 0 <= current <= total"
    )
    yield "/progress", message, 'write {"current": steps done, "total": all steps}'


def _problems_of_artifacts(artifacts: object) -> Iterator[tuple[str, str, str]]:
    expected = "expected a list of paths, a list of objects with a path, or an object of paths"
    if not isinstance(artifacts, list | dict | None):
        yield "/artifacts", f"found {_kind(artifacts)}; {expected}", "list the paths of the files that the run wrote"
    elif isinstance(artifacts, list):
        for index, item in enumerate(artifacts):
            path = item.get("path") if isinstance(item, dict) else item
            if not isinstance(path, str):
                yield f"/artifacts/{index}", f"found {_kind(item)}; {expected}", "write the path as a string"
    elif isinstance(artifacts, dict):
        for key, value in artifacts.items():
            if not isinstance(value, str | None):
                yield "/artifacts", f"found {_kind(value)} for {shown(key)}; {expected}", "write the path as a string"


def _paths(artifacts: list[Any] | dict[str, Any]) -> Iterator[str]:
    if isinstance(artifacts, dict):
        yield from (path for path in artifacts.values() if path is not None)
    else:
        yield from (item["path"] if isinstance(item, dict) else item for item in artifacts)


def _kind(value: object) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return kinds.get(type(value), "null")
