"""The answer for one licence expression at one gate: what the facts say, read under a policy.

Rules kept here: the answer is *unclear* until facts say better; a name is only ever matched whole; what is reported is the
branch that was elected, not every branch that was written; the same text, policy and catalogue give the same answer.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from helix_tts_policy.facts.license_catalog import CommercialState, LicenseFacts, default_catalog
from helix_tts_policy.facts.license_policy import GATES, Gate, LicensePolicy, default_policy
from helix_tts_policy.finding import shown
from helix_tts_policy.license_assessment import NAME_LENGTH, Assessment, Obligation, assessed, cut
from helix_tts_policy.license_expression import (
    Expression,
    ExpressionError,
    Term,
    canonical,
    evaluate,
    parse_expression,
    terms,
)
from helix_tts_policy.license_standing import NOTHING, Ground, Standing, ground_of, standing_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_STATES = tuple(CommercialState)
_RANK = {state: rank for rank, state in enumerate(_STATES)}

REMEMBERED_LENGTH = 512
"""Longer texts are decided anew each time, so that the cache of decisions stays within some megabytes."""

_NAME_ONE = "state the licence as an SPDX expression, or as the LicenseRef- of a licence that has no SPDX id"


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
    _written: tuple[Assessment, ...] = field(default=(), repr=False)
    _used: tuple[Assessment, ...] = field(default=(), repr=False)

    @property
    def reason(self) -> str:
        """One line: the term that decided, and the clause or the lack that decided it."""
        decisive = self._decisive
        return (
            f"{cut(decisive.term, NAME_LENGTH)} is {self.state.value} for {self.gate}: {decisive.why}"
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
    def attribution_texts(self) -> tuple[str, ...]:
        """A text to ship for each licence of the elected branch that wants attribution, with places to fill in <>."""
        return tuple(
            f'"<title>" by <creator>, <link to the source>. Licence: {row.name} ({row.id}), '
            f"{row.evidence_url or '<link to the licence>'}. Changes: <none, or what was changed>."
            for assessment in self._used
            if (row := assessment.row) is not None and row.attribution
        )

    @property
    def policy_entries(self) -> tuple[str, ...]:
        """JSON pointers to the clarifications and attestations of the policy that the answer rests on."""
        return tuple(dict.fromkeys(pointer for assessment in self._used for pointer in assessment.entries))

    @property
    def _decisive(self) -> Assessment | None:
        return next((assessment for assessment in self._used if assessment.state is self.state), None)

    def explain(self) -> str:
        """The whole decision for a person, on several lines of printable text."""
        from helix_tts_policy.license_explanation import explanation  # noqa: PLC0415 - it knows this module

        return explanation([self])

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
            "attribution_texts": list(self.attribution_texts),
            "policy": {"name": self.policy.name, "sha256": self.policy.sha256},
            "policy_entries": list(self.policy_entries),
            "catalog": {"version": catalog.version, "sha256": catalog.sha256},
            "spdx_list_version": catalog.spdx_list_version,
        }


def evaluate_license(
    expression: str | None,
    *,
    gate: Gate = "weights",
    policy: LicensePolicy | None = None,
    model_id: str | None = None,
    texts: Iterable[str] = (),
    now: dt.datetime | None = None,
) -> LicenseDecision:
    """What the catalogue and the policy say of a licence expression, or of a name that a model card gives a licence.

    A text that is no expression is compared, whole and regardless of case, with the names in the catalogue and in the
    policy; anything else is *unclear* with its reason. No text makes this raise.

    Args:
        expression: SPDX expression or name; None where no licence is stated.
        gate: what is licensed.
        policy: the built-in policy when None.
        model_id: the release, for attestations that hold for some releases only.
        texts: SHA-256 (64 hexadecimal digits) of the licence texts found with the release. A clarification holds only for
            the text that was reviewed: one of these, or, where there are none, the copy beside the policy.
        now: time of the decision, with offset. No attestation holds without it, since all of them are dated.

    Raises:
        TypeError: the expression is no text, the gate no text, or the policy no `LicensePolicy`.
        ValueError: there is no such gate, or ``now`` has no offset.
    """
    if expression is not None and not isinstance(expression, str):
        raise TypeError(f"a licence expression is a text or None, not {type(expression).__name__}")
    if policy is None:
        return decide_license(expression, gate, default_policy())
    if now is not None and now.utcoffset() is None:
        raise ValueError("now: expected a time with offset")
    if not isinstance(policy, LicensePolicy):
        raise TypeError(f"a policy is a LicensePolicy, not {type(policy).__name__}")
    today = None if now is None else utc_day(now)
    standing = standing_of(policy, gate, model_id=model_id, texts=frozenset(texts), today=today)
    return decide_license(expression, gate, policy, standing)


def decide_license(
    expression: str | None, gate: Gate, policy: LicensePolicy, standing: Standing = NOTHING
) -> LicenseDecision:
    """As `evaluate_license`, for a caller that knows already which entries of the policy hold."""
    if expression is None or len(expression) <= REMEMBERED_LENGTH:
        return _remembered(expression, gate, policy, standing)
    return _decided(expression, gate, policy, standing)


@lru_cache(maxsize=4096)
def _remembered(text: str | None, gate: Gate, policy: LicensePolicy, standing: Standing) -> LicenseDecision:
    return _decided(text, gate, policy, standing)


def _decided(text: str | None, gate: Gate, policy: LicensePolicy, standing: Standing) -> LicenseDecision:
    if not isinstance(gate, str):
        raise TypeError(f"a gate is a text, not {type(gate).__name__}")
    if gate not in GATES:
        raise ValueError(f"there is no gate {shown(gate)}; the gates are: {', '.join(GATES)}")
    ground = ground_of(policy, gate, standing)
    read = _read(text, ground)
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
    written = {term.text: assessed(term, ground) for term in terms(read)}
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


def _read(text: str | None, ground: Ground) -> Expression | str:
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
    if len(name) <= NAME_LENGTH and name.isascii():
        catalog = default_catalog()
        if name.lower() in catalog.sentinels:
            return catalog.sentinels[name.lower()]
        if name.lower() in ground.names:
            return parse_expression(ground.names[name.lower()])
        row = catalog.resolve(name)
        if row is not None:
            return Term(license=row.id)
    return f"{shown(text)} is no licence expression: {reason}"


def utc_day(moment: dt.datetime) -> dt.date:
    """The day of a moment in UTC, by which entries of a policy begin and expire."""
    return moment.astimezone(dt.UTC).date()


def _plain(item: Obligation) -> dict[str, str]:
    return {"kind": item.kind, "license": item.license, "text": item.text}
