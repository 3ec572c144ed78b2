"""What making a decision again says: whether it is the same to the byte, or everything that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.document import scan
from helix_tts_policy.finding import Finding
from helix_tts_policy.findings_report import FindingsReport
from helix_tts_policy.placing import placed, places_in_text, reading_findings
from helix_tts_policy.rules.promotion_registry import DECISION_READING_RULES, REPLAY_RULES
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from helix_tts_policy.decision_document import RecordedDecision
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.promotion import Promotion
    from helix_tts_policy.rules.decision_replay import ReplaySubject

REPLAY_REPORT_SCHEMA: Final = "helix-tts-policy/replay-report/1"


class ReplayReport(FindingsReport):
    """The outcome of `replay_decision`; its verdict is about the replay, and says nothing of how the decision went.

    Attributes:
        source: the decision document, as the caller named it.
        recorded: what it says; None where it could not be read.
        promotion: the decision made again; None where there was none to make again.
        findings: everything that is different.
    """

    __slots__ = ("promotion", "recorded")

    def __init__(
        self,
        source: str,
        *,
        recorded: RecordedDecision | None = None,
        subject: ReplaySubject | None = None,
        promotion: Promotion | None = None,
        malformed: MalformedInput | None = None,
    ) -> None:
        self.source = source
        self.recorded = recorded
        self.promotion = promotion
        if malformed is not None:
            findings = reading_findings(DECISION_READING_RULES, malformed, source)
        elif recorded is not None and subject is not None:
            found = complaints(REPLAY_RULES, subject)
            findings = placed(found, places_in_text(found, source, recorded.text, scan))
        else:
            raise TypeError("a report is about a decision, or about why there is none")
        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=Finding.sort_key))

    @property
    def identical(self) -> bool:
        """Whether the decision made again is the recorded one, to the byte."""
        return self.recorded is not None and not self.findings

    @property
    def summary(self) -> tuple[str, ...]:
        """What was recorded, and whether it is the same now."""
        if self.recorded is None or self.promotion is None:
            return ()
        return (
            f"recorded  {self.recorded.content.get('verdict')} of {self.recorded.now.isoformat()}, sha256 {self.recorded.sha256}",
            f"now       {self.promotion.verdict.value}, {'the same to the byte' if self.identical else 'and different'}",
        )

    def pinned(self) -> dict[str, Any]:
        """What was compared."""
        recorded = None if self.recorded is None else self.recorded.sha256
        return {"recorded": recorded, "now": {} if self.promotion is None else self.promotion.pinned()}

    def to_dict(self) -> dict[str, Any]:
        """The versioned machine form: plain JSON values in a fixed order."""
        return {
            "schema": REPLAY_REPORT_SCHEMA,
            "source": self.source,
            "verdict": self.verdict.value,
            "identical": self.identical,
            "summary": list(self.summary),
            "findings": [finding.to_dict() for finding in self.findings],
            "pinned": self.pinned(),
        }
