"""One licence expression, gate by gate, as a report that every format can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.facts.license_catalog import CommercialState
from helix_tts_policy.finding import Finding, Location, Severity, Verdict
from helix_tts_policy.license_explanation import explanation
from helix_tts_policy.pinned import knowledge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from helix_tts_policy.license_decision import LicenseDecision

LICENSE_REPORT_SCHEMA: Final = "helix-tts-policy/license/1"

EXPRESSION_SOURCE: Final = "<expression>"
"""What findings call the text that was asked about, since it stands in no file."""


class LicenseReport:
    """The decisions on one expression at one gate or more; the first of them is the one that was asked for.

    Attributes:
        decisions: one for each gate.
        model_id: the release that was asked for.
        texts: SHA-256 of the licence texts that came with it.
        now: the time of the decision, on which the entries of a policy depend.
        source: `EXPRESSION_SOURCE`.
    """

    __slots__ = ("decisions", "model_id", "now", "source", "texts")

    def __init__(
        self,
        decisions: tuple[LicenseDecision, ...],
        *,
        model_id: str | None = None,
        texts: Sequence[str] = (),
        now: datetime | None = None,
    ) -> None:
        if not decisions:
            raise TypeError("a report is about at least one decision")
        self.decisions = decisions
        self.model_id = model_id
        self.texts = tuple(texts)
        self.now = now
        self.source = EXPRESSION_SOURCE

    @property
    def verdict(self) -> Verdict:
        """GO where every gate that was asked allows it, and nothing was found that the policy counts as an error."""
        return Verdict.NO_GO if any(each.severity is Severity.ERROR for each in self.findings) else Verdict.GO

    @property
    def _refused(self) -> list[LicenseDecision]:
        return [decision for decision in self.decisions if decision.state is not CommercialState.ALLOWED]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One error for each gate that does not allow it, and a warning for deprecated ids."""
        at = Location(source=self.source)
        found = [
            Finding(
                rule=f"{decision.gate}-license-{decision.state.value}",
                severity=Severity.ERROR,
                message=decision.reason,
                at=at,
                tip=decision.advice,
            )
            for decision in self._refused
        ]
        if deprecated := self.decisions[0].deprecated:
            message = f"found {', '.join(deprecated)}, deprecated in the SPDX list; expected a current id"
            tip = "write the current id, for example -only or -or-later"
            rule = "license-deprecated"
            severity = Severity.ERROR if rule in self.decisions[0].policy.errors else Severity.WARNING
            found.append(Finding(rule=rule, severity=severity, message=message, at=at, tip=tip))
        return tuple(found)

    def pinned(self) -> dict[str, Any]:
        """What the decisions rest on, so that they can be made again."""
        return {
            "now": None if self.now is None else self.now.isoformat(),
            "model_id": self.model_id,
            "texts": list(self.texts),
            **knowledge(self.decisions[0].policy),
        }

    def explain(self) -> str:
        """Everything for a person: what was matched, then gate by gate what was decided."""
        return explanation(self.decisions)

    def to_dict(self) -> dict[str, Any]:
        """The decision that was asked for, and all of them by gate."""
        return {
            "schema": LICENSE_REPORT_SCHEMA,
            "verdict": self.verdict.value,
            **self.decisions[0].to_dict(),
            "gates": {decision.gate: decision.to_dict() for decision in self.decisions},
            "pinned": self.pinned(),
        }
