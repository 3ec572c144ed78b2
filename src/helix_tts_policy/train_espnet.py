"""Trains a voice with ESPnet, the backup, while NeMo is blocked: looks before, has children do it, and looks again.

Rules kept here:

- Nothing is done unless the policy records, for the day of the run, why NeMo is blocked.
- ESPnet lives in an environment of its own, whose interpreter the configuration names; this process never imports it.
- Nothing is computed before the environment, the data and the disk were looked at, in this order.
- A run is done only by evidence: every planned step told, finite losses, weights that are finite and not those it began with,
  files of the right format, and a second process that restores them and has them speak. Exit code 0 of a child proves nothing.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.training_children import READY, last_line, read_document, require_result, write_document
from helix_tts_policy.training_run import CHECKPOINTS, RunBlocked, RunFailed, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helix_tts_policy.dataset_report import DatasetReport
    from helix_tts_policy.facts.espnet_config import EspnetPlan
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.training_data import Utterance
    from helix_tts_policy.training_process import ChildEnd

JOB_TYPE: Final = "tts_prod_train_espnet2"
UNAVAILABLE: Final = "espnet_runtime_unavailable"
NOT_ALLOWED: Final = "backup_lane_not_allowed"

CHILD: Final = Path(__file__).parent / "espnet" / "child.py"

LOOK_SECONDS: Final = 30.0
"""How long the interpreter may take to say which ESPnet it has; it imports nothing, and takes 0.1."""

IMPORT_SECONDS: Final = 300.0
"""How long ESPnet may take to be imported; 8 were seen on a slow machine, and a network disk takes longer."""

SPEAK_SECONDS: Final = 900.0
"""How long the second look may take, with the import."""

LANE_LINES: Final = 1000
"""PROGRESS lines of a run, about; one with fewer steps tells each."""

MODEL_BYTES: Final = {
    ("smoke", "tacotron2"): 2_500_000,
    ("smoke", "vits"): 1_500_000,
    ("standard", "tacotron2"): 110_000_000,
    ("standard", "vits"): 380_000_000,
}
"""Sizes of the weights, about."""

_ENVIRONMENT: Final = {
    # The result depends on the number of threads. The decoder of Tacotron2 is thousands of small steps: two threads on two
    # busy cores took 40 times as long for it as one.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "PYTHONUNBUFFERED": "1",
    "RANK": None,
    "WORLD_SIZE": None,
}


def train_espnet(plan: EspnetPlan, *, policy: LicensePolicy, resume: bool = False, now: datetime | None = None) -> int:
    """Train a voice, and return the exit code: 0 done, 2 blocked, 1 failed, 128 and the number of a signal.

    Args:
        plan: the configuration.
        policy: says whether NeMo is blocked; without a record of it the run is blocked.
        resume: whether a run that broke off is to go on.
        now: the time of the run, with offset; the clock's when None.

    Raises:
        FolderRefused: the folder of the run cannot hold it.
        OSError: it cannot be made.
    """
    run = TrainingRun(
        plan.output,
        job_type=JOB_TYPE,
        total=plan.stage.steps,
        record={"job_type": JOB_TYPE, "config": plan.source, "config_sha256": plan.sha256},
        resume=resume,
    )
    return run.supervise(lambda run: _Training(run, plan, policy, now).work(), passing=(CHECKPOINTS,))


class _Training:
    def __init__(self, run: TrainingRun, plan: EspnetPlan, policy: LicensePolicy, now: datetime | None) -> None:
        self._run, self._plan, self._policy = run, plan, policy
        self._now = datetime.now(UTC).replace(microsecond=0) if now is None else now
        self._stages, self._weights = run.folder / "stages", run.folder / "weights"
        self._work = run.folder / CHECKPOINTS
        self._sample = run.folder / "sample.wav"
        self._runtime: dict[str, Any] = {}

    def work(self) -> Mapping[str, Any]:
        # 1. What can be looked at without ESPnet.
        record = self._require_blocked_nemo()
        self._require_espnet()
        report = self._data()
        self._require_space()
        # 2. Training, in a child.
        self._lay_out(report)
        result = self._train()
        # 3. The evidence.
        if self._run.progress.current != self._run.progress.total:
            raise RunFailed("steps_incomplete", f"found {self._run.progress}; expected all steps done")
        weights = self._require_files()
        sample = self._speak(result)
        # 4. What goes with the weights.
        from helix_tts_policy.training_outputs import write_training_outputs  # noqa: PLC0415 - after hours of training

        outputs = write_training_outputs(
            report, weights=weights, sample=self._sample, folder=self._run.folder, now=self._now, policy=self._policy
        )
        for note in outputs.notes:
            self._run.say(note)
        for path in (*weights.values(), self._sample, *outputs.paths):
            self._run.tell_artifact(path)
        return {
            "nemo_blocked": record,
            "config_sha256": self._plan.sha256,
            "dataset_sha256": report.sha256,
            "seed": self._plan.config.seed,
            "runtime": self._runtime,
            "tensors": {self._plan.config.model: result["tensors"]},
            "sample": sample,
            "notes": list(outputs.notes),
        }

    def _require_blocked_nemo(self) -> dict[str, Any]:
        from helix_tts_policy.license_decision import utc_day  # noqa: PLC0415 - with the policy

        record = self._policy.nemo_blocked
        if record is None:
            message = f"{self._policy.name}: found no record that NeMo is blocked; expected one, since this lane is its backup"
            raise RunBlocked(NOT_ALLOWED, message)
        stated = {"reason": record.reason, "owner": record.owner, "expires_on": record.expires_on.isoformat()}
        if self._policy.nemo_blocked_on(utc_day(self._now)) is None:
            message = (
                f"{self._policy.name}: found the record that NeMo is blocked ({record.reason}), which expired on "
                f"{record.expires_on.isoformat()}; expected one that holds"
            )
            raise RunBlocked(f"{NOT_ALLOWED}:expired", message, nemo_blocked=stated)
        return stated

    def _require_espnet(self) -> None:
        """The interpreter has to say which ESPnet it has, which takes no import of it."""
        python = self._plan.python
        if not (python.is_file() and os.access(python, os.X_OK)):
            message = f"{python}: found no program there; expected the interpreter of an environment that has ESPnet"
            raise RunBlocked(UNAVAILABLE, message, runtime={"python": str(python), "espnet": None})
        self._stages.mkdir(exist_ok=True)
        end = self._child("look", {}, LOOK_SECONDS)
        result = self._result("look")
        found = read_document(result) if end.code == 0 and result.exists() else {}
        if found.get("espnet") is None:
            detail = "it took too long" if end.timed_out else last_line(end.tail)
            if end.code == 0:
                detail = "its environment has none"
            message = f"{python}: found no ESPnet: {detail}; expected an environment that has it"
            raise RunBlocked(UNAVAILABLE, message, runtime={"python": str(python), "espnet": None, "error": detail})

    def _data(self) -> DatasetReport:
        from helix_tts_policy.espnet.recipes import HOP, SEGMENT_FRAMES  # noqa: PLC0415 - after what takes less time
        from helix_tts_policy.training_checks import checked_data  # noqa: PLC0415 - as above

        report = checked_data(self._plan, self._run)
        # ESPnet ends with an assertion that names no file.
        if self._plan.config.model == "vits":
            needed = (SEGMENT_FRAMES + 1) * HOP
            for utterance in (*report.train, *report.validation):
                if utterance.observed.frames < needed:
                    name, line = utterance.row.audio_filepath, utterance.row.line
                    message = (
                        f"line {line}: {name}: found {utterance.observed.frames} samples; expected {needed} for vits"
                    )
                    raise RunBlocked(f"audio_too_short:{name}", message)
        return report

    def _require_space(self) -> None:
        from helix_tts_policy.training_checks import require_space  # noqa: PLC0415 - as above

        require_space(self._run.folder, [MODEL_BYTES[self._plan.config.preset, self._plan.config.model]])

    def _lay_out(self, report: DatasetReport) -> None:
        """The data as ESPnet reads it, and what the run was begun with."""
        from helix_tts_policy.facts.english_characters import VOCABULARY  # noqa: PLC0415 - as above
        from helix_tts_policy.training_checks import require_same_data  # noqa: PLC0415 - as above

        require_same_data(report, self._run, self._stages / "data.json")
        for folder in (self._work, self._weights):
            folder.mkdir(exist_ok=True)
        # ESPnet has no training without a look at a validation set; where there is none, it looks at one recording.
        for name, utterances in (("train", report.train), ("valid", report.validation or report.train[:1])):
            self._lay_out_split(name, utterances)
        symbols = ["<blank>", "<unk>", "<space>", *sorted(VOCABULARY - {" "}), "<sos/eos>"]
        (self._stages / "tokens.txt").write_text("".join(f"{symbol}\n" for symbol in symbols), "utf-8")

    def _lay_out_split(self, name: str, utterances: Sequence[Utterance]) -> None:
        from helix_tts_policy.facts.english_characters import symbols_of  # noqa: PLC0415 - as above

        folder = self._stages / name
        folder.mkdir(exist_ok=True)
        texts, recordings = [], []
        for number, each in enumerate(utterances):
            texts.append(f"u{number:08} {symbols_of(each.row.spoken).known}\n")
            recordings.append(f"u{number:08} {os.path.abspath(each.audio)}\n")  # noqa: PTH100 - links stay as they are named
        (folder / "text").write_text("".join(texts), "utf-8")
        (folder / "wav.scp").write_text("".join(recordings), "utf-8")

    def _train(self) -> dict[str, Any]:
        from helix_tts_policy.espnet.recipes import recipe  # noqa: PLC0415 - as above

        config, stage = self._plan.config, self._plan.stage
        if self._run.resumed:
            self._run.tell_progress(0)
            self._run.tell_stats({"attempt": self._run.attempt})
        plan = {
            "recipe": recipe(
                config.model, config.preset, sample_rate=config.data.sample_rate, learning_rate=stage.learning_rate
            ),
            "steps": stage.steps,
            "epoch_steps": stage.checkpoint_every or stage.steps,
            "batch_size": stage.batch_size,
            "workers": config.hardware.workers,
            "accelerator": config.hardware.accelerator,
            "tell_every": max(1, stage.steps // LANE_LINES),
            "validation": config.data.validation is not None,
            "data": str(self._stages),
            "work": str(self._work),
            "attempt": self._run.attempt,
        }
        end = self._child("fit", plan, IMPORT_SECONDS)
        if not self._runtime:
            detail = "it took too long" if end.timed_out else last_line(end.tail)
            raise RunBlocked(UNAVAILABLE, f"ESPnet cannot be imported: {detail}", runtime={"error": detail})
        result = require_result("training", self._result("fit"), end)
        if result["steps"] != stage.steps:
            raise RunFailed("steps_incomplete", f"found {result['steps']} steps; expected {stage.steps}")
        if result["initial"] == result["parameters"]:
            raise RunFailed("weights_unchanged", "found the weights that training began with")
        self._run.stats.update(result["losses"])
        return result

    def _require_files(self) -> dict[str, Path]:
        """The files of the voice, each of which has to be what its name says, by its bytes."""
        from helix_tts_policy.training_checks import require_format  # noqa: PLC0415 - as above

        model = self._plan.config.model
        names = {"weights": f"{model}.pth", "config": f"{model}.yaml"}
        if model == "tacotron2":
            names["statistics"] = f"{model}.npz"
        files = {role: self._weights / name for role, name in names.items()}
        for path in files.values():
            if not path.is_file():
                raise RunFailed("artifact_missing", f"{path.name}: found nothing; expected what the training saved")
        try:
            require_format(files["weights"], reason="artifact_invalid")
        except RunBlocked as error:
            raise RunFailed(error.reason, error.message, **error.details) from None
        return files

    def _speak(self, trained: Mapping[str, Any]) -> dict[str, Any]:
        from helix_tts_policy.facts.english_characters import symbols_of  # noqa: PLC0415 - as above

        plan = {
            "initial": trained["initial"],
            "text": symbols_of(self._plan.config.speak.text).known,
            "sample": str(self._sample),
        }
        end = self._child("speak", plan, SPEAK_SECONDS)
        said = require_result("the second look", self._result("speak"), end)
        if said["tensors"] != trained["tensors"]:
            raise RunFailed("artifact_invalid", "found other tensors than were trained")
        return {"seconds": said["seconds"], "peak": said["peak"]}

    def _result(self, verb: str) -> Path:
        return self._stages / f"{verb}.json"

    def _child(self, verb: str, plan: Mapping[str, Any], seconds: float) -> ChildEnd:
        from helix_tts_policy.training_process import TimeLimit  # noqa: PLC0415 - as above

        self._result(verb).unlink(missing_ok=True)
        path = self._stages / f"{verb}.plan.json"
        config = self._plan.config
        common = {"model": config.model, "seed": config.seed, "sample_rate": config.data.sample_rate}
        places = {"voice": str(self._weights), "result": str(self._result(verb))}
        write_document(path, {**common, **places, **plan})
        self._limit = TimeLimit(seconds)
        try:
            return self._run.run(
                [str(self._plan.python.absolute()), "-I", str(CHILD), verb, str(path)],
                lane=self._take if verb == "fit" else None,
                environment=_ENVIRONMENT,
                limit=self._limit,
            )
        except OSError as error:
            message = f"{self._plan.python}: cannot be started: {error.strerror}; expected a Python interpreter"
            raise RunBlocked(UNAVAILABLE, message, runtime={"python": str(self._plan.python), "espnet": None}) from None

    def _take(self, line: bytes) -> None:
        if line.startswith(READY):
            self._runtime = json.loads(line.removeprefix(READY))
            self._limit.lift()
        else:
            self._run.take_lane(line)
