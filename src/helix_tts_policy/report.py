"""What a verification says: facts, what the rules found in them, and the verdict that follows.

A report stores facts; the verdict, the findings and the machine form are derived from them. Findings get their lines and
columns when somebody looks at them, so that a service that asks only for the verdict does not pay for positions.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.document import line_and_column, scan
from helix_tts_policy.errors import PolicyError
from helix_tts_policy.facts.license_catalog import CommercialState, default_catalog
from helix_tts_policy.finding import Finding, Location, Severity, Verdict
from helix_tts_policy.rules.registry import UNREADABLE_RULES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from helix_tts_policy.errors import Problem
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.weights_file import ObservedWeights
    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.license_decision import LicenseDecision, Obligation
    from helix_tts_policy.rules.manifest_subject import LicensedPart
    from helix_tts_policy.rules.rule import Complaint

MANIFEST_REPORT_SCHEMA: Final = "helix-tts-policy/manifest-report/1"
"""Name and version of the machine form; a change that breaks a reader gets a new number."""

TOOL_NAME: Final = "helix-tts-policy"


class ManifestReport:
    """The outcome of `verify_manifest`.

    Attributes:
        source: the manifest, as the caller named it.
        manifest: what it states; None where it could not be read.
        licenses: every licence statement with its decision, the release's own first.
        observed: what lay under the root; None when no root was given, and then no byte of the weights was checked.
        policy: the policy that decided.
        now: the time of the verification.
    """

    __slots__ = ("_complaints", "_data", "_findings", "_problems", "licenses", "manifest", "now", "observed", "policy", "source")

    def __init__(
        self,
        *,
        source: str,
        data: bytes | None,
        manifest: WeightsManifest | None,
        complaints: Sequence[tuple[str, Severity, Complaint]],
        problems: Sequence[Problem],
        licenses: tuple[LicensedPart, ...],
        observed: ObservedWeights | None,
        policy: LicensePolicy,
        now: datetime,
    ) -> None:
        self.source = source
        self.manifest = manifest
        self.licenses = licenses
        self.observed = observed
        self.policy = policy
        self.now = now
        self._data = data
        self._complaints = complaints
        self._problems = problems
        self._findings: tuple[Finding, ...] | None = None

    @property
    def verdict(self) -> Verdict:
        """GO only when the manifest was read, every licence is allowed, and no rule found an error."""
        if self.manifest is None or any(part.decision.state is not CommercialState.ALLOWED for part in self.licenses):
            return Verdict.NO_GO
        if any(severity is Severity.ERROR for _, severity, _ in self._complaints):
            return Verdict.NO_GO
        return Verdict.GO

    @property
    def readable(self) -> bool:
        """Whether there was a document to speak of; the command line exits with 2 where there was none."""
        return not any(rule in UNREADABLE_RULES for rule, _, _ in self._complaints)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found: errors first, then as the manifest reads."""
        if self._findings is None:
            places = self._places()
            self._findings = tuple(
                sorted(
                    (
                        Finding(
                            rule=rule,
                            severity=severity,
                            message=complaint.message,
                            at=places.get((complaint.path, complaint.message)) or places[complaint.path, ""],
                            tip=complaint.tip,
                        )
                        for rule, severity, complaint in self._complaints
                    ),
                    key=Finding.sort_key,
                )
            )
        return self._findings

    def _places(self) -> dict[tuple[str, str], Location]:
        """Where each complaint stands: a reader's problem knows it, a rule's pointer is looked up in the text."""
        places = {
            (problem.path, problem.message): Location(
                source=self.source, path=problem.path, line=problem.line, column=problem.column
            )
            for problem in self._problems
        }
        paths = {complaint.path for _, _, complaint in self._complaints}
        offsets: dict[str, int] = {}
        text = None
        if self.manifest is not None and self._data is not None:
            text = self._data.decode()
            wanted = {path.rsplit("/", steps)[0] for path in paths for steps in range(path.count("/") + 1)}
            offsets = scan(text, wanted).values
        for path in paths:
            line = column = None
            if text is not None:
                # A complaint about a value that is not there stands at the object that should hold it.
                nearest = next(
                    offsets[owner]
                    for steps in range(path.count("/") + 1)
                    if (owner := path.rsplit("/", steps)[0]) in offsets
                )
                line, column = line_and_column(text, nearest)
            places[path, ""] = Location(source=self.source, path=path, line=line, column=column)
        return places

    @property
    def code_license(self) -> LicenseDecision | None:
        """The decision on the release's own code licence; None where the manifest could not be read."""
        return self._own("code")

    @property
    def weights_license(self) -> LicenseDecision | None:
        """The decision on the release's own weights licence; None where the manifest could not be read."""
        return self._own("weights")

    def _own(self, gate: str) -> LicenseDecision | None:
        return next((part.decision for part in self.licenses if part.component is None and part.gate == gate), None)

    @property
    def obligations(self) -> tuple[tuple[LicensedPart, Obligation], ...]:
        """What the release owes, with the statement it owes it to: attribution, notices, source; each once."""
        owed: dict[tuple[str, str, str, str], tuple[LicensedPart, Obligation]] = {}
        for part in self.licenses:
            for obligation in part.decision.obligations:
                key = (part.gate, part.owner, obligation.kind, obligation.text)
                owed.setdefault(key, (part, obligation))
        return tuple(owed.values())

    def raise_for_verdict(self) -> None:
        """Do nothing for GO.

        Raises:
            PolicyError: for NO-GO, with the first finding in its message.
        """
        if self.verdict is Verdict.NO_GO:
            first = self.findings[0]
            more = f" (and {len(self.findings) - 1} more)" if len(self.findings) > 1 else ""
            raise PolicyError(f"NO-GO: {self.source}: {first.rule}: {first.message}{more}")

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

    def pinned(self) -> dict[str, Any]:
        """What the decision rests on, each by digest or version, so that it can be replayed."""
        from helix_tts_policy import __version__  # noqa: PLC0415 - the package module is complete only at run time

        catalog = default_catalog()
        observed = self.observed
        return {
            "now": self.now.isoformat(),
            "manifest": None if self._data is None else {"sha256": hashlib.sha256(self._data).hexdigest(), "bytes": len(self._data)},
            "checksum": None if self.manifest is None else self.manifest.checksum,
            "bytes_checked": observed is not None and observed.root_problem is None,
            "files": []
            if observed is None
            else [
                {"path": file.path, "bytes": file.size, observed.algorithm: file.hex} for file in observed.files if file.hex
            ],
            "policy": {"name": self.policy.name, "sha256": self.policy.sha256},
            "catalog": {"version": catalog.version, "sha256": catalog.sha256},
            "spdx_license_list": catalog.spdx_list_version,
            "tool": {"name": TOOL_NAME, "version": __version__},
        }
