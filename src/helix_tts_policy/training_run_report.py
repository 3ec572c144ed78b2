"""What a check of a training run says: what the log and the status file state, and everything that was found in them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.document import pointer_token, scan
from helix_tts_policy.facts.train_status import TrainState
from helix_tts_policy.finding import Finding, Location
from helix_tts_policy.findings_report import FindingsReport
from helix_tts_policy.placing import placed, places_in_text, reading_findings
from helix_tts_policy.rules.rule import complaints
from helix_tts_policy.rules.training_registry import TRAINING_READING_RULES, TRAINING_RULES
from helix_tts_policy.rules.training_subject import is_loss, main_losses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.facts.lane_run import LaneRun
    from helix_tts_policy.facts.train_status import StatusDocument, TrainStatus
    from helix_tts_policy.placing import Place
    from helix_tts_policy.rules.rule import RuleComplaint
    from helix_tts_policy.rules.training_subject import TrainingSubject

TRAINING_RUN_REPORT_SCHEMA: Final = "helix-tts-policy/training-run-report/1"

_FIELDS: Final = {"lane": ("job_type", "lane"), "stats": ("metrics", "stats"), "reason": ("reason", "root_cause")}
"""Facts of a status file by the fields that may state them, the one that counts first."""


class TrainingRunReport(FindingsReport):
    """The outcome of `check_training_run`.

    Attributes:
        source: the log, as the caller named it.
        findings: everything that was found: errors first, then as the documents read.
    """

    __slots__ = ("_digest", "_document", "_subject")

    def __init__(
        self,
        source: str,
        *,
        subject: TrainingSubject | None,
        digest: str | None = None,
        document: StatusDocument | None = None,
        malformed: tuple[MalformedInput, ...] = (),
    ) -> None:
        self.source = source
        self._subject = subject
        self._digest = digest
        self._document = document
        findings = []
        for error in malformed:
            findings += reading_findings(TRAINING_READING_RULES, error, error.source)
        if subject is not None:
            found = complaints(TRAINING_RULES, subject)
            findings += placed(found, self._places(found, subject))
        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=Finding.sort_key))

    def _places(self, found: list[RuleComplaint], subject: TrainingSubject) -> Place:
        """Pointers into the log are lines, pointers into the status file are looked up in its text."""
        fields = {} if subject.status is None else subject.status.fields
        pointers = {
            each.complaint.path: _in_document(each.complaint.path, fields)
            for each in found
            if each.complaint.path.startswith("/status")
        }
        in_status = [
            each._replace(complaint=each.complaint._replace(path=pointers[each.complaint.path]))
            for each in found
            if each.complaint.path in pointers
        ]
        name, text = ("<status>", "") if self._document is None else (self._document.name, self._document.text)
        in_text = places_in_text(in_status, name, text, scan)

        def place(path: str, message: str) -> Location:
            if path in pointers:
                return in_text(pointers[path], message)
            return Location(source=self.source, path=path.removeprefix("/log"), line=_line(subject, path), column=1)

        return place

    @property
    def run(self) -> LaneRun | None:
        """What the log says; None where it could not be read."""
        return None if self._subject is None else self._subject.run

    @property
    def status(self) -> TrainStatus | None:
        """What the status file says; None where none was given, or it could not be read."""
        return None if self._subject is None else self._subject.status

    @property
    def blocked(self) -> bool:
        """Whether the run is blocked, by its log or its status file; the command line exits with 2 then."""
        in_log = self.run is not None and self.run.blocked_reason is not None
        return in_log or (self.status is not None and self.status.state is TrainState.BLOCKED)

    @property
    def summary(self) -> tuple[str, ...]:
        """What the run says of itself, in a few lines; empty where the log could not be read."""
        return () if self._subject is None else tuple(_summary(self._subject))

    def pinned(self) -> dict[str, Any]:
        """What was checked, by digest."""
        size = None if self.run is None else self.run.size
        document = self._document
        return {
            "log": {"name": self.source, "sha256": self._digest, "bytes": size},
            "status": None
            if document is None
            else {
                "name": document.name,
                "sha256": hashlib.sha256(document.data).hexdigest(),
                "bytes": len(document.data),
            },
        }

    def to_dict(self) -> dict[str, Any]:
        """The versioned machine form: plain JSON values in a fixed order."""
        subject = self._subject
        return {
            "schema": TRAINING_RUN_REPORT_SCHEMA,
            "source": self.source,
            "verdict": self.verdict.value,
            "lane": None if subject is None else subject.lane_name,
            "blocked": self.blocked,
            "log": None if subject is None else log_form(subject.run),
            "status": None if self.status is None else status_form(self.status),
            "artifacts": None
            if subject is None or subject.files is None
            else [{"path": file.path, "state": file.state.value} for file in subject.files],
            "summary": list(self.summary),
            "findings": [finding.to_dict() for finding in self.findings],
            "pinned": self.pinned(),
        }


def _in_document(path: str, fields: Mapping[str, Any]) -> str:
    """The pointer into the status file of a pointer into its facts, some of which stand under one of several names."""
    _, _, name, *rest = path.split("/")
    for field in _FIELDS.get(name, ()):
        value = fields.get(field)
        if value is not None and (not rest or (isinstance(value, dict) and rest[0] in map(pointer_token, value))):
            name = field
            break
    return "/".join(("", name, *rest))


def _line(subject: TrainingSubject, path: str) -> int:
    """The line of the log that a pointer into its facts leads to; the last one where nothing stands there."""
    run, places = subject.run, subject.places
    _, _, name, *rest = [*path.split("/"), ""]
    if name == "malformed":
        return run.malformed[int(rest[0])].line or places.last
    if name == "breaks":
        return run.breaks[int(rest[0])].line
    if name == "artifacts" and rest[0]:
        return places.artifacts[run.artifacts[int(rest[0])]]
    lines = {
        "progress": places.progress,
        "stats": places.stats,
        "blocked_reason": places.blocked,
        "report": places.report,
        "first_glued": run.first_glued,
    }
    return lines.get(name) or places.last


SHOWN_STATS: Final = 8
SHOWN_ARTIFACTS: Final = 8
"""What a summary lists of each; the machine form has all."""


def _summary(subject: TrainingSubject) -> Iterator[str]:
    run, status = subject.run, subject.status
    if subject.lane_name is not None:
        yield f"lane       {subject.lane_name}"
    if status is not None:
        words = ", ".join(f"{key} {word}" for key, word in status.words.items())
        yield f"status     {words}" + (f" ({status.reason})" if status.reason else "")
    if run.progress is not None:
        yield f"progress   {run.progress.current} of {run.progress.total}" + (
            ", all steps done" if run.is_complete else ""
        )
    if run.stats:
        main = main_losses(run.stats)
        first = sorted(run.stats, key=lambda key: (key not in main, not is_loss(key), key))
        told = ", ".join(f"{key} {_figure(run.stats[key])}" for key in first[:SHOWN_STATS])
        yield f"figures    {told}" + (f", and {len(first) - SHOWN_STATS} more" if len(first) > SHOWN_STATS else "")
    for path in run.artifacts[:SHOWN_ARTIFACTS]:
        yield f"artifact   {path}"
    if len(run.artifacts) > SHOWN_ARTIFACTS:
        yield f"           and {len(run.artifacts) - SHOWN_ARTIFACTS} more"
    for notice in run.notices:
        yield f"notice     {notice}"
    if run.report is not None:
        yield f"report     objective {run.report.get('objective_status', 'not stated')}"
    malformed = sum(run.malformed_counts.values())
    yield f"log        {run.size} bytes: {run.progress_count} PROGRESS, {run.stats_count} STATS, {malformed} malformed"


def _figure(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value)[:80]


def log_form(run: LaneRun) -> dict[str, Any]:
    """What a log says, as plain JSON values."""
    return {
        "bytes": run.size,
        "progress": None if run.progress is None else run.progress._asdict(),
        "complete": run.is_complete,
        "stats": dict(run.stats),
        "history": {key: [[step, value] for step, value in points] for key, points in run.history.items()},
        "artifacts": list(run.artifacts),
        "notices": [{"tag": notice.tag, **notice.fields} for notice in run.notices],
        "report": None if run.report is None else dict(run.report),
        "blocked_reason": run.blocked_reason,
        "attempts": run.attempts,
        "phases": run.phases,
        "lines": {"progress": run.progress_count, "stats": run.stats_count},
        "malformed": {
            "counts": {reason.value: count for reason, count in run.malformed_counts.items()},
            "first": [{"line": each.line, "reason": each.reason.value, "text": each.text} for each in run.malformed],
        },
        "breaks": {
            "counts": {kind.value: count for kind, count in run.break_counts.items()},
            "first": [
                {"line": each.line, "kind": each.kind.value, "found": each.found, "before": each.before}
                for each in run.breaks
            ],
        },
        "glued": run.glued,
        "untold": run.untold,
    }


def status_form(status: TrainStatus) -> dict[str, Any]:
    """What a status file says, as plain JSON values; a number that is not finite stands as text."""
    return {
        "state": status.state.value,
        "words": dict(status.words),
        "lane": status.lane,
        "reason": status.reason,
        "message": status.message,
        "progress": None if status.progress is None else status.progress._asdict(),
        "stats": _finite(status.stats),
        "artifacts": list(status.artifacts),
        "dry_run": status.dry_run,
    }


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_finite(member) for member in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
