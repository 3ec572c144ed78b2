"""The writing side of ``train_status.json``.

Rules kept here:

- At every moment, also if the process is killed, the path holds the old document or the new one, whole.
- Only what `read_train_status` takes is written, and only finite numbers.
- A writer waits for no other: it may be a signal handler that interrupted another one in the same thread.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from helix_tts_policy.document import MAX_DOCUMENT_BYTES, pointer_token
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.train_status import read_train_status

if TYPE_CHECKING:
    from collections.abc import Iterator


def write_train_status(path: str | os.PathLike[str], status: Mapping[str, Any]) -> None:
    """Replace a status file by a document that says ``status``, as one step.

    Args:
        path: the file; its folder exists.
        status: a JSON object of a shape that `read_train_status` takes, such as ``{"job_type": "tts_prod_train_nemo",
            "status": "completed", "reason": None, "stats": {"loss": 0.5}, "artifacts": ["out/voice.nemo"]}``.

    Raises:
        TypeError: the status is no mapping, or holds what JSON has not.
        ValueError: it has another shape, holds NaN or Infinity, or is larger than a document may be.
        OSError: the file cannot be written; the old one stands as before.
    """
    if not isinstance(status, Mapping):
        raise TypeError(f"status: expected a mapping, found {type(status).__name__}")
    for pointer, value in _floats(status, ""):
        if not math.isfinite(value):
            raise ValueError(f"status: found {value} at {pointer}; expected a finite number")
    data = json.dumps(dict(status), indent=2, allow_nan=False).encode() + b"\n"
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ValueError(f"status: found {len(data)} bytes; expected at most {MAX_DOCUMENT_BYTES}")
    try:
        read_train_status(data, name="status")
    except MalformedInput as error:
        first = error.problems[0]
        raise ValueError(
            f"status: {first.path}: {first.message}" if first.path else f"status: {first.message}"
        ) from None
    _replace(os.fspath(path), data)


def _floats(value: object, pointer: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _floats(member, f"{pointer}/{pointer_token(key)}")
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            yield from _floats(member, f"{pointer}/{index}")


def _replace(path: str, data: bytes) -> None:
    folder, name = os.path.split(path)
    descriptor, temporary = _temporary(folder, name)
    try:
        try:
            os.ftruncate(descriptor, 0)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
            os.replace(temporary, path)  # noqa: PTH105 - a path as it came, text or not
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - as above
            raise
    finally:
        os.close(descriptor)
    # The name is on the disk only when its folder is.
    holder = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(holder)
    finally:
        os.close(holder)


_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _temporary(folder: str, name: str) -> tuple[int, str]:
    """A file beside the target that nobody else writes to, and its path.

    The first choice has a fixed name, so that what a killed writer left is written over by the next; a lock, which ends
    with its holder, tells whether somebody still writes there.
    """
    path = os.path.join(folder, f".{name}.tmp")  # noqa: PTH118 - as above
    descriptor = os.open(path, _FLAGS, 0o666)
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The last holder may have made this very file the target before the lock was had.
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return descriptor, path
    os.close(descriptor)
    path = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")  # noqa: PTH118 - as above
    return os.open(path, _FLAGS | os.O_EXCL, 0o666), path
