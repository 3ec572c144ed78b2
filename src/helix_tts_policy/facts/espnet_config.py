"""The configuration of a training in the backup lane: as that of NeMo's, with one model and the environment that has ESPnet.

Only the shape is judged here. What is not written holds as the preset has it, and no licence has a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydantic import Field

from helix_tts_policy.facts.model import Facts
from helix_tts_policy.facts.training_config import (
    Accelerator,
    Count,
    DataSection,
    Many,
    PlacedConfig,
    Rate,
    ReleaseSection,
    Seed,
    SpeakSection,
    TrainingPlan,
    Words,
    Workers,
    load_plan,
    stated_or,
)
from helix_tts_policy.facts.training_presets import PresetName  # noqa: TC001 - pydantic needs it when the class is made

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

ModelName: TypeAlias = Literal["tacotron2", "vits"]

_AS_PRESET = "as the preset has it without it"


@dataclass(frozen=True, slots=True, kw_only=True)
class EspnetDefaults:
    """What holds for a model where the configuration is silent; the fields are those of `EspnetTraining`."""

    steps: int
    batch_size: int
    learning_rate: float
    checkpoint_every: int


ESPNET_PRESETS: Final[Mapping[PresetName, Mapping[ModelName, EspnetDefaults]]] = MappingProxyType(
    {
        "smoke": MappingProxyType(
            {
                "tacotron2": EspnetDefaults(steps=20, batch_size=4, learning_rate=1e-3, checkpoint_every=10),
                "vits": EspnetDefaults(steps=20, batch_size=4, learning_rate=2e-4, checkpoint_every=10),
            }
        ),
        "standard": MappingProxyType(
            {
                "tacotron2": EspnetDefaults(steps=100_000, batch_size=32, learning_rate=1e-3, checkpoint_every=500),
                "vits": EspnetDefaults(steps=1_000_000, batch_size=20, learning_rate=2e-4, checkpoint_every=1000),
            }
        ),
    }
)
"""What each preset stands for. The steps of `standard` are those of ESPnet's recipes for LJSpeech."""


class EspnetTraining(Facts):
    """How the model is trained."""

    steps: Count | None = Field(default=None, description=f"Steps of the optimiser; {_AS_PRESET}.")
    batch_size: Many | None = Field(
        default=None, description=f"Utterances of one step, no more than there are; {_AS_PRESET}."
    )
    learning_rate: Rate | None = Field(default=None, description=f"Of the optimiser at its height; {_AS_PRESET}.")
    checkpoint_every: Count | None = Field(
        default=None,
        description=f"Steps between two checkpoints, 0 for none but the last; {_AS_PRESET}.",
    )


class EspnetSection(Facts):
    """The environment that has ESPnet."""

    python: Words = Field(description="Its Python interpreter.")


class EspnetHardware(Facts):
    """What it is trained on."""

    accelerator: Accelerator = "auto"
    workers: Workers = 0


class EspnetConfig(Facts):
    """A training of a voice in the backup lane."""

    schema_version: Literal["espnet-training/1"] = Field(description="Version of this shape.")
    preset: PresetName = Field(
        description="What holds where nothing is written: `smoke` on a CPU, `standard` on a GPU."
    )
    model: ModelName = Field(description="What is trained: `vits` makes sound of text; `tacotron2` makes spectrograms.")
    output: Words = Field(default="run", description="Folder of the run; `run` without it.")
    seed: Seed = Field(default=0, description="Of every random number; 0 without it.")
    espnet: EspnetSection = Field(description="The environment that has ESPnet.")
    data: DataSection = Field(description="The training data.")
    training: EspnetTraining = Field(default=EspnetTraining(), description="How the model is trained.")
    hardware: EspnetHardware = Field(default=EspnetHardware(), description="What it is trained on.")
    speak: SpeakSection = Field(default=SpeakSection(), description="The sample that the voice speaks.")
    release: ReleaseSection | None = Field(
        default=None, description="What is stated of the result; no weights manifest is written without it."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EspnetStage:
    """The one stage with every figure, whoever gave it; its name is that of its table."""

    name: Literal["training"] = "training"
    steps: int
    batch_size: int
    learning_rate: float
    checkpoint_every: int
    init: None = None


class EspnetPlan(PlacedConfig[EspnetConfig]):
    """A configuration where it stands, as `TrainingPlan` is one of NeMo's."""

    __slots__ = ()

    @property
    def python(self) -> Path:
        """The interpreter of the environment that has ESPnet."""
        return self.folder / self.config.espnet.python

    @property
    def stage(self) -> EspnetStage:
        """The training with every figure."""
        stated, default = self.config.training, ESPNET_PRESETS[self.config.preset][self.config.model]
        return EspnetStage(
            steps=stated_or(stated.steps, default.steps),
            batch_size=stated_or(stated.batch_size, default.batch_size),
            learning_rate=stated_or(stated.learning_rate, default.learning_rate),
            checkpoint_every=stated_or(stated.checkpoint_every, default.checkpoint_every),
        )

    @property
    def processes(self) -> int:
        """How many processes train at the same time."""
        return 1

    @property
    def stages(self) -> tuple[EspnetStage, ...]:
        """The one stage."""
        return (self.stage,)


LanePlan: TypeAlias = TrainingPlan | EspnetPlan
"""A plan of a lane that trains a voice; what both have in common goes by the same names."""


def load_espnet_plan(path: str | os.PathLike[str]) -> EspnetPlan:
    """The plan that a configuration file states.

    Raises:
        MalformedInput: as `load_plan`.
    """
    return load_plan(EspnetPlan, EspnetConfig, path)
