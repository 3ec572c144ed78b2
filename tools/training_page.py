"""The page of the training configuration: what stands before and behind the tables of its fields."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tools.page_text import table

from helix_tts_policy.facts.espnet_config import ESPNET_PRESETS, EspnetDefaults
from helix_tts_policy.facts.training_config import STAGES
from helix_tts_policy.facts.training_presets import PRESETS, FastPitchSize, HifiGanSize, StageDefaults
from helix_tts_policy.rules.dataset_registry import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION = """# The training configuration

One TOML document, UTF-8, at most 1 MiB. Unknown keys are refused. Paths are relative to its folder. What is not written holds
as the preset has it; no licence has a default. The JSON Schema is `schemas/nemo-training.json`;
`helix-tts-policy schema nemo-training` prints it. Two examples stand under `examples/training/`.

Shape is what the schema says. `steps = 0` is well-formed, and a reason for which the run is
[blocked](blocker-states.md): what a training asks of its data is what the [rules](rules/index.md) say.
The table `hifigan` has the same fields as `fastpitch`.
"""

BACKUP = """# The training configuration of the backup lane

One TOML document, as [that of NeMo](training-config.md), for `train espnet`. What is not written holds as the preset has it; no
licence has a default. The JSON Schema is `schemas/espnet-training.json`; `helix-tts-policy schema espnet-training` prints it.
An example stands under `examples/backup-lane/`. [How to train with it](../how-to/train-with-the-backup-lane.md).
"""

REASON_TEXT = """
## Reasons of the data

A training begins only when its configuration and its data have no error. Otherwise the run is blocked, for the reason of the
first of these rules that found one; the detail names file and line. Where no recording is left, for more than one reason,
it is `dataset_no_valid_audio`.

"""


def presets() -> str:
    """What each preset stands for, and the reasons."""
    names = [*PRESETS]
    rows = [(f"`{name}`", *map(shown, values)) for name, values in figures()]
    reasons = [(f"[`{rule}`](rules/{rule}.md)", f"`{reason}`") for rule, reason in REASONS.items()]
    return (
        "\n## Presets\n\n"
        + table(("figure", *(f"`{name}`" for name in names)), rows)
        + REASON_TEXT
        + table(("rule", "reason"), reasons)
    )


def backup_presets() -> str:
    """What each preset stands for in the backup lane."""
    rows = [
        (f"{model}: `{field.name}`", *(shown(getattr(preset[model], field.name)) for preset in ESPNET_PRESETS.values()))
        for model in ESPNET_PRESETS["smoke"]
        for field in fields(EspnetDefaults)
    ]
    return "\n## Presets\n\n" + table(("figure", *(f"`{name}`" for name in ESPNET_PRESETS)), rows)


def figures() -> Iterator[tuple[str, list[object]]]:
    """Every figure with its value in each preset."""
    for stage in STAGES:
        for field in fields(StageDefaults):
            yield f"{stage}.{field.name}", [getattr(preset.stages[stage], field.name) for preset in PRESETS.values()]
    for stage, size in (("fastpitch", FastPitchSize), ("hifigan", HifiGanSize)):
        for field in fields(size):
            values = [getattr(getattr(preset, stage), field.name) for preset in PRESETS.values()]
            yield f"{stage} model: {field.name}", values


def shown(value: object) -> str:
    """A figure as the table shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(f"({shown(each)})" if isinstance(each, tuple) else str(each) for each in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
