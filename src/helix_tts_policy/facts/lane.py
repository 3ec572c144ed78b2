"""One line of a training log, as training scripts and services read it.

Kept free of everything but the standard library's cheapest modules, because it runs inside training loops.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_DIGITS = 19
"""Digits of a step count: 2**63 - 1 has as many."""

_CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Control sequences of ECMA-48, section 5.4, which progress bars write between the signals."""

_PROGRESS = re.compile(rf"PROGRESS[ \t]+([0-9]{{1,{MAX_DIGITS}}})[ \t]+([0-9]{{1,{MAX_DIGITS}}})[ \t]*")


class Progress(NamedTuple):
    """``PROGRESS <current> <total>``: how many steps of a phase are done, of how many."""

    current: int
    total: int


def parse_progress(line: str | bytes) -> Progress | None:
    """The progress that one complete line states; None for every other line.

    What a progress bar left before the last carriage return, and ANSI control sequences, are dropped first. The keyword
    counts only at the start, numbers are ASCII digits, and ``0 <= current <= total`` holds.

    Raises:
        TypeError: the line is neither text nor bytes.
    """
    if isinstance(line, bytes):
        line = line.decode("utf-8", "replace")
    elif not isinstance(line, str):
        raise TypeError(f"line: expected str or bytes, found {type(line).__name__}")
    if "PROGRESS" not in line:
        return None
    line = line.removesuffix("\n").removesuffix("\r")
    found = _PROGRESS.fullmatch(_CSI.sub("", line.rpartition("\r")[2]))
    if found is None:
        return None
    current, total = int(found[1]), int(found[2])
    return Progress(current, total) if current <= total else None
