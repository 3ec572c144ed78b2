"""The configuration of a training: what is trained from which data, how, and what a person states of the result.

Only the shape is judged here: ``steps = 0`` is well-formed, and a reason for which the run is blocked. What is not written
holds as the preset has it. No licence has a default: what nobody states stays unstated.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Generic, Literal, Protocol, TypeVar

from pydantic import AfterValidator, Field, Strict, StringConstraints
from pydantic_core import PydanticCustomError

from helix_tts_policy.document import read_bytes
from helix_tts_policy.errors import ProblemKind
from helix_tts_policy.facts.model import Facts, FactsType, validate
from helix_tts_policy.facts.training_presets import PRESETS, Precision, PresetName, StageName
from helix_tts_policy.toml_document import MAX_TOML_BYTES, read_toml, scan_toml

if TYPE_CHECKING:
    from collections.abc import Callable

    from helix_tts_policy.facts.training_presets import Preset

ValueType = TypeVar("ValueType")
PlanType = TypeVar("PlanType")

STAGES: Final[tuple[StageName, ...]] = ("fastpitch", "hifigan")
"""The stages in the order in which they run: the vocoder stands on its own, and comes last."""

MAX_STEPS: Final = 10**8
"""Steps of one stage; the longest published training of a voice has some millions."""

Words = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"\S")]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=65_536, pattern=r"\S")]
Count = Annotated[int, Field(ge=0, le=MAX_STEPS)]
Many = Annotated[int, Field(ge=1, le=65_536)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
"""What Lightning's ``seed_everything`` takes."""

Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Accelerator = Annotated[
    Literal["auto", "cpu", "gpu"],
    Field(description="`cpu`, `gpu`, or `auto` for a GPU where there is one; `auto` without it."),
]
Workers = Annotated[
    int, Field(ge=0, le=256, description="Processes that load data beside the one that trains; 0 without it.")
]


def _each_once(stages: tuple[StageName, ...]) -> tuple[StageName, ...]:
    if len({*stages}) != len(stages):
        raise PydanticCustomError("stage_twice", "found a stage twice; expected each once")
    return stages


Stages = Annotated[
    tuple[StageName, ...],
    Strict(False),
    Field(min_length=1, max_length=len(STAGES), json_schema_extra={"uniqueItems": True}),
    AfterValidator(_each_once),
]

_AS_PRESET = "that of the preset where it is left out"


class InitSection(Facts):
    """The model that a stage goes on from."""

    artifact: Words = Field(description="A `.nemo` file of the same class.")
    manifest: Words = Field(description="Its weights manifest; it has to be GO before anything is trained.")


class StageSection(Facts):
    """How one stage is trained."""

    steps: Count | None = Field(default=None, description=f"Steps of the optimiser; {_AS_PRESET}.")
    batch_size: Many | None = Field(
        default=None, description=f"Utterances of one step on one device, no more than there are; {_AS_PRESET}."
    )
    learning_rate: Rate | None = Field(default=None, description=f"Of the optimiser at its height; {_AS_PRESET}.")
    validate_every: Count | None = Field(
        default=None, description=f"Steps between two looks at the validation set, 0 for none; {_AS_PRESET}."
    )
    checkpoint_every: Count | None = Field(
        default=None, description=f"Steps between two checkpoints, 0 for none but the last; {_AS_PRESET}."
    )
    init: InitSection | None = Field(
        default=None, description="A model to go on from (fine-tuning); from scratch without it."
    )


class DataSection(Facts):
    """The training data, and what is known of where it comes from."""

    train: Words = Field(description="Manifest of the training set, JSON lines.")
    validation: Words | None = Field(default=None, description="Manifest of the validation set, JSON lines.")
    sample_rate: Annotated[int, Field(ge=8000, le=48_000)] = Field(
        default=22_050, description="Samples a second of every recording and of the voice; 22,050 without it."
    )
    name: Words = Field(description="What the data set is called where it comes from.")
    source_url: Words | None = Field(default=None, description="Where it comes from, an https URL.")
    revision: Words | None = Field(default=None, description="Immutable commit or release of the data set.")
    license: Words | None = Field(
        default=None, description="SPDX expression of the data; unclear without it, and the result is NO-GO then."
    )
    attribution_required: bool | None = Field(
        default=None, description="Whether the licence of the data asks for attribution."
    )


class HardwareSection(Facts):
    """What it is trained on, in the names that Lightning gives it."""

    accelerator: Accelerator = "auto"
    devices: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="Devices, or processes on a CPU, of each node; 1 without it."
    )
    num_nodes: Annotated[int, Field(ge=1, le=1024)] = Field(default=1, description="Machines; 1 without it.")
    precision: Precision | None = Field(default=None, description=f"Of both stages; {_AS_PRESET}.")
    workers: Workers = 0


class SpeakSection(Facts):
    """What the trained voice says, as the proof that it speaks."""

    text: Words = Field(
        default="The quick brown fox jumps over the lazy dog.", description="The sentence of `sample.wav`."
    )


class ReleaseSection(Facts):
    """What only a person can state of the result, for its weights manifest and its bundle."""

    model_id: Words = Field(description="Name of the release, as its registry knows it.")
    source_url: Words = Field(description="Where the weights will come from, an https URL.")
    evidence_links: Annotated[tuple[Words, ...], Strict(False), Field(min_length=1, max_length=1000)] = Field(
        description="URLs of the texts that prove the licences."
    )
    revision: Words | None = Field(default=None, description="Immutable commit of that source, once there is one.")
    weights_license: Words | None = Field(
        default=None,
        description="SPDX expression of the weights; that of the base weights without it, and unclear without any.",
    )
    code_license: Words | None = Field(
        default=None, description="SPDX expression of the code that made or runs the weights; as above without it."
    )
    commercial_use_allowed: bool | None = Field(
        default=None, description="Whether the team states that commercial use is allowed; it does not without it."
    )
    attribution_required: bool | None = Field(
        default=None, description="Whether attribution must ship; where data or base weights say so without it."
    )
    attribution: Prose | None = Field(default=None, description="The attribution text to ship.")
    license_url: Words | None = Field(
        default=None, description="Where the text of the weights' licence stands; the first evidence link without it."
    )
    commit: Words | None = Field(
        default=None, description="Commit of the code that trains; there is no bundle without it."
    )


class TrainingConfig(Facts):
    """A training of a voice."""

    schema_version: Literal["nemo-training/1"] = Field(description="Version of this shape.")
    preset: PresetName = Field(
        description="What holds where nothing is written: `smoke` on a CPU, `standard` on a GPU."
    )
    stages: Stages = Field(
        default=STAGES, description="What is trained; both without it. FastPitch always comes first."
    )
    output: Words = Field(default="run", description="Folder of the run; `run` without it.")
    seed: Seed = Field(default=0, description="Of every random number; 0 without it.")
    data: DataSection = Field(description="The training data.")
    fastpitch: StageSection = Field(default=StageSection(), description="The stage that makes spectrograms of text.")
    hifigan: StageSection = Field(default=StageSection(), description="The stage that makes sound of spectrograms.")
    hardware: HardwareSection = Field(default=HardwareSection(), description="What it is trained on.")
    speak: SpeakSection = Field(default=SpeakSection(), description="The sample that the voice speaks.")
    release: ReleaseSection | None = Field(
        default=None, description="What is stated of the result; no weights manifest is written without it."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StageInit:
    """The model that a stage goes on from, by its paths."""

    artifact: Path
    manifest: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """One stage with every figure, whoever gave it; the fields are those of `StageSection`, and the precision."""

    name: StageName
    steps: int
    batch_size: int
    learning_rate: float
    validate_every: int
    checkpoint_every: int
    precision: Precision
    init: StageInit | None


class NamesPaths(Protocol):
    """A configuration of either lane, by the paths in it."""

    @property
    def data(self) -> DataSection:
        """The training data."""

    @property
    def output(self) -> str:
        """Folder of the run."""


ConfigType = TypeVar("ConfigType", bound=NamesPaths)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedConfig(Generic[ConfigType]):
    """A configuration where it stands, with its paths resolved.

    Attributes:
        config: what the file says.
        source: the file, as the caller named it.
        text: of the file, in which `scan_toml` finds the places.
        sha256: of its bytes.
        folder: where it lies; relative paths begin there.
    """

    config: ConfigType
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


class TrainingPlan(PlacedConfig[TrainingConfig]):
    """A configuration where it stands, with nothing left to a default."""

    __slots__ = ()

    @property
    def preset(self) -> Preset:
        """The sizes of the networks, and the defaults."""
        return PRESETS[self.config.preset]

    @property
    def processes(self) -> int:
        """How many processes train at the same time."""
        return self.config.hardware.devices * self.config.hardware.num_nodes

    @property
    def stages(self) -> tuple[StagePlan, ...]:
        """The stages in the order in which they run."""
        return tuple(self.stage(name) for name in STAGES if name in self.config.stages)

    def stage(self, name: StageName) -> StagePlan:
        """One stage, whether it is to be trained or not."""
        defaults = self.preset.stages[name]
        section: StageSection = getattr(self.config, name)
        init = section.init
        return StagePlan(
            name=name,
            steps=stated_or(section.steps, defaults.steps),
            batch_size=stated_or(section.batch_size, defaults.batch_size),
            learning_rate=stated_or(section.learning_rate, defaults.learning_rate),
            validate_every=stated_or(section.validate_every, defaults.validate_every),
            checkpoint_every=stated_or(section.checkpoint_every, defaults.checkpoint_every),
            precision=self.config.hardware.precision or defaults.precision,
            init=None
            if init is None
            else StageInit(artifact=self.folder / init.artifact, manifest=self.folder / init.manifest),
        )


def stated_or(stated: ValueType | None, default: ValueType) -> ValueType:
    """What is stated, zero too; else the default."""
    return default if stated is None else stated


def read_config(model: type[FactsType], data: bytes, source: str) -> tuple[FactsType, str]:
    """What the bytes of a configuration say, and their text, in which `scan_toml` finds the places.

    Raises:
        MalformedInput: with all problems, their lines and columns.
    """
    value, text = read_toml(data, source)
    return validate(model, value, text, source, scan=scan_toml, kind=ProblemKind.TRAINING_CONFIG), text


def load_plan(kind: Callable[..., PlanType], model: type[Facts], path: str | os.PathLike[str]) -> PlanType:
    """The plan of a kind that a configuration file states, whose shape is that of the model.

    Raises:
        MalformedInput: the file cannot be read, or is of another shape; with all problems, their lines and columns.
    """
    source = os.fspath(path)
    data = read_bytes(path, limit=MAX_TOML_BYTES)
    config, text = read_config(model, data, source)
    digest = hashlib.sha256(data).hexdigest()
    return kind(config=config, source=source, text=text, sha256=digest, folder=Path(source).parent)


def load_training_plan(path: str | os.PathLike[str]) -> TrainingPlan:
    """The plan that a configuration file states.

    Raises:
        MalformedInput: as `load_plan`.
    """
    return load_plan(TrainingPlan, TrainingConfig, path)
