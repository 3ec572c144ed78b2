"""The release file: its shape and published schema, which paths may be followed, and that nothing in it can break the gate."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from tests import releases
from tests.places import at, places
from tests.releases import NOW

from helix_tts_policy import MalformedInput, Release, Verdict
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.cli.schema import published
from helix_tts_policy.facts.release import read_release
from helix_tts_policy.rules.release_file import unsafe_release_path

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = json.loads(published("release"))
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLE = tomllib.loads(releases.RELEASE) | {"policy": "helix-tts-policy.toml"}
EXAMPLE["training"] |= {"lane": "tts_prod_train_espnet2"}


def reads(document: Any) -> bool:
    try:
        Release.model_validate(document)
    except ValidationError:
        return False
    return True


def test_the_schema_is_valid_and_named() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$id"] == "urn:helix-tts-policy:schema:release:1"
    assert SCHEMA["required"] == ["schema_version", "name"]
    for definition in (SCHEMA, *SCHEMA["$defs"].values()):
        assert definition["additionalProperties"] is False
        assert all(field.get("description") for field in definition["properties"].values())


@pytest.mark.parametrize("path", [path for path in places(EXAMPLE) if path])
@pytest.mark.parametrize("value", [None, True, 7, "x", " ", [], {}, "", "x" * 4096, "x" * 4097, "release/1"])
def test_schema_and_reader_accept_the_same(path: tuple[str | int, ...], value: object) -> None:
    document = copy.deepcopy(EXAMPLE)
    at(document, path[:-1])[path[-1]] = value
    assert reads(document) == VALIDATOR.is_valid(document)

    del at(document, path[:-1])[path[-1]]
    assert reads(document) == VALIDATOR.is_valid(document) == (path not in {("schema_version",), ("name",)})

    at(document, path[:-1])["unknown"] = value
    assert not reads(document)
    assert not VALIDATOR.is_valid(document)


def test_everything_that_is_wrong_is_told_with_its_place() -> None:
    text = 'schema_version = "release/2"\n\n[ledgr]\nfile = "ledger.md"\n\n[training]\nlog = 7\n'

    with pytest.raises(MalformedInput) as caught:
        read_release(text.encode(), "release.toml")

    assert [(problem.line, problem.path, problem.message, problem.tip) for problem in caught.value.problems] == [
        (
            1,
            "/name",
            'the required field "name" is missing',
            'add "name": Name of the release: the `model_id` of its weights manifest.',
        ),
        (
            1,
            "/schema_version",
            "found \"release/2\"; expected 'release/1'",
            'write one of these values for "schema_version"',
        ),
        (3, "/ledgr", 'found the unknown field "ledgr"; expected only known fields', 'did you mean "ledger"?'),
        (7, "/training/log", "found a whole number; expected a string", 'write "log" as a string'),
    ]


def test_paths_are_told_by_their_pointers() -> None:
    release, _ = read_release(releases.RELEASE.encode(), "release.toml")

    assert tuple(release.paths()) == releases.KEYS


@pytest.mark.parametrize("path", [".", "..", "a", "a/b.md", "../a", "../../shared/ledger.md", "../..", "a..b", "…/ö"])
def test_paths_that_may_be_followed(path: str) -> None:
    assert unsafe_release_path(path) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "is absolute"),
        ("a/../b", "leaves the root through .."),
        ("../a/../b", "leaves the root through .."),
        ("./a", "has an empty part or a dot as a part"),
        ("a//b", "has an empty part or a dot as a part"),
        ("a/", "has an empty part or a dot as a part"),
        ("../", "has an empty part or a dot as a part"),
        ("../.", "has an empty part or a dot as a part"),
        ("a\\b", "holds a backslash"),
        ("C:/a", "holds a colon, which names a drive or a stream on Windows"),
        ("a\nb", "holds a line break or a tab"),
        ("a ", "has a part that ends in a dot or a blank, which Windows drops"),
    ],
)
def test_paths_that_may_not(path: str, reason: str) -> None:
    assert unsafe_release_path(path) == reason


# --- nothing raises ---------------------------------------------------------------------------------------------------

ANY_PATHS = st.one_of(
    st.sampled_from([*releases.files(), ".", "..", "weights", "run", "bundle", "none", "release.toml", "x" * 300]),
    st.text(min_size=1, max_size=8),
)
KEYS = [pointer.split("/")[1:] for pointer in releases.KEYS]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.dictionaries(st.sampled_from(range(len(KEYS))), ANY_PATHS), st.booleans())
def test_whatever_a_release_names_the_gate_answers(
    tmp_path: Path,
    chosen: dict[int, str],
    whole: bool,  # noqa: FBT001 - a column
) -> None:
    releases.write(tmp_path)
    stated: dict[str, Any] = copy.deepcopy(tomllib.loads(releases.RELEASE)) if whole else {}
    stated |= {"schema_version": "release/1", "name": "acme/warm-voice-2"}
    for index, path in chosen.items():
        table, key = KEYS[index]
        stated.setdefault(table, {})[key] = path
    try:
        release = Release.model_validate(stated)
    except ValidationError:
        return

    promotion = examine_release(release, folder=tmp_path, now=NOW)

    right = whole and all(
        path == at(tomllib.loads(releases.RELEASE), tuple(KEYS[index])) for index, path in chosen.items()
    )
    if right:
        assert promotion.verdict is Verdict.GO
    if not whole and len(chosen) < len(KEYS):
        assert promotion.verdict is Verdict.NO_GO


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.sampled_from([*releases.files()]),
    st.binary(max_size=200) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")),
)
def test_whatever_a_file_holds_the_gate_answers(tmp_path: Path, path: str, data: bytes) -> None:
    release = releases.write(tmp_path)
    (tmp_path / path).write_bytes(data)

    promotion = examine_release(release, now=NOW)

    assert promotion.verdict is Verdict.NO_GO
    for each in promotion.findings:
        assert each.message.isprintable()
