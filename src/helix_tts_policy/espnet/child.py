"""Trains a voice with ESPnet, has it speak, or says what is installed: ``python -I child.py VERB PLAN.json``.

The supervisor starts this program by its path in the environment that has ESPnet, so it imports nothing of this package.
It speaks the lane on the descriptor that ``HELIX_TTS_POLICY_LANE`` names, and writes its outcome to the file that the plan
names: facts, or a reason against them.

Rules kept here:

- Training goes through ESPnet's own entry point; only its trainer is watched, at the place that ESPnet offers for it.
- A step counts when the optimiser has made it. ESPnet skips a step whose gradient is not finite, and goes on.
- The digest of a model is over its tensors, in the order of their names: name, type, shape and bytes.
- Nothing asks the network.
"""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import math
import os
import sys
import traceback
import types
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LANE_VARIABLE: Final = "HELIX_TTS_POLICY_LANE"

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

TORN: Final = ("PytorchStreamWriter failed", "iostream error", "unexpected pos")
"""What PyTorch says when it cannot write on; it keeps no number of the error."""

CHECKPOINT, KEPT = "checkpoint.pth", "kept.pth"
"""ESPnet writes the first one in place, after each epoch; what it held before that is kept under the second name."""

TEXT_KEYS: Final = ("use_preprocessor", "token_type", "bpemodel", "non_linguistic_symbols", "cleaner", "g2p")
"""What makes symbols of a text, in ESPnet's configuration."""


class Unfit(Exception):  # noqa: N818 - what it is
    """What was trained is not what it should be.

    Attributes:
        reason: a code, or ``code:detail``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def main(arguments: list[str]) -> int:
    """Do what the verb says, and write down the outcome; exit code 1 where there is a reason against it."""
    verb, plan = arguments[0], json.loads(Path(arguments[1]).read_text("utf-8"))
    # Importing g2p_en has nltk fetch two corpora. A text is its characters here, so nobody asks it for phonemes.
    sys.modules["g2p_en"] = types.ModuleType("g2p_en")
    try:
        outcome = {"look": _look, "fit": _fit, "speak": _speak}[verb](plan)
    except Exception as error:  # noqa: BLE001 - its traceback goes into the log, its reason to the supervisor
        traceback.print_exc()
        reason = _reason_of(error)
        if reason is None:
            return 1
        outcome = {"reason": reason, "message": str(error) or type(error).__name__}
    _place(Path(plan["result"]), json.dumps(outcome).encode())
    return 1 if "reason" in outcome else 0


def _reason_of(error: BaseException) -> str | None:
    """Why it went wrong, by what was raised and what that was raised from; None where nobody knows the reason."""
    each: BaseException | None = error
    while each is not None:
        if isinstance(each, Unfit):
            return each.reason
        if (isinstance(each, OSError) and each.errno in DISK_FULL) or any(text in str(each) for text in TORN):
            return "out_of_disk"
        if isinstance(each, MemoryError) or type(each).__name__ == "OutOfMemoryError":
            return "out_of_memory"
        each = each.__cause__ or each.__context__
    return None


def _look(_: dict[str, Any]) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"espnet": version("espnet")}
    except PackageNotFoundError:
        return {"espnet": None}


def _fit(plan: dict[str, Any]) -> dict[str, Any]:
    say = _lane()
    import torch
    from espnet2.tasks.gan_tts import GANTTSTask
    from espnet2.tasks.tts import TTSTask
    from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

    gpu = torch.cuda.is_available()
    known = {"espnet": _look(plan)["espnet"], "torch": torch.__version__, "python": sys.version.split()[0], "gpu": gpu}
    say(f"READY {json.dumps(known)}")
    if plan["accelerator"] == "gpu" and not gpu:
        raise Unfit("runtime_dependency_missing:GPU", "found no GPU; expected one, as the configuration says")
    plan["gpus"] = int(gpu and plan["accelerator"] != "cpu")
    work, data = Path(plan["work"]), Path(plan["data"])
    # As YAML, which takes JSON's 1e-06 for a text.
    (work / "recipe.yaml").write_text(yaml_no_alias_safe_dump(plan["recipe"]), "utf-8")
    task = GANTTSTask if plan["model"] == "vits" else TTSTask
    counted = ["--normalize", "none", "--collect_stats", "true"]
    task.main(cmd=[*_words(plan, work / "stats", data, "text"), *counted])
    normal = []
    if plan["model"] == "tacotron2":
        stats = work / "stats" / "train" / "feats_stats.npz"
        normal = ["--normalize", "global_mvn", "--normalize_conf", f"stats_file={stats}"]
    _take_up(work / "train")
    watched = _watched(task, plan, say)
    watched.main(cmd=[*_words(plan, work / "train", work / "stats", "text_shape"), *normal])
    return dict(watched.trainer.outcome)


def _words(plan: dict[str, Any], output: Path, shapes: Path, shape: str) -> list[str]:
    """The words for ESPnet's own entry point; the figures of the model stand in the recipe."""
    work, data = Path(plan["work"]), Path(plan["data"])
    words: list[Any] = ["--config", work / "recipe.yaml", "--output_dir", output, "--token_list", data / "tokens.txt"]
    for split in ("train", "valid"):
        words += [f"--{split}_data_path_and_name_and_type", f"{data / split / 'text'},text,text"]
        words += [f"--{split}_data_path_and_name_and_type", f"{data / split / 'wav.scp'},speech,sound"]
        words += [f"--{split}_shape_file", shapes / split / shape]
    words += ["--seed", plan["seed"], "--batch_size", plan["batch_size"], "--num_workers", plan["workers"]]
    words += ["--ngpu", plan["gpus"], "--num_iters_per_epoch", plan["epoch_steps"]]
    words += ["--max_epoch", -(-plan["steps"] // plan["epoch_steps"])]
    return [str(word) for word in words]


def _take_up(folder: Path) -> None:
    """After a kill in the middle of a write, go on from the checkpoint before it."""
    checkpoint, kept = folder / CHECKPOINT, folder / KEPT
    if not zipfile.is_zipfile(checkpoint):
        checkpoint.unlink(missing_ok=True)
        if kept.exists():
            kept.replace(checkpoint)


def _watched(task: Any, plan: dict[str, Any], say: Callable[[str], None]) -> Any:
    """The task with a trainer that is looked at in each step."""
    built: dict[str, Any] = {}

    class Watched(task.trainer):  # type: ignore[misc]
        done = 0
        losses: dict[str, float] = {}  # noqa: RUF012 - one run in this process
        outcome: dict[str, Any] = {}  # noqa: RUF012 - as above
        heard: list[dict[str, float]] = []  # noqa: RUF012 - as above
        announced = False

        @classmethod
        def run(cls, *, model: Any, optimizers: Any, **rest: Any) -> None:
            initial = parameter_digest(model)
            model.register_forward_hook(cls._look)
            optimizers[0].register_step_post_hook(cls._count)
            super().run(model=model, optimizers=optimizers, **rest)
            if cls.done != plan["steps"]:
                reason = "steps_incomplete" if cls.done else "no_training_steps"
                raise Unfit(reason, f"found {cls.done} steps; expected {plan['steps']}")
            if broken := non_finite(model.state_dict()):
                message = f"found {len(broken)} tensors with values that are not finite, first {broken[0]}"
                raise Unfit("weights_nonfinite", message)
            if parameter_digest(model) == initial:
                raise Unfit("weights_unchanged", "found the weights that training began with")
            cls.outcome = {
                "steps": cls.done,
                "losses": cls.losses,
                "initial": initial,
                "parameters": parameter_digest(model),
                "tensors": _save(model, task, built, plan),
            }

        @classmethod
        def resume(cls, *, reporter: Any, **rest: Any) -> None:
            super().resume(reporter=reporter, **rest)
            cls.done = min(reporter.get_epoch() * plan["epoch_steps"], plan["steps"])
            name = "loss" if reporter.has("train", "loss") else "generator_loss"
            cls.losses = {"loss": float(reporter.get_value("train", name))}
            say(f"PROGRESS {cls.done} {plan['steps']}")  # no epoch may be left to tell it

        @classmethod
        def train_one_epoch(cls, *, iterator: Any, **rest: Any) -> bool:
            checkpoint = Path(plan["work"], "train", CHECKPOINT)
            if checkpoint.exists():
                checkpoint.replace(checkpoint.with_name(KEPT))
            if not cls.announced:
                say(f"PROGRESS {cls.done} {plan['steps']}")
                say(f"STATS {json.dumps({'phase': plan['model'], 'attempt': plan['attempt']})}")
                cls.announced = True
            left = itertools.islice(iterator, plan["steps"] - cls.done)
            return bool(super().train_one_epoch(iterator=left, **rest))

        @classmethod
        def validate_one_epoch(cls, **rest: Any) -> None:
            cls.heard = []
            super().validate_one_epoch(**rest)
            if plan["validation"]:
                names = {name for figures in cls.heard for name in figures}
                found = {name: [figures[name] for figures in cls.heard if name in figures] for name in sorted(names)}
                say(f"STATS {json.dumps({f'val_{name}': sum(each) / len(each) for name, each in found.items()})}")

        @classmethod
        def _look(cls, module: Any, _: Any, found: Any) -> None:
            loss, stats = (found["loss"], found["stats"]) if isinstance(found, dict) else found[:2]
            figures = {name: float(value) for name, value in {"loss": loss, **stats}.items() if value is not None}
            if bad := [f"{name} {value}" for name, value in figures.items() if not math.isfinite(value)]:
                place = f"step {cls.done + 1}" if module.training else "validation"
                raise Unfit(f"non_finite_loss:{place}", f"{place}: found {', '.join(bad)}; expected finite losses")
            if "discriminator_loss" in figures:
                del figures["loss"]  # the loss of a GAN is that of its generator
            if module.training:
                cls.losses = {**cls.losses, **figures}
            else:
                cls.heard.append(figures)

        @classmethod
        def _count(cls, *_: Any) -> None:
            cls.done += 1
            if cls.done % plan["tell_every"] == 0 or cls.done == plan["steps"]:
                say(f"PROGRESS {cls.done} {plan['steps']}")
                say(f"STATS {json.dumps(cls.losses)}")

    class WatchedTask(task):  # type: ignore[misc]
        trainer = Watched

        @classmethod
        def build_model(cls, args: Any) -> Any:
            model = super().build_model(args)
            built.update(vars(args))  # with the vocabulary, and what the model takes by itself
            return model

    return WatchedTask


def _lane() -> Callable[[str], None]:
    """What writes a line of the lane, in one call."""
    number = os.environ.pop(LANE_VARIABLE, None)
    if number is None:
        return lambda _: None
    descriptor = int(number)

    def say(line: str) -> None:
        os.write(descriptor, f"{line}\n".encode())

    return say


def _save(model: Any, task: Any, config: Mapping[str, Any], plan: dict[str, Any]) -> str:
    """Save the voice as ESPnet reads it again, and return the digest of its tensors as they are read back."""
    import torch
    from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

    voice, name = Path(plan["voice"]), plan["model"]
    parts = [choices.name for choices in task.class_choices_list]
    kept = {"token_list", "odim", "model_conf", "version", *TEXT_KEYS, *parts, *(f"{part}_conf" for part in parts)}
    # Nothing of the place where it was trained.
    config = {key: value for key, value in config.items() if key in kept}
    if config["normalize"] == "global_mvn":
        _place(voice / f"{name}.npz", Path(config["normalize_conf"]["stats_file"]).read_bytes())
        config["normalize_conf"] = {"stats_file": f"{name}.npz"}
    _place(voice / f"{name}.yaml", yaml_no_alias_safe_dump(config, sort_keys=True).encode())
    tensors = {key: value.detach().cpu() for key, value in model.state_dict().items()}
    saved = io.BytesIO()
    torch.save(tensors, saved)
    _place(voice / f"{name}.pth", saved.getvalue())
    digest = tensor_digest(read_weights(voice / f"{name}.pth"))
    if digest != tensor_digest(tensors):
        raise Unfit("artifact_invalid", f"{name}.pth: found other tensors in the file than in the model")
    return digest


def _place(path: Path, data: bytes) -> None:
    """At the name lies the whole file, or nothing."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _speak(plan: dict[str, Any]) -> dict[str, Any]:
    import numpy as np
    import soundfile
    from espnet2.bin.tts_inference import Text2Speech

    name = plan["model"]
    sample = Path(plan["sample"]).resolve()
    os.chdir(plan["voice"])  # the configuration names its statistics without a folder
    voice = Text2Speech(
        train_config=f"{name}.yaml",
        model_file=f"{name}.pth",
        seed=plan["seed"],
        always_fix_seed=True,
        minlenratio=1.0,  # a model that has learnt little would stop before the first sound
    )
    tensors = voice.model.state_dict()
    if type(voice.tts).__name__.lower() != name:
        raise Unfit("artifact_invalid", f"{name}.pth: found a {type(voice.tts).__name__}; expected {name}")
    if tensor_digest(tensors) != tensor_digest(read_weights(Path(f"{name}.pth"))):
        raise Unfit("artifact_invalid", f"{name}.pth: found other tensors in the model than in the file")
    if broken := non_finite(tensors):
        raise Unfit("weights_nonfinite", f"{name}.pth: found {broken[0]} with values that are not finite")
    if parameter_digest(voice.model) == plan["initial"]:
        raise Unfit("weights_unchanged", f"{name}.pth: found the weights that training began with")
    if voice.vocoder is not None:
        voice.vocoder.griffin_lim = _griffin_lim(voice.vocoder.params, plan["seed"])
    sound = voice(plan["text"])["wav"].reshape(-1).cpu().numpy()
    if not len(sound) or not np.isfinite(sound).all() or np.ptp(sound) == 0:
        raise Unfit("artifact_invalid:sample.wav", "found no sound, or one that is constant or not finite")
    peak = float(np.abs(sound).max())
    soundfile.write(sample, sound / max(peak, 1.0), plan["sample_rate"], subtype="PCM_16")
    return {"tensors": tensor_digest(tensors), "seconds": len(sound) / plan["sample_rate"], "peak": peak}


def _griffin_lim(params: Mapping[str, Any], seed: int) -> Callable[[Any], Any]:
    """ESPnet's own way from a spectrogram to sound, but for the phases it begins with, which ESPnet leaves to chance."""
    import librosa

    def sound_of(spectrogram: Any) -> Any:
        return librosa.griffinlim(
            spectrogram.T,
            n_iter=params["n_iter"],
            hop_length=params["n_shift"],
            win_length=params["win_length"],
            window=params["window"],
            random_state=seed,
        )

    return sound_of


def read_weights(path: Path) -> dict[str, Any]:
    """The tensors of a file; nothing in it is run."""
    import torch

    weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def parameter_digest(model: Any) -> str:
    """The digest of what an optimiser changes; running means change without it."""
    return tensor_digest(dict(model.named_parameters()))


def tensor_digest(tensors: Any) -> str:
    """The SHA-256 of all tensors."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else b"")
    return digest.hexdigest()


def non_finite(tensors: Any) -> list[str]:
    """The names of the tensors that hold NaN or infinity."""
    import torch

    return [name for name, tensor in sorted(tensors.items()) if not bool(torch.isfinite(tensor).all())]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
