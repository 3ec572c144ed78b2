"""The answer for one licence expression at one gate: what the facts say, read under a policy.

Rules kept here: the answer is *unclear* until facts say better; a name is only ever matched whole; what is reported is the
branch that was elected, not every branch that was written; the same text, policy and catalogue give the same answer.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from helix_tts_policy.digest import DigestSyntaxError, parse_digest
from helix_tts_policy.facts.license_catalog import CommercialState, LicenseFacts, default_catalog
from helix_tts_policy.facts.license_policy import GATES, Gate, LicensePolicy, default_policy
from helix_tts_policy.finding import shown
from helix_tts_policy.license_assessment import NAME_LENGTH, Assessment, Obligation, assessed, cut, state_at
from helix_tts_policy.license_expression import (
    MAX_LENGTH,
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

REMEMBERED_LENGTH = 512
"""Longer texts are decided anew each time, so that the cache of decisions stays within some megabytes."""

_NO_TEXTS: frozenset[str] = frozenset()

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
        if decisive is None:
            return self._lack or _unreadable(self.input or "")
        return f"{cut(decisive.term, NAME_LENGTH)} is {self.state.value} for {self.gate}: {decisive.why}"

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
    def terms(self) -> tuple[str, ...]:
        """Every licence of the expression, with its exception, in canonical order; none where the input names no licence."""
        return tuple(assessment.term for assessment in self._written)

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
        """A text to ship for each licence of the elected branch that wants attribution, with places to fill in <>.

        Empty where nothing may be shipped: the licence is forbidden or unclear.
        """
        if self.state not in {CommercialState.ALLOWED, CommercialState.CONDITIONAL}:
            return ()
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
        now: time of the decision, with offset. Without it no attestation holds, since all of them are dated, and no review is
            refused for a date in the future.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: there is no such gate, ``now`` has no offset, or one of the texts is no SHA-256.
    """
    if expression is not None and not isinstance(expression, str):
        raise TypeError(f"a licence expression is a text or None, not {type(expression).__name__}")
    if not isinstance(gate, str):
        raise TypeError(f"a gate is a text, not {type(gate).__name__}")
    if gate not in GATES:
        raise ValueError(f"there is no gate {shown(gate)}; the gates are: {', '.join(GATES)}")
    if policy is None:
        policy = default_policy()
    elif not isinstance(policy, LicensePolicy):
        raise TypeError(f"a policy is a LicensePolicy, not {type(policy).__name__}")
    if model_id is not None and not isinstance(model_id, str):
        raise TypeError(f"a model id is a text or None, not {type(model_id).__name__}")
    today = None
    if now is not None:
        if not isinstance(now, dt.datetime):
            raise TypeError(f"now: expected a datetime, found {type(now).__name__}")
        if now.utcoffset() is None:
            raise ValueError("now: expected a time with offset")
        today = utc_day(now)
    found = _NO_TEXTS if texts == () else _digests(texts)
    return decide_license(
        expression, gate, policy, standing_of(policy, gate, model_id=model_id, texts=found, today=today)
    )


def decide_license(
    expression: str | None, gate: Gate, policy: LicensePolicy, standing: Standing = NOTHING
) -> LicenseDecision:
    """As `evaluate_license`, for a caller that knows already which entries of the policy hold."""
    ground = ground_of(policy, gate, standing)
    if expression is None or len(expression) <= REMEMBERED_LENGTH:
        return _remembered(expression, ground)
    return _decided(expression, ground)


@lru_cache(maxsize=4096)
def _remembered(text: str | None, ground: Ground) -> LicenseDecision:
    return _decided(text, ground)


def _decided(text: str | None, ground: Ground) -> LicenseDecision:
    read = _read(text, ground)
    if isinstance(read, str):
        return LicenseDecision(
            input=text,
            gate=ground.gate,
            policy=ground.policy,
            expression="",
            state=CommercialState.UNCLEAR,
            elected="",
            _lack=read,
        )
    written = {term.text: assessed(term, ground) for term in terms(read)}
    worst, elected = evaluate(read, lambda term: written[term.text].rank)
    every = tuple(written.values())
    return LicenseDecision(
        input=text,
        gate=ground.gate,
        policy=ground.policy,
        expression=canonical(read),
        state=state_at(worst),
        elected=canonical(elected),
        _written=every,
        _used=every if elected is read else tuple([written[term.text] for term in terms(elected)]),
    )


def _read(text: str | None, ground: Ground) -> Expression | str:
    """The expression that the text writes down or names; else what it is instead, or nothing where it is no expression."""
    if text is None:
        return "no licence is stated"
    try:
        return parse_expression(text)
    except ExpressionError:
        if len(text) > MAX_LENGTH:
            return ""
    if not text.strip():
        return "the licence is an empty text" if not text else "the licence is a text of blanks"
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
    return ""


def _unreadable(text: str) -> str:
    """Why the text is no expression: found out again for somebody who asks, since looking for advice takes long."""
    reason = ""
    try:
        parse_expression(text)
    except ExpressionError as error:
        reason = error.reason
    return f"{shown(text)} is no licence expression: {reason}"


def _digests(texts: Iterable[str]) -> frozenset[str]:
    if isinstance(texts, str):
        raise TypeError("texts: expected digests, found one text")
    return frozenset([_digest(text) for text in texts])


@lru_cache(maxsize=1024)
def _digest(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"texts: expected digests, each a text, found {type(text).__name__}")
    try:
        return parse_digest(f"sha256:{text}").hex
    except DigestSyntaxError as error:
        raise ValueError(f"texts: expected digests, found {shown(text)}: {error}") from None


def utc_day(moment: dt.datetime) -> dt.date:
    """The day of a moment in UTC, by which entries of a policy begin and expire."""
    try:
        return moment.astimezone(dt.UTC).date()
    except OverflowError:  # UTC is past the first or the last day that there is
        return moment.date()


def _plain(item: Obligation) -> dict[str, str]:
    return {"kind": item.kind, "license": item.license, "text": item.text}
