"""What a check of training data says: everything that was found, what a blocked run calls it, and the digest of the data."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.facts.training_data import canonical_rows, column_of
from helix_tts_policy.finding import Finding, Location, Severity, Verdict, printable
from helix_tts_policy.findings_report import FindingsReport
from helix_tts_policy.placing import placed, places_in_text, reading_findings
from helix_tts_policy.rules.dataset_registry import (
    AUDIO_RULES,
    DATASET_READING_RULES,
    DATASET_RULES,
    NO_VALID_AUDIO,
    REASONS,
)
from helix_tts_policy.rules.rule import complaints
from helix_tts_policy.toml_document import scan_toml

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.facts.espnet_config import LanePlan
    from helix_tts_policy.facts.training_data import DatasetManifest, Utterance
    from helix_tts_policy.placing import Place
    from helix_tts_policy.rules.rule import RuleComplaint
    from helix_tts_policy.rules.training_data_subject import TrainingDataSubject

DATASET_REPORT_SCHEMA: Final = "helix-tts-policy/dataset-report/1"


class DatasetReport(FindingsReport):
    """The outcome of `check_dataset` and `check_training_data`: GO where a training may begin.

    Attributes:
        source: the manifest of the training set or the configuration, as the caller named it.
        findings: everything that was found: errors first, then as the documents read.
        plan: the configuration; None where none was given, or it cannot be read.
    """

    __slots__ = ("_configured", "_normalized", "_subject", "plan")

    def __init__(
        self,
        source: str,
        *,
        plan: LanePlan | None = None,
        configured: bool = False,
        subject: TrainingDataSubject | None = None,
        malformed: tuple[MalformedInput, ...] = (),
    ) -> None:
        self.source = source
        self.plan = plan
        self._configured = configured
        self._subject = subject
        if subject is None and not malformed:
            raise TypeError("a report is about a data set, or about why there is none")
        findings = []
        for error in malformed:
            findings += reading_findings(DATASET_READING_RULES, error, error.source)
        if subject is not None:
            found = complaints(DATASET_RULES, subject)
            findings += placed(found, self._places(found, subject))
        sources = [*dict.fromkeys(finding.at.source for finding in findings)]

        def order(finding: Finding) -> tuple[object, ...]:
            gravity, *rest = finding.sort_key()
            return (gravity, sources.index(finding.at.source), *rest)

        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=order))
        self._normalized: bytes | None = None
        if subject is not None and self.verdict is Verdict.GO:
            self._normalized = canonical_rows((split.name, split.utterances) for split in subject.splits)

    def _places(self, found: list[RuleComplaint], subject: TrainingDataSubject) -> Place:
        """Pointers into a manifest are lines, pointers into the configuration are looked up in its text."""
        configured = [
            each._replace(complaint=each.complaint._replace(path=each.complaint.path.removeprefix("/config")))
            for each in found
            if each.complaint.path.startswith("/config")
        ]
        source, text = (self.source, "") if self.plan is None else (self.plan.source, self.plan.text)
        in_config = places_in_text(configured, source, text, scan_toml)
        manifests = {split.name: split.manifest for split in subject.splits}

        def place(path: str, message: str) -> Location:
            _, name, *rest = path.split("/")
            if name in manifests:
                return _in_manifest(manifests[name], rest)
            return in_config(path.removeprefix("/config"), message)

        return place

    @property
    def reason(self) -> str | None:
        """The code for which a run is blocked; None for GO, and where the configuration itself cannot be read."""
        if self.verdict is Verdict.GO or (self._configured and self.plan is None):
            return None
        if self._no_audio_left():
            return NO_VALID_AUDIO
        return REASONS[self._gravest.rule]

    @property
    def blocked_reason(self) -> str | None:
        """The reason with the first place where it holds, as ``code:train.jsonl:7``."""
        reason = self.reason
        if reason is None:
            return None
        at = self._gravest.at
        line = "" if at.line is None else f":{at.line}"
        return f"{reason}:{f'{printable(at.source)[-MAX_SOURCE:]}{line}'.strip()}"

    @property
    def _gravest(self) -> Finding:
        order = [*REASONS]
        errors = [finding for finding in self.findings if finding.severity is Severity.ERROR]
        return min(errors, key=lambda finding: order.index(finding.rule))

    def _no_audio_left(self) -> bool:
        """Whether no recording of the training set can be used, for more than one reason."""
        if self._subject is None or not self._subject.train.utterances:
            return False
        found = complaints(
            (rule for rule in DATASET_RULES if rule.id in AUDIO_RULES),
            self._subject,
            most=sys.maxsize,
        )
        faulty = {each.complaint.path.split("/")[2] for each in found if each.complaint.path.startswith("/train/")}
        reasons = {REASONS[each.rule] for each in found}
        return len(faulty) == len(self._subject.train.utterances) and len(reasons) > 1

    @property
    def train(self) -> tuple[Utterance, ...]:
        """The utterances of the training set; empty where it could not be read."""
        return () if self._subject is None else self._subject.train.utterances

    @property
    def validation(self) -> tuple[Utterance, ...]:
        """The utterances of the validation set; empty where there is none."""
        if self._subject is None or self._subject.validation is None:
            return ()
        return self._subject.validation.utterances

    @property
    def seconds(self) -> float:
        """Length of all recordings of the training set."""
        return sum(utterance.observed.seconds for utterance in self.train)

    @property
    def normalized(self) -> bytes | None:
        """The data set as the lines of `dataset.jsonl`; None where it is NO-GO, since half a data set is another one."""
        return self._normalized

    @property
    def sha256(self) -> str | None:
        """The digest of the data set: that of `normalized`."""
        return None if self.normalized is None else hashlib.sha256(self.normalized).hexdigest()

    @property
    def summary(self) -> tuple[str, ...]:
        """What the data set is, in a few lines; empty where it could not be read."""
        if self._subject is None:
            return ()
        lines = [f"utterances  {len(self.train)}, {self.seconds:.1f} s at {self._subject.sample_rate} Hz"]
        if self._subject.validation is not None:
            seconds = sum(utterance.observed.seconds for utterance in self.validation)
            lines.append(f"validation  {len(self.validation)}, {seconds:.1f} s")
        lines.append(f"digest      {self.sha256 or 'none, since the data set has errors'}")
        return tuple(lines)

    def pinned(self) -> dict[str, Any]:
        """What was checked, by digest."""
        subject = self._subject
        validation = None if subject is None else subject.validation
        return {
            "config": None if self.plan is None else {"name": self.plan.source, "sha256": self.plan.sha256},
            "train": None if subject is None else _pinned(subject.train.manifest),
            "validation": None if validation is None else _pinned(validation.manifest),
            "dataset_sha256": self.sha256,
        }

    def to_dict(self) -> dict[str, Any]:
        """The versioned machine form: plain JSON values in a fixed order."""
        return {
            "schema": DATASET_REPORT_SCHEMA,
            "source": self.source,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "utterances": len(self.train),
            "validation_utterances": len(self.validation),
            "seconds": round(self.seconds, 3),
            "summary": list(self.summary),
            "findings": [finding.to_dict() for finding in self.findings],
            "pinned": self.pinned(),
        }


MAX_SOURCE: Final = 200
"""Characters of a path that a reason carries: far below the 500 of a whole reason."""


def _in_manifest(manifest: DatasetManifest, rest: list[str]) -> Location:
    """The place of a row's field; the first line for the manifest as a whole."""
    if not rest:
        return Location(source=manifest.source, line=1, column=1)
    index, field = rest
    number = manifest.rows[int(index)].line
    column = column_of(manifest.line(number), field)
    return Location(source=manifest.source, path=f"/{index}/{field}", line=number, column=column)


def _pinned(manifest: DatasetManifest) -> dict[str, Any]:
    return {"name": manifest.source, "sha256": manifest.sha256, "rows": len(manifest.rows)}
