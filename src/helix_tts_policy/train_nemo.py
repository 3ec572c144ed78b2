"""Trains a voice with NeMo: looks before, has children do it, and looks again. NeMo itself is imported by the children alone.

Rules kept here:

- Nothing is computed before the version, the base weights, the data and the disk were looked at, in this order.
- A run is done only by evidence: every planned step told, finite losses, weights that are finite and not those it began with,
  archives of the right class, and a second process that restores them and has them speak. Exit code 0 of a child proves nothing.
- A stage that is done, and whose archive is still the one that it made, is not trained again when a run goes on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.training_checks import (
    checked_data,
    require_archive,
    require_base,
    require_package,
    require_same_data,
    require_space,
)
from helix_tts_policy.training_children import READY, last_line, read_document, require_result, write_document
from helix_tts_policy.training_run import CHECKPOINTS, RunBlocked, RunFailed, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from helix_tts_policy.dataset_report import DatasetReport
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.training_config import StagePlan, TrainingPlan
    from helix_tts_policy.training_process import ChildEnd

JOB_TYPE: Final = "tts_prod_train_nemo"
UNAVAILABLE: Final = "nemo_runtime_unavailable"
PACKAGE: Final = "nemo_toolkit"
OLDEST: Final = (2, 7)
"""The oldest NeMo whose results are known: the same losses and weights as of 3.0."""

IMPORT_SECONDS: Final = 300.0
"""How long NeMo may take to be imported; 25 were seen on a slow machine, and a network disk takes longer."""

SPEAK_SECONDS: Final = 900.0
"""How long the second look may take, with the import."""

LANE_LINES: Final = 1000
"""PROGRESS lines of one stage, about; a stage with fewer steps tells each."""

TARGETS: Final = {
    "fastpitch": "nemo.collections.tts.models.fastpitch.FastPitchModel",
    "hifigan": "nemo.collections.tts.models.hifigan.HifiGanModel",
}

MODEL_BYTES: Final = {
    ("smoke", "fastpitch"): 2_000_000,
    ("smoke", "hifigan"): 2_000_000,
    ("standard", "fastpitch"): 190_000_000,
    ("standard", "hifigan"): 340_000_000,
}
"""Sizes of the archives, about."""


def train_nemo(
    plan: TrainingPlan, *, resume: bool = False, policy: LicensePolicy | None = None, now: datetime | None = None
) -> int:
    """Train a voice, and return the exit code: 0 done, 2 blocked, 1 failed, 128 and the number of a signal.

    Raises:
        FolderRefused: the folder of the run cannot hold it.
        OSError: it cannot be made.
    """
    run = TrainingRun(
        plan.output,
        job_type=JOB_TYPE,
        total=sum(stage.steps for stage in plan.stages),
        record={"job_type": JOB_TYPE, "config_sha256": plan.sha256},
        resume=resume,
    )
    return run.supervise(lambda run: _Training(run, plan, policy, now).work(), passing=(CHECKPOINTS, "cache"))


class _Training:
    def __init__(
        self, run: TrainingRun, plan: TrainingPlan, policy: LicensePolicy | None, now: datetime | None
    ) -> None:
        self._run, self._plan, self._policy = run, plan, policy
        self._now = datetime.now(UTC).replace(microsecond=0) if now is None else now
        self._stages = run.folder / "stages"
        self._cache = run.folder / "cache"
        self._runtime: dict[str, Any] = {}

    def work(self) -> Mapping[str, Any]:
        # 1. What can be looked at without NeMo.
        require_package(PACKAGE, at_least=OLDEST, reason=UNAVAILABLE)
        bases = {
            stage.name: require_base(
                stage.init.artifact,
                stage.init.manifest,
                target=TARGETS[stage.name],
                policy=self._policy,
                now=self._now,
            )
            for stage in self._plan.stages
            if stage.init is not None
        }
        report = checked_data(self._plan, self._run)
        require_space(self._run.folder, [self._size(stage) for stage in self._plan.stages])
        # 2. Training, in children.
        self._lay_out(report)
        self._train()
        results = [self._result(stage) for stage in self._plan.stages]
        # 3. The evidence.
        if self._run.progress.current != self._run.progress.total:
            raise RunFailed("steps_incomplete", f"found {self._run.progress}; expected all steps done")
        for stage in self._plan.stages:
            self._require_archive(stage)
        sample = self._speak(report, results)
        # 4. What goes with the weights.
        from helix_tts_policy.training_outputs import write_training_outputs  # noqa: PLC0415 - after hours of training

        weights = {stage.name: self._archive(stage) for stage in self._plan.stages}
        outputs = write_training_outputs(
            report,
            weights=weights,
            sample=self._run.folder / "sample.wav",
            folder=self._run.folder,
            now=self._now,
            bases=bases,
            policy=self._policy,
        )
        for note in outputs.notes:
            self._run.say(note)
        for path in (*weights.values(), self._run.folder / "sample.wav", *outputs.paths):
            self._run.tell_artifact(path)
        return {
            "config_sha256": self._plan.sha256,
            "dataset_sha256": report.sha256,
            "seed": self._plan.config.seed,
            "runtime": self._runtime,
            "tensors": {result["stage"]: result["tensors"] for result in results},
            "sample": sample,
            "notes": list(outputs.notes),
        }

    def _size(self, stage: StagePlan) -> int:
        if stage.init is not None:
            return stage.init.artifact.stat().st_size
        return MODEL_BYTES[self._plan.config.preset, stage.name]

    def _archive(self, stage: StagePlan) -> Path:
        return self._run.folder / "weights" / f"{stage.name}.nemo"

    def _lay_out(self, report: DatasetReport) -> None:
        """The data under the names that NeMo keeps its pitch by, and the plans of the stages."""
        require_same_data(report, self._run, self._stages / "data.json")
        for folder in (self._cache / "audio", self._run.folder / "weights", self._run.folder / CHECKPOINTS):
            folder.mkdir(parents=True, exist_ok=True)
        for name, utterances in (("train", report.train), ("validation", report.validation)):
            lines = []
            for each in utterances:
                link = self._cache / "audio" / f"{each.observed.sha256}{each.audio.suffix.lower()}"
                if not link.is_symlink():
                    link.symlink_to(os.path.abspath(each.audio))  # noqa: PTH100 - links stay as they are named
                row = {"audio_filepath": str(link), "text": each.row.spoken, "duration": each.observed.seconds}
                lines.append(json.dumps(row, ensure_ascii=False) + "\n")
            (self._cache / f"{name}.jsonl").write_text("".join(lines), "utf-8")
        offset = 0
        for stage in self._plan.stages:
            write_document(self._stages / f"{stage.name}.plan.json", self._stage_plan(stage, report, offset))
            offset += stage.steps

    def _stage_plan(self, stage: StagePlan, report: DatasetReport, offset: int) -> dict[str, Any]:
        config, folder = self._plan.config, self._run.folder
        hardware = config.hardware
        return {
            "stage": stage.name,
            "size": asdict(getattr(self._plan.preset, stage.name)),
            "seed": config.seed,
            "steps": stage.steps,
            "offset": offset,
            "total": self._run.progress.total,
            "tell_every": max(1, stage.steps // LANE_LINES),
            "attempt": self._run.attempt,
            "batch_size": stage.batch_size,
            "learning_rate": stage.learning_rate,
            "validate_every": stage.validate_every,
            "checkpoint_every": stage.checkpoint_every,
            "precision": stage.precision,
            "accelerator": hardware.accelerator,
            "devices": hardware.devices,
            "num_nodes": hardware.num_nodes,
            "workers": hardware.workers,
            "sample_rate": config.data.sample_rate,
            "train": "train.jsonl",
            "validation": "validation.jsonl" if report.validation else None,
            "init": None if stage.init is None else os.path.abspath(stage.init.artifact),  # noqa: PTH100 - as above
            "folder": str(folder),
            "cache": str(self._cache),
            "artifact": str(self._archive(stage)),
            "result": str(self._stages / f"{stage.name}.json"),
        }

    def _train(self) -> None:
        left = [stage for stage in self._plan.stages if not self._is_done(stage)]
        if self._run.resumed:
            done = sum(stage.steps for stage in self._plan.stages if stage not in left)
            self._run.tell_progress(done)
            self._run.tell_stats({"attempt": self._run.attempt})
        # Lightning starts the program again for each further process: with several stages it would begin at the first.
        hardware = self._plan.config.hardware
        alone = hardware.devices * hardware.num_nodes == 1
        for group in [left] if alone and left else [[stage] for stage in left]:
            for stage in group:
                (self._stages / f"{stage.name}.json").unlink(missing_ok=True)
            plans = [str(self._stages / f"{stage.name}.plan.json") for stage in group]
            end = self._child("helix_tts_policy.nemo.fit", plans, IMPORT_SECONDS, lane=self._take)
            for stage in group:
                self._require_trained(stage, end)

    def _child(
        self, module: str, arguments: Sequence[str], seconds: float, lane: Callable[[bytes], None] | None = None
    ) -> ChildEnd:
        from helix_tts_policy.training_process import TimeLimit  # noqa: PLC0415 - as the rest of what children need

        self._limit = TimeLimit(seconds)
        return self._run.run(
            [sys.executable, "-m", module, *arguments],
            lane=lane,
            environment={"RANK": None, "NEMO_REDIRECT_LOGS_TO_STDERR": "1", "PYTHONUNBUFFERED": "1"},
            limit=self._limit,
        )

    def _take(self, line: bytes) -> None:
        if line.startswith(READY):
            self._runtime = json.loads(line.removeprefix(READY))
            self._limit.lift()
        else:
            self._run.take_lane(line)

    def _require_trained(self, stage: StagePlan, end: ChildEnd) -> None:
        """Whatever a child says of a stage, and the way in which it ended, has to be good."""
        ended_from_outside = end.signal in {signal.SIGKILL, signal.SIGTERM} and not end.timed_out
        if not self._runtime and not ended_from_outside:
            detail = "took too long" if end.timed_out else last_line(end.tail)
            raise RunBlocked(
                UNAVAILABLE, f"NeMo cannot be imported: {detail}", runtime={"package": PACKAGE, "error": detail}
            )
        path = self._stages / f"{stage.name}.json"
        told = read_document(path) if path.exists() else {}
        if told.get("reason", "").startswith("runtime_dependency_missing"):
            raise RunBlocked(told["reason"], told["message"], runtime=self._runtime)
        require_result(stage.name, path, end)

    def _is_done(self, stage: StagePlan) -> bool:
        from helix_tts_policy.digest import hash_file  # noqa: PLC0415 - as above

        path = self._stages / f"{stage.name}.json"
        if not self._run.resumed or not path.exists() or "tensors" not in (result := read_document(path)):
            return False
        archive = self._archive(stage)
        return archive.exists() and hash_file(archive).hex == result["sha256"]

    def _result(self, stage: StagePlan) -> dict[str, Any]:
        result = read_document(self._stages / f"{stage.name}.json")
        if result["steps"] != stage.steps:
            raise RunFailed("steps_incomplete", f"{stage.name}: found {result['steps']} steps; expected {stage.steps}")
        if result["initial"]["parameters"] == result["parameters"]:
            raise RunFailed(f"weights_unchanged:{stage.name}", f"{stage.name}: found the weights it began with")
        self._run.stats.update(result["losses"])
        return {"stage": stage.name, **result}

    def _require_archive(self, stage: StagePlan) -> None:
        path = self._archive(stage)
        if not path.is_file():
            raise RunFailed("artifact_missing", f"{path.name}: found nothing; expected what {stage.name} saved")
        try:
            require_archive(path, target=TARGETS[stage.name], reason="artifact_invalid", mismatch="artifact_invalid")
        except RunBlocked as error:
            raise RunFailed(error.reason, error.message, **error.details) from None

    def _speak(self, report: DatasetReport, results: list[dict[str, Any]]) -> dict[str, Any]:
        result = self._stages / "speak.json"
        result.unlink(missing_ok=True)
        plan = {
            "weights": {stage.name: str(self._archive(stage)) for stage in self._plan.stages},
            "seed": self._plan.config.seed,
            "sample_rate": self._plan.config.data.sample_rate,
            "text": self._plan.config.speak.text,
            "recording": str(report.train[0].audio.absolute()),
            "sample": str(self._run.folder / "sample.wav"),
            "result": str(result),
        }
        write_document(self._stages / "speak.plan.json", plan)
        end = self._child("helix_tts_policy.nemo.speak", [str(self._stages / "speak.plan.json")], SPEAK_SECONDS)
        said = require_result("the second look", result, end)
        for each in results:
            if said["tensors"][each["stage"]] != each["tensors"]:
                raise RunFailed("artifact_invalid", f"{each['stage']}: found other tensors than were trained")
        return {"seconds": said["seconds"], "peak": said["peak"]}
