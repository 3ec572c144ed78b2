"""The published schema of the policy file and its reader accept the same documents, but for the differences named here.

A schema sees a TOML date as editors show it to one: as a string.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from tests.places import at, places

from helix_tts_policy.cli.schema import published
from helix_tts_policy.facts.policy_file import MAX_ENTRIES, PolicyFile, read_policy_file

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads(published("license-policy"))
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLE = tomllib.loads((ROOT / "examples" / "policy" / "helix-tts-policy.toml").read_text(encoding="utf-8"))
EXAMPLES = ROOT / "tests" / "examples"
DATES = {"reviewed_on", "attested_on", "expires_on"}


def reads(document: Any) -> bool:
    try:
        PolicyFile.model_validate(document)
    except ValidationError:
        return False
    return True


def follows(document: Any) -> bool:
    return VALIDATOR.is_valid(json.loads(json.dumps(document, default=str)))


def test_the_schema_is_valid_and_named() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$id"] == "urn:helix-tts-policy:schema:license-policy:1"
    assert SCHEMA["required"] == ["schema_version"]
    assert {definition["additionalProperties"] for definition in (SCHEMA, *SCHEMA["$defs"].values())} == {False}
    for definition in (SCHEMA, *SCHEMA["$defs"].values()):
        assert all(field.get("description") for field in definition["properties"].values())


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("policy-*/**/*.toml")), ids=lambda file: file.parent.name)
def test_every_example_is_of_the_shape_that_its_folder_says(file: Path) -> None:
    shape_is_wrong = "policy-shape/reject" in file.as_posix()
    document = tomllib.loads(file.read_text(encoding="utf-8"))

    assert reads(document) is not shape_is_wrong
    assert follows(document) is not (shape_is_wrong and file.name != "quoted-date.toml")


@pytest.mark.parametrize("path", [path for path in places(EXAMPLE) if path])
@pytest.mark.parametrize("value", [None, True, 7, "x", " ", [], {}, "", "x" * 5000, dt.date(2027, 1, 31)])
def test_every_place_with_every_kind_of_value(path: tuple[str | int, ...], value: object) -> None:
    document = copy.deepcopy(EXAMPLE)
    at(document, path[:-1])[path[-1]] = value
    if path[-1] in DATES and isinstance(value, str):
        assert follows(document)  # a date is a string to the schema, and its format an annotation
        assert not reads(document)
    elif isinstance(value, dt.date):
        assert reads(document) == (path[-1] in DATES)  # the reader knows dates from texts
    else:
        assert reads(document) == follows(document)


@pytest.mark.parametrize("path", [path for path in places(EXAMPLE) if path])
def test_every_place_dropped_or_with_one_key_more(path: tuple[str | int, ...]) -> None:
    dropped, added = copy.deepcopy(EXAMPLE), copy.deepcopy(EXAMPLE)
    del at(dropped, path[:-1])[path[-1]]
    assert reads(dropped) == follows(dropped)
    if isinstance(at(added, path), dict):
        at(added, path)["unknown"] = "x"
        assert reads(added) == follows(added) == False  # noqa: E712 - all three


@given(st.lists(st.sampled_from([path for path in places(EXAMPLE) if len(path) == 1]), max_size=6, unique=True))
def test_every_table_may_be_left_out_but_the_version(gone: list[tuple[str | int, ...]]) -> None:
    document = {key: value for key, value in EXAMPLE.items() if (key,) not in gone}

    assert reads(document) == follows(document) == (("schema_version",) not in gone)


@pytest.mark.parametrize(("count", "accepted"), [(MAX_ENTRIES, True), (MAX_ENTRIES + 1, False)])
def test_the_number_of_entries_is_bounded(count: int, accepted: bool) -> None:  # noqa: FBT001 - a column of the table
    document = EXAMPLE | {"waivers": EXAMPLE["waivers"] * count}

    assert reads(document) is accepted
    assert follows(document) is accepted


def test_the_reader_reads_what_the_model_takes() -> None:
    data = (ROOT / "examples" / "policy" / "helix-tts-policy.toml").read_bytes()

    assert read_policy_file(data, "p.toml") == (PolicyFile.model_validate(EXAMPLE), data.decode())
