"""Trains stages: ``python -m helix_tts_policy.nemo.fit PLAN.json...``, started by the supervisor, and by Lightning.

Lightning starts this program again for each further process. Only the first process of all speaks, and writes what came of
a stage to the file that its plan names.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer, seed_everything
from nemo import __version__

from helix_tts_policy import nemo_recipes as recipes
from helix_tts_policy.digest import hash_file
from helix_tts_policy.lane_emitter import LaneCallback, LaneEmitter
from helix_tts_policy.nemo import artifact, models
from helix_tts_policy.nemo.drawing import Batches, Seeded
from helix_tts_policy.nemo.pitch import prepare_pitch
from helix_tts_policy.nemo.watch import Stopped, Watch, checkpoint_of
from helix_tts_policy.training_process import LANE_VARIABLE, die_with

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Train each stage, save it, and write down what came of it; exit code 1 where there is a reason against it."""
    plans = [json.loads(Path(path).read_text("utf-8")) for path in arguments]
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local:
        die_with(os.getppid())  # the supervisor has seen to the first process
    rank = int(os.environ.get("NODE_RANK", "0")) * plans[0]["devices"] + local
    lane, descriptor = None, int(os.environ.pop(LANE_VARIABLE, "-1"))
    if rank == 0 and descriptor != -1:
        lane = LaneEmitter(os.fdopen(descriptor, "wb", buffering=0), exclusive=True)
        ready = {"nemo": __version__, "torch": torch.__version__, "gpus": torch.cuda.device_count()}
        os.write(descriptor, f"READY {json.dumps(ready)}\n".encode())
    for plan in plans:
        outcome: dict[str, Any] | None
        try:
            outcome = train(plan, rank, lane)
        except Stopped:
            return 128 + signal.SIGTERM
        except Exception as error:  # noqa: BLE001 - its traceback goes into the log, its reason to the supervisor
            traceback.print_exc()
            outcome = artifact.reason_of(error)
        if outcome is None:
            return 1
        if rank == 0:
            result = Path(plan["result"])
            temporary = result.with_name(f".{result.name}.tmp")
            temporary.write_text(json.dumps(outcome), "utf-8")
            temporary.replace(result)
        if "reason" in outcome:
            return 1
    return 0


def train(plan: dict[str, Any], rank: int, emitter: LaneEmitter | None, also: Sequence[Any] = ()) -> dict[str, Any]:
    """Train one stage, and say what came of it; ``also`` are further callbacks."""
    stage, folder = plan["stage"], Path(plan["folder"])
    if plan["accelerator"] == "gpu" and torch.cuda.device_count() < plan["devices"]:
        message = f"found {torch.cuda.device_count()} GPUs that torch can use; expected {plan['devices']}"
        raise artifact.Unfit("runtime_dependency_missing:gpu", message)
    seed_everything(plan["seed"], workers=True)
    lane = None if emitter is None else LaneCallback(emitter, every=plan["tell_every"])
    watch = Watch(plan, lane, folder / "checkpoints", rank)
    world = plan["devices"] * plan["num_nodes"]
    looks = plan["validation"] is not None and plan["validate_every"] > 0
    trainer = Trainer(
        accelerator=plan["accelerator"],
        devices=plan["devices"],
        num_nodes=plan["num_nodes"],
        strategy="auto" if world == 1 else "ddp_find_unused_parameters_true",  # a GAN trains one half at a time
        precision=plan["precision"],
        max_steps=plan["steps"] * models.OPTIMIZERS[stage],
        max_epochs=-1,
        val_check_interval=plan["validate_every"] or 1,
        check_val_every_n_epoch=None,
        limit_val_batches=1.0 if looks else 0,
        num_sanity_val_steps=0,
        callbacks=[watch, *also],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=folder,
    )
    model = models.model_of(plan, trainer)
    initial = _digests(model)
    cache = Path(plan["cache"])
    manifests = [cache / name for name in (plan["train"], plan["validation"]) if name]
    pitch = prepare_pitch(manifests, cache, plan["sample_rate"], plan["workers"]) if stage == "fastpitch" else {}
    made = models.data_of(model, recipes.data_config(plan, str(manifests[0]), pitch, training=True))
    batches = Batches(plan["batch_size"], len(made), plan["seed"], lambda: watch.done, rank=rank, world=world)
    if not batches.epoch_steps:
        raise artifact.Unfit("no_training_steps", f"{stage}: found batches larger than the data; expected one at least")
    loader: Any = torch.utils.data.DataLoader(
        Seeded(made, plan["seed"]),
        batch_sampler=batches,
        collate_fn=made.collate_fn,
        num_workers=plan["workers"],
        persistent_workers=plan["workers"] > 0,
    )
    validation = None
    if looks:
        model.setup_validation_data(
            models.config_of(recipes.data_config(plan, str(manifests[1]), pitch, training=False))
        )
        validation = model._validation_dl  # noqa: SLF001 - where NeMo keeps it
    trainer.fit(model, loader, validation, ckpt_path=checkpoint_of(stage, folder / "checkpoints"))
    return _saved(plan, model.to(torch.device("cpu")), watch, initial) if rank == 0 else {}


def _digests(model: Any) -> dict[str, str]:
    """Of all tensors, and of those that are trained: HiFi-GAN has some that every look at them changes."""
    return {
        "tensors": artifact.tensor_digest(model.state_dict()),
        "parameters": artifact.tensor_digest(dict(model.named_parameters())),
    }


def _saved(plan: dict[str, Any], model: Any, watch: Watch, initial: dict[str, str]) -> dict[str, Any]:
    """Save what was trained, if it is fit to be."""
    stage = plan["stage"]
    if watch.done != plan["steps"]:
        reason = "steps_incomplete" if watch.done else "no_training_steps"
        raise artifact.Unfit(reason, f"{stage}: found {watch.done} steps; expected {plan['steps']}")
    if broken := artifact.non_finite(model.state_dict()):
        message = f"{stage}: found {len(broken)} tensors with values that are not finite, first {broken[0]}"
        raise artifact.Unfit(f"weights_nonfinite:{stage}", message)
    trained = _digests(model)
    if trained["parameters"] == initial["parameters"]:
        raise artifact.Unfit(f"weights_unchanged:{stage}", f"{stage}: found the weights that training began with")
    path = Path(plan["artifact"])
    artifact.save(model, path, trained["tensors"])
    told = {"steps": watch.done, "losses": watch.losses, "initial": initial}
    return told | trained | {"sha256": hash_file(path).hex}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
