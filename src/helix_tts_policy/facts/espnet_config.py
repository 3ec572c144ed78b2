"""The configuration of a training in the backup lane: as that of NeMo's, with one model and the environment that has ESPnet.

Only the shape is judged here. What is not written holds as the preset has it, and no licence has a default.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import Field

from helix_tts_policy.document import read_bytes
from helix_tts_policy.errors import ProblemKind
from helix_tts_policy.facts.model import Facts, validate
from helix_tts_policy.facts.training_config import (
    Count,
    DataSection,
    Many,
    Rate,
    ReleaseSection,
    Seed,
    SpeakSection,
    TrainingPlan,
    Words,
)
from helix_tts_policy.facts.training_presets import PresetName  # noqa: TC001 - pydantic needs it when the class is made
from helix_tts_policy.toml_document import MAX_TOML_BYTES, read_toml, scan_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="`cpu`, `gpu`, or `auto` for a GPU where there is one; `auto` without it."
    )
    workers: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0, description="Processes that load data beside the one that trains; 0 without it."
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EspnetPlan:
    """A configuration where it stands, as `TrainingPlan` is one of NeMo's.

    Attributes:
        config: what the file says.
        source: the file, as the caller named it.
        text: of the file, in which `scan_toml` finds the places.
        sha256: of its bytes.
        folder: where it lies; relative paths begin there.
    """

    config: EspnetConfig
    source: str
    text: str
    sha256: str
    folder: Path

    @property
    def train(self) -> Path:
        """The manifest of the training set."""
        return self.folder / self.config.data.train

    @property
    def validation(self) -> Path | None:
        """The manifest of the validation set."""
        validation = self.config.data.validation
        return None if validation is None else self.folder / validation

    @property
    def output(self) -> Path:
        """The folder of the run."""
        return self.folder / self.config.output

    @property
    def python(self) -> Path:
        """The interpreter of the environment that has ESPnet."""
        return self.folder / self.config.espnet.python

    @property
    def stage(self) -> EspnetStage:
        """The training with every figure."""
        stated, default = self.config.training, ESPNET_PRESETS[self.config.preset][self.config.model]
        return EspnetStage(
            steps=default.steps if stated.steps is None else stated.steps,
            batch_size=default.batch_size if stated.batch_size is None else stated.batch_size,
            learning_rate=default.learning_rate if stated.learning_rate is None else stated.learning_rate,
            checkpoint_every=default.checkpoint_every if stated.checkpoint_every is None else stated.checkpoint_every,
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


def read_espnet_config(data: bytes, source: str) -> tuple[EspnetConfig, str]:
    """What the bytes of a configuration say, and their text, in which `scan_toml` finds the places.

    Raises:
        MalformedInput: with all problems, their lines and columns.
    """
    value, text = read_toml(data, source)
    return validate(EspnetConfig, value, text, source, scan=scan_toml, kind=ProblemKind.TRAINING_CONFIG), text


def load_espnet_plan(path: str | os.PathLike[str]) -> EspnetPlan:
    """The plan that a configuration file states.

    Raises:
        MalformedInput: the file cannot be read, or is of another shape; with all problems, their lines and columns.
    """
    source = os.fspath(path)
    data = read_bytes(path, limit=MAX_TOML_BYTES)
    config, text = read_espnet_config(data, source)
    digest = hashlib.sha256(data).hexdigest()
    return EspnetPlan(config=config, source=source, text=text, sha256=digest, folder=Path(source).parent)
