"""What a check of a policy file says: the policy, where it can be used, and everything that was found in it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.finding import Finding, Verdict
from helix_tts_policy.findings_report import FindingsReport
from helix_tts_policy.placing import placed, places_in_text, reading_findings
from helix_tts_policy.rules.policy_registry import POLICY_READING_RULES, POLICY_RULES
from helix_tts_policy.rules.rule import complaints
from helix_tts_policy.toml_document import scan_toml

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.rules.policy_subject import PolicySubject

POLICY_REPORT_SCHEMA: Final = "helix-tts-policy/policy-report/1"


class PolicyReport(FindingsReport):
    """The outcome of `verify_policy`: GO where the policy can be used.

    Attributes:
        source: the policy file, as the caller named it.
        findings: everything that was found: errors first, then as the file reads.
    """

    __slots__ = ("_data", "_policy")

    def __init__(
        self,
        source: str,
        data: bytes | None,
        *,
        policy: LicensePolicy | None = None,
        subject: PolicySubject | None = None,
        malformed: MalformedInput | None = None,
    ) -> None:
        self.source = source
        self._data = data
        self._policy = policy
        if malformed is not None:
            findings = reading_findings(POLICY_READING_RULES, malformed, source)
        elif subject is not None and policy is not None:
            found = complaints(POLICY_RULES, subject)
            findings = placed(found, places_in_text(found, source, policy.text, scan_toml))
        else:
            raise TypeError("a report is about a policy, or about why there is none")
        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=Finding.sort_key))

    @property
    def policy(self) -> LicensePolicy | None:
        """The policy; None where an error was found, since half a policy is another policy."""
        return self._policy if self.verdict is Verdict.GO else None

    def pinned(self) -> dict[str, Any]:
        """What was checked, by digest."""
        data = self._data
        digest = None if data is None else {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        return {"policy": {"name": self.source, **(digest or {"sha256": None, "bytes": None})}}

    def to_dict(self) -> dict[str, Any]:
        """The versioned machine form: plain JSON values in a fixed order."""
        return {
            "schema": POLICY_REPORT_SCHEMA,
            "source": self.source,
            "verdict": self.verdict.value,
            "findings": [finding.to_dict() for finding in self.findings],
            "pinned": self.pinned(),
        }
