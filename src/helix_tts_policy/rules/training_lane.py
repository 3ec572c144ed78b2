"""Rules over the lane that made a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.lane_registry import LANES, Promotable, is_promotable
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.training_subject import TrainingSubject


def lane_unknown(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        The lane that the caller or the status file names is one that there is.

    Why it is NO-GO:
        Of a lane that nobody knows nobody knows whether it may make a voice for production.

    Example:
        `"job_type": "tts_prod_trian_nemo"`

    Remedy:
        Name one of the lanes in the reference.
    """
    if subject.lane_name is not None and subject.lane is None:
        names = ", ".join(lane.job_type for lane in LANES)
        message = f"found the lane {shown(subject.lane_name)}; expected one of {names}"
        yield Complaint(subject.lane_pointer, message, "name a known lane")


def lane_not_promotable(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        The lane of the run may make voices for production. ESPnet2, the backup, may for as long as NeMo is blocked with a
        recorded reason.

    Why it is NO-GO:
        Smoke lanes and legacy lanes are experiments, however well a run of theirs went.

    Example:
        `"job_type": "tts_voice_train"`

    Remedy:
        Train in the lane `tts_prod_train_nemo`. Where NeMo is blocked, record in the policy
        why, in the table `nemo_blocked`.
    """
    lane = subject.lane
    if lane is None or is_promotable(lane, nemo_blocked=subject.nemo_blocked):
        return
    yield Complaint(
        subject.lane_pointer,
        f"found the lane {lane.job_type}: {lane.why}; expected one that may make voices for production",
        "record in the policy why NeMo is blocked, in the table nemo_blocked"
        if lane.promotable is Promotable.AS_FALLBACK
        else "train in the lane tts_prod_train_nemo",
    )


def lane_contradicts_status(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        The lane that the caller names is the one that the status file states.

    Why it is NO-GO:
        The run was another one than it is said to be.

    Example:
        `--lane tts_prod_train_nemo` beside `"job_type": "tts_voice_train"`.

    Remedy:
        Give the status file of this run, or name the lane that made it.
    """
    stated, lane = subject.stated_lane, subject.lane
    if stated is not None and lane is not None and stated is not lane:
        yield Complaint(
            "/status/lane",
            f"found the lane {stated.job_type}; expected {lane.job_type}",
            "give the status file of this run, or name the lane that made it",
        )


def lane_not_stated(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        The lane is known, from the caller or from the status file.

    Why it is a note:
        Without it nobody looked whether the lane may make voices for production.

    Example:
        `helix-tts-policy lane parse run.log`

    Remedy:
        Name the lane with `--lane`.
    """
    if subject.lane_name is None:
        yield Complaint(
            "/log", "no lane was named, so nobody looked whether it may be promoted", "name it with --lane NAME"
        )
