"""What the lane costs a training: steps of NeMo under it, beside the same steps of a bare NeMo script, in one process.

Both train the same model on the same batches with the same settings of torch. One side is the program that the lane starts,
with its lane into a pipe that another process reads; the other is a bare Trainer and torch's own loader. The sides take
turns, and the median of the turns' ratios is told with the middle half of them. Checkpoints are left out on both sides, and
HiFi-GAN has segments of a quarter of the length, so that its steps take less time and what the lane costs weighs more.
Processor time is told, of one thread, so that what else the machine does counts for little.
Run where NeMo is installed: ``python benchmarks/nemo_overhead.py [--quick] [--strict]``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median, quantiles
from time import process_time
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import Callback

from helix_tts_policy import nemo_recipes as recipes
from helix_tts_policy.facts.training_presets import PRESETS
from helix_tts_policy.lane_emitter import LaneEmitter
from helix_tts_policy.nemo import drawing, fit, models, pitch
from pairs import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from helix_tts_policy.facts.training_presets import StageName

REPOSITORY = Path(__file__).resolve().parents[1]
GOAL = 1.02
WARM = 5
"""Steps that are not counted: the first ones allocate."""


class Clock(Callback):  # type: ignore[misc]  # Lightning is not there where types are checked
    """How much processor time was used when each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """A step ended."""
        self.ends.append(process_time())

    @property
    def seconds(self) -> float:
        """Of all steps but the first ones."""
        return self.ends[-1] - self.ends[WARM - 1]


def plan_of(stage: StageName, folder: Path, steps: int) -> dict[str, Any]:
    preset = PRESETS["smoke"]
    shorter = {"segment": 2048} if stage == "hifigan" else {}
    return {
        "stage": stage,
        "size": asdict(getattr(preset, stage)) | shorter,
        "seed": 7,
        "steps": steps,
        "offset": 0,
        "total": steps,
        "tell_every": 1,
        "attempt": "benchmark",
        "batch_size": preset.stages[stage].batch_size,
        "learning_rate": preset.stages[stage].learning_rate,
        "validate_every": 0,
        "checkpoint_every": 0,
        "precision": "32-true",
        "accelerator": "cpu",
        "devices": 1,
        "num_nodes": 1,
        "workers": 0,
        "sample_rate": 22_050,
        "train": "train.jsonl",
        "validation": None,
        "init": None,
        "folder": str(folder),
        "cache": str(folder),
        "artifact": str(folder / f"{stage}.nemo"),
    }


def under_the_lane(plan: dict[str, Any]) -> float:
    clock = Clock()
    output, lane = os.pipe()
    with subprocess.Popen(["cat"], stdin=output, stdout=subprocess.DEVNULL) as reader:  # noqa: S607 - of coreutils
        os.close(output)
        fit.train(plan, 0, LaneEmitter(os.fdopen(lane, "wb", buffering=0), exclusive=True), also=(clock,))
        reader.terminate()
    return clock.seconds


def bare(plan: dict[str, Any]) -> float:
    clock = Clock()
    seed_everything(plan["seed"], workers=True)
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        max_steps=plan["steps"] * models.OPTIMIZERS[plan["stage"]],
        max_epochs=-1,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = models.model_of(plan, trainer)
    cache = Path(plan["cache"])
    how = (
        pitch.prepare_pitch([cache / "train.jsonl"], cache, plan["sample_rate"], 0)
        if plan["stage"] == "fastpitch"
        else {}
    )
    data = models.data_of(model, recipes.data_config(plan, str(cache / "train.jsonl"), how, training=True))
    done = [0]
    drawn = drawing.Batches(plan["batch_size"], len(data), plan["seed"], lambda: done[0], rank=0, world=1)
    batches: list[list[int]] = []
    while len(batches) < plan["steps"]:
        batches += [[index for _, index in batch] for batch in drawn]
        done[0] = len(batches)
    loader = torch.utils.data.DataLoader(data, batch_sampler=batches, collate_fn=data.collate_fn)
    trainer.fit(model, loader)
    return clock.seconds


def called(plan: dict[str, Any], side: Callable[[dict[str, Any]], float]) -> float:
    return side(plan)


def laid_out(folder: Path) -> None:
    """The recordings of the example, under the names by which the lane keeps their pitch."""
    made = folder / "made"
    subprocess.run(
        [sys.executable, REPOSITORY / "examples/training/make_data.py", made], check=True, capture_output=True
    )
    (folder / "audio").mkdir()
    lines = []
    for row in map(json.loads, (made / "train.jsonl").read_text().splitlines()):
        audio = made / row["audio_filepath"]
        link = folder / "audio" / f"{sha256(audio.read_bytes()).hexdigest()}.wav"
        link.symlink_to(audio)
        lines.append(json.dumps({**row, "audio_filepath": str(link)}) + "\n")
    (folder / "train.jsonl").write_text("".join(lines))


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what the lane costs a training.")
    parser.add_argument("--quick", action="store_true", help="fewer steps and turns, for a look")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    steps, turns = (15, 3) if arguments.quick else (25, 7)
    reached = True
    torch.set_num_threads(1)
    # NeMo keeps the stream that it finds for its log, so standard output leads elsewhere while it works.
    with os.fdopen(os.dup(1), "w") as told, tempfile.TemporaryDirectory() as temporary:
        os.dup2(2, 1)
        folder = Path(temporary)
        laid_out(folder)
        stages: tuple[StageName, ...] = ("fastpitch", "hifigan")
        for stage in stages:
            plan = plan_of(stage, folder, steps)
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                bare(plan)
                took = in_turns(partial(called, plan), under_the_lane, bare, turns)
            low, ratio, high = quantiles([ours / reference for ours, reference in took], n=4)
            step = median(ours for ours, _ in took) / (steps - WARM) * 1000
            reached &= ratio <= GOAL
            print(
                f"{stage}, a step under the lane / a bare one: {ratio:.3f}x (goal <= {GOAL:g}x) "
                f"{'ok' if ratio <= GOAL else 'MISSED'}; middle half {low:.3f}-{high:.3f}, {step:.1f} ms a step",
                file=told,
                flush=True,
            )
    return 1 if arguments.strict and not reached else 0


if __name__ == "__main__":
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    sys.exit(main())
