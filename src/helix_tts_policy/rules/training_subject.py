"""What rules over training runs look at: the log and, as far as they were given, the status, the lane and the files."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from helix_tts_policy.facts.train_status import TrainState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from helix_tts_policy.facts.lane import Malformed
    from helix_tts_policy.facts.lane_registry import Lane
    from helix_tts_policy.facts.lane_run import Break, BreakKind, LaneRun, Places
    from helix_tts_policy.facts.run_artifacts import ObservedArtifact
    from helix_tts_policy.facts.train_status import TrainStatus

_LOSS = re.compile(r"(?:^|[^a-z])loss(?:$|[^a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSubject:
    """A training run with everything that was given of it.

    Pointers of complaints begin with ``/log`` or ``/status``, and go on as the machine form of the report does.

    Attributes:
        run: what the log says.
        places: where in the log it says so.
        status: what the status file says; None where none was given, or it cannot be read.
        status_asked: whether a status file was given.
        status_missing: the path at which it should lie and does not.
        lane_name: the lane by the name that the caller gave, or else the status.
        lane: that lane; None where the name is unknown, or none is known.
        stated_lane: the lane by the name in the status.
        nemo_blocked: the recorded reason for which NeMo is blocked.
        files: what lies at the paths of the artifacts; None where nobody looked.
    """

    run: LaneRun
    places: Places
    status: TrainStatus | None = None
    status_asked: bool = False
    status_missing: str | None = None
    lane_name: str | None = None
    lane: Lane | None = None
    stated_lane: Lane | None = None
    nemo_blocked: str | None = None
    files: tuple[ObservedArtifact, ...] | None = None

    @property
    def says_that_it_failed(self) -> bool:
        """Whether the run itself does not claim to be complete; that is told by rules of its own."""
        blocked = self.run.blocked_reason is not None
        return blocked or (self.status is not None and self.status.state is not TrainState.COMPLETED)

    @property
    def lane_pointer(self) -> str:
        """Where the name of the lane stands; a name that the caller gave stands nowhere, and is told at the log."""
        in_status = self.status is not None and self.status.lane is not None and self.status.lane == self.lane_name
        return "/status/lane" if in_status else "/log"

    @property
    def claims_a_voice(self) -> bool:
        """Whether the run says, by its lane or its status, that it trained something."""
        if self.lane is not None:
            return self.lane.trains
        return self.status is not None and self.status.state is TrainState.COMPLETED

    def malformed(self, wanted: Callable[[Malformed], bool]) -> Iterator[tuple[str, Malformed, int]]:
        """Pointer and line of each malformed line that is wanted; with the last of a reason, how many more were not kept."""
        run = self.run
        kept = Counter(line.reason for line in run.malformed)
        last = {line.reason: index for index, line in enumerate(run.malformed)}
        for index, line in enumerate(run.malformed):
            if wanted(line):
                more = run.malformed_counts[line.reason] - kept[line.reason] if last[line.reason] == index else 0
                yield f"/log/malformed/{index}", line, more

    def breaks(self, kind: BreakKind) -> Iterator[tuple[str, Break, int]]:
        """Pointer and line of each break of that kind; with the last, how many more were not kept."""
        found = [(f"/log/breaks/{index}", each) for index, each in enumerate(self.run.breaks) if each.kind is kind]
        for number, (pointer, each) in enumerate(found, 1):
            yield pointer, each, self.run.break_counts[kind] - number if number == len(found) else 0


def and_more(count: int) -> str:
    """What a message says of lines that were counted and not kept."""
    return f" (and {count} more such line{'' if count == 1 else 's'})" if count else ""


def is_loss(key: str) -> bool:
    """Whether a figure is a loss by its name, such as ``loss``, ``t_mel_loss`` or ``val/loss``."""
    return _LOSS.search(key) is not None


def losses(stats: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that are losses; the members of an object under such a name are losses, too."""
    found: dict[str, Any] = {}
    for key, value in stats.items():
        if is_loss(key) and isinstance(value, dict):
            found.update((f"{key}/{member}", each) for member, each in value.items())
        elif is_loss(key):
            found[key] = value
    return found


def is_finite(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_TRAINING_LOSSES = ("loss", "train_loss", "t_loss")
_VALIDATION_LOSSES = ("val_loss", "val/loss", "valid_loss")


def main_losses(stats: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the loss of training and of the one of validation, as far as there are any; what is told first."""
    found = [key for key, value in stats.items() if is_loss(key) and is_finite(value)]
    training = next((key for key in _TRAINING_LOSSES if key in found), None)
    validation = next((key for key in _VALIDATION_LOSSES if key in found), None)
    if training is None:
        training = next((key for key in found if "val" not in key), None)
    return tuple(key for key in (training, validation) if key is not None)
