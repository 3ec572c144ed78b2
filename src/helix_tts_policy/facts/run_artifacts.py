"""What lies at the paths that a run names as its files. Whether that is what it should be is not said here.

Links are followed, since a run may link its best checkpoint, but never out of the run's folder.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class ArtifactState(StrEnum):
    """What lies at a path."""

    PRESENT = "present"
    MISSING = "missing"
    EMPTY = "empty"
    NOT_A_FILE = "not-a-file"
    OUTSIDE = "outside"
    UNREADABLE = "unreadable"


class ObservedArtifact(NamedTuple):
    """A path as the run names it, and what lies there; ``detail`` is why it could not be looked at."""

    path: str
    state: ArtifactState
    detail: str = ""


def observe_artifacts(root: str | os.PathLike[str], paths: Iterable[str]) -> tuple[ObservedArtifact, ...]:
    """What lies at each path, once each; a relative one is looked up below ``root``, and each has to lie there."""
    folder = os.fspath(root)
    return tuple(ObservedArtifact(path, *_look(folder, path)) for path in dict.fromkeys(paths))


def _look(folder: str, path: str) -> tuple[ArtifactState, str]:
    whole = os.path.join(folder, path)  # noqa: PTH118 - an absolute path stays one, and NUL is told apart below
    try:
        real = os.path.realpath(whole)
        base = os.path.realpath(folder)
        if os.path.commonpath((real, base)) != base or real == base:
            return ArtifactState.OUTSIDE, ""
        state = os.stat(real)  # noqa: PTH116 - as above
        if stat.S_ISDIR(state.st_mode):
            with os.scandir(real) as entries:
                return (ArtifactState.EMPTY if next(entries, None) is None else ArtifactState.PRESENT), ""
    except (FileNotFoundError, NotADirectoryError):
        return ArtifactState.MISSING, ""
    except (OSError, ValueError) as error:
        return ArtifactState.UNREADABLE, getattr(error, "strerror", None) or "no file can have such a name"
    if not stat.S_ISREG(state.st_mode):
        return ArtifactState.NOT_A_FILE, ""
    return (ArtifactState.PRESENT if state.st_size else ArtifactState.EMPTY), ""
