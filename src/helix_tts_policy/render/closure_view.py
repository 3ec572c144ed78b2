"""What a closure report tells, section by section, taken out of a promotion. Nothing is judged here, and nothing is added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from helix_tts_policy.decision_document import decision_digest
from helix_tts_policy.facts.ledger_words import without_remark
from helix_tts_policy.finding import Severity, Verdict, shown
from helix_tts_policy.gate import GateState
from helix_tts_policy.promotion import commits_told, each_file_once
from helix_tts_policy.render.curves import Curve, curves, plots
from helix_tts_policy.render.operator_commands import Command, commands
from helix_tts_policy.render.summary import count, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helix_tts_policy.facts.license_catalog import LicenseFacts
    from helix_tts_policy.facts.weights_manifest import Evidence
    from helix_tts_policy.finding import Finding
    from helix_tts_policy.gate import Decision
    from helix_tts_policy.promotion import Promotion
    from helix_tts_policy.rules.ledger_subject import Prompt
    from helix_tts_policy.rules.manifest_subject import LicensedPart

MOST_ROWS: Final = 1000
"""Rows of one table; what is beyond them is counted, and stands in the evidence itself."""


class Told(NamedTuple):
    """A finding with the gate at which it was made and the place where it stands."""

    gate: str
    finding: Finding
    place: str


class Commit(NamedTuple):
    """What the ledger says of one prompt, in its own words."""

    prompt: str
    objective: str
    status: str
    commit: str
    verdict: str
    certificate: str
    proven: bool


class GateRow(NamedTuple):
    """A gate in one line."""

    name: str
    title: str
    state: GateState
    found: str


class Rows(NamedTuple):
    """The rows of a table that are listed, and how many are not."""

    listed: tuple[Any, ...]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureView:
    """A promotion, ready to be written down.

    Attributes:
        promotion: everything that was looked at.
        subject: the model, by the name in its manifest; else the release.
        why: the verdict in one sentence.
        digest: SHA-256 by which the decision document names what was decided.
        gates: each gate with its state and how many findings it has of each severity.
        blockers: what stands between the release and GO.
        advice: warnings and notes.
        licenses: every licence statement.
        facts: what is known of each licence that is stated.
        evidence: the texts that the manifest names as proof.
        commits: the prompts of the ledger, in its order.
        run: what the training says of itself.
        curves: its figures.
        plots: the first of them, drawn, by their names; empty for a form without plots.
        ledger: the ledger in one glance.
        bundle: the bundle in one glance.
        verification: what the verifier said.
        inputs: every input by its digest, each file once.
        knowledge: what else the decision rests on.
        commands: what an operator types.
    """

    promotion: Promotion
    subject: str
    why: str
    digest: str
    gates: tuple[GateRow, ...]
    blockers: Rows
    advice: Rows
    licenses: Rows
    facts: tuple[LicenseFacts, ...]
    evidence: tuple[Evidence, ...]
    commits: Rows
    run: tuple[tuple[str, str], ...]
    curves: tuple[Curve, ...]
    plots: Mapping[str, str]
    ledger: tuple[tuple[str, str], ...]
    bundle: tuple[tuple[str, str], ...]
    verification: tuple[tuple[str, str], ...]
    inputs: Rows
    knowledge: tuple[tuple[str, str], ...]
    commands: tuple[Command, ...]

    @property
    def go(self) -> bool:
        """Whether the answer is GO."""
        return self.promotion.decision.verdict is Verdict.GO

    @property
    def undrawn(self) -> int:
        """How many figures could be drawn and were not, since enough others are."""
        return sum(bool(curve.points) for curve in self.curves) - len(self.plots)

    @property
    def passed(self) -> int:
        """How many gates are passed."""
        return sum(gate.state is GateState.PASS for gate in self.gates)


def view(promotion: Promotion, *, drawn: bool) -> ClosureView:
    """The sections for a promotion, with plots where they are wanted.

    Raises:
        ModuleNotFoundError: plots are wanted, there is something to draw, and no matplotlib.
    """
    decision, manifest = promotion.decision, promotion.manifest
    run = None if promotion.training is None else promotion.training.run
    figures = () if run is None else curves(run)
    licenses = () if manifest is None else manifest.licenses
    stated = None if manifest is None else manifest.manifest
    return ClosureView(
        promotion=promotion,
        subject=decision.source if stated is None else stated.model_id,
        why=why(decision),
        digest=decision_digest(promotion),
        gates=tuple(
            GateRow(each.gate.name, each.gate.title, each.state, count(each.findings)) for each in decision.gates
        ),
        blockers=_rows([Told(each.gate, each.finding, place(each.finding.at)) for each in decision.blocking]),
        advice=_rows([*_advice(decision)]),
        licenses=_rows(licenses),
        facts=_facts(licenses),
        evidence=() if stated is None else stated.evidence or (),
        commits=_rows([*_commits(promotion)]),
        run=_labelled(() if promotion.training is None else promotion.training.summary),
        curves=figures,
        plots=plots(figures) if drawn else {},
        ledger=_labelled(() if promotion.ledger is None else promotion.ledger.summary),
        bundle=_labelled(() if promotion.bundle is None else promotion.bundle.summary),
        verification=tuple(_verification(promotion)),
        inputs=_rows(each_file_once(decision.pinned.get("inputs") or ())),
        knowledge=tuple(_flat({**decision.pinned, "inputs": None, "commits": commits_told(decision.pinned)})),
        commands=commands(promotion),
    )


def why(decision: Decision) -> str:
    """The verdict in one sentence: how many gates, and what the first one that is not passed says."""
    gates = len(decision.gates)
    if decision.verdict is Verdict.GO:
        return f"All {gates} gates are passed, each on the evidence that is listed below."
    states = [result.state for result in decision.gates]
    failed, missing = states.count(GateState.FAIL), states.count(GateState.MISSING)
    counted = [
        f"{number} {word}"
        for number, word in (
            (failed, "fails" if failed == 1 else "fail"),
            (missing, "has no evidence" if missing == 1 else "have no evidence"),
        )
        if number
    ]
    first = decision.blocking[0]
    return f"Of {gates} gates, {' and '.join(counted)}; the first reason is at the gate {first.gate}: {first.finding.message}."


def _rows(rows: Sequence[Any]) -> Rows:
    return Rows(tuple(rows[:MOST_ROWS]), max(len(rows) - MOST_ROWS, 0))


def _advice(decision: Decision) -> Iterator[Told]:
    for result in decision.gates:
        for each in result.findings:
            if each.severity is not Severity.ERROR:
                yield Told(result.gate.name, each, place(each.at))


def _facts(licenses: Sequence[LicensedPart]) -> tuple[LicenseFacts, ...]:
    return tuple({row.id: row for part in licenses for row in part.decision.facts}.values())


def _commits(promotion: Promotion) -> Iterator[Commit]:
    if promotion.ledger is None:
        return
    proven = frozenset(promotion.ledger.proven_prompts)
    for prompt in promotion.ledger.prompts:
        yield Commit(
            prompt=prompt.name,
            objective=prompt.value("objective") or "",
            status=_stated(prompt, "status"),
            commit=prompt.commit or _stated(prompt, "commit_sha"),
            verdict=_stated(prompt, "casimir_verdict"),
            certificate=str(prompt.proof.certificate_hash or ""),
            proven=prompt.name in proven,
        )


def _stated(prompt: Prompt, name: str) -> str:
    """What row and block say, each word once: where they disagree, both stand here."""
    return " / ".join(dict.fromkeys(without_remark(claim.text) for claim in prompt.claims(name)))


def _labelled(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The lines of a summary as label and text."""
    return tuple((label, text.strip()) for label, _, text in (line.partition(" ") for line in lines))


def _verification(promotion: Promotion) -> Iterator[tuple[str, str]]:
    """By the names that the verifier gives them."""
    evidence = promotion.evidence
    if evidence is None:
        return
    yield "certifies", "yes" if evidence.certifies else f"no: {'; '.join(evidence.doubts)}"
    yield "verdict", evidence.verdict or ""
    yield "firstFail", evidence.failed_constraint or "none"
    yield "failReason", evidence.fail_reason or "none"
    yield "certificateHash", evidence.certificate_hash or ""
    yield "certificateId", evidence.certificate_id or ""
    integrity = evidence.integrity
    yield "integrityOk", integrity if isinstance(integrity, str) else shown(integrity)
    yield "traceId", evidence.trace_id or ""
    yield "runId", evidence.run_id or ""
    yield "read from", evidence.source
    yield "sha256", evidence.sha256


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every value by its dotted name, in the order of the decision."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield (
                f"{prefix}{name}",
                value if isinstance(value, str) else shown(value) if isinstance(value, bool) else str(value),
            )
