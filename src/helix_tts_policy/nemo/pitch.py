"""The pitch of every recording, computed once before training and kept by the bytes of the recording.

NeMo looks for it by the name of the file alone, and writes it in place. So the recordings are reached by links whose names
are their digests, the folder's name tells the settings, and a file appears there whole.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
import soundfile
import torch

from helix_tts_policy.nemo_recipes import HOP, PITCH, WINDOW

if TYPE_CHECKING:
    from pathlib import Path


class _Pitches(torch.utils.data.Dataset):  # type: ignore[misc]  # torch is not there where types are checked
    """Of each recording the sum, the sum of squares and the number of its voiced pitches; computes what is missing."""

    def __init__(self, paths: list[Path], folder: Path, rate: int) -> None:
        self._paths, self._folder, self._rate = paths, folder, rate

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[float, float, int]:
        target = self._folder / f"{self._paths[index].stem}.pt"
        if not target.exists():
            audio, _ = soundfile.read(self._paths[index], dtype="float32")
            found, _, _ = librosa.pyin(
                audio,
                fmin=PITCH["pitch_fmin"],
                fmax=PITCH["pitch_fmax"],
                frame_length=WINDOW,
                hop_length=HOP,
                sr=self._rate,
                fill_na=0.0,
            )
            temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
            torch.save(torch.from_numpy(found).float(), temporary)
            temporary.replace(target)
        pitch = torch.load(target, weights_only=True).double().numpy()
        voiced = pitch[pitch > 0]
        return float(voiced.sum()), float((voiced**2).sum()), len(voiced)


def prepare_pitch(manifests: list[Path], cache: Path, rate: int, workers: int) -> dict[str, Any]:
    """Compute what is missing, and say where it lies and how the pitch of the first manifest is to be normalised."""
    key = json.dumps([PITCH, WINDOW, HOP, rate, librosa.__version__], sort_keys=True)
    sup = cache / f"pitch-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    folder = sup / "pitch"
    folder.mkdir(parents=True, exist_ok=True)
    sums = []
    for manifest in manifests:
        rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
        paths = [cache / row["audio_filepath"] for row in rows]
        loader = torch.utils.data.DataLoader(_Pitches(paths, folder, rate), batch_size=None, num_workers=workers)
        sums.append(np.array([list(each) for each in loader], dtype=np.float64).sum(axis=0))
    total, squares, count = sums[0]
    mean = total / count if count else 0.0
    deviation = float(np.sqrt(max(squares / count - mean**2, 0.0))) if count else 0.0
    return {
        "sup_data_path": str(sup),
        "pitch_norm": True,
        "pitch_mean": float(mean),
        "pitch_std": deviation or 1.0,
    }
