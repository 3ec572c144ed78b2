"""Foreign text as Markdown (CommonMark, and tables of GFM) that shows just this text and means nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANYWHERE: Final = re.compile(r"[\\`*_\[\]<>|~&$]")
"""What means something wherever it stands in a line: code, emphasis, links, HTML, the end of a cell, mathematics."""

_AT_BEGIN: Final = re.compile(r"([0-9]{0,9})([#+=-]+|[.)])(?= |\Z)")
"""What means something where a block begins, by itself or before a space: a heading, a list, a rule."""

_BACKTICKS: Final = re.compile(r"`+")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def text(value: str) -> Markdown:
    """A text as a piece of one line, also as the first one of a cell or an item."""
    if isinstance(value, Markdown):
        return value
    shown = printable(value)
    begin = _AT_BEGIN.match(shown)
    escaped = _ANYWHERE.sub(r"\\\g<0>", shown)
    if begin is not None:
        # Nothing before it was escaped.
        escaped = f"{begin[1]}\\{escaped[begin.end(1) :]}"
    kept = escaped.strip(" ")
    before = len(escaped) - len(escaped.lstrip(" "))
    after = len(escaped) - len(kept) - before
    return Markdown(f"{'&#32;' * before}{kept}{'&#32;' * after}")


def code(value: str) -> Markdown:
    """A text as a code span; one with a pipe, which a cell does not take in code, or without anything as plain text."""
    shown = printable(value)
    if "|" in shown or not shown.strip(" "):
        return text(value)
    fence = "`" * (_longest(shown) + 1)
    pad = " " if shown[0] in " `" or shown[-1] in " `" else ""
    return Markdown(f"{fence}{pad}{shown}{pad}{fence}")


def fenced(lines: Iterable[str], info: str = "") -> Markdown:
    """Lines as a fenced block, each printable, that begins in the first column."""
    shown = [printable(line) for line in lines]
    fence = "`" * max(3, max(map(_longest, shown), default=0) + 1)
    return Markdown("\n".join([f"{fence}{info}", *shown, fence]))


def _longest(shown: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(shown)), default=0)
