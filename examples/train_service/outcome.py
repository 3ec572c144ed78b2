"""How a job ended: the exit code gives the state, as it always did; the evidence gives the words.

A run that exits with 0 may have failed all the same, and one that was blocked says for what. So the message never says more than
log, status file and files bear out.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from helix_tts_policy import Severity, TrainState, Verdict, check_training_run

from .job import JobState

if TYPE_CHECKING:
    from pathlib import Path

    from helix_tts_policy import TrainingRunReport

STDOUT_NAME = "stdout.log"
STDERR_NAME = "stderr.log"
STATUS_NAME = "train_status.json"
"""What lies in the folder of a run."""

MAX_FINDINGS = 50
"""Findings that a record shows."""


class Outcome(NamedTuple):
    """The end of a job: its state, what to tell people, and what to tell programs."""

    state: JobState
    message: str
    metadata: dict[str, Any]


def outcome_of(folder: Path, job_type: str, code: int) -> Outcome:
    """How a run ended, by its exit code and by what it left in its folder."""
    report = check_training_run(
        folder / STDOUT_NAME, status=folder / STATUS_NAME, lane=job_type, root=folder, name=STDOUT_NAME
    )
    reason = _blocked_reason(report)
    return Outcome(
        JobState.DONE if code == 0 else JobState.ERROR,
        _message(code, reason, report),
        {
            "exitCode": code if code >= 0 else None,
            "signal": None if code >= 0 else _signal_name(-code),
            "blockedReason": reason,
            "verdict": report.verdict.value,
            "findings": [finding.to_dict() for finding in report.findings[:MAX_FINDINGS]],
            "findingsCount": len(report.findings),
        },
    )


def _blocked_reason(report: TrainingRunReport) -> str | None:
    """Why the run is blocked, empty where nobody said why; None where it is not."""
    if report.run is not None and report.run.blocked_reason is not None:
        return report.run.blocked_reason
    if report.status is not None and report.status.state is TrainState.BLOCKED:
        return report.status.reason or ""
    return None


def _message(code: int, reason: str | None, report: TrainingRunReport) -> str:
    if code < 0:
        return f"killed by signal {-code} ({_signal_name(-code)})"
    if reason is not None:
        return f"blocked: {reason or 'no reason was given'} (exit code {code})"
    if code > 0:
        status = report.status
        why = None if status is None else status.reason or status.message
        return f"exit code {code}: {why}" if why else f"exit code {code}"
    if report.verdict is Verdict.GO:
        return "exit code 0, and the evidence bears it out: GO"
    first, *others = (finding for finding in report.findings if finding.severity is Severity.ERROR)
    more = f" (and {len(others)} more)" if others else ""
    return f"exit code 0, but NO-GO: {first.rule}: {first.message}{more}"


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
