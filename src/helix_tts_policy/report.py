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
from helix_tts_policy.finding import Finding, Location, Verdict, printable
from helix_tts_policy.rules.registry import ADVICE_RULES, READING_RULES, UNREADABLE_RULES, decisive_complaints
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from helix_tts_policy.errors import MalformedInput, Problem
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.weights_file import ObservedWeights
    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.license_decision import LicenseDecision, Obligation
    from helix_tts_policy.rules.manifest_subject import LicensedPart, ManifestSubject

MANIFEST_REPORT_SCHEMA: Final = "helix-tts-policy/manifest-report/1"
"""Name and version of the machine form; a change that breaks a reader gets a new number."""

TOOL_NAME: Final = "helix-tts-policy"

MAX_POINTER_LENGTH: Final = 512
"""Characters of a pointer that a finding carries: room for every path of a record, not for a key of a megabyte."""


class ManifestReport:
    """The outcome of `verify_manifest`.

    Attributes:
        source: the manifest, as the caller named it.
        policy: the policy that decided.
        now: the time of the verification.
    """

    __slots__ = ("_data", "_decisive", "_findings", "_malformed", "_subject", "now", "policy", "source")

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
        if subject is not None:
            self._decisive = decisive_complaints(subject)
        elif malformed is not None:
            self._decisive = complaints(READING_RULES, malformed, most=len(malformed.problems))
        else:
            raise TypeError("a report is about a manifest, or about why there is none")

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
            if part.decision.state is not CommercialState.ALLOWED:
                return Verdict.NO_GO
        return Verdict.GO

    @property
    def readable(self) -> bool:
        """Whether there was a document to speak of; the command line exits with 2 where there was none."""
        return not any(rule in UNREADABLE_RULES for rule, _, _ in self._decisive)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found: errors first, then as the manifest reads."""
        if self._findings is None:
            found = [*self._decisive]
            if self._subject is not None:
                found += complaints(ADVICE_RULES, self._subject)
            place = self._places({complaint.path for _, _, complaint in found})
            findings = [
                Finding(rule=rule, severity=severity, message=message, at=place(path, message), tip=tip)
                for rule, severity, (path, message, tip) in found
            ]
            self._findings = tuple(sorted(findings, key=Finding.sort_key))
        return self._findings

    def _places(self, paths: set[str]) -> Callable[[str, str], Location]:
        """Where a complaint stands: a reader's problem knows it, a rule's pointer is looked up in the text."""
        if self._malformed is not None:
            problems: dict[tuple[str, str], list[Problem]] = {}
            for problem in self._malformed.problems:
                problems.setdefault((problem.path, problem.message), []).append(problem)

            def place_of_problem(path: str, message: str) -> Location:
                problem = problems[path, message].pop(0)  # equal words at two places are told in the order of both
                return Location(source=self.source, path=_shortened(path), line=problem.line, column=problem.column)

            return place_of_problem
        text = "" if self._data is None or not paths else self._data.decode()
        owners = {path: [path.rsplit("/", steps)[0] for steps in range(path.count("/") + 1)] for path in paths}
        offsets = scan(text, {owner for path in paths for owner in owners[path]}).values

        def place(path: str, _: str) -> Location:
            # A complaint about a value that is not there stands at the object that should hold it.
            nearest = next((offsets[owner] for owner in owners[path] if owner in offsets), None)
            line, column = (None, None) if nearest is None else line_and_column(text, nearest)
            return Location(source=self.source, path=_shortened(path), line=line, column=column)

        return place

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
        if self.verdict is Verdict.NO_GO:
            first = self.findings[0]
            more = f" (and {len(self.findings) - 1} more)" if len(self.findings) > 1 else ""
            raise PolicyError(f"NO-GO: {printable(self.source)}: {first.rule}: {first.message}{more}")

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
        from helix_tts_policy import __version__  # noqa: PLC0415 - the package module is complete only at run time

        catalog = default_catalog()
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
            "policy": {"name": self.policy.name, "sha256": self.policy.sha256},
            "catalog": {"version": catalog.version, "sha256": catalog.sha256},
            "spdx_license_list": catalog.spdx_list_version,
            "tool": {"name": TOOL_NAME, "version": __version__},
        }


def _shortened(pointer: str) -> str:
    """The pointer, or that of the nearest object around it that is short enough to be printed."""
    while len(pointer) > MAX_POINTER_LENGTH:
        pointer = pointer.rpartition("/")[0]
    return pointer
