"""From a folder to a report on the voice bundle in it.

Rules kept here:

1. Bad input never raises, it becomes findings; misuse by the caller raises `TypeError` or `ValueError`.
2. No link is followed below the folder that the caller named, and nothing is opened that is no regular file.
3. What was listed, hashed and inspected is the same: a file or a manifest that is another one afterwards is told.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.bundle_report import BundleReport
from helix_tts_policy.check import time_of
from helix_tts_policy.digest import FileIdentity
from helix_tts_policy.document import read_stream, unreadable
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.file_format import InspectedFile, inspect_file
from helix_tts_policy.facts.license_policy import GATES, LicensePolicy, default_policy
from helix_tts_policy.facts.voice_bundle import MANIFEST_NAME, VoiceBundle, artifact_digest, read_voice_bundle
from helix_tts_policy.facts.weights_file import FileProblem, observe_weights
from helix_tts_policy.facts.weights_manifest import Component
from helix_tts_policy.license_decision import decide_license, utc_day
from helix_tts_policy.license_standing import standing_of
from helix_tts_policy.rules.bundle_subject import BundleSubject, SourceManifest, weights_references
from helix_tts_policy.rules.manifest_subject import LicensedPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from helix_tts_policy.facts.voice_bundle import Bundle
    from helix_tts_policy.facts.weights_file import ObservedWeights


class _Document(NamedTuple):
    data: bytes
    identity: FileIdentity


def verify_bundle(
    directory: str | os.PathLike[str],
    *,
    policy: LicensePolicy | None = None,
    now: datetime | None = None,
    name: str | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BundleReport:
    """Verify a voice bundle: its manifest, the licences in it, and every file of the folder by name, size, digest and format.

    Args:
        directory: the folder; a link to it is followed, since the caller named it.
        policy: what is accepted of a licence; the built-in policy when None.
        now: the time of the check, with offset; the clock is read once when None.
        name: what findings call the folder; by default the path as given.
        jobs: files hashed at once; by default one for each usable core, at most 8.
        progress: called while hashing with bytes read and bytes to read, from any thread, one call at a time.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: ``now`` has no offset, or ``jobs`` is less than 1.
    """
    now = time_of(now)
    if policy is None:
        policy = default_policy()
    elif not isinstance(policy, LicensePolicy):
        raise TypeError(f"policy: expected a LicensePolicy, found {type(policy).__name__}")
    if jobs is not None and jobs < 1:
        raise ValueError("jobs: expected 1 or more")
    if not isinstance(directory, str | os.PathLike):
        raise TypeError(f"directory: expected a path, found {type(directory).__name__}")
    path = os.fspath(directory)
    if not isinstance(path, str):
        raise TypeError("directory: expected a path of text, found one of bytes")
    name = name or path
    root, manifest_name = Path(path), f"{name.rstrip('/')}/{MANIFEST_NAME}"
    data = b""
    try:
        manifest = _read_manifest(path, name, manifest_name)
        data = manifest.data
        bundle = read_voice_bundle(data, manifest_name)
    except MalformedInput as error:
        return BundleReport(name, manifest_name, data, policy, now, malformed=error)
    files = {file.path: file.bytes for file in bundle.files}
    before = dict(_identities(root, files))
    # A manifest that lists itself is looked for like any other file, and is no match then.
    ignore = frozenset((MANIFEST_NAME,)) - files.keys()
    observed = observe_weights(root, expected=files, ignore=ignore, jobs=jobs, progress=progress)
    inspected = tuple(_inspected(root, bundle, observed))
    source = _source_manifest(root, bundle, observed)
    after = dict(_identities(root, files))
    subject = BundleSubject(
        bundle,
        now,
        artifact_sha256=artifact_digest(data),
        licenses=_decide(bundle, policy, now),
        observed=_held_still(observed, before, after),
        inspected=inspected,
        manifest_change=_change(manifest.identity, _identity(root / MANIFEST_NAME)),
        source=source,
    )
    return BundleReport(name, manifest_name, data, policy, now, subject=subject)


def _read_manifest(path: str, name: str, manifest_name: str) -> _Document:
    if not path:  # to Path it is the working folder, which nobody named
        words = "is an empty path; expected the folder of a voice bundle"
        raise unreadable(name, words, "name the folder of a voice bundle")
    root = Path(path)
    try:
        return _read(root / MANIFEST_NAME, manifest_name)
    except (OSError, ValueError) as error:
        raise _unopened(error, root, name, manifest_name) from None


def _read(path: Path, source: str) -> _Document:
    """The bytes of a regular file of bounded size that no link leads to, and which file it was.

    Raises:
        MalformedInput: it is something else, or too large.
        OSError, ValueError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    look = os.fstat(descriptor)
    if not stat.S_ISREG(look.st_mode):
        os.close(descriptor)
        raise unreadable(source, "is no regular file; expected one", "put the file itself in its place")
    with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
        return _Document(read_stream(stream, source=source), FileIdentity.of(look))


def _unopened(error: OSError | ValueError, root: Path, name: str, manifest_name: str) -> MalformedInput:
    """Why there is no manifest to be read: the folder is none, or has none, or has something else in its place."""
    tip = "name the folder of a voice bundle"
    words = "cannot be opened: no file can have such a name"
    if isinstance(error, OSError):
        words = f"cannot be opened: {error.strerror}"
        if error.errno in {errno.ENOENT, errno.ENOTDIR} and not root.is_dir():
            words = "is no folder" if os.path.lexists(root) else "does not exist"
        elif error.errno == errno.ENOENT:
            message = f"found no {MANIFEST_NAME}; expected the one that lists the files of the bundle"
            tip = "name the folder of a voice bundle, or build one with: helix-tts-policy bundle build"
            return MalformedInput(name, (Problem(kind=ProblemKind.NO_BUNDLE, message=message, tip=tip),))
        elif error.errno == errno.ELOOP and (root / MANIFEST_NAME).is_symlink():
            return unreadable(manifest_name, "is a link; expected a regular file", "put the manifest itself there")
    return unreadable(name, f"{words}; expected the folder of a voice bundle", tip)


def _decide(bundle: Bundle, policy: LicensePolicy, now: datetime) -> tuple[LicensedPart, ...]:
    parts = []
    for path, reference in weights_references(bundle):
        component = Component(name=reference.id, role="base_model")
        for gate in GATES:
            expression = reference.weights_license if gate == "weights" else reference.code_license
            standing = standing_of(policy, gate, model_id=reference.id, texts=frozenset(), today=utc_day(now))
            decision = decide_license(expression, gate, policy, standing)
            parts.append(LicensedPart(f"{path}/{gate}_license", gate, component, decision))
    return tuple(parts)


def _inspected(root: Path, bundle: Bundle, observed: ObservedWeights) -> Iterator[tuple[str, InspectedFile]]:
    """What the bytes of every listed file are; one that could not be hashed has been told of already."""
    for index, file in enumerate(bundle.files):
        seen = observed.by_path(file.path)
        if seen is not None and seen.hex is not None:
            yield f"/files/{index}/path", inspect_file(root / file.path, name=file.path)


def _source_manifest(root: Path, bundle: Bundle, observed: ObservedWeights) -> SourceManifest | None:
    """The manifest of the source, where its provenance names a file of the bundle that is what it should be."""
    provenance = bundle.provenance if isinstance(bundle, VoiceBundle) else None
    if provenance is None:
        return None
    path = provenance.source_manifest_path
    file = next((each for each in bundle.files if each.path == path), None)
    seen = None if file is None else observed.by_path(file.path)
    if file is None or seen is None or seen.hex != file.sha256:
        return None
    try:
        data = _read(root / file.path, file.path).data
        return SourceManifest(file, read_voice_bundle(data, file.path), artifact_digest(data))
    except (OSError, MalformedInput):
        return SourceManifest(file, None, None)


def _identities(root: Path, files: Mapping[str, int]) -> Iterator[tuple[str, FileIdentity | None]]:
    return ((path, _identity(root / path)) for path in files)


def _identity(path: Path) -> FileIdentity | None:
    """Which file a path names and when it was last written to; None for one that names nothing."""
    try:
        return FileIdentity.of(os.lstat(path))
    except (OSError, ValueError):
        return None


def _change(before: FileIdentity | None, after: FileIdentity | None) -> str:
    if before == after:
        return ""
    if before is None or after is None:
        return "its path names nothing any more" if after is None else "it came into being meanwhile"
    return "it was written to" if before[:2] == after[:2] else "its path names another file now"


def _held_still(
    observed: ObservedWeights, before: Mapping[str, FileIdentity | None], after: Mapping[str, FileIdentity | None]
) -> ObservedWeights:
    """The facts, without the digests of files that were others before they were hashed, or after they were inspected."""
    files = [
        replace(file, hex=None, problem=FileProblem.CHANGED, detail=change)
        if file.hex is not None and (change := _change(before.get(file.path), after.get(file.path)))
        else file
        for file in observed.files
    ]
    return replace(observed, files=tuple(files))
