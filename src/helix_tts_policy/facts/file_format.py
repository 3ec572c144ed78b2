"""What a file is by its bytes: one look at its beginning decides who reads on. Whether that is good is not said here.

Rules kept here:

1. Only a regular file that holds still is inspected, without blocking; by default no link is followed.
2. Headers are read, within the bounds of each format. Nothing is executed, imported, extracted or written.
3. What is wrong with the bytes is a problem in the record, never an exception.
"""

from __future__ import annotations

import os
import stat

from helix_tts_policy.digest import FileChanged, NotARegularFile, still_file
from helix_tts_policy.facts.formats.byte_source import OpenFile
from helix_tts_policy.facts.formats.inspected import FileFormat, FormatProblem, FormatProblemKind, InspectedFile
from helix_tts_policy.facts.formats.looking_inside import Inspection

__all__ = ["FileFormat", "InspectedFile", "inspect_file"]

_KINDS = {
    stat.S_IFLNK: "is a link",
    stat.S_IFDIR: "is a folder",
    stat.S_IFIFO: "is a FIFO",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFBLK: "is a device",
    stat.S_IFCHR: "is a device",
}


def inspect_file(path: str | os.PathLike[str], *, name: str | None = None, follow_links: bool = False) -> InspectedFile:
    """Inspect one file; whatever is wrong with it stands in the record.

    Args:
        path: the file.
        name: what messages call it, and whose suffix is judged; by default the path.
        follow_links: whether the last part of the path may be a symbolic link.
    """
    told = os.fspath(path) if name is None else name
    kind, tip = FormatProblemKind.UNREADABLE, "put a readable, regular file in its place"
    try:
        if not _can_be_a_name(path):
            message = "cannot be read: no file can have such a name; expected a regular file"
        elif special := _KINDS.get(stat.S_IFMT(os.stat(path, follow_symlinks=follow_links).st_mode)):  # noqa: PTH116
            message = f"{special}; expected a regular file"  # a device is not even opened
        else:
            with still_file(path, follow_links=follow_links) as (descriptor, opened):
                return Inspection().inspect(OpenFile(descriptor, opened.st_size), told)
    except FileChanged as change:
        kind, tip = FormatProblemKind.CHANGED, "wait until nothing writes to it, then check again"
        message = f"changed while it was inspected: {change.what}; expected a file that holds still"
    except NotARegularFile:  # since the first look at it
        message = "is no regular file; expected one"
    except OSError as error:
        message = f"cannot be read: {error.strerror or 'input/output error'}; expected a regular file"
    problem = FormatProblem(kind, message, tip)
    return InspectedFile(name=told, size=0, format=FileFormat.UNKNOWN, problems=(problem,))


def _can_be_a_name(path: str | os.PathLike[str]) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False
