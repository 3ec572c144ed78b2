"""Rules over the bytes: what lies under the root, held against what the manifest states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.weights_file import FileKind, FileProblem
from helix_tts_policy.finding import printable, shown
from helix_tts_policy.rules.digest_text import digest_defect
from helix_tts_policy.rules.file_entry import unsafe_path
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.weights_file import ObservedFile, ObservedWeights
    from helix_tts_policy.facts.weights_manifest import ManifestFile
    from helix_tts_policy.rules.manifest_subject import ManifestSubject
    from helix_tts_policy.rules.rule import ListsFiles

_RESTORE = "restore the reviewed file, or review the new one and write a new manifest"


def bytes_not_checked(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        Whether the weights were there to be hashed.

    Why it is a note:
        Without a root the manifest is judged by what it states. Before a promotion somebody must hold it against the bytes.

    Example:
        `helix-tts-policy verify weights-manifest.json`

    Remedy:
        Give the folder or file of the weights: `--root DIR`.
    """
    if subject.observed is None:
        message = "found no root to look in, so sizes and digests were not checked against the bytes"
        yield Complaint("/checksum", message, "give the folder or file of the weights with --root")


def root_unusable(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        The root exists, is a folder or a regular file, can be listed, and holds no more than 100,000 entries in 32 levels.

    Why it is NO-GO:
        What cannot be looked at cannot be vouched for.

    Example:
        `--root no-such-folder`

    Remedy:
        Name the folder that holds the release and nothing else.
    """
    observed = _observed(subject)
    if observed.root_problem is not None:
        yield Complaint(
            "",
            f"the root {shown(str(observed.root))} cannot be used: {observed.root_problem}",
            "name the folder or file of the weights",
        )
    elif observed.truncated is not None:
        yield Complaint(
            "",
            f"the root {shown(str(observed.root))} was not listed to the end: {observed.truncated}",
            "name the folder of this release alone",
        )


def weights_file_ambiguous(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        Without `files`, the root is one file, or a folder with exactly one file beside the manifest; with `files`, a root
        that is one file is the only one listed.

    Why it is NO-GO:
        A checksum that could belong to several files vouches for none of them.

    Example:
        A manifest without `files` beside a folder with `voice.nemo` and `LICENSE`.

    Remedy:
        Name the file with `--root FILE`, or list every file under `files`.
    """
    observed, listed = _observed(subject), subject.files
    if observed.root_problem is not None:
        return
    if listed is None and observed.root_kind is FileKind.FOLDER:
        found = [file for file in observed.files if file.kind is not FileKind.FOLDER]
        if len(found) != 1:
            names = ", ".join(shown(file.path) for file in found[:3]) + (", …" if len(found) > 3 else "")
            message = f"found {len(found)} files in the root{': ' if names else ''}{names}; expected one, since the manifest lists none"
            yield Complaint("/checksum", message, 'name the weights with --root FILE, or list every file under "files"')
    elif listed is not None and observed.root_kind is FileKind.FILE and len(listed) != 1:
        message = f"found one file as root; expected the folder of the {len(listed)} listed files"
        yield Complaint("/files", message, "give the folder with --root DIR")


def file_missing(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        Every file of `files` lies under the root, under exactly that name.

    Why it is NO-GO:
        A release without one of its files is another release.

    Example:
        `files` lists `vocoder.nemo`, and the folder has none.

    Remedy:
        Put the file there, or write a manifest of what is really shipped.
    """
    for index, file, seen in _listed(subject):
        if seen is None and unsafe_path(file.path) is None:
            message = f"found no {shown(file.path)} under the root; expected {file.bytes} bytes"
            yield Complaint(
                f"/files/{index}/path", message, "put the file there, or write a manifest of what is shipped"
            )


def file_unlisted(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        With `files`, no file lies under the root that the manifest does not list; the manifest itself is left out.

    Why it is NO-GO:
        What no manifest vouches for has no licence and no digest, and it would ship all the same.

    Example:
        A `speaker_encoder.pt` that somebody left in the folder.

    Remedy:
        Remove the file, or list it with its size and digest.
    """
    if subject.files is None or _observed(subject).root_kind is not FileKind.FOLDER:
        return
    listed = {file.path for file in subject.files}
    for seen in _observed(subject).files:
        if seen.path not in listed and seen.kind is FileKind.FILE and seen.problem is not FileProblem.UNREADABLE:
            message = f"found {shown(seen.path)} ({seen.size} bytes) under the root; expected only listed files"
            yield Complaint("/files", message, "remove the file, or list it under files")


def file_not_regular(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        Everything under the root is a regular file or a folder: no links, devices, FIFOs or sockets.

    Why it is NO-GO:
        What a link leads to can change without a byte of the release changing.

    Example:
        `voice.nemo -> /mnt/models/latest.nemo`

    Remedy:
        Put a copy of the file in its place. For a hub cache, make a folder with real files first.
    """
    bad = [seen for seen in _observed(subject).files if seen.kind not in (FileKind.FILE, FileKind.FOLDER)]
    for pointer, seen in _with_pointers(subject, bad):
        message = f"found {shown(seen.path)}, which is a {seen.kind}; expected a regular file"
        yield Complaint(pointer, message, "put a copy of the file itself in its place")


def file_unreadable(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        Every file can be opened and read to its end, every folder can be listed, and every name is UTF-8.

    Why it is NO-GO:
        What cannot be read was not checked.

    Example:
        A file that only another account may read.

    Remedy:
        Give the account that runs the check the right to read, and give the file a name that can be written in JSON.
    """
    told: dict[FileProblem | None, str] = {
        FileProblem.UNREADABLE: "make it readable for the account that runs the check",
        FileProblem.TOO_DEEP: "name the folder of this release alone",
        FileProblem.NAME_NOT_UTF8: "give it a name in UTF-8, which a manifest can list",
    }
    for pointer, seen in _with_pointers(subject, [seen for seen in _observed(subject).files if seen.problem in told]):
        message = f"{shown(seen.path)} was not read: {seen.detail}; expected a file that can be read to its end"
        yield Complaint(pointer, message, told[seen.problem])


def file_changed(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        No file changes, grows, shrinks or is replaced between the first look at it and the last.

    Why it is NO-GO:
        The digest would speak of bytes that are no longer there. A swap during hashing is how a checked file becomes
        another one.

    Example:
        A download that is still running.

    Remedy:
        Wait until nothing writes to the folder, then check again.
    """
    changed = [seen for seen in _observed(subject).files if seen.problem is FileProblem.CHANGED]
    for pointer, seen in _with_pointers(subject, changed):
        message = f"{shown(seen.path)} changed while it was read: {seen.detail}; expected a file that holds still"
        yield Complaint(pointer, message, "wait until nothing writes to it, then check again")


def file_size_mismatch(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        Every listed file is as long as `files` says. This is looked at before a byte is read.

    Why it is NO-GO:
        A file of another length is another file.

    Example:
        `"bytes": 862503` beside a file of 134 bytes, which is a Git LFS pointer.

    Remedy:
        Fetch the real file, or review the new one and write a new manifest.
    """
    for index, file, seen in _listed(subject):
        if seen is not None and seen.kind is FileKind.FILE and seen.size != file.bytes:
            message = f"found {seen.size} bytes in {shown(seen.path)}; expected {file.bytes}"
            yield Complaint(f"/files/{index}/bytes", message, _RESTORE)


def file_digest_mismatch(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        The digest of every file is the one that the manifest states.

    Why it is NO-GO:
        These are not the weights that were reviewed.

    Example:
        Somebody trained on and saved under the same name.

    Remedy:
        Restore the reviewed file, or review the new one and write a new manifest.
    """
    yield from digest_mismatches(subject)
    observed, manifest = _observed(subject), subject.manifest
    if manifest.files is None and len(observed.files) == 1 and digest_defect(manifest.checksum) is None:
        seen = observed.files[0]
        if _reads_as(seen, seen.size) and manifest.checksum != f"{observed.algorithm}:{seen.hex}":
            message = (
                f"found {observed.algorithm}:{seen.hex or 'none'} in {shown(seen.path)}; expected {manifest.checksum}"
            )
            yield Complaint("/checksum", message, _RESTORE)


def digest_mismatches(subject: ListsFiles) -> Iterator[Complaint]:
    """What `file_digest_mismatch` says of listed files."""
    for index, file, seen in _listed(subject):
        # A file that should have been hashed and was not is no match either, for whatever reason it was not.
        if seen is not None and _reads_as(seen, file.bytes) and seen.hex != file.sha256:
            message = f"found sha256 {seen.hex or 'none'} in {shown(seen.path)}; expected {printable(file.sha256[:64])}"
            yield Complaint(f"/files/{index}/sha256", message, _RESTORE)


def _reads_as(seen: ObservedFile, size: int) -> bool:
    return seen.kind is FileKind.FILE and seen.problem is None and seen.size == size


def _observed(subject: ListsFiles) -> ObservedWeights:
    if subject.observed is None:
        raise TypeError("rules over bytes run only when a root was looked at")
    return subject.observed


def _listed(subject: ListsFiles) -> Iterator[tuple[int, ManifestFile, ObservedFile | None]]:
    """Every listed file with what lies at its place; a root that is one file is the one listed, whatever its name."""
    observed, listed = _observed(subject), subject.files or ()
    if observed.root_problem is not None:
        return
    if observed.root_kind is FileKind.FILE:
        if len(listed) == 1:
            yield 0, listed[0], observed.files[0]
        return
    for index, file in enumerate(listed):
        yield index, file, observed.by_path(file.path)


def _with_pointers(subject: ListsFiles, seen: list[ObservedFile]) -> Iterator[tuple[str, ObservedFile]]:
    """Each of the entries with the place that lists it; what is not listed belongs to the list, or to the one checksum."""
    if seen:
        listed = {file.path: f"/files/{index}/path" for index, file in enumerate(subject.files or ())}
        whole = "/checksum" if subject.files is None else "/files"
        for file in seen:
            yield listed.get(file.path, whole), file
