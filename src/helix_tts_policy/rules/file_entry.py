"""Paths as a manifest lists them: which may be followed, and which are one file on some systems."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN_PATH = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_.+-]*[A-Za-z0-9_+-])?(?:/[A-Za-z0-9_](?:[A-Za-z0-9_.+-]*[A-Za-z0-9_+-])?)*"
)
"""A path that needs no second look; all others are taken apart."""


def odd_files(files: Sequence[tuple[str, int]]) -> bool:
    """Whether one of the entries, given as path and bytes, could have something wrong with it; plain ones cannot."""
    folded = set()
    folders: set[str] = set()
    for path, size in files:
        if not size or not _PLAIN_PATH.fullmatch(path):
            return True
        folded.add(path.lower())
        if "/" in path:
            folders.update(folders_of(path.lower()))
    return len(folded) != len(files) or not folders.isdisjoint(folded)


def folders_of(path: str) -> list[str]:
    """The folders that a path leads through, the nearest first."""
    return [path.rsplit("/", steps)[0] for steps in range(1, path.count("/") + 1)]


def unsafe_path(path: str) -> str | None:
    """Why a path of a manifest may not be followed; None for a plain path below the root."""
    if path.startswith("/"):
        return "is absolute"
    if "\\" in path:
        return "holds a backslash"
    if ":" in path:
        return "holds a colon, which names a drive or a stream on Windows"
    if "\n" in path or "\r" in path or "\t" in path:
        return "holds a line break or a tab"
    parts = path.split("/")
    if ".." in parts:
        return "leaves the root through .."
    if "" in parts or "." in parts:
        return "has an empty part or a dot as a part"
    if any(part.endswith((".", " ")) for part in parts):
        return "has a part that ends in a dot or a blank, which Windows drops"
    return None


def folded_path(path: str) -> str:
    """The path as a file system sees it that ignores case and Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
