"""Folders, and files, that stand in their place whole or not at all, also when the process is killed or the disk is full.

Rules kept here:

1. What is made is made in a sibling of the target, ``.NAME.helix-new``, and is on the disk before it gets the target's name.
2. At every moment the target is the old folder or the new one: the two change names in one step. Where the system knows no
   such step, the old one is renamed to ``.NAME.helix-old`` first, and between the two renames nothing has the target's
   name; the next run puts back what a killed one left so.
3. The old folder is removed only after the new one has its name, and never under the name by which it would be put back.
4. One run works on a target at a time: ``.NAME.helix-lock`` is locked meanwhile, and the lock ends with the process.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helix_tts_policy.digest import CHUNK_SIZE, FileChanged, still_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
"""From Linux' ``fcntl.h`` and ``fs.h``; renameat2(2) has both."""

_NO_EXCHANGE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
"""What a kernel or a file system answers that cannot exchange names."""


@contextmanager
def folder_in_the_making(target: Path) -> Iterator[Path]:
    """An empty folder beside the target that is this run's alone; removed at the end, unless it was put in place.

    What a killed run left is put back or removed first.

    Raises:
        BlockingIOError: another run works on the target.
        OSError: the folder cannot be made.
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(target.parent))
    with _locked(_sibling(target, "lock")):
        new, old = _sibling(target, "new"), _sibling(target, "old")
        if os.path.lexists(new):
            shutil.rmtree(new)
        if os.path.lexists(old):
            if os.path.lexists(target):
                old.rename(new)
                shutil.rmtree(new)
            else:
                old.rename(target)
        new.mkdir()
        try:
            yield new
        finally:
            # What cannot be removed now is removed by the next run; the target stands as it should all the same.
            shutil.rmtree(new, ignore_errors=True)


def put_in_place(new: Path, target: Path) -> None:
    """Give a folder from `folder_in_the_making` the name of the target, and what had that name the other one.

    Raises:
        OSError: it has the old name still, and the target is as before.
    """
    _sync_folders(new)
    if not os.path.lexists(target):
        new.rename(target)
    elif not _exchanged(new, target):
        old = target.rename(_sibling(target, "old"))
        try:
            new.rename(target)
        except OSError:
            old.rename(target)
            raise
        sync(target.parent)  # before the name goes by which the old one would be put back
        old.rename(new)
    sync(target.parent)


def copy_file(
    source: str | os.PathLike[str],
    target: Path,
    *,
    follow_links: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Copy the bytes of a regular file to a new one, down to the disk; ``progress`` is called with the bytes of each step.

    Raises:
        NotARegularFile: the source is something else.
        FileChanged: it changed meanwhile.
        OSError: it cannot be read, or the copy cannot be written.
    """
    with (
        still_file(source, follow_links=follow_links) as (reading, before),
        open(target, "xb", buffering=0) as writing,  # noqa: PTH123 - a new file, and no other
    ):
        size = 0
        while chunk := os.read(reading, CHUNK_SIZE):
            size += len(chunk)
            if size > before.st_size:
                raise FileChanged("it grew while it was copied")
            _write(writing.fileno(), chunk)
            if progress is not None:
                progress(len(chunk))
        os.fsync(writing.fileno())


def write_file(target: Path, data: bytes) -> None:
    """Write a new file, down to the disk.

    Raises:
        OSError: it exists, or cannot be written.
    """
    with open(target, "xb", buffering=0) as writing:  # noqa: PTH123 - as above
        _write(writing.fileno(), data)
        os.fsync(writing.fileno())


def replace_file(target: Path, data: bytes) -> None:
    """Write a file in the place of the one that stands there, if any, down to the disk.

    Raises:
        OSError: it cannot be written.
    """
    new = target.with_name(f".{target.name}.new")
    new.unlink(missing_ok=True)
    write_file(new, data)
    new.replace(target)
    sync(target.parent)


def sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folders(folder: Path) -> None:
    for below, _, _ in os.walk(folder):
        sync(Path(below))


def _sibling(target: Path, ending: str) -> Path:
    return target.with_name(f".{target.name}.helix-{ending}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have removed the file between the two calls, and then the lock is on no file any more.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                    break
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether the two have changed names; not where the system knows no such step.

    Raises:
        OSError: they have not, for another reason.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # not in every C library
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), os.fspath(one), None, os.fspath(other))
