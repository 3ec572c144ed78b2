"""Which entries of a policy hold: for one release, on one day, with the licence texts that were found beside it.

Rules kept here: a clarification holds only for the very text that was reviewed; an attestation holds only for the models
and the days that it names; what does not hold is remembered with its reason, so that nothing is dropped silently.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.facts.license_catalog import (
    Basis,
    CommercialState,
    Condition,
    ConditionKind,
    LicenseFacts,
    default_catalog,
)
from helix_tts_policy.license_expression import current_id, is_reference

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from helix_tts_policy.facts.license_policy import Gate, GatePolicy, LicensePolicy
    from helix_tts_policy.facts.policy_file import Attestation, Clarification

ALL_MODELS = "*"

_ZONES = dt.timedelta(days=1)
"""A day that has begun somewhere is no future, though UTC is behind it. Compared with a difference, which always exists."""


class Standing(NamedTuple):
    """The entries that matter for one release at one gate, by their index in the policy.

    Attributes:
        clarified: the clarifications whose text is the one that was reviewed.
        unproven: the others, each with why it does not hold.
        attested: the attestations in scope and in time.
    """

    clarified: tuple[int, ...] = ()
    unproven: tuple[tuple[int, str], ...] = ()
    attested: tuple[int, ...] = ()


NOTHING = Standing()


def standing_of(
    policy: LicensePolicy, gate: Gate, *, model_id: str | None, texts: AbstractSet[str], today: dt.date | None
) -> Standing:
    """What holds of a policy.

    Args:
        policy: the policy.
        gate: the gate that is asked.
        model_id: the release; without one only what holds for all models does.
        texts: SHA-256 of the licence texts that were found with the release; one of them has to be the reviewed one.
            Where there is none, the local copy that was checked when the policy was loaded is the text.
        today: the day of the decision in UTC; without one no attestation holds, and no review counts as too early.
    """
    if not policy.clarifications and not policy.attestations:
        return NOTHING
    clarified, unproven = _proven(policy, frozenset(texts), today)
    return Standing(clarified, unproven, _attested(policy, gate, model_id, today))


@lru_cache(maxsize=256)
def _proven(
    policy: LicensePolicy, texts: frozenset[str], today: dt.date | None
) -> tuple[tuple[int, ...], tuple[tuple[int, str], ...]]:
    doubts = list(enumerate(_doubt(item, texts, today) for item in policy.clarifications))
    return (
        tuple([index for index, doubt in doubts if doubt is None]),
        tuple([(index, doubt) for index, doubt in doubts if doubt is not None]),
    )


@lru_cache(maxsize=256)
def _attested(policy: LicensePolicy, gate: Gate, model_id: str | None, today: dt.date | None) -> tuple[int, ...]:
    return tuple(
        [
            index
            for index, item in enumerate(policy.attestations)
            if item.gate == gate
            and in_scope(item.models, model_id)
            and in_time(item.attested_on, item.expires_on, today)
        ]
    )


def in_scope(models: tuple[str, ...], model_id: str | None) -> bool:
    """Whether a list of model ids names this one, whole, or all."""
    return ALL_MODELS in models or (model_id is not None and model_id in models)


def in_time(first: dt.date, last: dt.date | None, today: dt.date | None) -> bool:
    """Whether a day lies between the two, both included."""
    return today is not None and first - today <= _ZONES and (last is None or today <= last)


def _doubt(item: Clarification, texts: AbstractSet[str], today: dt.date | None) -> str | None:
    if today is not None and item.reviewed_on - today > _ZONES:
        return f"its review is dated {item.reviewed_on.isoformat()}, in the future"
    if texts:
        return None if item.sha256 in texts else "the evidence of this release records another text"
    return None if item.text is not None else "no copy of that text was given"


class Ground:
    """What a decision at one gate stands on, ready to be looked up; made by `ground_of`.

    Attributes:
        gate: which gate.
        policy: the policy that was applied.
        accepts: how that policy takes a licence at this gate.
        rows: id to facts and pointer of its clarification, where one holds.
        unproven: id to what is said of a clarification that does not hold.
        names: names in the wild, in small letters, to the id that a clarification gives them.
        attested: id and kind of condition to the attestation of it, with its pointer.
        same_as: id to that of the known licence whose text a clarification found it to be.
        denied: current ids of what the gate denies.
        denied_texts: SHA-256 of the texts of these licences, by whether their id is a reference.
    """

    __slots__ = (
        "accepts",
        "attested",
        "denied",
        "denied_texts",
        "gate",
        "names",
        "policy",
        "rows",
        "same_as",
        "unproven",
    )

    def __init__(self, gate: Gate, policy: LicensePolicy) -> None:
        self.gate = gate
        self.policy = policy
        self.accepts: GatePolicy = policy.gates[gate]
        self.rows: dict[str, tuple[LicenseFacts, str]] = {}
        self.unproven: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.attested: dict[tuple[str, str], tuple[Attestation, str]] = {}
        self.same_as: dict[str, str] = {}
        self.denied: frozenset[str] = frozenset()
        self.denied_texts: dict[str, bool] = {}

    def denies(self, identifier: str, row: LicenseFacts) -> bool:
        """Whether the gate denies the licence, by whatever id or clarification it is called here."""
        if {current_id(identifier), current_id(self.same_as.get(identifier, identifier))} & self.denied:
            return True
        # A reference may be another id of a text; ids of the SPDX list may differ though their text is the same one.
        by_reference = self.denied_texts.get(row.evidence_sha256 or "")
        return by_reference is not None and (by_reference or is_reference(identifier))


@lru_cache(maxsize=1024)
def ground_of(policy: LicensePolicy, gate: Gate, standing: Standing) -> Ground:
    """The ground of every decision at this gate under this standing."""
    ground = Ground(gate, policy)
    for index in standing.clarified:
        item = policy.clarifications[index]
        ground.rows[item.license] = (facts_of(item), f"/clarifications/{index}")
    for index, doubt in standing.unproven:
        item = policy.clarifications[index]
        ground.unproven[item.license] = (
            f"{policy.name} clarifies it for the text with the SHA-256 {item.sha256[:12]}..., and {doubt}"
        )
    for item in policy.clarifications:
        ground.names |= dict.fromkeys(map(str.lower, item.names), item.license)
        if item.same_as is not None:
            ground.same_as[item.license] = item.same_as
    ground.denied = frozenset(map(current_id, ground.accepts.deny))
    for name in ground.accepts.deny:
        row = default_catalog().find(name)
        if row is not None and row.evidence_sha256 is not None:
            ground.denied_texts[row.evidence_sha256] = is_reference(name) or ground.denied_texts.get(
                row.evidence_sha256, False
            )
    for index in standing.attested:
        attestation = policy.attestations[index]
        ground.attested.setdefault(
            (attestation.license, attestation.condition), (attestation, f"/attestations/{index}")
        )
    return ground


def facts_of(item: Clarification) -> LicenseFacts:
    """The row that a clarification makes."""
    known = default_catalog().find(item.same_as) if item.same_as is not None else None
    if known is not None:
        note = f"Clarified by {item.owner}: the text is that of {known.id}."
        base = replace(known, id=item.license, notes=note)
    else:
        base = LicenseFacts(
            id=item.license,
            name=item.names[0] if item.names else item.license,
            commercial=CommercialState(item.commercial or CommercialState.UNCLEAR),
            conditions=tuple(Condition(kind=ConditionKind(each.kind), text=each.text) for each in item.conditions),
            attribution=item.attribution,
            notices=item.notices,
            clause=item.clause or "",
            basis=Basis.POLICY,
            notes=f"Clarified by {item.owner}.",
        )
    return replace(
        base,
        basis=Basis.POLICY,
        evidence_url=item.evidence_url,
        evidence_sha256=item.sha256,
        verified_on=item.reviewed_on,
    )
