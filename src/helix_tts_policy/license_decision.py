"""The answer for one licence expression at one gate: what the facts say, read under a policy.

Rules kept here: the answer is *unclear* until facts say better; a name is only ever matched whole; what is reported is the
branch that was elected, not every branch that was written; the same text, policy and catalogue give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from helix_tts_policy.facts.license_catalog import Basis, CommercialState, LicenseFacts, default_catalog
from helix_tts_policy.facts.license_policy import GATES, Gate, GatePolicy, LicensePolicy, default_policy
from helix_tts_policy.finding import printable, shown
from helix_tts_policy.license_expression import (
    Expression,
    ExpressionError,
    Term,
    canonical,
    deprecated_ids,
    evaluate,
    is_reference,
    parse_expression,
    terms,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATES = tuple(CommercialState)
_RANK = {state: rank for rank, state in enumerate(_STATES)}

REMEMBERED_LENGTH = 512
"""Longer texts are decided anew each time, so that the cache of decisions stays within some megabytes."""

_NAME_LENGTH = 120
"""No name in the wild is longer; a longer text is not compared with them."""

_LISTED = 12
"""Things of a kind that `LicenseDecision.explain` prints."""

_LINE = 1000
"""Characters of an expression that one line of an explanation holds."""

_BASIS = {
    Basis.TEXT: "clause read in the text",
    Basis.APPROVAL: "approval looked up in the SPDX list",
    Basis.SURVEY: "taken from a survey, text not read again",
    Basis.NONE: "never verified at its source",
}
_NAME_ONE = "state the licence as an SPDX expression, or as the LicenseRef- of a licence that has no SPDX id"
_MAP_IT = "read the licence, and map it to reviewed facts in the policy"
_ADVICE = {
    CommercialState.ALLOWED: "carry the obligations with the release",
    CommercialState.CONDITIONAL: "have each condition attested in the policy, or take a work under another licence",
    CommercialState.FORBIDDEN: "take a work under another licence, or get a grant and state that one",
    CommercialState.UNCLEAR: "find out which terms hold, and state a licence that the catalogue or the policy knows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """Something that a release has to carry, or that somebody has to attest, for the sake of one licence.

    Attributes:
        kind: ``attribution``, or the value of the ``ConditionKind`` that it comes from.
        license: the term that asks it, as the expression writes it.
        text: what to do, for a person.
    """

    kind: str
    license: str
    text: str


@dataclass(frozen=True, slots=True)
class _Assessment:
    """One term at one gate."""

    term: str
    state: CommercialState
    why: str
    advice: str
    row: LicenseFacts | None
    deprecated: tuple[str, ...]
    obligations: tuple[Obligation, ...] = ()
    conditions: tuple[Obligation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseDecision:
    """May a work under this expression pass this gate, and why? Made by `evaluate_license`.

    Attributes:
        input: the text that was asked about; None where there was none.
        gate: the gate that it was asked for.
        policy: the policy that was applied.
        expression: the canonical text; empty where the input names no licence.
        state: the answer.
        elected: canonical text of the branch that the answer rests on; empty where the input names no licence.
    """

    input: str | None
    gate: Gate
    policy: LicensePolicy
    expression: str
    state: CommercialState
    elected: str
    _lack: str = field(default="", repr=False)
    _written: tuple[_Assessment, ...] = field(default=(), repr=False)
    _used: tuple[_Assessment, ...] = field(default=(), repr=False)

    @property
    def reason(self) -> str:
        """One line: the term that decided, and the clause or the lack that decided it."""
        decisive = self._decisive
        return (
            f"{_cut(decisive.term, _NAME_LENGTH)} is {self.state.value} for {self.gate}: {decisive.why}"
            if decisive
            else self._lack
        )

    @property
    def advice(self) -> str:
        """One line: what to do next."""
        return self._decisive.advice if self._decisive else _NAME_ONE

    @property
    def obligations(self) -> tuple[Obligation, ...]:
        """What a release under the elected branch has to carry."""
        return tuple(item for assessment in self._used for item in assessment.obligations)

    @property
    def conditions(self) -> tuple[Obligation, ...]:
        """What stands between the elected branch and *allowed*."""
        return tuple(item for assessment in self._used for item in assessment.conditions)

    @property
    def facts(self) -> tuple[LicenseFacts, ...]:
        """The rows matched, for every licence of the expression that has one."""
        rows = {assessment.row.id: assessment.row for assessment in self._written if assessment.row is not None}
        return tuple(rows.values())

    @property
    def unknown(self) -> tuple[str, ...]:
        """The terms whose licence the catalogue does not know."""
        return tuple(assessment.term for assessment in self._written if assessment.row is None)

    @property
    def deprecated(self) -> tuple[str, ...]:
        """Deprecated SPDX ids in use; they are reported and not rewritten."""
        return tuple(dict.fromkeys(name for assessment in self._written for name in assessment.deprecated))

    @property
    def attribution_required(self) -> bool | None:
        """Whether the elected branch wants attribution; None where that is not known."""
        wanted = {assessment.row.attribution if assessment.row else None for assessment in self._used}
        if True in wanted:
            return True
        return None if None in wanted or not wanted else False

    @property
    def _decisive(self) -> _Assessment | None:
        return next((assessment for assessment in self._used if assessment.state is self.state), None)

    def explain(self) -> str:
        """The whole decision for a person, on several lines of printable text."""
        return "\n".join(_explanation(self))

    def to_dict(self) -> dict[str, object]:
        """The decision as plain JSON values, with what it takes to make it again."""
        catalog = default_catalog()
        return {
            "input": self.input,
            "gate": self.gate,
            "expression": self.expression,
            "state": self.state.value,
            "elected": self.elected,
            "reason": self.reason,
            "advice": self.advice,
            "obligations": [_plain(obligation) for obligation in self.obligations],
            "conditions": [_plain(condition) for condition in self.conditions],
            "facts": [row.to_dict() for row in self.facts],
            "unknown": list(self.unknown),
            "deprecated": list(self.deprecated),
            "attribution_required": self.attribution_required,
            "policy": {"name": self.policy.name, "sha256": self.policy.sha256},
            "catalog": {"version": catalog.version, "sha256": catalog.sha256},
            "spdx_list_version": catalog.spdx_list_version,
        }


def evaluate_license(
    expression: str | None, *, gate: Gate = "weights", policy: LicensePolicy | None = None
) -> LicenseDecision:
    """What the catalogue and the policy say of a licence expression, or of a name that a model card gives a licence.

    A text that is no expression is compared, whole and regardless of case, with the names in the catalogue; anything else
    is *unclear* with its reason. No text makes this raise.

    Raises:
        TypeError: the expression is no text, the gate no text, or the policy no `LicensePolicy`.
        ValueError: there is no such gate.
    """
    if expression is not None and not isinstance(expression, str):
        raise TypeError(f"a licence expression is a text or None, not {type(expression).__name__}")
    if policy is None:
        policy = default_policy()
    if expression is None or len(expression) <= REMEMBERED_LENGTH:
        return _remembered(expression, gate, policy)
    return _decided(expression, gate, policy)


@lru_cache(maxsize=4096)
def _remembered(text: str | None, gate: Gate, policy: LicensePolicy) -> LicenseDecision:
    return _decided(text, gate, policy)


def _decided(text: str | None, gate: Gate, policy: LicensePolicy) -> LicenseDecision:
    if not isinstance(gate, str):
        raise TypeError(f"a gate is a text, not {type(gate).__name__}")
    if gate not in GATES:
        raise ValueError(f"there is no gate {shown(gate)}; the gates are: {', '.join(GATES)}")
    if not isinstance(policy, LicensePolicy):
        raise TypeError(f"a policy is a LicensePolicy, not {type(policy).__name__}")
    read = _read(text)
    if isinstance(read, str):
        return LicenseDecision(
            input=text,
            gate=gate,
            policy=policy,
            expression="",
            state=CommercialState.UNCLEAR,
            elected="",
            _lack=read,
        )
    gate_policy = policy.gates[gate]
    written = {term.text: _assessed(term, gate_policy) for term in terms(read)}
    worst, elected = evaluate(read, lambda term: _RANK[written[term.text].state])
    return LicenseDecision(
        input=text,
        gate=gate,
        policy=policy,
        expression=canonical(read),
        state=_STATES[worst],
        elected=canonical(elected),
        _written=tuple(written.values()),
        _used=tuple([written[term.text] for term in terms(elected)]),
    )


def _read(text: str | None) -> Expression | str:
    """The expression that the text writes down or names; or, in a sentence, why there is none."""
    if text is None:
        return "no licence is stated"
    if not text.strip():
        return "the licence is an empty text" if not text else "the licence is a text of blanks"
    try:
        return parse_expression(text)
    except ExpressionError as error:
        reason = error.reason
    name = text.strip(" ")
    if len(name) <= _NAME_LENGTH and name.isascii():
        catalog = default_catalog()
        if name.lower() in catalog.sentinels:
            return catalog.sentinels[name.lower()]
        row = catalog.resolve(name)
        if row is not None:
            return Term(license=row.id)
    return f"{shown(text)} is no licence expression: {reason}"


def _assessed(term: Term, gate: GatePolicy) -> _Assessment:
    return _remembered_term(term, gate) if len(term.text) <= _NAME_LENGTH else _assess(term, gate)


@lru_cache(maxsize=8192)
def _remembered_term(term: Term, gate: GatePolicy) -> _Assessment:
    return _assess(term, gate)


def _assess(term: Term, gate: GatePolicy) -> _Assessment:
    """One term at one gate: first what the catalogue cannot answer, then what the licence says, then the gate."""
    row = default_catalog().find(term.license)
    doubt = _doubt(term, row)
    if row is None or doubt is not None:
        why, advice = doubt or ("", "")
        return _Assessment(term.text, CommercialState.UNCLEAR, why, advice, row, deprecated_ids(term))
    asked = [Obligation(kind=each.kind.value, license=term.text, text=each.text) for each in row.conditions]
    conditions = tuple(each for each in asked if each.kind not in gate.obligations)
    state = row.commercial
    if state in {CommercialState.ALLOWED, CommercialState.CONDITIONAL}:
        state = CommercialState.CONDITIONAL if conditions else CommercialState.ALLOWED
    kind = "attribution" if row.attribution else "notice"
    notices = [Obligation(kind=kind, license=term.text, text=notice) for notice in row.notices]
    return _Assessment(
        term=term.text,
        state=state,
        why=_why(row, state, conditions),
        advice=_ADVICE[state],
        row=row,
        deprecated=deprecated_ids(term),
        obligations=(*notices, *(each for each in asked if each.kind in gate.obligations)),
        conditions=conditions,
    )


def _doubt(term: Term, row: LicenseFacts | None) -> tuple[str, str] | None:
    """Why the facts of the licence do not answer for this term, and what to do about it."""
    if row is None:
        return "the catalogue has no facts about this reference", _MAP_IT
    if term.plus and not row.or_later:
        why = f'"+" means a later version, and {term.license} has no clause that allows one'
        return why, f"write {term.license}, or name the version that is meant"
    if term.exception is None:
        return None
    if is_reference(term.exception):
        return f"the catalogue has no facts about the exception {_cut(term.exception, _NAME_LENGTH)}", _MAP_IT
    if term.license not in default_catalog().exceptions.get(term.exception, ()):
        why = f"{term.exception} is not known as an exception to {_cut(term.license, _NAME_LENGTH)}"
        return why, "check the pair at its source, or name the licence without the exception"
    return None


def _why(row: LicenseFacts, state: CommercialState, conditions: tuple[Obligation, ...]) -> str:
    """The clause, where it is what decided; the conditions, where the gate did."""
    if state is not CommercialState.CONDITIONAL:
        return row.clause
    asked = " ".join(each.text for each in conditions)
    return asked if row.commercial is CommercialState.ALLOWED else f"{asked} ({row.clause})"


def _explanation(decision: LicenseDecision) -> Iterator[str]:
    yield f"licence: {'none' if decision.input is None else shown(decision.input)}"
    yield f"gate: {decision.gate}, policy {printable(decision.policy.name)} (sha256 {decision.policy.sha256})"
    if decision.expression:
        yield f"canonical: {_cut(decision.expression)}"
    yield f"state: {decision.state.value}"
    yield f"why: {_cut(decision.reason)}"
    if decision.elected != decision.expression:
        yield f"elected: {_cut(decision.elected)}"
    for row in decision.facts[:_LISTED]:
        yield from _row_lines(row)
    if len(decision.facts) > _LISTED:
        yield f"and {len(decision.facts) - _LISTED} more licences"
    for name in decision.unknown[:_LISTED]:
        yield f"no facts: {_cut(name)}"
    for title, items in (("obligation", decision.obligations), ("condition", decision.conditions)):
        for item in items[:_LISTED]:
            yield f"{title}: {item.license}, {item.kind}: {item.text}"
        if len(items) > _LISTED:
            yield f"and {len(items) - _LISTED} more {title}s"
    for name in decision.deprecated[:_LISTED]:
        yield f"deprecated: {name} is a deprecated SPDX id"
    yield f"to do: {decision.advice}"
    catalog = default_catalog()
    version = f"catalogue {catalog.version} (sha256 {catalog.sha256}), SPDX list {catalog.spdx_list_version}"
    yield f"{version}; nothing here is legal advice"


def _row_lines(row: LicenseFacts) -> Iterator[str]:
    kinds = ", ".join(condition.kind.value for condition in row.conditions)
    yield f"facts: {row.id} ({row.name}), commercial use {row.commercial.value}{f' ({kinds})' if kinds else ''}"
    yield f"  clause: {row.clause}"
    digest = f", sha256 {row.evidence_sha256}" if row.evidence_sha256 else ""
    yield f"  evidence: {row.evidence_url or 'no address recorded'}{digest}"
    yield f"  basis: {_BASIS[row.basis]}{f' (looked at on {row.verified_on.isoformat()})' if row.verified_on else ''}"
    if row.notes:
        yield f"  note: {row.notes}"


def _cut(text: str, limit: int = _LINE) -> str:
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def _plain(item: Obligation) -> dict[str, str]:
    return {"kind": item.kind, "license": item.license, "text": item.text}
