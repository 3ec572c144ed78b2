"""The manifest of a data set: one recording with its text a line, in the field names that NeMo reads.

Rules kept here:

- Every line is one strict JSON object; blank lines are passed over. All problems of all lines are told, with their places.
- Known fields have their types; others are taken as they are, since a manifest serves more readers than this one.
- The path of a recording is relative to the folder of the manifest, or absolute; where it leads is not judged.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from helix_tts_policy.document import (
    MAX_PROBLEMS,
    UNSAFE_TEXT,
    check_json,
    decode,
    more_problems,
    read_bytes,
    scan,
)
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from helix_tts_policy.facts.wave_audio import ObservedAudio

MAX_MANIFEST_BYTES: Final = 256 * 1024 * 1024
"""Bound of one manifest: LibriTTS, of 375,000 utterances, has about 100 MB."""

MAX_LINE_LENGTH: Final = 64 * 1024
"""Characters of one line; a long utterance has some hundreds."""

MAX_SECONDS: Final = 1e9
"""Seconds from which on a stated length is none, infinity among them."""


class DatasetRow(NamedTuple):
    """One line of a manifest.

    Attributes:
        line: where it stands, from 1.
        audio_filepath: the recording, as it is written.
        text: what is said, as it is written.
        normalized_text: what is said, in words; NeMo trains on it where it is there.
        duration: in seconds, as it is stated.
        speaker: who speaks.
    """

    line: int
    audio_filepath: str
    text: str
    normalized_text: str | None = None
    duration: float | None = None
    speaker: int | str | None = None

    @property
    def spoken(self) -> str:
        """The text that the model is trained on."""
        return self.text if self.normalized_text is None else self.normalized_text

    @property
    def spoken_field(self) -> str:
        """The field in which that text stands."""
        return "text" if self.normalized_text is None else "normalized_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetManifest:
    """A manifest that was read.

    Attributes:
        source: the file, as the caller named it.
        folder: where it lies; relative paths begin there.
        sha256: of its bytes.
        rows: its lines.
        lines: their texts, in which places are looked up.
    """

    source: str
    folder: Path
    sha256: str
    rows: tuple[DatasetRow, ...]
    lines: tuple[str, ...]

    def audio(self, row: DatasetRow) -> Path:
        """The path of a row's recording."""
        return self.folder / row.audio_filepath

    def line(self, number: int) -> str:
        """The text of a line, counted from 1."""
        return self.lines[number - 1]


def read_dataset_manifest(path: str | os.PathLike[str]) -> DatasetManifest:
    """What a manifest says. One without rows is read, too: whether it is enough is a matter of rules.

    Raises:
        MalformedInput: the file cannot be read, or lines are no JSON or of another shape; with all problems.
    """
    return dataset_manifest(read_bytes(path, limit=MAX_MANIFEST_BYTES), os.fspath(path))


def dataset_manifest(data: bytes, source: str) -> DatasetManifest:
    """What the bytes of a manifest say, whose path is ``source``.

    Raises:
        MalformedInput: lines are no JSON or of another shape; with all problems.
    """
    text = decode(data, source, kind="JSON object a line") if data.strip() else ""
    rows: list[DatasetRow] = []
    problems: list[Problem] = []
    lines = tuple(text.split("\n"))
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found, wrong = _row(line, number, len(rows), source)
        problems += wrong
        rows.append(found)
    if problems:
        raise MalformedInput(source, (*problems[:MAX_PROBLEMS], *more_problems(problems[:MAX_PROBLEMS], len(problems))))
    digest = hashlib.sha256(data).hexdigest()
    return DatasetManifest(source=source, folder=Path(source).parent, sha256=digest, rows=tuple(rows), lines=lines)


_NO_ROW: Final = DatasetRow(0, "", "")


def _row(line: str, number: int, index: int, source: str) -> tuple[DatasetRow, tuple[Problem, ...]]:
    """A line's row, or what is wrong with it."""
    if len(line) > MAX_LINE_LENGTH:
        message = f"the line has {len(line)} characters; expected at most {MAX_LINE_LENGTH}"
        return _NO_ROW, (_problem(message, "write one utterance a line", f"/{index}", number, 1),)
    value = _parsed(line)
    if value is None:
        try:
            value = json.loads(check_json(line.encode("utf-8", "surrogatepass"), source, begin=(number, 1)))
        except MalformedInput as error:
            return _NO_ROW, tuple(replace(each, path=f"/{index}{each.path}") for each in error.problems)
    if not isinstance(value, dict):
        message = f"found {_kind_of(value)}; expected an object"
        return _NO_ROW, (_problem(message, "write one utterance a line, as an object", f"/{index}", number, 1),)
    wrong = tuple(sorted(_shape_problems(value, line, number, index), key=lambda problem: problem.column or 0))
    if wrong:
        return _NO_ROW, wrong
    normalized = value.get("normalized_text", value.get("text_normalized"))
    row = DatasetRow(
        number, value["audio_filepath"], value["text"], normalized, value.get("duration"), value.get("speaker")
    )
    return row, ()


_UNPLAIN_ESCAPE = re.compile(r'\\[^"\\/nrt]')


def _parsed(line: str) -> Any:
    """The value of a line that is plainly all right; None for one that has to be looked at closely."""
    if _UNPLAIN_ESCAPE.search(line) or UNSAFE_TEXT.search(line):
        return None
    try:
        return json.loads(line, object_pairs_hook=_without_repetition, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse(_: str) -> Any:
    raise ValueError


class _Field(NamedTuple):
    name: str
    kinds: tuple[type, ...]
    words: str
    required: bool = False


_FIELDS: Final = (
    _Field("audio_filepath", (str,), "a path", required=True),
    _Field("text", (str,), "a text", required=True),
    _Field("normalized_text", (str,), "a text"),
    _Field("text_normalized", (str,), "a text"),
    _Field("duration", (int, float), "seconds, 0 or more"),
    _Field("speaker", (int, str), "a number or a name"),
)
"""The fields that are read, with their types; the rest of a row is left alone."""


def _shape_problems(value: dict[str, Any], line: str, number: int, index: int) -> Iterator[Problem]:
    for field in _FIELDS:
        pointer = f"/{index}/{field.name}"
        if field.name not in value or (value[field.name] is None and not field.required):
            if field.required:
                message, tip = f'the required field "{field.name}" is missing', f"add {field.words}"
                yield _problem(message, tip, pointer, number, 1)
            continue
        found = value[field.name]
        if (
            not isinstance(found, field.kinds)
            or isinstance(found, bool)
            or (field.name == "duration" and not 0 <= value[field.name] < MAX_SECONDS)
            or (field.name == "audio_filepath" and not found)
        ):
            message = f"found {_kind_of(found)}; expected {field.words}"
            column = column_of(line, field.name)
            yield _problem(message, f'write "{field.name}" as {field.words}', pointer, number, column)


_KINDS: Final = {type(None): "null", bool: "true or false", dict: "an object", list: "an array"}


def _kind_of(value: object) -> str:
    if isinstance(value, str):
        return f"the string {shown(value)}"
    return _KINDS.get(type(value)) or f"the number {value}"


def _problem(message: str, tip: str, path: str, line: int, column: int) -> Problem:
    return Problem(kind=ProblemKind.DATASET, message=message, tip=tip, path=path, line=line, column=column)


def column_of(line: str, field: str) -> int:
    """The column, from 1, at which the value of a field begins in a line; 1 where it is not there."""
    return scan(line, {f"/{field}"}).values.get(f"/{field}", 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A row with its recording, as it was found to be."""

    row: DatasetRow
    audio: Path
    observed: ObservedAudio


def canonical_rows(splits: Iterable[tuple[str, Iterable[Utterance]]]) -> bytes:
    r"""The data set as bytes that depend on nothing but what is learnt from it: the normalised manifest.

    Each utterance is a JSON object with sorted keys and no blanks: `audio_sha256`, `duration` (measured), `split`, `text`,
    and `normalized_text` and `speaker` where they are stated. Lines are sorted by code point and end with ``\n``. File
    names, order and place of the recordings do not count. The SHA-256 of these bytes is the digest of the data set.
    """
    lines = sorted(_canonical(split, utterance) for split, utterances in splits for utterance in utterances)
    return "".join(lines).encode()


def _canonical(split: str, utterance: Utterance) -> str:
    row, observed = utterance.row, utterance.observed
    fields = {
        "audio_sha256": observed.sha256,
        "duration": round(observed.seconds, 6),
        "normalized_text": row.normalized_text,
        "speaker": row.speaker,
        "split": split,
        "text": row.text,
    }
    stated = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(stated, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"
