"""What a training child and its supervisor write for each other: plans, and results that are facts or a reason against them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.training_run import RunFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from helix_tts_policy.training_process import ChildEnd

READY: Final = b"READY "
"""How the line of a lane begins by which a child that trains says that its framework is imported, and what it is."""


def require_result(name: str, path: Path, end: ChildEnd) -> dict[str, Any]:
    """The facts that a child wrote down; whatever it says, and the way in which it ended, has to be good.

    Args:
        name: of the child, in the words of a message.
        path: of its result.
        end: how it ended.

    Raises:
        RunFailed: it is not.
    """
    result = read_document(path) if path.exists() else {}
    if "reason" in result:
        raise RunFailed(result["reason"], result["message"])
    if end.out_of_memory:
        raise RunFailed("out_of_memory", f"{name}: the kernel ended the process for want of memory")
    if end.signal is not None:
        raise RunFailed(f"terminated_by_signal:{end.signal}", f"{name}: signal {end.signal} ended the process")
    if end.timed_out:
        raise RunFailed("internal_error:timeout", f"{name}: the process took too long")
    if end.code != 0 or not result:
        raise RunFailed("internal_error", f"{name}: exit code {end.code}: {last_line(end.tail)}")
    return result


def read_document(path: Path) -> dict[str, Any]:
    """What a file of the run says, which this program or its child wrote."""
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write a plan for a child."""
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def last_line(tail: str) -> str:
    """The last thing that a child said, for a message."""
    from helix_tts_policy.finding import printable  # noqa: PLC0415 - only when something went wrong

    lines = [line for line in tail.splitlines() if line.strip()]
    return printable(lines[-1].strip()) if lines else "it said nothing"
