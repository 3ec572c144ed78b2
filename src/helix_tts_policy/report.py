"""What a verification says: facts, what the rules found in them, and the verdict that follows.

A report stores facts; the verdict, the findings and the machine form are derived from them. Findings get their lines and
columns when somebody looks at them, so that a service that asks only for the verdict does not pay for positions.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, cast

from helix_tts_policy.document import scan
from helix_tts_policy.facts.license_catalog import CommercialState
from helix_tts_policy.finding import Finding, Severity, Verdict
from helix_tts_policy.findings_report import raise_unless_go
from helix_tts_policy.license_decision import utc_day
from helix_tts_policy.pinned import knowledge
from helix_tts_policy.placing import placed, places_in_text, places_of_problems
from helix_tts_policy.rules.policy_use import PolicyUse, escalated, waived
from helix_tts_policy.rules.registry import ADVICE_RULES, READING_RULES, UNREADABLE_RULES, decisive_complaints
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from datetime import datetime

    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.weights_file import ObservedWeights
    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.license_assessment import Obligation
    from helix_tts_policy.license_decision import LicenseDecision
    from helix_tts_policy.rules.manifest_subject import LicensedPart, ManifestSubject
    from helix_tts_policy.rules.rule import RuleComplaint

MANIFEST_REPORT_SCHEMA: Final = "helix-tts-policy/manifest-report/1"
"""Name and version of the machine form; a change that breaks a reader gets a new number."""


class ManifestReport:
    """The outcome of `verify_manifest`.

    Attributes:
        source: the manifest, as the caller named it.
        policy: the policy that decided.
        now: the time of the verification.
    """

    __slots__ = (
        "_advice",
        "_data",
        "_decisive",
        "_findings",
        "_malformed",
        "_subject",
        "_waived",
        "now",
        "policy",
        "source",
    )

    def __init__(
        self,
        source: str,
        data: bytes | None,
        policy: LicensePolicy,
        now: datetime,
        *,
        subject: ManifestSubject | None = None,
        malformed: MalformedInput | None = None,
    ) -> None:
        self.source = source
        self.policy = policy
        self.now = now
        self._data = data
        self._subject = subject
        self._malformed = malformed
        self._findings: tuple[Finding, ...] | None = None
        self._waived: list[RuleComplaint] = []
        self._advice: list[RuleComplaint] = []
        if subject is not None:
            self._decisive = decisive_complaints(subject)
            if policy.errors or policy.waivers:
                self._apply(policy, subject)
        elif malformed is not None:
            self._decisive = complaints(READING_RULES, malformed, most=len(malformed.problems))
        else:
            raise TypeError("a report is about a manifest, or about why there is none")

    def _apply(self, policy: LicensePolicy, subject: ManifestSubject) -> None:
        """What the policy counts as errors joins what decides; what it waives leaves it."""
        if policy.errors:
            advice = escalated(complaints(ADVICE_RULES, subject), policy.errors)
            self._decisive += [each for each in advice if each.severity is Severity.ERROR]
            self._advice = [each for each in advice if each.severity is not Severity.ERROR]
        if policy.waivers:
            self._decisive, self._waived = waived(self._decisive, policy, subject.manifest.model_id, utc_day(self.now))

    @property
    def manifest(self) -> WeightsManifest | None:
        """What the manifest states; None where it could not be read."""
        return None if self._subject is None else self._subject.manifest

    @property
    def licenses(self) -> tuple[LicensedPart, ...]:
        """Every licence statement with its decision: the release's weights, its code, then its components."""
        return () if self._subject is None else self._subject.licenses

    @property
    def observed(self) -> ObservedWeights | None:
        """What lay under the root; None when no root was given, and then no byte of the weights was checked."""
        return None if self._subject is None else self._subject.observed

    @property
    def verdict(self) -> Verdict:
        """GO only when the manifest was read, every licence is allowed, and no rule found an error."""
        if self._subject is None or self._decisive:
            return Verdict.NO_GO
        for part in self._subject.licenses:
            if part.decision.state is not CommercialState.ALLOWED and not self._is_waived(part):
                return Verdict.NO_GO
        return Verdict.GO

    def _is_waived(self, part: LicensedPart) -> bool:
        """Whether a waiver took the finding about this licence away; never for weights."""
        rule = f"code-license-{part.decision.state.value}"
        return part.gate == "code" and any(each.rule == rule for each in self._waived)

    @property
    def readable(self) -> bool:
        """Whether there was a document to speak of; the command line exits with 2 where there was none."""
        return not any(rule in UNREADABLE_RULES for rule, _, _ in self._decisive)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found: errors first, then as the manifest reads."""
        if self._findings is None:
            self._findings = tuple(sorted(self._found(), key=self._order))
        return self._findings

    def _order(self, finding: Finding) -> tuple[object, ...]:
        """As findings are ordered, those of the policy behind the manifest's of the same severity."""
        gravity, *rest = finding.sort_key()
        return (gravity, finding.at.source != self.source, *rest)

    def _found(self) -> list[Finding]:
        subject = self._subject
        if subject is None:
            return placed(self._decisive, places_of_problems(cast("MalformedInput", self._malformed), self.source))
        advice = self._advice if self.policy.errors else complaints(ADVICE_RULES, subject)
        found = [*self._decisive, *self._waived, *advice]
        text = "" if self._data is None else self._data.decode()
        findings = placed(found, places_in_text(found, self.source, text, scan))
        if self.policy.waivers or self.policy.attestations:
            findings += self._about_the_policy(subject.manifest.model_id)
        return findings

    def _about_the_policy(self, model_id: str) -> list[Finding]:
        """What the policy holds for this model and this verification had no use for, at its place in the policy file."""
        from helix_tts_policy.rules.policy_registry import POLICY_USE_RULES  # noqa: PLC0415 - only with a policy file
        from helix_tts_policy.toml_document import scan_toml  # noqa: PLC0415 - as above

        use = PolicyUse(
            policy=self.policy,
            model_id=model_id,
            today=utc_day(self.now),
            waived=frozenset(rule for rule, _, _ in self._waived),
            entries=frozenset(entry for part in self.licenses for entry in part.decision.policy_entries),
        )
        unused = complaints(POLICY_USE_RULES, use)
        return placed(unused, places_in_text(unused, self.policy.name, self.policy.text, scan_toml))

    @property
    def code_license(self) -> LicenseDecision | None:
        """The decision on the release's own code licence; None where the manifest could not be read."""
        return None if self._subject is None else self._subject.code.decision

    @property
    def weights_license(self) -> LicenseDecision | None:
        """The decision on the release's own weights licence; None where the manifest could not be read."""
        return None if self._subject is None else self._subject.weights.decision

    @property
    def obligations(self) -> tuple[tuple[LicensedPart, Obligation], ...]:
        """What the release owes, with the statement it owes it to: attribution, notices, source; each once."""
        owed: dict[tuple[object, ...], tuple[LicensedPart, Obligation]] = {}
        for part in self.licenses:
            for obligation in part.decision.obligations:
                owner = None if part.component is None else (part.component.role, part.component.name)
                key = (part.gate, owner, obligation.kind, obligation.text)
                owed.setdefault(key, (part, obligation))
        return tuple(owed.values())

    def raise_for_verdict(self) -> None:
        """Do nothing for GO.

        Raises:
            PolicyError: for NO-GO, with the first finding in its message.
        """
        raise_unless_go(self.verdict, self.source, self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The versioned machine form: plain JSON values in a fixed order."""
        return {
            "schema": MANIFEST_REPORT_SCHEMA,
            "source": self.source,
            "verdict": self.verdict.value,
            "model_id": None if self.manifest is None else self.manifest.model_id,
            "findings": [finding.to_dict() for finding in self.findings],
            "licenses": [
                {
                    "path": part.path,
                    "gate": part.gate,
                    "component": None if part.component is None else part.component.name,
                    **part.decision.to_dict(),
                }
                for part in self.licenses
            ],
            "obligations": [
                {
                    "path": part.path,
                    "gate": part.gate,
                    "component": None if part.component is None else part.component.name,
                    "kind": obligation.kind,
                    "license": obligation.license,
                    "text": obligation.text,
                }
                for part, obligation in self.obligations
            ],
            "attribution": None if self.manifest is None else self.manifest.attribution,
            "pinned": self.pinned(),
        }

    def _bytes_checked(self) -> bool:
        """Whether every file that the manifest speaks of was hashed."""
        if self.observed is None or self.manifest is None:
            return False
        due = 1 if self.manifest.files is None else len(self.manifest.files)
        return sum(file.hex is not None for file in self.observed.files) == due

    def pinned(self) -> dict[str, Any]:
        """What the decision rests on, each by digest or version, so that it can be replayed."""
        observed = self.observed
        return {
            "now": self.now.isoformat(),
            "manifest": None
            if self._data is None
            else {"sha256": hashlib.sha256(self._data).hexdigest(), "bytes": len(self._data)},
            "checksum": None if self.manifest is None else self.manifest.checksum,
            "bytes_checked": self._bytes_checked(),
            "files": []
            if observed is None
            else [
                {"path": file.path, "bytes": file.size, observed.algorithm: file.hex}
                for file in observed.files
                if file.hex
            ],
            **knowledge(self.policy),
        }
