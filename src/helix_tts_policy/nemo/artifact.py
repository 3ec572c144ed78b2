"""A trained model as a file that depends on nothing but its weights and its configuration.

Rules kept here:

- The digest of a model is over its tensors, in the order of their names: name, type, shape and bytes.
- An archive has no times, no users and no paths of the machine, so that equal models are equal files.
- At its final name lies a whole archive or none: it is written beside it, read back, and moved there once it is on the disk.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from omegaconf import OmegaConf

from helix_tts_policy.training_process import DISK_FULL

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG, WEIGHTS = "model_config.yaml", "model_weights.ckpt"


class Unfit(Exception):  # noqa: N818 - what it is
    """What was trained, or is to be trained on, is not what it should be.

    Attributes:
        reason: a code, or ``code:detail``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def reason_of(error: BaseException) -> dict[str, str] | None:
    """Why a stage failed, by what was raised and what that was raised from; None where nobody knows the reason."""
    each: BaseException | None = error
    while each is not None:
        reason = None
        if isinstance(each, Unfit):
            reason = each.reason
        elif (isinstance(each, OSError) and each.errno in DISK_FULL) or "PytorchStreamWriter failed" in str(each):
            reason = "out_of_disk"
        elif isinstance(each, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(each):
            reason = "out_of_memory"
        if reason is not None:
            return {"reason": reason, "message": str(each) or type(each).__name__}
        each = each.__cause__ or each.__context__
    return None


def tensor_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """The SHA-256 of all tensors."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else b"")
    return digest.hexdigest()


def non_finite(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """The names of the tensors that hold NaN or infinity."""
    return [name for name, tensor in sorted(tensors.items()) if not bool(torch.isfinite(tensor).all())]


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of an archive; nothing in it is run."""
    with tarfile.open(path) as archive:
        member = next(each for each in archive if os.path.normpath(each.name) == WEIGHTS)
        file = archive.extractfile(member)
        if file is None:
            raise Unfit("artifact_invalid", f"{path.name}: found no file {WEIGHTS}; expected the weights")
        weights: dict[str, torch.Tensor] = torch.load(io.BytesIO(file.read()), map_location="cpu", weights_only=True)
    return weights


def save(model: Any, path: Path, digest: str) -> None:
    """Save a model whose tensors have a digest, which those that are read back have to have."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        packed, normal = Path(folder, "packed.nemo"), Path(folder, "normal.nemo")
        model.save_to(str(packed))
        _normalise(packed, normal)
        if tensor_digest(read_weights(normal)) != digest:
            raise Unfit("artifact_invalid", f"{path.name}: found other tensors in the archive than in the model")
        normal.replace(path)
        holder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(holder)
        finally:
            os.close(holder)


def _normalise(source: Path, target: Path) -> None:
    with tarfile.open(source) as archive, target.open("wb") as file:
        members = {os.path.normpath(each.name): each for each in archive if each.isfile()}
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as normal:
            for name in sorted(members):
                content = archive.extractfile(members[name])
                data = b"" if content is None else content.read()
                if name == CONFIG:
                    data = _scrubbed(data)
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o644
                normal.addfile(member, io.BytesIO(data))
        file.flush()
        os.fsync(file.fileno())


def _scrubbed(data: bytes) -> bytes:
    """A configuration without what it says of the place where it trained; of the data it keeps the class, as NeMo needs it."""
    config = OmegaConf.create(data.decode())
    train = config.get("train_ds", {}).get("dataset", {})
    for name in ("train_ds", "validation_ds", "test_ds"):
        config.pop(name, None)
    config["train_ds"] = {"defer_setup": True, "dataset": {"_target_": train.get("_target_")}}
    text: str = OmegaConf.to_yaml(config, sort_keys=True)
    return text.encode()
