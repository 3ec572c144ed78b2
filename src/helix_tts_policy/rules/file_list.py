"""Rules over the single entries of a manifest's list of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.finding import shown
from helix_tts_policy.rules.file_entry import folded_path, folders_of, unsafe_path
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.rule import ListsFiles


def file_path_unsafe(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        Every path of `files` is relative, uses `/`, and has no empty, `.` or `..` part, no backslash and no colon, and no
        part that ends in a dot or a blank.

    Why it is NO-GO:
        A manifest must not reach out of the folder that it speaks of.

    Example:
        `"path": "../other-voice/model.nemo"`

    Remedy:
        Write the path below the root of the release.
    """
    for index, file in enumerate(subject.files or ()):
        if reason := unsafe_path(file.path):
            yield Complaint(
                f"/files/{index}/path",
                f"found {shown(file.path)}, which {reason}; expected a path below the root",
                "write it relative to the root of the release, with /",
            )


def file_path_collision(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        No two paths of `files` are equal, also not when case and Unicode form are ignored, and none is the folder of
        another.

    Why it is NO-GO:
        On macOS and Windows the two are one file, and nowhere is a file a folder too, so one of the two digests speaks of
        bytes that are not there.

    Example:
        `Voice.nemo` beside `voice.nemo`

    Remedy:
        Rename one of the files.
    """
    seen: dict[str, str] = {}
    for index, file in enumerate(subject.files or ()):
        first = seen.setdefault(folded_path(file.path), f"/files/{index}/path")
        if first != f"/files/{index}/path":
            message = f"found {shown(file.path)}, the same file as {first} on some systems; expected different names"
            yield Complaint(f"/files/{index}/path", message, "list each file once, or rename one")
    for index, file in enumerate(subject.files or ()):
        folder = next((folder for folder in folders_of(folded_path(file.path)) if folder in seen), None)
        if folder is not None:
            message = (
                f"found {shown(file.path)}, below {seen[folder]}, which is a file; expected files below folders alone"
            )
            yield Complaint(f"/files/{index}/path", message, "list each file under the path that it has")


def file_empty(subject: ListsFiles) -> Iterator[Complaint]:
    """What it checks:
        No file of `files` has zero bytes.

    Why it is NO-GO:
        An empty file is what a failed download or a full disk leaves behind.

    Example:
        `{"path": "voice.nemo", "bytes": 0, "sha256": "…"}`

    Remedy:
        Fetch or write the file again, or take it out of the release.
    """
    for index, file in enumerate(subject.files or ()):
        if file.bytes == 0:
            message = f"found {shown(file.path)} with 0 bytes; expected content"
            yield Complaint(f"/files/{index}/bytes", message, "fetch the file again, or take it out of the release")
