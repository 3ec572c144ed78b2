"""The published schemas of the two bundle formats and their reader accept the same documents."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.bundles import REFERENCE, production, promoted, served
from tests.places import at, places

from helix_tts_policy.cli.schema import published
from helix_tts_policy.errors import MalformedInput, ProblemKind
from helix_tts_policy.facts.voice_bundle import artifact_digest, read_voice_bundle

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    "voice-bundle": [promoted()[0], served()],
    "prod-tts-voice-bundle": [production(), production(weights_refs=REFERENCE)],
}
VALIDATORS = {name: Draft202012Validator(json.loads(published(name))) for name in DOCUMENTS}
CASES = [(name, document) for name, documents in DOCUMENTS.items() for document in documents]
PLACES = [
    pytest.param(name, document, path, id=f"{name}-{number}-{'/'.join(map(str, path))}")
    for number, (name, document) in enumerate(CASES)
    for path in places(document)
    if path and path != ("bundle_version",)
]


def reads(document: Any) -> bool:
    try:
        read_voice_bundle(json.dumps(document).encode(), "manifest.json")
    except MalformedInput:
        return False
    return True


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_is_valid_named_and_committed(name: str) -> None:
    schema = json.loads(published(name))
    Draft202012Validator.check_schema(schema)

    assert schema["$id"] == f"urn:helix-tts-policy:schema:{name}:1"
    for definition in (schema, *schema["$defs"].values()):
        assert definition["additionalProperties"] is False
        assert all(field.get("description") for field in definition["properties"].values())
    assert (ROOT / "schemas" / f"{name}.json").read_text("utf-8") == published(name)


@pytest.mark.parametrize(("name", "document"), CASES)
def test_good_documents_are_accepted_under_their_own_version_alone(name: str, document: dict[str, Any]) -> None:
    assert reads(document)
    assert [each for each, validator in VALIDATORS.items() if validator.is_valid(document)] == [name]


@pytest.mark.parametrize("value", [None, True, 7, "x", " ", [], {}, "", "x" * 5000, [REFERENCE], REFERENCE])
@pytest.mark.parametrize(("name", "document", "path"), PLACES)
def test_every_place_with_every_kind_of_value(
    name: str, document: dict[str, Any], path: tuple[str | int, ...], value: object
) -> None:
    changed = copy.deepcopy(document)
    at(changed, path[:-1])[path[-1]] = value

    assert reads(changed) == VALIDATORS[name].is_valid(changed)


@pytest.mark.parametrize(("name", "document", "path"), PLACES)
def test_every_place_dropped_or_with_one_key_more(
    name: str, document: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    dropped, added = copy.deepcopy(document), copy.deepcopy(document)
    del at(dropped, path[:-1])[path[-1]]
    assert reads(dropped) == VALIDATORS[name].is_valid(dropped)
    if isinstance(at(added, path), dict):
        at(added, path)["unknown"] = "x"
        assert reads(added) == VALIDATORS[name].is_valid(added) == False  # noqa: E712 - all three


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_has_no_version_is_no_bundle(document: object) -> None:
    assert not reads(document)


def test_problems_in_a_reference_stand_where_it_does() -> None:
    one = json.dumps(production(weights_refs={**REFERENCE, "id": 7}), indent=1).encode()
    many = json.dumps(production(weights_refs=[REFERENCE, {**REFERENCE, "license": "MIT"}]), indent=1).encode()

    found = []
    for data in (one, many):
        with pytest.raises(MalformedInput) as caught:
            read_voice_bundle(data, "manifest.json")
        assert {problem.kind for problem in caught.value.problems} == {ProblemKind.BUNDLE}
        found += [(problem.path, problem.line, problem.message) for problem in caught.value.problems]
    assert found == [
        ("/weights_refs/id", 7, "found a whole number; expected a string"),
        ("/weights_refs/1/license", 18, 'found the unknown field "license"; expected only known fields'),
    ]


def test_the_artifact_digest_is_that_of_the_design() -> None:
    document = production(weights_refs={**REFERENCE, "id": "Stimme-\u00fc"})

    assert artifact_digest(json.dumps(document).encode()) == document["artifact_sha256"]
    assert artifact_digest(json.dumps(document, ensure_ascii=False).encode()) == document["artifact_sha256"]
