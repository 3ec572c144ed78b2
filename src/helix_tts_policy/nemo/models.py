"""The two models: made from the preset, or restored from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from nemo.collections.tts.models import FastPitchModel, HifiGanModel
from omegaconf import OmegaConf, open_dict

from helix_tts_policy import nemo_recipes as recipes
from helix_tts_policy.nemo.artifact import Unfit, read_weights, tensor_digest

CLASSES: Final[dict[str, Any]] = {"fastpitch": FastPitchModel, "hifigan": HifiGanModel}
OPTIMIZERS: Final = {"fastpitch": 1, "hifigan": 2}


# oneDNN's convolutions round differently by where in memory their operands lie, so that a run that goes on would end elsewhere.
torch.backends.mkldnn.enabled = False


def restored(path: Path, stage: str, trainer: Any = None) -> Any:
    """The model of an archive, on the CPU; NeMo takes whatever class the archive names, so that is looked at here."""
    model = CLASSES[stage].restore_from(str(path), map_location=torch.device("cpu"), trainer=trainer)
    if type(model) is not CLASSES[stage]:
        found = type(model).__name__
        raise Unfit(f"init_class_mismatch:{stage}", f"{path.name}: found a {found}; expected {CLASSES[stage].__name__}")
    if tensor_digest(model.state_dict()) != tensor_digest(read_weights(path)):
        raise Unfit(
            f"init_weights_not_loaded:{stage}", f"{path.name}: found other tensors in the model than in the file"
        )
    return model


def model_of(plan: dict[str, Any], trainer: Any) -> Any:
    """The model that a stage begins with."""
    if plan["init"] is None:
        model = CLASSES[plan["stage"]](cfg=config_of(recipes.model_config(plan)), trainer=trainer)
    else:
        model = restored(Path(plan["init"]), plan["stage"], trainer)
    with open_dict(model.cfg):
        model.cfg.optim = recipes.optimizer(plan)
        model.cfg.max_steps = plan["steps"]
    return model


def data_of(model: Any, config: dict[str, Any]) -> Any:
    """The data set that NeMo makes for a model, which looks at it in each step, too."""
    model.setup_training_data(config_of(config))
    return model._train_dl.dataset  # noqa: SLF001 - where NeMo keeps it


def config_of(config: dict[str, Any]) -> Any:
    """A configuration in the form in which NeMo takes it."""
    return OmegaConf.create(config)
