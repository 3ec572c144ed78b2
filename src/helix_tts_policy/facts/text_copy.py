"""Local copies of texts that somebody read: the digest of one, or why there is none.

Rules kept here: a copy lies below the folder of the document that names it, and no link leads out of there; it is a regular
file of bounded size that is opened without blocking; what a link points to is never told.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from helix_tts_policy.digest import FileChanged, NotARegularFile, SizeDiffers, hash_file

MAX_TEXT_BYTES: Final = 16 * 1024 * 1024
"""Bound of one text: licences have at most some 100 kB, terms that were saved as PDF a few MB."""


class TextCopy(NamedTuple):
    """What lies where a copy should: a digest, or why there is none."""

    sha256: str | None
    problem: str = ""


def find_copy(folder: Path, stated: str, *, owner: str) -> TextCopy:
    """What lies at a path below the folder of a document; ``owner`` is what a message calls that folder."""
    if not stays_below(stated):
        return TextCopy(None, f"it is no path below {owner}")
    try:
        real = Path(os.path.realpath(folder / stated, strict=True))
        if not real.is_relative_to(os.path.realpath(folder)):
            return TextCopy(None, f"it leads out of {owner}")
        size = real.stat().st_size
        if size > MAX_TEXT_BYTES:
            return TextCopy(None, f"it holds {size} bytes, and no text that was read has more than {MAX_TEXT_BYTES}")
        return TextCopy(hash_file(real, expected_size=size).hex)
    except OSError as error:
        return TextCopy(None, f"it cannot be read: {error.strerror}")
    except (FileChanged, NotARegularFile, SizeDiffers) as error:
        return TextCopy(None, str(error))


@lru_cache(maxsize=4096)
def stays_below(stated: str) -> bool:
    """Whether a path is relative, has no ``..``, and can be one at all; links are not looked at."""
    return not stated.startswith("/") and ".." not in stated.split("/") and "\0" not in stated
