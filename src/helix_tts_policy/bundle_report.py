"""What a verification of a voice bundle says: what its manifest states, and everything that was found in the folder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.document import scan
from helix_tts_policy.facts.voice_bundle import ProductionBundle, VoiceBundle
from helix_tts_policy.finding import Finding, Severity, shown
from helix_tts_policy.findings_report import FindingsReport
from helix_tts_policy.license_decision import utc_day
from helix_tts_policy.pinned import knowledge
from helix_tts_policy.placing import placed, places_in_text, reading_findings
from helix_tts_policy.rules.bundle_registry import BUNDLE_READING_RULES, BUNDLE_RULES, code_of
from helix_tts_policy.rules.format_registry import FORMAT_RULES
from helix_tts_policy.rules.format_subject import FormatSubject
from helix_tts_policy.rules.policy_use import escalated, waived
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.voice_bundle import Bundle
    from helix_tts_policy.facts.weights_file import ObservedWeights
    from helix_tts_policy.rules.bundle_subject import BundleSubject
    from helix_tts_policy.rules.manifest_subject import LicensedPart
    from helix_tts_policy.rules.rule import RuleComplaint

BUNDLE_REPORT_SCHEMA: Final = "helix-tts-policy/bundle-report/1"


class BundleReport(FindingsReport):
    """The outcome of `verify_bundle`.

    Attributes:
        source: the folder, as the caller named it.
        policy: the policy that decided.
        now: the time of the verification.
        data: the bytes of the manifest; empty where they could not be read.
        findings: everything that was found: errors first, then as the manifest reads.
    """

    __slots__ = ("_subject", "data", "now", "policy")

    def __init__(
        self,
        source: str,
        manifest: str,
        data: bytes,
        policy: LicensePolicy,
        now: datetime,
        *,
        subject: BundleSubject | None = None,
        malformed: MalformedInput | None = None,
    ) -> None:
        self.source = source
        self.policy = policy
        self.now = now
        self.data = data
        self._subject = subject
        if malformed is not None:
            findings = reading_findings(BUNDLE_READING_RULES, malformed, malformed.source)
        elif subject is not None:
            found = self._under_policy(_complaints(subject), subject)
            findings = placed(found, places_in_text(found, manifest, data.decode(), scan))
        else:
            raise TypeError("a report is about a bundle, or about why there is none")
        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=Finding.sort_key))

    def _under_policy(self, found: list[RuleComplaint], subject: BundleSubject) -> list[RuleComplaint]:
        """What stands after the policy; a waiver is for the weights whose licence it is about."""
        found = escalated(found, self.policy.errors)
        if not self.policy.waivers:
            return found
        owners = {part.path: part.component.name for part in subject.licenses if part.component is not None}
        today = utc_day(self.now)
        told: list[RuleComplaint] = []
        for each in found:
            owner = owners.get(each.complaint.path)
            standing, set_aside = ([each], []) if owner is None else waived([each], self.policy, owner, today)
            told += standing + set_aside
        return told

    @property
    def bundle(self) -> Bundle | None:
        """What the manifest states; None where it could not be read."""
        return None if self._subject is None else self._subject.bundle

    @property
    def licenses(self) -> tuple[LicensedPart, ...]:
        """Every licence of the weights that the voice was made from, with its decision."""
        return () if self._subject is None else self._subject.licenses

    @property
    def observed(self) -> ObservedWeights | None:
        """What lay in the folder beside the manifest; None where that could not be read."""
        return None if self._subject is None else self._subject.observed

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the first version, each once, in the order of the findings; none exactly where the verdict is GO."""
        errors = (finding.rule for finding in self.findings if finding.severity is Severity.ERROR)
        return tuple(dict.fromkeys(map(code_of, errors)))

    @property
    def summary(self) -> tuple[str, ...]:
        """What the bundle says of itself, in a few lines; empty where its manifest could not be read."""
        return () if self._subject is None else tuple(_summary(self._subject, self.policy))

    def pinned(self) -> dict[str, Any]:
        """What the verdict rests on, each by digest or version."""
        observed, bundle = self.observed, self.bundle
        return {
            "now": self.now.isoformat(),
            "manifest": {"sha256": hashlib.sha256(self.data).hexdigest(), "bytes": len(self.data)}
            if self.data
            else None,
            "artifact_sha256": bundle.artifact_sha256 if isinstance(bundle, ProductionBundle) else None,
            "files": []
            if observed is None
            else [{"path": file.path, "bytes": file.size, "sha256": file.hex} for file in observed.files if file.hex],
            **knowledge(self.policy),
        }

    def to_dict(self) -> dict[str, Any]:
        """The versioned machine form: plain JSON values in a fixed order."""
        return {
            "schema": BUNDLE_REPORT_SCHEMA,
            "source": self.source,
            "verdict": self.verdict.value,
            "bundle_version": None if self.bundle is None else self.bundle.bundle_version,
            "codes": list(self.codes),
            "findings": [
                finding.to_dict() | {"code": code_of(finding.rule) if finding.severity is Severity.ERROR else None}
                for finding in self.findings
            ],
            "licenses": [
                {
                    "path": part.path,
                    "gate": part.gate,
                    "component": None if part.component is None else part.component.name,
                    **part.decision.to_dict(),
                }
                for part in self.licenses
            ],
            "pinned": self.pinned(),
        }


def _complaints(subject: BundleSubject) -> list[RuleComplaint]:
    return complaints(BUNDLE_RULES, subject) + complaints(FORMAT_RULES, FormatSubject(files=subject.inspected))


def _summary(subject: BundleSubject, policy: LicensePolicy) -> Iterator[str]:
    bundle = subject.bundle
    yield f"format   {bundle.bundle_version}"
    if isinstance(bundle, VoiceBundle):
        yield f"voice    {shown(bundle.voice_profile_id)}, {shown(bundle.display_name)}, of {shown(bundle.created_at)}"
        if subject.provenance is not None:
            checked = "in the bundle" if subject.source is not None else "not in the bundle"
            yield f"source   {shown(subject.provenance.source_bundle_version or 'not stated')}, its manifest {checked}"
    else:
        yield f"commit   {shown(bundle.commit)}"
    hashed = [file for file in subject.observed.files if file.hex is not None]
    yield f"files    {len(bundle.files)} listed; {len(hashed)} hashed, {subject.observed.bytes_hashed} bytes"
    for part in subject.licenses[:MAX_LICENSES]:
        yield f"licence  {part.decision.state.value}: {shown(part.decision.input)} of the {part.gate}{part.owner}"
    if len(subject.licenses) > MAX_LICENSES:
        yield f"licence  {len(subject.licenses) - MAX_LICENSES} more"
    yield f"policy   {policy.name}"


MAX_LICENSES: Final = 20
"""Licences that a summary tells one by one; what is wrong with the rest is told by findings."""
