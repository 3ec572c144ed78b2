"""The promotion decision: findings for each gate in, GO or NO-GO out.

Rules kept here:

1. Nothing but findings is looked at, so that a decision cannot peek at inputs.
2. Every gate has to be passed. A gate without evidence is MISSING, and missing is NO-GO: ``decide({})`` is NO-GO.
3. The verdict is derived from the findings, never stored beside them; an additional finding never turns NO-GO into GO.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.finding import Finding, Location, Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class GateState(StrEnum):
    """What a gate says."""

    PASS = "PASS"  # noqa: S105 - the word of a gate
    FAIL = "FAIL"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One question that has to be answered with evidence.

    Attributes:
        name: kebab-case, as decisions and runbooks call it.
        title: what holds when it is passed.
        evidence: what it is answered with.
        remedy: what to do when that is missing.
    """

    name: str
    title: str
    evidence: str
    remedy: str


GATES: Final[tuple[Gate, ...]] = (
    Gate(
        name="release",
        title="The release file is understood, and so is the policy to decide under",
        evidence="a release file",
        remedy="write a release file that names the evidence",
    ),
    Gate(
        name="weights-manifest",
        title="The weights manifest verifies",
        evidence="a weights manifest",
        remedy="name the manifest under [weights] of the release file",
    ),
    Gate(
        name="weights-license",
        title="The licence of the weights allows it",
        evidence="a readable weights manifest",
        remedy="name a manifest that states the licence of the weights",
    ),
    Gate(
        name="code-license",
        title="The licence of the code allows it",
        evidence="a readable weights manifest",
        remedy="name a manifest that states the licence of the code",
    ),
    Gate(
        name="lane",
        title="The lane that trained is promotable",
        evidence="a status file or a log that states the lane",
        remedy="name the status file of the run under [training] of the release file",
    ),
    Gate(
        name="training",
        title="The training is completed, with a finite loss, and no dry run",
        evidence="a status file of the run",
        remedy="name the status file of the run under [training] of the release file",
    ),
    Gate(
        name="lane-log",
        title="The log of the lane is well-formed and complete",
        evidence="the log of the run",
        remedy="name the log of the run under [training] of the release file",
    ),
    Gate(
        name="artifacts",
        title="The artifacts exist, match their digests and are what their names say",
        evidence="the folder of the weights and that of the run",
        remedy="name the root under [weights] and the one under [training] of the release file",
    ),
    Gate(
        name="bundle",
        title="The voice bundle verifies",
        evidence="a voice bundle",
        remedy="build one with helix-tts-policy bundle build, and name it under [bundle] of the release file",
    ),
    Gate(
        name="verification",
        title="The verification evidence certifies",
        evidence="the verifier's answer",
        remedy="let the verifier run, and name its answer under [verification] of the release file",
    ),
    Gate(
        name="ledger",
        title="The ledger has no contradiction and no open blocker",
        evidence="an execution ledger, and the trace that it is held against",
        remedy="name the ledger under [ledger] and the trace under [verification] of the release file",
    ),
    Gate(
        name="attribution",
        title="The attribution ships where a licence asks for it",
        evidence="a readable weights manifest",
        remedy="name a manifest that states the licences and the attribution text",
    ),
)
"""Every gate, in the order in which reports tell them."""

_NAMES: Final = frozenset(gate.name for gate in GATES)

EVIDENCE_MISSING: Final = "evidence-missing"
"""The rule under which a gate without evidence is told as a blocker."""

MEND_FIRST: Final = "mend that first"
"""What to do for a gate whose evidence is named and cannot be used, which is told as a blocker of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What was found at one gate; that there was no evidence is a finding as well, of the rule `EVIDENCE_MISSING`."""

    gate: Gate
    findings: tuple[Finding, ...]

    @property
    def state(self) -> GateState:
        """MISSING where evidence is, FAIL with an error among the findings, else PASS."""
        errors = {each.rule for each in self.findings if each.severity is Severity.ERROR}
        if EVIDENCE_MISSING in errors:
            return GateState.MISSING
        return GateState.FAIL if errors else GateState.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocking:
    """One thing that stands between the release and GO: the gate, and what was found there with its remedy."""

    gate: str
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a licence asks of whoever ships the weights.

    Attributes:
        kind: such as ``attribution``.
        part: which part of the release asks, such as ``weights`` or the name of a component.
        license: canonical expression of the licence.
        text: what it asks for.
    """

    kind: str
    part: str
    license: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """GO or NO-GO over all evidence of a release.

    Attributes:
        source: the release, as the caller named it.
        gates: every gate with what was found there.
        obligations: what the licences ask for.
        attribution: the text to ship; None where the manifest has none.
        pinned: what was looked at, by digest: plain JSON values.
    """

    source: str
    gates: tuple[GateResult, ...]
    obligations: tuple[Duty, ...] = ()
    attribution: str | None = None
    pinned: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def verdict(self) -> Verdict:
        """GO where every gate is passed."""
        passed = all(result.state is GateState.PASS for result in self.gates)
        return Verdict.GO if passed and self.gates else Verdict.NO_GO

    @property
    def blocking(self) -> tuple[Blocking, ...]:
        """Everything that stands between the release and GO, gate by gate; empty for GO."""
        return tuple(
            Blocking(gate=result.gate.name, finding=each)
            for result in self.gates
            for each in result.findings
            if each.severity is Severity.ERROR
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found at all gates, missing evidence included, gate by gate."""
        return tuple(each for result in self.gates for each in result.findings)

    def to_dict(self) -> dict[str, Any]:
        """The decision as plain JSON values in a fixed order."""
        return {
            "verdict": self.verdict.value,
            "source": self.source,
            "gates": [
                {
                    "gate": result.gate.name,
                    "title": result.gate.title,
                    "state": result.state.value,
                    "findings": [each.to_dict() for each in result.findings],
                }
                for result in self.gates
            ],
            "obligations": [
                {"kind": duty.kind, "part": duty.part, "license": duty.license, "text": duty.text}
                for duty in self.obligations
            ],
            "attribution": self.attribution,
            "pinned": dict(self.pinned),
        }


def decide(
    findings: Mapping[str, Sequence[Finding] | None],
    *,
    source: str = "<release>",
    obligations: Iterable[Duty] = (),
    attribution: str | None = None,
    pinned: Mapping[str, Any] | None = None,
) -> Decision:
    """Decide over the findings of each gate, by the names of `GATES`; a gate that is not there, or None, is MISSING.

    Raises:
        ValueError: a name is that of no gate.
    """
    unknown = sorted(findings.keys() - _NAMES)
    if unknown:
        raise ValueError(f"findings: found gate {unknown[0]!a}; expected one of {', '.join(sorted(_NAMES))}")
    results = []
    for gate in GATES:
        found = findings.get(gate.name)
        told = (missing(gate, Location(source=source)),) if found is None else tuple(found)
        results.append(GateResult(gate=gate, findings=told))
    return Decision(
        source=source,
        gates=tuple(results),
        obligations=tuple(obligations),
        attribution=attribution,
        pinned=MappingProxyType(dict(pinned or {})),
    )


def missing(gate: Gate, at: Location, *, why: str = "", absent: Sequence[str] = ()) -> Finding:
    """That a gate has no evidence, as a finding.

    Args:
        gate: the gate.
        at: where the evidence would be named.
        why: what keeps evidence that is named from being used.
        absent: which evidence it is that is not named, where other evidence of the gate is.
    """
    lacks = " and no ".join(absent) or "evidence"
    found = (
        f"the gate {gate.name} was not decided, since {why}" if why else f"found no {lacks} for the gate {gate.name}"
    )
    return Finding(
        rule=EVIDENCE_MISSING,
        severity=Severity.ERROR,
        message=f"{found}; expected {gate.evidence}",
        at=at,
        tip=MEND_FIRST if why else gate.remedy,
    )
