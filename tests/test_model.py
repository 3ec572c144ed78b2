"""The strict records: what a mapping may hold, and the words in which a wrong shape is told."""

from __future__ import annotations

import json
from collections import UserDict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from helix_tts_policy.document import MAX_DEPTH
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.weights_manifest import ManifestFile, WeightsManifest, read_weights_manifest

ROLES = "'base_model', 'vocoder', 'codec', 'speaker_encoder', 'preset_voice', 'g2p', 'training_data' or 'other'"
CASES = Path(__file__).parent / "examples" / "manifest-shape" / "accept"
EVERY_FIELD: dict[str, Any] = json.loads((CASES / "every-field.json").read_bytes())
NINE_FIELDS: dict[str, Any] = json.loads((CASES / "nine-fields.json").read_bytes())
FIELDS = ", ".join(WeightsManifest.model_fields)


def problems(document: Any) -> tuple[Problem, ...]:
    with pytest.raises(MalformedInput) as caught:
        read_weights_manifest(document, "m")
    return caught.value.problems


@pytest.mark.parametrize(
    ("change", "path", "message", "tip"),
    [
        (
            {"model_id": 7},
            "/model_id",
            "found a whole number; expected a string",
            'write "model_id" as a string',
        ),
        (
            {"model_id": ["x"]},
            "/model_id",
            "found an array; expected a string",
            'write "model_id" as a string',
        ),
        (
            {"model_id": {}},
            "/model_id",
            "found an object; expected a string",
            'write "model_id" as a string',
        ),
        (
            {"model_id": 0.5},
            "/model_id",
            "found a number; expected a string",
            'write "model_id" as a string',
        ),
        (
            {"model_id": True},
            "/model_id",
            "found true or false; expected a string",
            'write "model_id" as a string',
        ),
        (
            {"model_id": ""},
            "/model_id",
            "is empty; expected at least one entry",
            'give "model_id" a value, or leave an optional field out',
        ),
        (
            {"model_id": "x" * 4097},
            "/model_id",
            "is longer than 4096; expected at most 4096",
            'shorten "model_id"',
        ),
        (
            {"commercial_use_allowed": "yes\x1b"[:-1]},
            "/commercial_use_allowed",
            'found the string "yes"; expected true or false',
            'write "commercial_use_allowed" as true or false',
        ),
        (
            {"evidence_links": "https://acme.dev/"},
            "/evidence_links",
            'found the string "https://acme.dev/"; expected an array',
            'write "evidence_links" as an array',
        ),
        (
            {"evidence_links": []},
            "/evidence_links",
            "is empty; expected at least one entry",
            'give "evidence_links" a value, or leave an optional field out',
        ),
        (
            {"evidence_links": ["x"] * 1001},
            "/evidence_links",
            "is longer than 1000; expected at most 1000",
            'shorten "evidence_links"',
        ),
        (
            {"evidence_links": [None]},
            "/evidence_links/0",
            "found null; expected a string",
            "write entry 0 as a string",
        ),
        (
            {"files": [["a"]]},
            "/files/0",
            "found an array; expected an object",
            "write entry 0 as an object",
        ),
        (
            {"files": [{"path": "a", "bytes": -1, "sha256": "b"}]},
            "/files/0/bytes",
            "is less than 0; expected at least 0",
            'correct "bytes"',
        ),
        (
            {"files": [{"path": "a", "bytes": 2**63, "sha256": "b"}]},
            "/files/0/bytes",
            "is more than 9223372036854775807; expected at most 9223372036854775807",
            'correct "bytes"',
        ),
        (
            {"files": [{"path": "a", "bytes": 1}]},
            "/files/0/sha256",
            'the required field "sha256" is missing',
            'add "sha256": SHA-256 of the bytes, 64 lower-case hexadecimal digits.',
        ),
        (
            {"components": [{"name": "a", "role": "friend"}]},
            "/components/0/role",
            f'found "friend"; expected {ROLES}',
            'write one of these values for "role"',
        ),
        (
            {"zzz": "MIT"},
            "/zzz",
            'found the unknown field "zzz"; expected only known fields',
            f"remove it; the fields here are {FIELDS}",
        ),
        (
            {"modelid": "x"},
            "/modelid",
            'found the unknown field "modelid"; expected only known fields',
            'did you mean "model_id"?',
        ),
        (
            {"files": [{"path": "a", "bytes": 1, "sha256": "b", "sha512": "c"}]},
            "/files/0/sha512",
            'found the unknown field "sha512"; expected only known fields',
            "remove it; the fields here are path, bytes, sha256",
        ),
        (
            {"a/b~c": 1},
            "/a~1b~0c",
            'found the unknown field "a/b~c"; expected only known fields',
            f"remove it; the fields here are {FIELDS}",
        ),
    ],
)
def test_wrong_shape_in_words(change: dict[str, Any], path: str, message: str, tip: str) -> None:
    document = NINE_FIELDS | change

    (problem,) = problems(document)
    assert (problem.kind, problem.path, problem.message, problem.tip) == ("manifest-shape", path, message, tip)
    assert (problem.line, problem.column) == (None, None)
    (problem,) = problems(json.dumps(document, indent=1).encode())
    assert (problem.path, problem.message, problem.tip) == (path, message, tip)
    assert problem.line is not None
    assert problem.column is not None


def test_all_problems_are_told_in_the_order_of_the_document() -> None:
    document = {"zzz": 1} | NINE_FIELDS | {"attribution_required": "no", "model_id": 3}
    del document["checksum"]

    assert [problem.path for problem in problems(json.dumps(document).encode())] == [
        "/checksum",
        "/zzz",
        "/model_id",
        "/attribution_required",
    ]


def test_long_names_are_cut() -> None:
    (problem,) = problems(NINE_FIELDS | {"\u043e" * 1_000_000: 1})

    assert len(problem.message) < 300
    assert problem.message.endswith("(1000000 characters), which holds U+043E; expected only known fields")


def test_mapping_need_not_be_a_dict() -> None:
    expected = WeightsManifest.model_validate(EVERY_FIELD)

    assert read_weights_manifest(UserDict(EVERY_FIELD), "m") == expected
    assert read_weights_manifest(MappingProxyType(EVERY_FIELD), "m") == expected
    assert read_weights_manifest(EVERY_FIELD | {"files": tuple(EVERY_FIELD["files"])}, "m") == expected
    assert expected.model_dump(mode="json") == EVERY_FIELD


def test_unsafe_text_of_a_mapping_is_told_wherever_it_stands() -> None:
    unsafe = NINE_FIELDS | {"model_id": "a\u202eb", "files": [{"pa\x00th": "a\x1b"}]}
    told = [(ProblemKind.UNSAFE_TEXT, "/model_id"), (ProblemKind.UNSAFE_TEXT, "/files/0")]
    told += [(ProblemKind.UNSAFE_TEXT, "/files/0/pa\x00th")]

    assert [(problem.kind, problem.path) for problem in problems(unsafe)] == told
    assert [(problem.kind, problem.path) for problem in problems(UserDict(unsafe))] == told


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"https://acme.dev/\u202e"}, "set"),
        ((link for link in ["https://acme.dev/"]), "generator"),
        ({"https://acme.dev/": 1}.keys(), "dict_keys"),
        (b"https://acme.dev/", "bytes"),
        ([ManifestFile(path="a", bytes=1, sha256="b")], "ManifestFile"),
    ],
)
def test_what_json_does_not_have_is_refused(value: object, kind: str) -> None:
    (problem,) = problems(NINE_FIELDS | {"files": value})

    assert problem.kind is ProblemKind.SHAPE
    assert problem.message == f"found a value of the Python type {kind}; expected one that JSON has"


def test_mapping_with_a_key_that_is_no_text() -> None:
    (problem,) = problems({**NINE_FIELDS, 3: 1})

    assert (problem.path, problem.message) == ("/3", "keys should be strings")


def test_mapping_that_holds_itself_or_one_list_many_times_ends() -> None:
    inside: dict[str, Any] = dict(NINE_FIELDS)
    inside["self"] = inside
    bomb: list[Any] = ["x"]
    for _ in range(40):
        bomb = [bomb] * 10
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert [problem.path for problem in problems(inside)] == ["/self"]
    assert [problem.path for problem in problems(NINE_FIELDS | {"bomb": bomb})] == ["/bomb"]
    assert [problem.message for problem in problems(NINE_FIELDS | {"deep": deep})] == [
        f"nests deeper than {MAX_DEPTH} levels"
    ]


def test_huge_integer_of_a_mapping_is_told() -> None:
    (problem,) = problems(NINE_FIELDS | {"files": [{"path": "a", "bytes": 10**5000, "sha256": "b"}]})

    assert problem.message == "is more than 9223372036854775807; expected at most 9223372036854775807"


def test_records_hold_still() -> None:
    manifest = read_weights_manifest(NINE_FIELDS, "m")

    with pytest.raises(ValueError, match="frozen"):
        manifest.model_id = "other"  # type: ignore[misc]
