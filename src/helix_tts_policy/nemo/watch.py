"""What happens between the steps of Lightning's loop: the lane speaks, losses are looked at, checkpoints are written.

Rules kept here:

- The steps are counted here: Lightning counts those of every optimiser, and HiFi-GAN has two.
- A checkpoint is written before a step, when the one before it is over with all that belongs to it. So it is the same
  whether an epoch has just ended or not, and training goes on from it as if nothing had happened.
- A checkpoint is a pickle. Only one whose digest this run has written down is opened again.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Callback

from helix_tts_policy.nemo.artifact import Unfit
from helix_tts_policy.nemo.drawing import seed_step

if TYPE_CHECKING:
    from pathlib import Path

    from helix_tts_policy.lane_emitter import LaneCallback

TRAINING_FIGURES = {"fastpitch": ("t_",), "hifigan": ("g_", "d_")}
"""How the names of the figures of training begin; Lightning keeps old ones of the validation beside them."""


class Stopped(Exception):  # noqa: N818 - what happened
    """A signal asked to stop, and what is done so far is kept."""


class Watch(Callback):  # type: ignore[misc]  # Lightning is not there where types are checked
    """Watches one stage.

    Attributes:
        done: steps that are done.
        stop: set by a signal.
    """

    def __init__(self, plan: dict[str, Any], lane: LaneCallback | None, folder: Path, rank: int) -> None:
        self.done = 0
        self.stop = False
        self.losses: dict[str, float] = {}
        self._plan, self._lane, self._folder, self._rank = plan, lane, folder, rank
        self._kept = 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"done": self.done}

    def on_save_checkpoint(self, _: Any, __: Any, checkpoint: dict[str, Any]) -> None:
        """The step before which it is written is not begun, though Lightning has counted it; validations go by that count."""
        counts = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        counts["total"]["ready"] = counts["total"]["completed"]
        counts["is_last_batch"] = False

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.done = self._kept = state_dict["done"]

    def on_train_start(self, *_: Any) -> None:
        """Training begins; by now a checkpoint is restored, and Lightning has set signal handlers of its own."""
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        if self._lane is not None:
            self._lane.on_train_start(self._plan["total"], step=self._plan["offset"] + self.done)
            self._lane.emitter.stats({"phase": self._plan["stage"], "attempt": self._plan["attempt"]})

    def _ask_to_stop(self, *_: object) -> None:
        self.stop = True

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        """The step before is over, and the next one has not begun."""
        every = self._plan["checkpoint_every"]
        alone = trainer.world_size == 1  # a signal reaches one process of several, and a checkpoint needs all of them
        if self.done > self._kept and ((every and self.done % every == 0) or (self.stop and alone)):
            self._keep(trainer)
        if self.stop:
            raise Stopped
        seed_step(self._plan["seed"], self.done, self._rank)

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """A step is done, for good or ill."""
        self.done += 1
        begin = TRAINING_FIGURES[self._plan["stage"]]
        figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(begin)}
        if not figures or not all(map(math.isfinite, figures.values())):
            bad = ", ".join(f"{name} {value}" for name, value in figures.items() if not math.isfinite(value))
            message = f"step {self.done}: found {bad or 'no loss'}; expected finite losses"
            raise Unfit(f"non_finite_loss:{self._plan['stage']} step {self.done}", message)
        self.losses = figures
        if self._lane is not None:
            self._lane.on_step_end(self._plan["offset"] + self.done, figures)

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        """A validation has figures."""
        figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val_")}
        if not all(map(math.isfinite, figures.values())):
            raise Unfit(f"non_finite_loss:{self._plan['stage']} validation", f"step {self.done}: found {figures}")
        if self._lane is not None and figures:
            self._lane.on_validation_end(figures)

    def _keep(self, trainer: Any) -> None:
        path = self._folder / f"{self._plan['stage']}-{self.done}.ckpt"
        trainer.save_checkpoint(path)
        self._kept = self.done
        if self._rank == 0:
            with path.open("rb") as file:
                os.fsync(file.fileno())
                record = {
                    "name": path.name,
                    "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
                    "step": self.done,
                }
            temporary = self._folder / f".{self._plan['stage']}.json.tmp"
            with temporary.open("w") as written:
                json.dump(record, written)
                written.flush()
                os.fsync(written.fileno())
            temporary.replace(self._folder / f"{self._plan['stage']}.json")
            for old in self._folder.glob(f"{self._plan['stage']}-*.ckpt"):
                if old != path:
                    old.unlink()


def checkpoint_of(stage: str, folder: Path) -> Path | None:
    """The checkpoint that a stage goes on from; None where there is none."""
    record = folder / f"{stage}.json"
    if not record.exists():
        return None
    kept = json.loads(record.read_text())
    path = folder / str(kept["name"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if path.parent != folder or digest != kept["sha256"]:
        raise Unfit("init_artifact_invalid", f"{path.name}: found another digest than this run wrote down; start anew")
    return path
