"""What suffixes promise, and what formats are called in messages: literal tables."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.formats.inspected import FileFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

NEMO: Final = (FileFormat.NEMO, FileFormat.NEMO_GZIP)
TAR: Final = (FileFormat.TAR, FileFormat.TAR_GZIP)
TORCH: Final = (FileFormat.TORCH, FileFormat.TORCH_LEGACY)

UNLISTED: Final[Mapping[FileFormat, tuple[FileFormat, ...]]] = MappingProxyType(
    {
        FileFormat.ZIP: TORCH,
        FileFormat.TAR: NEMO,
        FileFormat.TAR_GZIP: NEMO,
        FileFormat.GZIP: NEMO,
    }
)
"""What an archive may have been whose members could not be listed."""

EXPECTED: Final[Mapping[str, tuple[FileFormat, ...]]] = MappingProxyType(
    {
        ".nemo": NEMO,
        ".pt": TORCH,
        ".pth": TORCH,
        ".ckpt": TORCH,
        ".pkl": (FileFormat.PICKLE, *TORCH),
        ".pickle": (FileFormat.PICKLE, *TORCH),
        ".joblib": (FileFormat.PICKLE,),
        ".npy": (FileFormat.NPY,),
        ".npz": (FileFormat.ZIP,),
        ".safetensors": (FileFormat.SAFETENSORS,),
        ".onnx": (FileFormat.ONNX,),
        ".gguf": (FileFormat.GGUF,),
        ".htsvoice": (FileFormat.HTSVOICE,),
        ".wav": (FileFormat.WAV,),
        ".flac": (FileFormat.FLAC,),
        ".ogg": (FileFormat.OGG,),
    }
)
"""What each suffix promises. A suffix that is not listed promises nothing."""

ANY_WEIGHTS: Final = frozenset({".bin"})
"""Suffixes of weights in many formats."""

WEIGHTS: Final = frozenset(
    {
        *(NEMO + TORCH),
        *(
            FileFormat.PICKLE,
            FileFormat.NPY,
            FileFormat.SAFETENSORS,
            FileFormat.ONNX,
            FileFormat.GGUF,
            FileFormat.HTSVOICE,
        ),
    }
)
"""What a file with such a suffix may be."""

UNRECOGNISED: Final = frozenset({FileFormat.UNKNOWN, FileFormat.TEXT, FileFormat.JSON})
"""What nobody can look into; also weights without a header are this."""

CALLED: Final[Mapping[FileFormat, str]] = MappingProxyType(
    {
        FileFormat.NEMO: "a NeMo archive",
        FileFormat.NEMO_GZIP: "a NeMo archive packed with gzip",
        FileFormat.TAR: "a tar archive",
        FileFormat.TAR_GZIP: "a tar archive packed with gzip",
        FileFormat.GZIP: "a file packed with gzip",
        FileFormat.TORCH: "a checkpoint of torch",
        FileFormat.TORCH_LEGACY: "a checkpoint of torch before 1.6",
        FileFormat.TORCHSCRIPT: "a TorchScript program",
        FileFormat.ZIP: "a zip archive",
        FileFormat.PICKLE: "a pickle",
        FileFormat.NPY: "an array of numpy",
        FileFormat.SAFETENSORS: "safetensors",
        FileFormat.ONNX: "an ONNX model",
        FileFormat.GGUF: "GGUF",
        FileFormat.HTSVOICE: "an HTS voice",
        FileFormat.WAV: "RIFF/WAVE audio",
        FileFormat.FLAC: "FLAC audio",
        FileFormat.OGG: "Ogg",
        FileFormat.LFS_POINTER: "a Git LFS pointer",
        FileFormat.JSON: "JSON",
        FileFormat.TEXT: "text",
        FileFormat.EMPTY: "no bytes",
        FileFormat.UNKNOWN: "bytes of no known format",
    }
)
"""What each format is called in a message."""
