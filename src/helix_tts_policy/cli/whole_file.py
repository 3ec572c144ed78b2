"""Files that are written whole or not at all, and never over something that nobody looked at."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from helix_tts_policy.cli import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

NEW_FILE_MODE = 0o644
"""``mkstemp`` makes files for one user; a document is for all."""


def check_new(path: Path, option: str = "--output") -> None:
    """Make sure, before any work is done, that a file can be new.

    Raises:
        UsageError: there is something of that name, or no folder for it.
    """
    if os.path.lexists(path):
        raise UsageError(f"{option}: {str(path)!a} exists; name a new file, or remove the old one first")
    if not path.parent.is_dir():
        raise UsageError(f"{option}: {str(path.parent)!a} is no folder; name a file in one that exists")


def write_new(path: Path, text: str, option: str = "--output") -> None:
    """Write a file that did not exist.

    Raises:
        UsageError: it exists by now, or cannot be written.
    """
    # A link fails where the name was taken meanwhile, which a rename would not.
    _write(path, text, NEW_FILE_MODE, os.link, option)


def write_over(path: Path, text: str, was: bytes, option: str) -> None:
    """Write a file anew that still holds what was read from it; a link leads to the file that is written.

    Raises:
        UsageError: it holds something else by now, or cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
        if target.read_bytes() != was:
            raise UsageError(
                f"{option}: {str(path)!a} changed while it was worked on; nothing was written, run it again"
            )
    except OSError as error:
        raise UsageError(f"{option}: {str(path)!a} cannot be read: {error.strerror}") from None
    _write(target, text, mode, os.replace, option)


def _write(path: Path, text: str, mode: int, put: Callable[[str, Path], None], option: str) -> None:
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with open(descriptor, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123 - a descriptor, not a path
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, mode)  # noqa: PTH101 - the text as mkstemp gives it
            put(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{option}: {str(path)!a} cannot be written: {error.strerror}") from None
