"""The lanes: ways to train a voice, by the names that logs, status files and services call them.

A lane that is not listed here is unknown, and what an unknown lane made is not promoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Promotable(StrEnum):
    """Whether what a lane makes may go to production at all."""

    YES = "yes"
    NO = "no"
    AS_FALLBACK = "as-fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A way to train a voice.

    Attributes:
        job_type: the name under which services start it.
        summary: what it is, in a few words.
        promotable: whether what it makes may go to production.
        why: what keeps it from production, as the end of a sentence; empty where nothing does.
        trains: whether it trains, so that a run without a loss, or without a file, proves nothing.
        aliases: other names in use.
    """

    job_type: str
    summary: str
    promotable: Promotable
    why: str = ""
    trains: bool = True
    aliases: tuple[str, ...] = ()


LANES: Final[tuple[Lane, ...]] = (
    Lane(
        job_type="dataset",
        summary="builds the training set",
        promotable=Promotable.NO,
        why="it builds a training set and no voice",
        trains=False,
    ),
    Lane(
        job_type="train",
        summary="legacy spectral adapter",
        promotable=Promotable.NO,
        why="its spectral adapter is legacy",
    ),
    Lane(
        job_type="tts_voice_train",
        summary="AudioCraft/MusicGen smoke lane; needs a GPU unless a CPU smoke run is allowed explicitly",
        promotable=Promotable.NO,
        why="it is experimental, and its base weights are not for commercial use",
    ),
    Lane(
        job_type="tts_prod_train",
        summary="production lane before NeMo",
        promotable=Promotable.YES,
    ),
    Lane(
        job_type="tts_prod_train_nemo",
        summary="NeMo TTS, production primary",
        promotable=Promotable.YES,
    ),
    Lane(
        job_type="tts_prod_train_espnet2",
        summary="ESPnet2, production backup",
        promotable=Promotable.AS_FALLBACK,
        why="it is the backup, for as long as NeMo is blocked with a recorded reason",
        aliases=("espnet2", "ESPnet2", "espnet", "tts_prod_train_espnet"),
    ),
)
"""Every lane, the older ones first."""

_BY_NAME: Final[Mapping[str, Lane]] = {name: lane for lane in LANES for name in (lane.job_type, *lane.aliases)}


def lane_named(name: str) -> Lane | None:
    """The lane of that name; None where there is none."""
    return _BY_NAME.get(name)


def is_promotable(lane: Lane, *, nemo_blocked: str | None) -> bool:
    """Whether what a lane makes may go to production.

    Args:
        lane: the lane.
        nemo_blocked: the recorded reason for which NeMo is blocked; None or empty where it is not.
    """
    if lane.promotable is Promotable.AS_FALLBACK:
        return bool(nemo_blocked)
    return lane.promotable is Promotable.YES
