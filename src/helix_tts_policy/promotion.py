"""What a promotion looked at: the decision, and the report on each piece of evidence behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.findings_report import raise_unless_go
from helix_tts_policy.gate import EVIDENCE_MISSING, MEND_FIRST
from helix_tts_policy.rules.registry import UNREADABLE_RULES

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from datetime import datetime

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.facts.release import Release
    from helix_tts_policy.facts.verification_statement import VerificationEvidence
    from helix_tts_policy.finding import Finding, Verdict
    from helix_tts_policy.gate import Decision
    from helix_tts_policy.ledger_report import LedgerReport
    from helix_tts_policy.report import ManifestReport
    from helix_tts_policy.training_run_report import TrainingRunReport

PROMOTION_REPORT_SCHEMA: Final = "helix-tts-policy/promotion-report/1"

LISTED: Final = 100
"""Inputs and obligations that are listed one by one in the text for people; the machine form has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A decision with the evidence that it stands on; None where there was none, or none that could be read.

    Attributes:
        decision: GO or NO-GO, gate by gate.
        now: the time of the decision.
        folder: what the paths of the release are relative to; empty for the working directory.
        release: what the release file states.
        manifest: of the weights manifest.
        training: of the log and the status file.
        bundle: of the voice bundle.
        evidence: the verifier's answer.
        ledger: of the execution ledger.
    """

    decision: Decision
    now: datetime
    folder: str
    release: Release | None
    manifest: ManifestReport | None
    training: TrainingRunReport | None
    bundle: BundleReport | None
    evidence: VerificationEvidence | None
    ledger: LedgerReport | None

    @property
    def source(self) -> str:
        """The release, as the caller named it."""
        return self.decision.source

    @property
    def verdict(self) -> Verdict:
        """GO where every gate is passed."""
        return self.decision.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found, gate by gate."""
        return self.decision.findings

    @property
    def told(self) -> tuple[Finding, ...]:
        """The findings as people read them: gates that were not decided for one reason are told in one."""
        alike: dict[Hashable, list[tuple[str, Finding]]] = {}
        for result in self.decision.gates:
            for number, each in enumerate(result.findings):
                undecided = each.rule == EVIDENCE_MISSING and each.tip == MEND_FIRST
                key = each.at if undecided else (result.gate.name, number)
                alike.setdefault(key, []).append((result.gate.name, each))
        return tuple(_in_one(group) for group in alike.values())

    @property
    def readable(self) -> bool:
        """Whether there was a release to decide on, and a policy to decide under; with neither the exit code is 2."""
        named = {gate.gate.name: gate for gate in self.decision.gates}
        return not any(finding.rule in UNREADABLE_RULES for finding in named["release"].findings)

    @property
    def summary(self) -> tuple[str, ...]:
        """The gates with their states, as lines of a table."""
        width = max(len(each.gate.name) for each in self.decision.gates)
        return tuple(
            f"{each.state.value:<7}  {each.gate.name:<{width}}  {each.gate.title}" for each in self.decision.gates
        )

    @property
    def closing(self) -> tuple[str, ...]:
        """What the licences ask for, the text to ship, and what was pinned, as lines with an empty one between them."""
        told = (_obligations(self.decision), _attribution(self.decision), _pinned(self.decision.pinned))
        return tuple(line for lines in told for line in ("", *lines) if line or lines)[1:]

    def pinned(self) -> dict[str, Any]:
        """What the decision rests on, each by digest or version."""
        return dict(self.decision.pinned)

    def raise_for_verdict(self) -> None:
        """Do nothing for GO.

        Raises:
            PolicyError: for NO-GO, with the first blocker in its message.
        """
        raise_unless_go(self.verdict, self.source, [each.finding for each in self.decision.blocking])

    def to_dict(self) -> dict[str, Any]:
        """The versioned machine form: what the decision document digests, with what each piece of evidence is called here."""
        return {"schema": PROMOTION_REPORT_SCHEMA, **self.decision.to_dict()}


def _in_one(group: Sequence[tuple[str, Finding]]) -> Finding:
    (_, first), *others = group
    if not others:
        return first
    names = ", ".join(name for name, _ in others)
    message = f"{first.message}; so too {len(others)} more gate{'' if len(others) == 1 else 's'}: {names}"
    return replace(first, message=message)


def _obligations(decision: Decision) -> list[str]:
    if not decision.obligations:
        return []
    lines = [f"  {duty.kind} ({duty.part}, {duty.license}): {duty.text}" for duty in decision.obligations[:LISTED]]
    left = len(decision.obligations) - LISTED
    return ["obligations", *lines, *([f"  and {left} more"] if left > 0 else [])]


def _attribution(decision: Decision) -> list[str]:
    if decision.attribution is None:
        return []
    return ["text to ship", *(f"  | {line}".rstrip() for line in decision.attribution.splitlines())]


def _pinned(pinned: Mapping[str, Any]) -> list[str]:
    release, policy = pinned["release"], pinned["policy"]
    inputs = each_file_once(pinned["inputs"])
    rows = []
    if release["sha256"] is not None:
        rows.append(("release", _digest(release["sha256"]), release["path"] or "(no file)"))
    rows += [(each["role"], _digest(each["sha256"]), each["path"]) for each in inputs[:LISTED]]
    if len(inputs) > LISTED:
        rows.append((f"and {len(inputs) - LISTED} more", "", ""))
    if policy is not None:
        chosen = "" if policy["from"] == "built-in" else f", as the {policy['from']} says"
        rows.append(("policy", _digest(policy["sha256"]), f"{policy['name']}{chosen}"))
    if (commits := commits_told(pinned)) is not None:
        rows.append(("commits", commits, ""))
    rows += [
        ("catalog", _digest(pinned["catalog"]["sha256"]), pinned["catalog"]["version"]),
        ("SPDX", f"licence list {pinned['spdx_license_list']}", ""),
        ("time", pinned["now"], ""),
        ("tool", f"{pinned['tool']['name']} {pinned['tool']['version']}", ""),
    ]
    width = max(len(what) for what, _, _ in rows)
    return ["pinned", *(f"  {what:<{width}}  {told}  {name}".rstrip() for what, told, name in rows)]


def commits_told(pinned: Mapping[str, Any]) -> str | None:
    """Whether a repository was asked for the commits of the ledger; None where no ledger was read."""
    commits = pinned["commits"]
    if not any(each["role"] == "ledger" and each["sha256"] for each in pinned["inputs"]):
        return None
    return "taken as the ledger states them" if commits is None else f"{len(commits)} looked up in a repository"


def _digest(sha256: str | None) -> str:
    return "not read" if sha256 is None else f"sha256:{sha256}"


def each_file_once(inputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The inputs by path, with all roles of a file in one word list; one that changed between two looks stands twice."""
    roles: dict[tuple[Any, ...], list[str]] = {}
    for each in inputs:
        roles.setdefault((each["path"], each["bytes"], each["sha256"]), []).append(each["role"])
    return [
        {"role": ", ".join(names), "path": path, "bytes": size, "sha256": digest}
        for (path, size, digest), names in roles.items()
    ]
