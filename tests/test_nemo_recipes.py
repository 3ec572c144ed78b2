"""The configurations that NeMo gets, as far as they can be judged without it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from helix_tts_policy import nemo_recipes as recipes
from helix_tts_policy.facts.training_config import STAGES
from helix_tts_policy.facts.training_presets import PRESETS

if TYPE_CHECKING:
    from helix_tts_policy.facts.training_presets import PresetName, StageName

BOTH = pytest.mark.parametrize("preset", PRESETS)
STAGE = pytest.mark.parametrize("stage", STAGES)


def plan(preset: PresetName, stage: StageName, **values: Any) -> dict[str, Any]:
    size = json.loads(json.dumps(asdict(getattr(PRESETS[preset], stage))))
    return {
        "stage": stage,
        "size": size,
        "sample_rate": 22_050,
        "batch_size": 4,
        "steps": 20,
        "learning_rate": 1e-3,
    } | values


@BOTH
def test_the_vocoder_makes_as_many_samples_as_the_spectrogram_stands_for(preset: PresetName) -> None:
    generator = recipes.model_config(plan(preset, "hifigan"))["generator"]

    assert math.prod(generator["upsample_rates"]) == recipes.HOP
    assert len(generator["upsample_rates"]) == len(generator["upsample_kernel_sizes"])
    assert len(generator["resblock_kernel_sizes"]) == len(generator["resblock_dilation_sizes"])


@pytest.mark.parametrize("rate", [22_050, 12_000])
def test_both_models_hear_one_spectrogram(rate: int) -> None:
    speaker = recipes.model_config(plan("standard", "fastpitch", sample_rate=rate))["preprocessor"]
    vocoder = recipes.model_config(plan("standard", "hifigan", sample_rate=rate))["preprocessor"]
    same = ("sample_rate", "lowfreq", "highfreq", "n_fft", "n_window_size", "n_window_stride", "window", "mag_power")

    assert [speaker[name] for name in same] == [vocoder[name] for name in same]
    assert speaker["features"] == vocoder["nfilt"]
    assert speaker["highfreq"] <= rate / 2


@BOTH
@STAGE
def test_a_configuration_names_no_place_and_its_data_no_sampler(preset: PresetName, stage: StageName) -> None:
    config = recipes.model_config(plan(preset, stage))

    assert '"/' not in json.dumps(config)
    assert config["train_ds"]["dataset"] == {"_target_": recipes.DATASETS[stage]}


def test_data_of_a_validation_is_whole() -> None:
    training = recipes.data_config(plan("smoke", "hifigan"), "train.jsonl", {}, training=True)["dataset"]
    validation = recipes.data_config(plan("smoke", "hifigan"), "validation.jsonl", {}, training=False)["dataset"]

    assert (training["n_samples"], training["trunc_duration"]) == (8192, None)
    assert (validation["n_samples"], validation["trunc_duration"]) == (None, 10.0)


def test_the_pitch_is_looked_for_where_it_was_prepared() -> None:
    prepared = {"sup_data_path": "cache/pitch-1", "pitch_mean": 100.0, "pitch_std": 10.0, "pitch_norm": True}
    config = recipes.data_config(plan("smoke", "fastpitch"), "train.jsonl", prepared, training=True)

    assert {name: config["dataset"][name] for name in prepared} == prepared
    assert config["dataset"]["pitch_fmin"] < config["dataset"]["pitch_fmax"]


@STAGE
def test_long_trainings_warm_up_and_cool_down(stage: StageName) -> None:
    short = recipes.optimizer(plan("smoke", stage, steps=recipes.SCHEDULE_FROM_STEPS - 1))
    long = recipes.optimizer(plan("smoke", stage, steps=recipes.SCHEDULE_FROM_STEPS))

    assert "sched" not in short
    assert long["sched"]["max_steps"] == recipes.SCHEDULE_FROM_STEPS
    assert short["lr"] == long["lr"] == 1e-3
