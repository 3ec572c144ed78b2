"""The configuration of the backup lane: what it says, what the preset says for it, and what is refused."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from helix_tts_policy import load_policy
from helix_tts_policy.cli.schema import published
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.espnet.recipes import recipe
from helix_tts_policy.facts.espnet_config import ESPNET_PRESETS, EspnetPlan, ModelName, load_espnet_plan

SMALL = """\
schema_version = "espnet-training/1"
preset = "smoke"
model = "vits"
[espnet]
python = "env/bin/python"
[data]
train = "data/train.jsonl"
name = "harbour sentences"
"""


ROOT = Path(__file__).parents[1]
SCHEMA = json.loads(published("espnet-training"))


def test_the_schema_is_the_committed_one_and_takes_the_example() -> None:
    example = ROOT / "examples" / "backup-lane" / "train.toml"
    load_espnet_plan(example)

    Draft202012Validator.check_schema(SCHEMA)
    assert (ROOT / "schemas" / "espnet-training.json").read_text("utf-8") == published("espnet-training")
    assert Draft202012Validator(SCHEMA).is_valid(tomllib.loads(example.read_text("utf-8")))
    assert Draft202012Validator(SCHEMA).is_valid(tomllib.loads(SMALL))


def test_the_policy_of_the_example_lets_the_lane_train() -> None:
    policy = load_policy(ROOT / "examples" / "backup-lane" / "helix-tts-policy.toml")

    assert policy.nemo_blocked_on(date(2027, 3, 31)) == "nemo_runtime_unavailable:no driver for it until the move"


def planned(tmp_path: Path, text: str) -> EspnetPlan:
    file = tmp_path / "train.toml"
    file.write_text(text, encoding="utf-8")
    return load_espnet_plan(file)


def test_what_is_not_written_holds_as_the_preset_has_it(tmp_path: Path) -> None:
    plan = planned(tmp_path, SMALL)
    default = ESPNET_PRESETS["smoke"]["vits"]

    assert (plan.source, plan.sha256) == (str(tmp_path / "train.toml"), hashlib.sha256(SMALL.encode()).hexdigest())
    assert (plan.train, plan.validation) == (tmp_path / "data/train.jsonl", None)
    assert (plan.output, plan.python) == (tmp_path / "run", tmp_path / "env/bin/python")
    assert (plan.config.seed, plan.config.hardware.accelerator, plan.config.release) == (0, "auto", None)
    assert [(stage.name, stage.steps, stage.init) for stage in plan.stages] == [("training", default.steps, None)]
    assert (plan.stage.batch_size, plan.stage.learning_rate) == (default.batch_size, default.learning_rate)
    assert (plan.stage.checkpoint_every, plan.processes) == (default.checkpoint_every, 1)


def test_what_is_written_holds_zero_too(tmp_path: Path) -> None:
    training = "steps = 0\nbatch_size = 1\nlearning_rate = 0.0\ncheckpoint_every = 0\n"
    plan = planned(tmp_path, SMALL.replace("[data]", f'[training]\n{training}[data]\nvalidation = "/v.jsonl"'))

    assert (plan.stage.steps, plan.stage.batch_size, plan.stage.learning_rate) == (0, 1, 0.0)
    assert (plan.stage.checkpoint_every, plan.validation) == (0, Path("/v.jsonl"))


@pytest.mark.parametrize(
    ("written", "instead", "problem"),
    [
        ('"espnet-training/1"', '"nemo-training/1"', (1, "/schema_version")),
        ('model = "vits"', 'model = "jets"', (3, "/model")),
        ('[espnet]\npython = "env/bin/python"\n', "", (1, "/espnet")),
        ('name = "harbour sentences"', 'name = "harbour sentences"\n[training]\nsteps = -1', (10, "/training/steps")),
        ('preset = "smoke"', 'preset = "smoke"\nstages = ["vits"]', (3, "/stages")),
    ],
)
def test_another_shape_is_refused_with_its_place(
    tmp_path: Path, written: str, instead: str, problem: tuple[int, str]
) -> None:
    assert not Draft202012Validator(SCHEMA).is_valid(tomllib.loads(SMALL.replace(written, instead)))
    with pytest.raises(MalformedInput) as refused:
        planned(tmp_path, SMALL.replace(written, instead))

    assert [(each.line, each.path) for each in refused.value.problems] == [problem]


@pytest.mark.parametrize("model", ["tacotron2", "vits"])
@pytest.mark.parametrize("rate", [8000, 22_050, 44_100])
def test_a_recipe_hears_the_rate_and_learns_at_the_rate_that_are_planned(model: ModelName, rate: int) -> None:
    for preset in ESPNET_PRESETS:
        made = recipe(model, preset, sample_rate=rate, learning_rate=0.5)

        assert made["tts"] == model
        assert [conf["lr"] for name, conf in made.items() if name.startswith("optim") and name.endswith("conf")] == (
            [0.5] if model == "tacotron2" else [0.5, 0.5]
        )
        if model == "tacotron2":
            assert made["feats_extract_conf"]["fs"] == rate
            assert made["feats_extract_conf"]["fmax"] <= rate / 2
        else:
            assert made["tts_conf"]["sampling_rate"] == made["tts_conf"]["mel_loss_params"]["fs"] == rate
