"""Hostile documents as files that any implementation can be held against, and what ours says of each, to the column."""

from __future__ import annotations

import errno
import io
import json
import os
import string
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy.document import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_PROBLEMS,
    check_json,
    line_and_column,
    pointer_token,
    read_bytes,
    read_stream,
    scan,
)
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.weights_manifest import WeightsManifest, read_weights_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "conformance" / "manifest"
INDEX = json.loads((FOLDER / "index.json").read_text("utf-8"))

TOLD: dict[str, tuple[tuple[str, int | None, int | None, str], ...]] = {
    "duplicate-key": (
        (
            "/weights_license",
            6,
            3,
            "the key stands twice in one object, first at 5:3; readers disagree which value counts",
        ),
    ),
    "duplicate-key-escaped": (
        (
            "/weights_license",
            6,
            3,
            "the key stands twice in one object, first at 5:3; readers disagree which value counts",
        ),
    ),
    "duplicate-key-far-apart": (
        (
            "/model_id",
            13,
            3,
            "the key stands twice in one object, first at 2:3; readers disagree which value counts",
        ),
    ),
    "duplicate-key-equal-values": (
        (
            "/code_license",
            4,
            26,
            "the key stands twice in one object, first at 4:3; readers disagree which value counts",
        ),
    ),
    "duplicate-key-nested": (
        (
            "/files/0/bytes",
            19,
            20,
            "the key stands twice in one object, first at 19:7; readers disagree which value counts",
        ),
    ),
    "duplicate-key-null": (
        (
            "/revision",
            2,
            20,
            "the key stands twice in one object, first at 2:3; readers disagree which value counts",
        ),
    ),
    "duplicate-key-as-many-quotes": (
        (
            "/code_license",
            4,
            26,
            "the key stands twice in one object, first at 4:3; readers disagree which value counts",
        ),
    ),
    "duplicate-key-thrice": (
        (
            "/code_license",
            5,
            1,
            "the key stands twice in one object, first at 4:3; readers disagree which value counts",
        ),
        (
            "/code_license",
            6,
            1,
            "the key stands twice in one object, first at 4:3; readers disagree which value counts",
        ),
    ),
    "nested-64": (("", 6, 92, "nests deeper than 64 levels"),),
    "nested-100000": (("", 1, 65, "nests deeper than 64 levels"),),
    "huge-integer": (("", 6, 29, "holds a whole number of 5000 digits; expected at most 19"),),
    "nan-and-more": (("", 1, 43, "holds NaN, which is no JSON number"),),
    "nan": (("", 6, 29, "holds NaN, which is no JSON number"),),
    "infinity": (("", 6, 29, "holds Infinity, which is no JSON number"),),
    "minus-infinity": (("", 6, 29, "holds -Infinity, which is no JSON number"),),
    "two-documents": (("", 15, 1, "is no JSON: extra data"),),
    "trailing-text": (("", 15, 1, "is no JSON: extra data"),),
    "comment": (("", 1, 3, "is no JSON: expecting property name enclosed in double quotes"),),
    "trailing-comma": (("", 14, 1, "is no JSON: expecting property name enclosed in double quotes"),),
    "single-quotes": (("", 4, 19, "is no JSON: expecting value"),),
    "empty": (("", None, None, "is empty; expected one JSON object"),),
    "white-space": (("", None, None, "is empty; expected one JSON object"),),
    "cut-short": (("", 7, 3, "is no JSON: unterminated string starting at"),),
    "raw-line-break": (("", 2, 25, "is no JSON: invalid control character at"),),
    "raw-null": (("", 2, 25, "is no JSON: invalid control character at"),),
    "form-feed": (("", 1, 1, "is no JSON: expecting value"),),
    "leading-zero": (("", 19, 17, "is no JSON: expecting ',' delimiter"),),
    "hexadecimal": (("", 19, 17, "is no JSON: expecting ',' delimiter"),),
    "byte-order-mark": (("", 1, 1, "begins with a byte order mark (EF BB BF); expected plain UTF-8"),),
    "utf-16-le": (("", 1, 1, "is UTF-16 or UTF-32; expected plain UTF-8"),),
    "utf-16-be": (("", 1, 1, "is UTF-16 or UTF-32; expected plain UTF-8"),),
    "utf-16-be-without-mark": (("", 1, 1, "is UTF-16 or UTF-32; expected plain UTF-8"),),
    "latin-1": (("", 2, 22, "byte 0xe4 at offset 23 is no UTF-8"),),
    "overlong-slash": (("", 2, 20, "byte 0xc0 at offset 21 is no UTF-8"),),
    "overlong-null": (("", 2, 21, "byte 0xc0 at offset 22 is no UTF-8"),),
    "utf-8-surrogate": (("", 2, 21, "byte 0xed at offset 22 is no UTF-8"),),
    "beyond-unicode": (("", 2, 21, "byte 0xf4 at offset 22 is no UTF-8"),),
    "cut-character": (("", 2, 21, "byte 0xe5 at offset 22 is no UTF-8"),),
    "escaped-null": (
        (
            "/model_id",
            2,
            15,
            "holds U+0000, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "escaped-terminal-escape": (
        (
            "/model_id",
            2,
            15,
            "holds U+001B, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "backspace": (
        (
            "/model_id",
            2,
            15,
            "holds U+0008, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "lone-surrogate": (
        (
            "/model_id",
            2,
            15,
            "holds U+D800, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "surrogates-reversed": (
        (
            "/model_id",
            2,
            15,
            "holds U+DE00, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "delete": (
        (
            "/model_id",
            2,
            15,
            "holds U+007F, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "c1-control": (
        (
            "/model_id",
            2,
            15,
            "holds U+009B, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "bidirectional-override": (
        (
            "/model_id",
            2,
            15,
            "holds U+202E, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "bidirectional-isolate": (
        (
            "/model_id",
            2,
            15,
            "holds U+2066, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "zero-width-space": (
        (
            "/model_id",
            2,
            15,
            "holds U+200B, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "byte-order-mark-inside": (
        (
            "/model_id",
            2,
            15,
            "holds U+FEFF, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "tag-characters": (
        (
            "/model_id",
            2,
            15,
            "holds U+E0041, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "line-separator": (
        (
            "/model_id",
            2,
            15,
            "holds U+2028, which makes the text look other than it is; expected visible characters",
        ),
    ),
    "unsafe-key": (
        ("", 2, 3, "holds U+202E, which makes the text look other than it is; expected visible characters"),
    ),
    "homoglyph-key": (
        ("/model_id", 1, 1, 'the required field "model_id" is missing'),
        (
            "/m\u043edel_id",
            2,
            3,
            'found the unknown field "m\u043edel_id", which holds U+043E; expected only known fields',
        ),
    ),
    "full-width-key": (
        ("/model_id", 1, 1, 'the required field "model_id" is missing'),
        (
            "/\uff4dodel_id",
            2,
            3,
            'found the unknown field "\uff4dodel_id", which holds U+FF4D; expected only known fields',
        ),
    ),
    "array": (("", 1, 1, "found an array; expected an object"),),
    "string": (
        (
            "",
            1,
            1,
            'found the string "{\\n  "model_id": "acme/warm-voice-2",\\n  "source_url": "https://github.com/r9y9/pyopenjtalk",\\n  "code_license": "MIT",\\n  "..." (477 characters); expected an object',
        ),
    ),
    "null": (("", 1, 1, "found null; expected an object"),),
    "number-for-boolean": (("/commercial_use_allowed", 6, 29, "found a whole number; expected true or false"),),
    "text-for-boolean": (("/commercial_use_allowed", 6, 29, 'found the string "true"; expected true or false'),),
    "null-for-required": (("/commercial_use_allowed", 6, 29, "found null; expected true or false"),),
    "fraction-for-size": (("/files/0/bytes", 19, 16, "found a number; expected a whole number"),),
    "size-above-63-bits": (
        ("/files/0/bytes", 19, 16, "is more than 9223372036854775807; expected at most 9223372036854775807"),
    ),
    "upper-case-key": (
        ("/model_id", 1, 1, 'the required field "model_id" is missing'),
        ("/Model_id", 2, 3, 'found the unknown field "Model_id"; expected only known fields'),
    ),
}
"""Pointer, line, column and message of every problem of every file that is refused."""

NEWER_PYTHON = {"trailing-comma": (("", 13, 39, "is no JSON: illegal trailing comma before end of object"),)}
"""What Python 3.13 and later say where they see more than Python 3.11 does."""


def refused(data: bytes) -> tuple[Problem, ...]:
    with pytest.raises(MalformedInput) as caught:
        read_weights_manifest(data, "m.json")
    return caught.value.problems


def test_index_lists_every_file_once() -> None:
    listed = [row["file"] for row in INDEX]

    assert sorted(listed) == sorted(str(file.relative_to(FOLDER)) for file in FOLDER.glob("*/*.json"))
    assert {row["file"].split("/")[0] == "accept" for row in INDEX if row["rule"] is None} == {True}
    assert sorted(TOLD) == sorted(Path(row["file"]).stem for row in INDEX if row["rule"] is not None)
    of_text = {kind for kind in ProblemKind if kind.startswith("input-")} - {ProblemKind.UNREADABLE}
    assert {row["rule"] for row in INDEX} - {None} == of_text | {ProblemKind.SHAPE}


@pytest.mark.parametrize("row", [row for row in INDEX if row["rule"] is None], ids=lambda row: row["file"])
def test_accepted(row: dict[str, str]) -> None:
    data = (FOLDER / row["file"]).read_bytes()

    assert read_weights_manifest(data, "m.json").model_dump(mode="json", exclude_unset=True) == json.loads(data)
    assert check_json(data, "m.json") == data.decode()


@pytest.mark.parametrize("row", [row for row in INDEX if row["rule"] is not None], ids=lambda row: row["file"])
def test_refused(row: dict[str, str]) -> None:
    name = Path(row["file"]).stem
    problems = refused((FOLDER / row["file"]).read_bytes())
    told = tuple((problem.path, problem.line, problem.column, problem.message) for problem in problems)

    assert {problem.kind for problem in problems} == {row["rule"]}
    assert told in (TOLD[name], NEWER_PYTHON.get(name))
    assert all(problem.tip for problem in problems)


# What can be opened.


def opened(path: Path | str) -> str:
    with pytest.raises(MalformedInput) as caught:
        read_bytes(path, source="m.json")
    (problem,) = caught.value.problems
    assert problem.kind is ProblemKind.UNREADABLE
    return problem.message


def test_special_files_are_refused_without_reading(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("/srv/secret/place")

    assert opened(tmp_path / "fifo") == "is a FIFO; expected a regular file"
    assert opened("/dev/zero") == "is a device; expected a regular file"
    assert opened(tmp_path) == "is a directory; expected a regular file"
    gone = f"cannot be opened: {os.strerror(errno.ENOENT)}; expected a regular file"
    assert opened(tmp_path / "none") == gone
    assert opened(tmp_path / "dangling") == gone
    assert opened(tmp_path / "loop") == f"cannot be opened: {os.strerror(errno.ELOOP)}; expected a regular file"
    assert opened("nul\0") == "cannot be opened: no file can have such a name; expected a regular file"


def test_links_to_regular_files_are_followed(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(b"{}")
    (tmp_path / "link").symlink_to("m.json")

    assert read_bytes(tmp_path / "link") == b"{}"


def test_size_is_bounded_before_reading(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(20 * 1024**3)
    with (tmp_path / "just").open("wb") as stream:
        stream.truncate(MAX_DOCUMENT_BYTES)

    assert opened(tmp_path / "large") == "holds 21474836480 bytes; expected at most 4194304"
    assert len(read_bytes(tmp_path / "just")) == MAX_DOCUMENT_BYTES


def test_stream_is_bounded_and_its_failure_told() -> None:
    with pytest.raises(MalformedInput, match=r"^<stdin>: holds more than 4 bytes; expected at most 4$"):
        read_stream(io.BytesIO(b"12345"), source="<stdin>", limit=4)
    with Path("/proc/self/mem").open("rb", buffering=0) as stream, pytest.raises(MalformedInput) as caught:
        read_stream(stream, source="<stdin>")
    assert str(caught.value) == "<stdin>: cannot be read: Input/output error"


# Positions.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)
BLANK = st.text(" \t\n\r", max_size=3)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, dict[str, int], dict[str, int]]:
    """A JSON text with random white space, and where its writer put every value and key."""
    values: dict[str, int] = {}
    keys: dict[str, int] = {}
    parts: list[str] = []

    def put(text: str) -> int:
        offset = sum(map(len, parts))
        parts.append(text)
        return offset

    def write(value: Any, pointer: str) -> None:
        put(draw(BLANK))
        if isinstance(value, dict):
            values[pointer] = put("{")
            for index, (key, member) in enumerate(value.items()):
                put("," + draw(BLANK) if index else draw(BLANK))
                inner = f"{pointer}/{pointer_token(key)}"
                keys[inner] = put(json.dumps(key, ensure_ascii=draw(st.booleans())))
                put(draw(BLANK) + ":")
                write(member, inner)
            put(draw(BLANK) + "}")
        elif isinstance(value, list):
            values[pointer] = put("[")
            for index, item in enumerate(value):
                put("," if index else "")
                write(item, f"{pointer}/{index}")
            put(draw(BLANK) + "]")
        else:
            values[pointer] = put(json.dumps(value, ensure_ascii=draw(st.booleans())))
        put(draw(BLANK))

    write(draw(JSON), "")
    return "".join(parts), values, keys


@given(written())
def test_scan_finds_what_the_writer_put(document: tuple[str, dict[str, int], dict[str, int]]) -> None:
    text, values, keys = document

    found = scan(text, {*values, *keys})

    assert (found.values, found.keys, found.repeated, found.too_deep) == (values, keys, [], None)


@given(st.text("ab\n\r", max_size=30), st.data())
def test_line_and_column_count_line_feeds(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    before = text[:offset].split("\n")

    assert line_and_column(text, offset) == (len(before), len(before[-1]) + 1)


def test_depth_is_counted_not_guessed() -> None:
    just = "[" * MAX_DEPTH + "]" * MAX_DEPTH

    assert check_json(just.encode(), "m.json") == just
    assert scan(f"[{just}]").too_deep == MAX_DEPTH


def test_strange_number_is_found_behind_strings_that_name_it() -> None:
    (problem,) = refused(b'{"NaN": "NaN \\" NaN",\n "a": [1, NaN]}')

    assert (problem.message, problem.line, problem.column) == ("holds NaN, which is no JSON number", 2, 11)


def test_problems_beyond_the_hundredth_are_counted() -> None:
    repeated = refused(b"{" + b",".join(b'"a": 1' for _ in range(MAX_PROBLEMS + 9)) + b"}")
    unsafe = refused(json.dumps(["\x00"] * (MAX_PROBLEMS + 9)).encode())
    unknown = refused(json.dumps({f"k{number}": 1 for number in range(MAX_PROBLEMS)}).encode())

    assert [len(repeated), len(unsafe), len(unknown)] == [MAX_PROBLEMS + 1] * 3
    assert [problems[-1].message for problems in (repeated, unsafe, unknown)] == [
        "8 more problems of this kind",
        "9 more problems of this kind",
        "9 more problems of this kind",
    ]


def test_error_names_its_first_problem() -> None:
    with pytest.raises(MalformedInput) as caught:
        read_weights_manifest(b'{"a": 1,\n "a": 2, "a": 3}', "m.json")

    assert str(caught.value) == (
        "m.json:2:2: the key stands twice in one object, first at 1:2; readers disagree which value counts (and 1 more)"
    )


# No repeated key gets through, and everything that a JSON writer writes does.

VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")) | st.sampled_from('"\\\n\t/'),
    min_size=1,
    max_size=12,
)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """A manifest of the right shape, whatever its values mean."""
    base = {
        "model_id": draw(VALUES),
        "source_url": draw(VALUES),
        "code_license": draw(VALUES),
        "weights_license": draw(VALUES),
        "commercial_use_allowed": draw(st.booleans()),
        "attribution_required": draw(st.booleans()),
        "evidence_links": draw(st.lists(VALUES, min_size=1, max_size=3)),
        "checksum": draw(VALUES),
        "created_at": draw(VALUES),
    }
    file = st.fixed_dictionaries({"path": VALUES, "bytes": st.integers(0, 2**63 - 1), "sha256": VALUES})
    part = st.fixed_dictionaries(
        {"name": VALUES, "role": st.sampled_from(["vocoder", "g2p"])},
        optional={"revision": VALUES, "weights_license": VALUES, "attribution_required": st.booleans()},
    )
    optional = st.fixed_dictionaries(
        {},
        optional={
            "revision": VALUES,
            "files": st.lists(file, min_size=1, max_size=3),
            "components": st.lists(part, max_size=2),
            "attribution": VALUES,
        },
    )
    return base | draw(optional)


@given(manifests(), st.booleans(), st.sampled_from([None, 2]))
def test_what_a_json_writer_writes_is_read(manifest: dict[str, Any], ensure_ascii: bool, indent: int | None) -> None:  # noqa: FBT001
    data = json.dumps(manifest, ensure_ascii=ensure_ascii, indent=indent).encode()

    assert read_weights_manifest(data, "m.json") == WeightsManifest.model_validate(manifest)
    assert read_weights_manifest(manifest, "m.json") == WeightsManifest.model_validate(manifest)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def spelt(draw: st.DrawFn, text: str) -> str:
    """A JSON string with any of its characters written as an escape."""
    return "".join(
        f"\\u{ord(character):04x}" if ord(character) < 0x10000 and draw(st.booleans()) else json.dumps(character)[1:-1]
        for character in text
    )


@st.composite
def repeating(draw: st.DrawFn) -> bytes:
    manifest = draw(manifests())
    owner = draw(st.sampled_from([*objects(manifest)]))
    key = draw(st.sampled_from([*owner]))
    value = draw(st.sampled_from([owner[key], None, True, 7]) | VALUES)
    again = f'"{spelt(draw, key)}": ' + (f'"{spelt(draw, value)}"' if isinstance(value, str) else json.dumps(value))
    mark = "@@repeat@@"
    first = draw(st.booleans())
    members = {mark: 1, **owner} if first else {**owner, mark: 1}
    owner.clear()
    owner.update(members)
    return json.dumps(manifest, ensure_ascii=draw(st.booleans())).replace(f'"{mark}": 1', again).encode()


@given(repeating())
def test_no_repeated_key_gets_through(data: bytes) -> None:
    assert ProblemKind.DUPLICATE_KEY in {problem.kind for problem in refused(data)}


STRANGE = st.lists(
    st.sampled_from(["NaN", "-Infinity", "1" * 20, "1" * 20 + ".5", '"', "[", ",", "\0", " ", "x", "]"])
).map("".join)


@given(st.binary(max_size=60) | st.text(string.printable, max_size=60).map(str.encode) | STRANGE.map(str.encode))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    assert refused(data)
