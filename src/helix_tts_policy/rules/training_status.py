"""Rules over the status file of a training run, and over what was not looked at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helix_tts_policy.blocker_reasons import parse_reason
from helix_tts_policy.document import pointer_token
from helix_tts_policy.facts.train_status import TrainState
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint
from helix_tts_policy.rules.training_subject import is_finite, losses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.lane_run import LaneRun
    from helix_tts_policy.facts.train_status import TrainStatus
    from helix_tts_policy.rules.training_subject import TrainingSubject

SAME_LOSS = 1e-6
"""Relative difference up to which two losses are the same: a file may round to seven digits, as single precision does."""


def status_missing(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        The status file that was asked for is there.

    Why it is NO-GO:
        The training side writes it at every outcome. Where it is missing the run was killed, or never came so far.

    Example:
        `helix-tts-policy lane parse run.log --status out/train_status.json` where `out` has no such file.

    Remedy:
        Name the file that the run wrote; where there is none, train again.
    """
    if subject.status_missing is not None:
        yield Complaint(
            "/log",
            f"found no status file at {shown(subject.status_missing)}; expected the one that the run wrote at its end",
            "name the status file of this run, or train again",
        )


def status_contradicts_log(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Status file and log tell of the same run: equal progress, no other reason, the losses of the last STATS, and no
        artifact that the log does not name. A status of completed beside a log that is blocked is a contradiction, too.

    Why it is NO-GO:
        One of the two is wrong, or they are of different runs.

    Example:
        `"progress": {"current": 12, "total": 12}` beside a log that ends with `PROGRESS 7 12`.

    Remedy:
        Give the log and the status file of one and the same run.
    """
    status, run = subject.status, subject.run
    if status is None:
        return
    tip = "give the log and the status file of one and the same run"
    for pointer, found, expected in (
        *_progress(status, run),
        *_outcome(status, run),
        *_losses(status, run),
        *_artifacts(status, run),
    ):
        yield Complaint(pointer, f"found {found}; expected {expected}, as in the log", tip)


def _progress(status: TrainStatus, run: LaneRun) -> Iterator[tuple[str, str, str]]:
    if status.progress is not None and run.progress is not None and status.progress != run.progress:
        yield "/status/progress", str(status.progress), str(run.progress)


def _outcome(status: TrainStatus, run: LaneRun) -> Iterator[tuple[str, str, str]]:
    if run.blocked_reason is None:
        return
    if status.state is TrainState.COMPLETED:
        yield f"/status/{next(iter(status.words))}", "a completed run", "a blocked one"
    elif status.reason and run.blocked_reason:
        ours, theirs = parse_reason(status.reason), parse_reason(run.blocked_reason)
        if ours is not None and theirs is not None and ours.code != theirs.code:
            yield "/status/reason", f"the reason {ours.code}", theirs.code


def _losses(status: TrainStatus, run: LaneRun) -> Iterator[tuple[str, str, str]]:
    logged = losses(run.stats)
    for key, value in losses(status.stats).items():
        other = logged.get(key)
        if is_finite(value) and is_finite(other) and not math.isclose(value, other, rel_tol=SAME_LOSS):
            yield f"/status/stats/{pointer_token(key)}", f"{value} as {shown(key)}", f"{other}"


def _artifacts(status: TrainStatus, run: LaneRun) -> Iterator[tuple[str, str, str]]:
    for index, path in enumerate(status.artifacts):
        if not any(_same_file(path, named) for named in run.artifacts):
            yield f"/status/artifacts/{index}", f"the artifact {shown(path)}", "one that is named there"


def _same_file(first: str, second: str) -> bool:
    """Whether two paths can be of one file: one may be relative to a folder that the other names."""
    first, second = first.removeprefix("./"), second.removeprefix("./")
    return first == second or first.endswith(f"/{second}") or second.endswith(f"/{first}")


def status_not_checked(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        A status file was given.

    Why it is a note:
        The log alone does not tell how the run ended: all steps done is not the end, and neither is exit code 0.

    Example:
        `helix-tts-policy lane parse run.log`

    Remedy:
        Give the status file with `--status`.
    """
    if not subject.status_asked:
        yield Complaint("/log", "no status file was given, so only the log was checked", "give it with --status FILE")


def artifacts_not_checked(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        A folder was given in which the artifacts lie.

    Why it is a note:
        That the log names a file does not say that it is there.

    Example:
        `helix-tts-policy lane parse run.log`

    Remedy:
        Give the folder of the run with `--root`.
    """
    if subject.files is None and subject.run.artifacts:
        yield Complaint(
            "/log/artifacts", "no folder was given, so no artifact was looked for", "give it with --root DIR"
        )
