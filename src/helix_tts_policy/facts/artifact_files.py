"""The files of a run with their digests: what lies at the paths that the run names, and in the folders among them.

A link is followed only where it stays in the run's folder, as `observe_artifacts` says. A file whose digest is known already
is not read again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.digest import FileChanged, FileIdentity, HashedFile, NotARegularFile, hash_file
from helix_tts_policy.facts.run_artifacts import ArtifactState, observe_artifacts
from helix_tts_policy.facts.weights_file import FileKind, observe_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_FILES: Final = 20_000
"""Files of one run that are hashed; a manifest lists no more either."""


class ArtifactFile(NamedTuple):
    """A file of a run.

    Attributes:
        path: as the run names it.
        real: where it lies.
        size: in bytes.
        sha256: of its bytes; empty where it has none.
        identity: which file it was before it was hashed; None for what is no regular file.
    """

    path: str
    real: str
    size: int = 0
    sha256: str = ""
    identity: FileIdentity | None = None


def artifact_files(
    root: str | os.PathLike[str], paths: Iterable[str], known: Mapping[str, HashedFile]
) -> tuple[ArtifactFile, ...]:
    """Every file at the paths, each once; ``known`` has size and digest by real path.

    What has no digest is listed as well: what is no regular file, and the first of those beyond `MAX_FILES`, which are not looked
    at.
    """
    found: dict[str, ArtifactFile] = {}
    for artifact in observe_artifacts(root, paths):
        if artifact.state is not ArtifactState.PRESENT:
            continue
        real = os.path.realpath(os.path.join(os.fspath(root), artifact.path))  # noqa: PTH118 - an absolute path stays one
        for file in _files(artifact.path.rstrip("/"), real, known):
            if len(found) == MAX_FILES:
                return (*found.values(), ArtifactFile(file.path, file.real))
            found.setdefault(file.real, file)
    return tuple(found.values())


def _files(path: str, real: str, known: Mapping[str, HashedFile]) -> Iterator[ArtifactFile]:
    if not os.path.isdir(real):  # noqa: PTH112 - as above
        identity = file_identity(real)
        yield ArtifactFile(path, real, *_looked_up(real, known), identity)
        return
    listed = observe_weights(Path(real), expected={})
    if listed.root_problem is not None or listed.truncated is not None:
        yield ArtifactFile(path, real)
    for file in listed.files:
        inner = f"{real}/{file.path}"
        regular = file.kind is FileKind.FILE and file.problem is None
        hashed = _looked_up(inner, known) if regular else HashedFile(0, "")
        yield ArtifactFile(f"{path}/{file.path}", inner, *hashed, file.identity)


def file_digest(path: str) -> HashedFile | None:
    """Size and SHA-256 of a file; None where there is none that can be read and holds still."""
    try:
        return hash_file(path, follow_links=True)
    except (OSError, ValueError, FileChanged, NotARegularFile):
        return None


def file_identity(path: str) -> FileIdentity | None:
    """Which file lies at a path, its last link followed; None where none does."""
    try:
        return FileIdentity.of(os.stat(path))  # noqa: PTH116 - the path as it is shown
    except (OSError, ValueError):
        return None


def _looked_up(real: str, known: Mapping[str, HashedFile]) -> HashedFile:
    return known.get(real) or file_digest(real) or HashedFile(0, "")
