"""The configuration of a training: its schema and its reader agree, and nothing is left to a default that was not stated."""

from __future__ import annotations

import copy
import hashlib
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
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.training_config import (
    STAGES,
    StageInit,
    TrainingConfig,
    load_training_plan,
    read_config,
)
from helix_tts_policy.facts.training_presets import PRESETS

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads(published("nemo-training"))
VALIDATOR = Draft202012Validator(SCHEMA)
SHAPES = ROOT / "tests" / "examples" / "training-config-shape"
FILE = SHAPES / "accept" / "every-table" / "training.toml"
EXAMPLE = tomllib.loads(FILE.read_text(encoding="utf-8"))
LEAST = b'schema_version = "nemo-training/1"\npreset = "smoke"\n[data]\ntrain = "t.jsonl"\nname = "tones"\n'


def reads(document: Any) -> bool:
    try:
        TrainingConfig.model_validate(document)
    except ValidationError:
        return False
    return True


def test_the_schema_is_valid_and_named() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$id"] == "urn:helix-tts-policy:schema:nemo-training:1"
    assert SCHEMA["required"] == ["schema_version", "preset", "data"]
    for definition in (SCHEMA, *SCHEMA["$defs"].values()):
        assert definition["additionalProperties"] is False
        assert all(field.get("description") for field in definition["properties"].values())


def test_the_committed_schema_is_the_published_one() -> None:
    assert (ROOT / "schemas" / "nemo-training.json").read_text("utf-8") == published("nemo-training")


def test_the_example_has_every_field() -> None:
    config = TrainingConfig.model_validate(EXAMPLE)

    tables = [config, config.data, config.fastpitch, config.hifigan, config.hardware, config.speak, config.release]
    for table in tables:
        assert table is not None
        assert table.model_fields_set == {*type(table).model_fields}


@pytest.mark.parametrize(
    "file", [*SHAPES.glob("**/*.toml"), *sorted((ROOT / "examples" / "training").glob("*.toml"))], ids=str
)
def test_every_example_is_of_the_shape_that_its_folder_says(file: Path) -> None:
    document = tomllib.loads(file.read_text(encoding="utf-8"))

    assert reads(document) == VALIDATOR.is_valid(document) == ("reject" not in file.parts)


VALUES = [True, 7, 0, -1, 2**40, 0.5, "x", " ", "", [], {}, ["x"], ["hifigan"], ["hifigan"] * 2, "cpu", "x" * 70_000]


@pytest.mark.parametrize("path", [path for path in places(EXAMPLE) if path])
@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_every_place_with_every_kind_of_value(path: tuple[str | int, ...], value: object) -> None:
    document = copy.deepcopy(EXAMPLE)
    at(document, path[:-1])[path[-1]] = value

    assert reads(document) == VALIDATOR.is_valid(document)


@pytest.mark.parametrize("path", [path for path in places(EXAMPLE) if path])
def test_every_place_dropped_or_with_one_key_more(path: tuple[str | int, ...]) -> None:
    dropped, added = copy.deepcopy(EXAMPLE), copy.deepcopy(EXAMPLE)
    del at(dropped, path[:-1])[path[-1]]
    assert reads(dropped) == VALIDATOR.is_valid(dropped)
    if isinstance(at(added, path), dict):
        at(added, path)["unknown"] = "x"
        assert reads(added) == VALIDATOR.is_valid(added) == False  # noqa: E712 - all three


@given(st.lists(st.sampled_from([*EXAMPLE]), max_size=6, unique=True))
def test_every_table_may_be_left_out_but_what_is_required(gone: list[str]) -> None:
    document = {key: value for key, value in EXAMPLE.items() if key not in gone}

    assert reads(document) == VALIDATOR.is_valid(document) == (not {*SCHEMA["required"]} & {*gone})


def test_all_problems_are_told_with_their_places() -> None:
    text = (
        b'schema_version = "nemo-training/1"\npreset = "tiny"\nstages = ["hifigan", "hifigan"]\nseed = 4294967296\n'
        b'[data]\ntrain = "t.jsonl"\n[fastpitch]\nsteps = 1.5\nlearningrate = 1\nlearning_rate = inf\ninit = {}\n'
        b'[hardware]\nprecision = "16"\n'
    )
    with pytest.raises(MalformedInput) as caught:
        read_config(TrainingConfig, text, "c.toml")

    found = [(each.line, each.column, each.path, each.message, each.tip) for each in caught.value.problems]
    assert found == [
        (2, 10, "/preset", "found \"tiny\"; expected 'smoke' or 'standard'", 'write one of these values for "preset"'),
        (3, 10, "/stages", "found a stage twice; expected each once", 'correct "stages"'),
        (4, 8, "/seed", "is more than 4294967295; expected at most 4294967295", 'correct "seed"'),
        (
            5,
            1,
            "/data/name",
            'the required field "name" is missing',
            'add "name": What the data set is called where it comes from.',
        ),
        (8, 9, "/fastpitch/steps", "found a number; expected a whole number", 'write "steps" as a whole number'),
        (
            9,
            1,
            "/fastpitch/learningrate",
            'found the unknown field "learningrate"; expected only known fields',
            'did you mean "learning_rate"?',
        ),
        (
            10,
            17,
            "/fastpitch/learning_rate",
            "is not a finite number; expected one",
            'write "learning_rate" as a plain number',
        ),
        (
            11,
            8,
            "/fastpitch/init/artifact",
            'the required field "artifact" is missing',
            'add "artifact": A `.nemo` file of the same class.',
        ),
        (
            11,
            8,
            "/fastpitch/init/manifest",
            'the required field "manifest" is missing',
            'add "manifest": Its weights manifest; it has to be GO before anything is trained.',
        ),
        (
            13,
            13,
            "/hardware/precision",
            "found \"16\"; expected '32-true', '16-mixed' or 'bf16-mixed'",
            'write one of these values for "precision"',
        ),
    ]
    assert {each.kind for each in caught.value.problems} == {"training-config-shape"}


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_not_written_holds_as_the_preset_has_it(tmp_path: Path, preset: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(LEAST.replace(b"smoke", preset.encode()))

    plan = load_training_plan(path)

    assert [stage.name for stage in plan.stages] == [*STAGES]
    for stage in plan.stages:
        defaults = plan.preset.stages[stage.name]
        for name in ("steps", "batch_size", "learning_rate", "validate_every", "checkpoint_every", "precision"):
            assert getattr(stage, name) == getattr(defaults, name)
        assert stage.init is None
    assert plan.validation is None
    assert plan.config.release is None
    assert plan.config.data.license is None
    assert (plan.train, plan.output) == (tmp_path / "t.jsonl", tmp_path / "run")
    assert plan.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_written_holds(tmp_path: Path) -> None:
    plan = load_training_plan(FILE)

    fastpitch, hifigan = plan.stages
    assert (fastpitch.steps, fastpitch.batch_size, fastpitch.learning_rate) == (2, 2, 1e-3)
    assert (hifigan.validate_every, hifigan.checkpoint_every, hifigan.precision) == (0, 0, "32-true")
    assert fastpitch.init == StageInit(
        artifact=FILE.parent / "base/fastpitch.nemo", manifest=FILE.parent / "base/weights-manifest.json"
    )
    assert plan.validation == FILE.parent / "validation.jsonl"
    assert plan.source == str(FILE)
    absolute = tmp_path / "c.toml"
    absolute.write_bytes(LEAST.replace(b'"t.jsonl"', b'"/srv/t.jsonl"'))
    assert load_training_plan(absolute).train == Path("/srv/t.jsonl")


def test_no_steps_and_one_stage_are_well_formed(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b'stages = ["hifigan"]\n' + LEAST + b"[hifigan]\nsteps = 0\nlearning_rate = 0\n")

    (stage,) = load_training_plan(path).stages

    assert (stage.name, stage.steps, stage.learning_rate) == ("hifigan", 0, 0)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=[*PRESETS])
def test_the_sizes_of_a_preset_fit_together(preset: Any) -> None:
    size = preset.hifigan
    product = 1
    for rate in size.upsample_rates:
        product *= rate

    assert product == 256  # the hop of the spectrogram
    assert len(size.upsample_kernels) == len(size.upsample_rates)
    assert len(size.resblock_dilations) == len(size.resblock_kernels)
    assert size.segment % product == 0
    assert set(preset.stages) == set(STAGES)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(MalformedInput, match=r"^none\.toml: cannot be opened: No such file or directory"):
        load_training_plan("none.toml")
