"""The published schema and the reader accept the same documents, but for the differences that stand here by name."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.places import at, places

from helix_tts_policy.cli.schema import published
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.weights_manifest import MAX_FILES, read_weights_manifest

SCHEMA = json.loads(published("weights-manifest"))
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = Path(__file__).parent / "examples"
EVERY_FIELD = json.loads((EXAMPLES / "manifest-shape/accept/every-field.json").read_bytes())
NINE_FIELDS = json.loads((EXAMPLES / "manifest-shape/accept/nine-fields.json").read_bytes())


def reads(document: Any) -> bool:
    try:
        read_weights_manifest(json.dumps(document).encode(), "m.json")
    except MalformedInput:
        return False
    return True


def reads_mapping(document: dict[str, Any]) -> bool:
    try:
        read_weights_manifest(document, "m")
    except MalformedInput:
        return False
    return True


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([2**63 - 1, 2**63, 0.5, "", " ", "x" * 4096, "x" * 4097, "MIT", "true", "vocoder", "terms"]),
    st.sampled_from(["weights-manifest/1", "weights-manifest/2"]),
    st.builds(list),
    st.builds(dict),
    st.just(["https://models.acme.dev/"]),
    st.just([{"path": "a", "bytes": 0, "sha256": "b"}]),
    st.just([{"name": "a", "role": "codec"}, {"name": "b", "role": "friend"}]),
    st.just([{"url": "a", "kind": "terms"}]),
    st.sampled_from([["x"] * 1000, ["x"] * 1001, "x" * 65_536, "x" * 65_537, "x" * 9000, ["x"] * 2]),
)
NAMES = st.sampled_from(
    [*EVERY_FIELD, "licence", "Model_id", "path", "name", "url", "sha256", "role", "bytes", "quote", "text"]
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A good manifest, changed at one to three places: fields dropped, added, retyped, lengthened or made null."""
    document = copy.deepcopy(draw(st.sampled_from([EVERY_FIELD, NINE_FIELDS])))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(document)))
        value = at(document, path)
        change = draw(st.sampled_from(["drop", "add", "replace", "repeat", "null"]))
        if change == "add" and isinstance(value, dict):
            value[draw(NAMES)] = copy.deepcopy(draw(STRANGE))
        elif change == "add" and isinstance(value, list):
            value.append(copy.deepcopy(draw(STRANGE)))
        elif change == "repeat" and isinstance(value, str | list):
            if path and len(value) < 100:
                at(document, path[:-1])[path[-1]] = value * draw(st.sampled_from([2, 1001]))
        elif path:
            owner = at(document, path[:-1])
            if change == "drop":
                del owner[path[-1]]
            else:
                owner[path[-1]] = None if change == "null" else copy.deepcopy(draw(STRANGE))
    return document


def test_schema_is_valid_and_named() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"] == "urn:helix-tts-policy:schema:weights-manifest:1"
    assert SCHEMA["required"] == [*NINE_FIELDS]
    assert SCHEMA["additionalProperties"] is False
    assert {definition["additionalProperties"] for definition in SCHEMA["$defs"].values()} == {False}
    assert all(field.get("description") for field in SCHEMA["properties"].values())


def test_committed_schema_is_the_published_one() -> None:
    committed = Path(__file__).parents[1] / "schemas" / "weights-manifest.json"

    assert committed.read_text("utf-8") == published("weights-manifest")


@given(mutated())
def test_schema_and_reader_accept_the_same_documents(document: Any) -> None:
    accepted = VALIDATOR.is_valid(document)

    assert reads(document) == accepted
    if isinstance(document, dict):
        assert reads_mapping(document) == accepted


@pytest.mark.parametrize("path", [path for path in places(EVERY_FIELD) if path])
@pytest.mark.parametrize("value", [None, True, 7, "x", [], {}, "", "x" * 300_000])
def test_every_place_with_every_kind_of_value(path: tuple[str | int, ...], value: object) -> None:
    document = copy.deepcopy(EVERY_FIELD)
    at(document, path[:-1])[path[-1]] = value

    assert reads(document) == reads_mapping(document) == VALIDATOR.is_valid(document)


@pytest.mark.parametrize("path", [path for path in places(EVERY_FIELD) if path])
def test_every_place_dropped(path: tuple[str | int, ...]) -> None:
    document = copy.deepcopy(EVERY_FIELD)
    del at(document, path[:-1])[path[-1]]

    assert reads(document) == reads_mapping(document) == VALIDATOR.is_valid(document)


@pytest.mark.parametrize(("count", "accepted"), [(MAX_FILES, True), (MAX_FILES + 1, False)])
def test_number_of_files_is_bounded(count: int, accepted: bool) -> None:  # noqa: FBT001
    document = NINE_FIELDS | {"files": [{"path": "a", "bytes": 1, "sha256": "b"}] * count}

    assert reads(document) is accepted
    assert VALIDATOR.is_valid(document) is accepted


# Where the reader is stricter than JSON Schema can be. Each of these documents the schema accepts.

STRICTER = {
    "an integer written as 27.0": (b'"bytes": 27', b'"bytes": 27.0'),
    "an integer written as 27e0": (b'"bytes": 27', b'"bytes": 27e0'),
    "a repeated key": (
        b'"code_license": "MIT",\n  "weights',
        b'"code_license": "x", "code_license": "MIT",\n  "weights',
    ),
    "a control character": (b"hifigan", b"hifigan\\u001b"),
    "a bidirectional override": (b"hifigan", b"hifigan\\u202e"),
    "a lone surrogate": (b"hifigan", b"hifigan\\ud800"),
}


@pytest.mark.parametrize("difference", STRICTER)
def test_reader_is_stricter(difference: str) -> None:
    old, new = STRICTER[difference]
    good = (EXAMPLES / "manifest-shape/accept/every-field.json").read_bytes()
    data = good.replace(old, new, 1)
    assert data != good

    assert VALIDATOR.is_valid(json.loads(data))
    with pytest.raises(MalformedInput):
        read_weights_manifest(data, "m.json")


def test_schema_leaves_the_meaning_to_rules() -> None:
    document = NINE_FIELDS | {"source_url": "no URL", "checksum": "no digest", "created_at": "no date"}

    assert VALIDATOR.is_valid(document)
    assert reads(document)
    assert SCHEMA["properties"]["source_url"]["format"] == "uri"
    assert SCHEMA["properties"]["created_at"]["format"] == "date-time"
