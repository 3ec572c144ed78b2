"""The second look: ``python -m helix_tts_policy.nemo.speak PLAN.json`` takes what was saved, looks at it, and has it speak.

It is a process of its own, so that nothing counts but what stands in the files. A voice that was trained in part speaks with
what there is: a spectrogram is turned into sound by Griffin and Lim's method, a vocoder repeats a recording.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import librosa
import numpy as np
import soundfile
import torch

from helix_tts_policy.nemo import artifact, models
from helix_tts_policy.nemo_recipes import HOP, WINDOW, highest_frequency

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS: Final = {"fastpitch": {"fastpitch", "preprocessor", "aligner"}, "hifigan": {"generator", "mpd", "msd"}}
"""The parts of each network, of which every one has tensors."""


def main(arguments: Sequence[str]) -> int:
    """Look, speak, and write down what was found; exit code 1 where there is a reason against it."""
    plan = json.loads(Path(arguments[0]).read_text("utf-8"))
    try:
        outcome: dict[str, Any] = _look(plan)
    except artifact.Unfit as error:
        outcome = {"reason": error.reason, "message": str(error)}
    Path(plan["result"]).write_text(json.dumps(outcome), "utf-8")
    return 1 if "reason" in outcome else 0


def _look(plan: dict[str, Any]) -> dict[str, Any]:
    voice, digests = {}, {}
    for stage, path in plan["weights"].items():
        voice[stage] = models.restored(Path(path), stage).eval()
        tensors = voice[stage].state_dict()
        if missing := PARTS[stage] - {name.split(".")[0] for name in tensors}:
            raise artifact.Unfit(
                f"artifact_invalid:{stage}", f"{stage}: found no tensors of {', '.join(sorted(missing))}"
            )
        if broken := artifact.non_finite(tensors):
            raise artifact.Unfit(f"weights_nonfinite:{stage}", f"{stage}: found {broken[0]} with values not finite")
        digests[stage] = artifact.tensor_digest(tensors)
    torch.manual_seed(plan["seed"])
    with torch.inference_mode():
        sound = _sound(_spectrogram(plan, voice), voice, plan["sample_rate"])
    if not len(sound) or not np.isfinite(sound).all() or np.ptp(sound) == 0:
        raise artifact.Unfit("artifact_invalid:sample.wav", "found no sound, or one that is constant or not finite")
    soundfile.write(plan["sample"], sound, plan["sample_rate"], subtype="PCM_16")
    return {"tensors": digests, "seconds": len(sound) / plan["sample_rate"], "peak": float(np.abs(sound).max())}


def _spectrogram(plan: dict[str, Any], voice: dict[str, Any]) -> Any:
    if "fastpitch" not in voice:
        audio, _ = soundfile.read(plan["recording"], dtype="float32")
        return voice["hifigan"].audio_to_melspec_precessor(torch.from_numpy(audio)[None], torch.tensor([len(audio)]))[0]
    tokens = voice["fastpitch"].parse(plan["text"])
    if not tokens.numel():
        raise artifact.Unfit("text_out_of_vocabulary", "found a sentence without a known symbol; expected one to speak")
    return voice["fastpitch"].generate_spectrogram(tokens=tokens)


def _sound(mel: Any, voice: dict[str, Any], rate: int) -> Any:
    if "hifigan" in voice:
        return voice["hifigan"].convert_spectrogram_to_audio(spec=mel)[0].numpy()
    return librosa.feature.inverse.mel_to_audio(
        np.exp(mel[0].numpy()), sr=rate, n_fft=WINDOW, hop_length=HOP, power=1.0, fmax=highest_frequency(rate)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
