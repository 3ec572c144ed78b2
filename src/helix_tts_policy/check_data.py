"""From manifests and recordings, and the configuration of a training, to everything that keeps the training from beginning.

Bad input never raises out of a check, it becomes findings; misuse by the caller raises `TypeError`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from helix_tts_policy.dataset_report import DatasetReport
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.espnet_config import EspnetPlan
from helix_tts_policy.facts.training_config import TrainingPlan, load_training_plan
from helix_tts_policy.facts.training_data import Utterance, read_dataset_manifest
from helix_tts_policy.facts.wave_audio import observe_audio
from helix_tts_policy.rules.training_data_subject import PlannedStage, Split, TrainingDataSubject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helix_tts_policy.facts.espnet_config import LanePlan
    from helix_tts_policy.facts.training_data import DatasetManifest
    from helix_tts_policy.facts.wave_audio import ObservedAudio

SAMPLE_RATE = 22_050
"""Samples a second that the recipes take unless a configuration says otherwise."""


def check_dataset(
    train: str | os.PathLike[str],
    validation: str | os.PathLike[str] | None = None,
    *,
    sample_rate: int = SAMPLE_RATE,
    progress: Callable[[int, int], None] | None = None,
) -> DatasetReport:
    """Check a data set: its manifests, every recording and every text.

    Args:
        train: the manifest of the training set, JSON lines.
        validation: the manifest of the validation set.
        sample_rate: what every recording has to have.
        progress: called after each recording with how many were looked at, and how many there are.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: ``sample_rate`` is less than 1.
    """
    if sample_rate < 1:
        raise ValueError(f"sample_rate: found {sample_rate}; expected 1 or more")
    for given, value in (("train", train), ("validation", validation)):
        if not isinstance(value, str | os.PathLike) and not (given == "validation" and value is None):
            raise TypeError(f"{given}: expected a path, found {type(value).__name__}")
    return _checked(os.fspath(train), train, validation, sample_rate, progress=progress)


def check_training_data(
    config: str | os.PathLike[str] | LanePlan, *, progress: Callable[[int, int], None] | None = None
) -> DatasetReport:
    """Check the configuration of a training, and its data with what the stages ask of it.

    Args:
        config: the configuration file of a training with NeMo, or the plan that was read of one of any lane.
        progress: as in `check_dataset`.

    Raises:
        TypeError: the configuration is neither a path nor a plan.
    """
    if isinstance(config, TrainingPlan | EspnetPlan):
        plan: LanePlan = config
    elif isinstance(config, str | os.PathLike):
        try:
            plan = load_training_plan(config)
        except MalformedInput as error:
            return DatasetReport(os.fspath(config), configured=True, malformed=(error,))
    else:
        raise TypeError(f"config: expected a path or a TrainingPlan, found {type(config).__name__}")
    return _checked(
        plan.source, plan.train, plan.validation, plan.config.data.sample_rate, progress=progress, plan=plan
    )


def _checked(
    source: str,
    train: str | os.PathLike[str],
    validation: str | os.PathLike[str] | None,
    sample_rate: int,
    *,
    progress: Callable[[int, int], None] | None,
    plan: LanePlan | None = None,
) -> DatasetReport:
    manifests: dict[str, DatasetManifest] = {}
    malformed: list[MalformedInput] = []
    for name, path in (("train", train), ("validation", validation)):
        if path is None:
            continue
        try:
            manifests[name] = read_dataset_manifest(path)
        except MalformedInput as error:
            malformed.append(error)
    if malformed:
        return DatasetReport(source, plan=plan, configured=plan is not None, malformed=tuple(malformed))
    total = sum(len(manifest.rows) for manifest in manifests.values())
    seen: dict[Path, ObservedAudio] = {}
    splits: dict[str, Split] = {}
    done = 0
    for name, manifest in manifests.items():
        utterances = []
        for row in manifest.rows:
            audio = manifest.audio(row)
            if audio not in seen:
                seen[audio] = observe_audio(audio)
            utterances.append(Utterance(row=row, audio=audio, observed=seen[audio]))
            done += 1
            if progress is not None:
                progress(done, total)
        splits[name] = Split(name, manifest, tuple(utterances))
    subject = TrainingDataSubject(
        train=splits["train"],
        validation=splits.get("validation"),
        sample_rate=sample_rate,
        stages=() if plan is None else _stages(plan),
        sentence=None if plan is None else plan.config.speak.text,
    )
    return DatasetReport(source, plan=plan, configured=plan is not None, subject=subject)


def _stages(plan: LanePlan) -> tuple[PlannedStage, ...]:
    return tuple(PlannedStage(stage.name, stage.steps, stage.batch_size, plan.processes) for stage in plan.stages)
