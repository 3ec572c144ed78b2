"""Rules over what a training run came to: its loss, its files, and whether it is a result at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from helix_tts_policy.blocker_reasons import parse_reason, remedy_of
from helix_tts_policy.document import pointer_token
from helix_tts_policy.facts.lane import MalformedReason
from helix_tts_policy.facts.run_artifacts import ArtifactState
from helix_tts_policy.facts.train_status import TrainState
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint
from helix_tts_policy.rules.training_subject import and_more, is_finite, is_loss, losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helix_tts_policy.rules.training_subject import TrainingSubject

_LOOK_AT_TRAINING = "look at the learning rate and the data, and train again from the last good checkpoint"


def loss_not_finite(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Every number in STATS is finite, and every loss, by its last value in the log and in the status file, is a finite
        number: not NaN, not Infinity, not null, not text.

    Why it is NO-GO:
        A network with such a loss is broken from that step on. Training goes on and exits with 0 all the same.

    Example:
        `STATS {"loss": NaN}`

    Remedy:
        Look at the learning rate and the data, and train again from the last good checkpoint.
    """
    for pointer, line, more in subject.malformed(lambda line: line.reason is MalformedReason.STATS_NOT_FINITE):
        yield Complaint(
            pointer, f"found {shown(line.text)}; expected finite numbers{and_more(more)}", _LOOK_AT_TRAINING
        )
    places = [("/log/stats", subject.run.stats)]
    if subject.status is not None:
        places.append(("/status/stats", subject.status.stats))
    for place, stats in places:
        for key, value in losses(stats).items():
            if not is_finite(value):
                yield Complaint(
                    f"{place}/{pointer_token(key)}",
                    f"found {_value(value)} as {shown(key)}; expected a finite number",
                    _LOOK_AT_TRAINING,
                )


def stat_not_finite(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Figures of the status file that are no losses are finite where they are numbers.

    Why it is a warning:
        A figure that is not a number measured nothing. In a log it is an error, because nothing there can be NaN.

    Example:
        `{"status": "completed", "metrics": {"loss": 0.5, "mcd": NaN}}`

    Remedy:
        Leave out figures that could not be measured.
    """
    if subject.status is None:
        return
    for key, value in subject.status.stats.items():
        if isinstance(value, float) and not is_finite(value) and not is_loss(key):
            yield Complaint(
                f"/status/stats/{pointer_token(key)}",
                f"found {_value(value)} as {shown(key)}; expected a finite number",
                "leave out what could not be measured",
            )


def loss_missing(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        A run that says by its lane or its status that it trained something states a loss, in STATS or in the status file.

    Why it is NO-GO:
        Without a loss nothing tells that training did anything.

    Example:
        A completed run of `tts_prod_train_nemo` without any STATS line.

    Remedy:
        Write the loss in STATS under a name such as `loss` or `train_loss`.
    """
    if not subject.claims_a_voice or subject.says_that_it_failed:
        return
    stated = dict(subject.run.stats) | (dict(subject.status.stats) if subject.status is not None else {})
    if not losses(stated) and MalformedReason.STATS_NOT_FINITE not in subject.run.malformed_counts:
        yield Complaint("/log/stats", "found no loss; expected at least one", 'write it as STATS {"loss": ...}')


_FOUND: Final[Mapping[ArtifactState, str]] = {
    ArtifactState.MISSING: "nothing",
    ArtifactState.EMPTY: "nothing in it",
    ArtifactState.NOT_A_FILE: "neither a file nor a folder",
    ArtifactState.OUTSIDE: "a path that leads out of the run's folder",
    ArtifactState.UNREADABLE: "what cannot be looked at",
}


def artifact_missing(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Every artifact that the log or the status file names lies in the run's folder, as a file or a folder that is not
        empty. Only with a folder to look in.

    Why it is NO-GO:
        The run says that it wrote what is not there. A full disk, mostly, or a path of another machine.

    Example:
        `ARTIFACT out/voice.nemo` where `out` is empty.

    Remedy:
        Name the folder of the run; where the file really is missing, train again.
    """
    for file in subject.files or ():
        if file.state is ArtifactState.PRESENT:
            continue
        named = subject.run.artifacts
        detail = f" ({file.detail})" if file.detail else ""
        yield Complaint(
            f"/log/artifacts/{named.index(file.path)}" if file.path in named else "/status/artifacts",
            f"found {_FOUND[file.state]} at {shown(file.path)}{detail}; expected a file of the run that is not empty",
            "name the run's folder, or train again",
        )


def artifacts_none(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        A run that says by its lane or its status that it trained something names at least one file.

    Why it is NO-GO:
        There is nothing that could be promoted.

    Example:
        A completed run of `tts_prod_train_nemo` whose log has no ARTIFACT line.

    Remedy:
        Save the model, and write its path in an ARTIFACT line once it is complete.
    """
    stated = subject.run.artifacts or (subject.status is not None and subject.status.artifacts)
    if subject.claims_a_voice and not subject.says_that_it_failed and not stated:
        yield Complaint(
            "/log/artifacts", "found no artifact; expected at least one", "write ARTIFACT <path> once it is saved"
        )


def run_blocked(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Neither the log nor the status file says that the run is blocked.

    Why it is NO-GO:
        Nothing was trained, for a reason that somebody has to take away first. The command exits with 2.

    Example:
        `[tts-prod] status=blocked reason=managed_job_not_implemented`

    Remedy:
        What the message says to do about the reason.
    """
    status = subject.status
    in_status = status is not None and status.state is TrainState.BLOCKED
    if subject.run.blocked_reason is not None:
        pointer, reason = "/log/blocked_reason", subject.run.blocked_reason
    elif status is not None and in_status:
        pointer, reason = "/status/reason", status.reason or ""
    else:
        return
    why = shown(reason) if reason else "no reason"
    yield Complaint(pointer, f"found the run blocked for {why}; expected a run that trained", remedy_of(reason))


def run_not_completed(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        The status file says that the run completed: `completed`, `done` or `ready_for_bundle`. Of several words in it the
        gravest counts.

    Why it is NO-GO:
        The run says itself that it failed, or is not yet at its end.

    Example:
        `{"status": "error", "message": "CUDA out of memory"}`

    Remedy:
        What the message says to do about the reason; or wait for the end of the run.
    """
    status = subject.status
    if status is None or status.state in {TrainState.COMPLETED, TrainState.BLOCKED}:
        return
    words = " and ".join(f"{key} {shown(word)}" for key, word in status.words.items())
    reason = status.reason or status.message
    why = f", because of {shown(reason)}" if reason else ""
    yield Complaint(
        f"/status/{next(iter(status.words))}", f"found {words}{why}; expected completed", remedy_of(status.reason)
    )


def run_reason_unusable(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        A blocked run has a reason, and a reason is a code in `lower_snake_case`, or that with `:detail`.

    Why it is a warning:
        Programs compare reasons: equal facts have equal codes. A sentence, or nothing, helps nobody to unblock the run.

    Example:
        `[tts-prod] status=blocked reason=No GPU!`

    Remedy:
        Write one of the known codes, and what else there is to say behind a colon.
    """
    found = []
    if subject.run.blocked_reason is not None:
        found.append(("/log/blocked_reason", subject.run.blocked_reason))
    status = subject.status
    if status is not None and (status.reason or status.state is TrainState.BLOCKED):
        found.append(("/status/reason", status.reason or ""))
    for pointer, reason in found:
        if parse_reason(reason) is None:
            message = (
                f"found {shown(reason) if reason else 'no reason'}; expected lower_snake_case, or that with :detail"
            )
            yield Complaint(pointer, message, "write a code such as runtime_dependency_missing:sox")


def dry_run(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Neither the status file nor STATS says `dry_run: true`.

    Why it is NO-GO:
        A dry run trains nothing. It is never promotable, whatever its status says.

    Example:
        `{"lane": "tts_prod_train", "objective_status": "ready_for_bundle", "dry_run": true}`

    Remedy:
        Train for real.
    """
    places = [("/log/stats/dry_run", subject.run.stats.get("dry_run"))]
    if subject.status is not None:
        places.append(("/status/dry_run", subject.status.dry_run))
        places.append(("/status/stats/dry_run", subject.status.stats.get("dry_run")))
    for pointer, value in places:
        if value is True:
            yield Complaint(pointer, "found a dry run; expected one that trained", "train for real")


def colab_report_failed(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        A Colab report in the log passes its gates, of which the first that fails is told: the objective is completed, a
        status file exists, its status is completed, its loss is finite, and the checkpoint exists and is not empty.

    Why it is NO-GO:
        The smoke lane says itself that it failed.

    Example:
        `objective_status: failed` with `first_failed_step: gpu_probe`

    Remedy:
        What the report says under `next_unblock_action`.
    """
    report = subject.run.report
    if report is None or report.get("objective_status") == "blocked":
        return
    failed = _failed_gate(report)
    if failed is not None:
        step = report.get("first_failed_step", "")
        at = f" at {shown(step)}" if step not in {"", "none", "null"} else ""
        cause = report.get("root_cause", "")
        why = f", because of {shown(cause)}" if cause not in {"", "none", "null"} else ""
        yield Complaint(
            "/log/report",
            f"found {failed}{at}{why}; expected a report that passes its gates",
            report.get("next_unblock_action") or "find out why, and run the lane again",
        )


def _failed_gate(report: Mapping[str, str]) -> str | None:
    objective = report.get("objective_status", "")
    if objective != "completed":
        return f"the objective {shown(objective)}"
    if not report.get("training_status_path"):
        return "no status file"
    try:
        status = json.loads(report.get("training_status_json", ""))
    except (ValueError, RecursionError):
        return "a status file that is no JSON"
    if not isinstance(status, dict) or status.get("status") != "completed":
        return "a status file that does not say completed"
    found = losses(status) | losses(status["stats"] if isinstance(status.get("stats"), dict) else {})
    if not found or not all(map(is_finite, found.values())):
        return "no finite loss in the status file"
    if report.get("checkpoint_exists", "").lower() != "true":
        return "no checkpoint"
    if report.get("checkpoint_size_bytes", "") in {"", "0"}:
        return "an empty checkpoint"
    return None


def _value(value: object) -> str:
    return str(value) if isinstance(value, float) else "null" if value is None else shown(value)
