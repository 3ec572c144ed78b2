"""One promotion while it is looked into: where its evidence lies, what was found at each gate, and what is not there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.facts.ledger_records import place_of
from helix_tts_policy.finding import Finding, Location, printable, shown
from helix_tts_policy.gate import GATES, missing
from helix_tts_policy.placing import placed, places_in_text
from helix_tts_policy.promotion_gates import Kind, gate_of
from helix_tts_policy.rules.promotion_registry import (
    ABSENCE_RULES,
    PROMPT_RULES,
    RELEASE_RULES,
)
from helix_tts_policy.rules.promotion_subject import Absent
from helix_tts_policy.rules.release_file import unsafe_release_path
from helix_tts_policy.rules.rule import complaints
from helix_tts_policy.toml_document import scan_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.digest import FileIdentity
    from helix_tts_policy.facts.ledger_records import ExecutionLedger
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.release import Release
    from helix_tts_policy.facts.verification_statement import VerificationEvidence
    from helix_tts_policy.gate import Gate
    from helix_tts_policy.ledger_report import LedgerReport
    from helix_tts_policy.report import ManifestReport
    from helix_tts_policy.rules.promotion_subject import HeldFile, PromotionSubject
    from helix_tts_policy.rules.rule import RuleComplaint
    from helix_tts_policy.training_run_report import TrainingRunReport


@dataclass(slots=True, kw_only=True)
class Pieces:
    """Each piece of evidence as its own check sees it; None where it is not named, or cannot be looked at."""

    manifest: ManifestReport | None = None
    training: TrainingRunReport | None = None
    bundle: BundleReport | None = None
    evidence: VerificationEvidence | None = None
    ledger: LedgerReport | None = None
    weights: Sequence[HeldFile] | None = None
    artifacts: Sequence[HeldFile] | None = None
    bundled: Sequence[HeldFile] | None = None


class Need(NamedTuple):
    """Evidence of a gate: where the release file names it, and whether it has to be understood before the gate is looked at.

    What only has to be named and cannot be read fails its gate by what the reading found.
    """

    pointer: str
    understood: bool


class Input(NamedTuple):
    """Something that was looked at, by its path relative to the release file; without a digest where it cannot be read."""

    role: str
    path: str
    sha256: str | None
    size: int | None


class Look(NamedTuple):
    """A file as it was before it was hashed and looked into: what names its folder, its path, and where it lies."""

    pointer: str
    path: str
    place: str
    identity: FileIdentity


_MANIFEST: Final = Need("/weights/manifest", understood=True)
_LOG: Final = Need("/training/log", understood=True)
_POLICY: Final = Need("/policy", understood=True)

NEEDS: Final[Mapping[str, tuple[Need, ...]]] = MappingProxyType(
    {
        "release": (),
        "weights-manifest": (Need("/weights/manifest", understood=False), _POLICY),
        "weights-license": (_MANIFEST, _POLICY),
        "code-license": (_MANIFEST, _POLICY),
        "lane": (_LOG, Need("/training/lane", understood=True)),
        "training": (_LOG, Need("/training/status", understood=False)),
        "lane-log": (Need("/training/log", understood=False),),
        "artifacts": (
            _MANIFEST,
            Need("/weights/root", understood=False),
            _LOG,
            Need("/training/root", understood=False),
            _POLICY,
        ),
        "bundle": (Need("/bundle/directory", understood=False), _POLICY),
        "verification": (Need("/verification/evidence", understood=False),),
        "ledger": (Need("/ledger/file", understood=False), Need("/verification/trace", understood=False), _POLICY),
        "attribution": (_MANIFEST, _POLICY),
    }
)
"""What each gate asks for. Nobody has to name a policy, since there is a built-in one, but one that is named must be usable."""


class PromotionCase:
    """What is known of one promotion so far.

    Attributes:
        source: the release, as the caller named it.
        folder: what its paths are relative to; empty for the working directory.
        data: bytes of the release file; empty where it is none.
        release: what it states; None where it could not be read.
        stated: its paths by their pointers.
        policy_from: who says under which policy is decided: ``caller``, ``release`` or nobody, which is ``built-in``.
        overridden: the policy that it names and the one that was given instead.
        inputs: what was looked at, by digest.
        looks: the files among them, which have to hold still to the end.
    """

    def __init__(self, source: str, folder: str, data: bytes, release: Release | None, text: str) -> None:
        self.source = source
        self.folder = folder
        self.data = data
        self.release = release
        self.stated = {} if release is None else release.paths()
        self.policy_from = "release" if "/policy" in self.stated else "built-in"
        self.overridden: tuple[str, str] | None = None
        self.inputs: list[Input] = []
        self.looks: list[Look] = []
        self._text = text
        self._findings: dict[str, list[Finding]] = {gate.name: [] for gate in GATES}
        self._unusable: dict[str, str] = {
            pointer: "its path may not be followed"
            for pointer, path in self.stated.items()
            if unsafe_release_path(path)
        }

    def path(self, pointer: str) -> str | None:
        """Where a piece of evidence lies, to be opened; None where it is not named, or its path may not be followed."""
        path = self.stated.get(pointer)
        if path is None or unsafe_release_path(path):
            return None
        return os.path.join(self.folder, path)  # noqa: PTH118 - the path as it is shown, with its ..

    def tell(self, kind: Kind, findings: Iterable[Finding]) -> None:
        """Take findings to their gates."""
        for finding in findings:
            told = replace(finding, message=self._as_stated(finding.message))
            self._findings[gate_of(kind, finding.rule)].append(told)

    def _as_stated(self, message: str) -> str:
        """A message with the paths of evidence as the release file has them, so that it reads the same wherever it lies."""
        for pointer, stated in self.stated.items():
            opened = self.path(pointer)
            if opened is not None and opened != stated:
                message = message.replace(shown(opened), shown(stated))
                whole = rf"(?<![\w/.-]){re.escape(printable(opened))}(?![\w/.-])"
                message = re.sub(whole, printable(stated).replace("\\", r"\\"), message)
        return message

    def overrule(self, policy: LicensePolicy) -> None:
        """Note that a policy counts before the one that the release names."""
        self.policy_from = "caller"
        if "/policy" in self.stated:
            self.overridden = (self.stated.pop("/policy"), policy.name)

    def unusable(self, pointer: str, why: str) -> None:
        """Note that a piece of evidence could not be understood, so that gates which need that stay MISSING."""
        self._unusable.setdefault(pointer, why)

    def judge(self, subject: PromotionSubject, ledger: ExecutionLedger | None) -> None:
        """Run the rules over all evidence together."""
        self.tell(Kind.PROMOTION, self.in_release(complaints(RELEASE_RULES, subject)))
        if ledger is not None:
            source = self.path("/ledger/file") or self.source
            found = complaints(PROMPT_RULES, subject)
            self.tell(Kind.PROMOTION, placed(found, lambda path, _: _in_ledger(ledger, source, path)))

    def in_release(self, found: Sequence[RuleComplaint]) -> list[Finding]:
        """Complaints whose pointers lead into the release file, as findings."""
        return placed(found, places_in_text(found, self.source, self._text, scan_toml))

    def by_gate(self) -> dict[str, list[Finding]]:
        """Everything that was found, gate by gate, missing evidence included."""
        found = {}
        for gate in GATES:
            findings = sorted(self._findings[gate.name], key=Finding.sort_key)
            found[gate.name] = [*self._missing(gate), *findings]
        return found

    def _missing(self, gate: Gate) -> list[Finding]:
        if self.release is None:
            lacks = [] if gate.name == "release" else [("", "the release file cannot be used")]
        else:
            lacks = [lack for need in NEEDS[gate.name] if (lack := self._lack(need)) is not None]
        if not lacks:
            return []
        absent = [pointer[1:].replace("/", ".") for pointer, why in lacks if not why]
        partly = any(need.pointer in self.stated for need in NEEDS[gate.name])
        pointer, why = lacks[0]
        told = missing(gate, Location(source=self.source), why=why, absent=absent if partly else ())
        return self.in_release(complaints(ABSENCE_RULES, Absent(pointer, told.message, told.tip)))

    def _lack(self, need: Need) -> tuple[str, str] | None:
        """Where the evidence is not named, or why it cannot be used; None where it is as it is needed."""
        pointer, understood = need
        if pointer == "/training/lane":
            return self._lane_lack()
        if pointer not in self.stated:
            return None if pointer == "/policy" else (pointer, "")
        why = self._unusable.get(pointer)
        if why is not None and (understood or unsafe_release_path(self.stated[pointer])):
            return pointer, why
        return None

    def _lane_lack(self) -> tuple[str, str] | None:
        """The lane is stated by the release, or else by the status file."""
        if self.release is not None and self.release.training.lane is not None:
            return None
        if (why := self._unusable.get("/training/lane")) is not None:
            return "/training/lane", why
        return self._lack(Need("/training/status", understood=True))


def _in_ledger(ledger: ExecutionLedger, source: str, pointer: str) -> Location:
    line, column = place_of(ledger, pointer) or (1, 1)
    return Location(source=source, path=pointer, line=line, column=column)
