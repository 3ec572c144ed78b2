"""One licence at one gate: first what the catalogue cannot answer, then what the licence says, then what the policy does."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from helix_tts_policy.facts.license_catalog import CommercialState, LicenseFacts, default_catalog
from helix_tts_policy.license_expression import deprecated_ids, is_reference

if TYPE_CHECKING:
    from helix_tts_policy.license_expression import Term
    from helix_tts_policy.license_standing import Ground

NAME_LENGTH = 120
"""No name of a licence in the wild is longer; a longer text is not compared with them, and not remembered."""

_MAP_IT = "read the licence, and map it to reviewed facts in the policy"
_SHOW_TEXT = "compare the text of this release with the reviewed one; if it is another, review it and clarify that one"
_ASK_OWNER = "take a work under a licence that the policy allows, or ask its owner to review this one"
_ADVICE = {
    CommercialState.ALLOWED: "carry the obligations with the release",
    CommercialState.CONDITIONAL: "have each condition attested in the policy, or take a work under another licence",
    CommercialState.FORBIDDEN: "take a work under another licence, or get a grant and state that one",
    CommercialState.UNCLEAR: "find out which terms hold, and state a licence that the catalogue or the policy knows",
}


NOTICES = frozenset({"attribution", "notice"})
"""The kinds of obligation that every release can meet by a line in its documentation."""

_STATES = tuple(CommercialState)
_RANKS = 64
"""Ranks of one state; no licence asks more than a dozen things."""


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
class Assessment:
    """One term at one gate.

    Attributes:
        term: as the expression writes it.
        state: the answer.
        why: the clause or the lack that decided.
        advice: what to do next.
        row: the facts matched; None where there are none.
        deprecated: the ids in the term that SPDX lists as deprecated.
        obligations: what a release has to carry.
        conditions: what stands between the term and *allowed*.
        entries: JSON pointers to the entries of the policy that were used.
        rank: what an alternative is elected by, the lower the better: the state, then how much it asks beside notices.
    """

    term: str
    state: CommercialState
    why: str
    advice: str
    row: LicenseFacts | None
    deprecated: tuple[str, ...]
    obligations: tuple[Obligation, ...] = ()
    conditions: tuple[Obligation, ...] = ()
    entries: tuple[str, ...] = ()
    rank: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        asked = len(self.conditions) + sum(each.kind not in NOTICES for each in self.obligations)
        object.__setattr__(self, "rank", _STATES.index(self.state) * _RANKS + min(asked, _RANKS - 1))


def state_at(rank: int) -> CommercialState:
    """The state that a rank stands for."""
    return _STATES[rank // _RANKS]


def cut(text: str, limit: int) -> str:
    """The text, or its beginning and how long it was."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def assessed(term: Term, ground: Ground) -> Assessment:
    """What is to be said of one term at one gate; references that nobody knows are many, and would push out the others."""
    if term.license in default_catalog().rows and len(term.text) <= NAME_LENGTH:
        return _remembered_term(term, ground)
    return _assess(term, ground)


@lru_cache(maxsize=8192)
def _remembered_term(term: Term, ground: Ground) -> Assessment:
    return _assess(term, ground)


def _assess(term: Term, ground: Ground) -> Assessment:
    """One term at one gate: first what the catalogue cannot answer, then what the licence says, then the gate."""
    clarified = ground.rows.get(term.license)
    row, entries = (default_catalog().find(term.license), ()) if clarified is None else (clarified[0], clarified[1:])
    doubt = _doubt(term, row, ground)
    if row is None or doubt is not None:
        why, advice = doubt or ("", "")
        return Assessment(term.text, CommercialState.UNCLEAR, why, advice, row, deprecated_ids(term))
    accepts = ground.accepts
    kind = "attribution" if row.attribution else "notice"
    obligations = [Obligation(kind=kind, license=term.text, text=notice) for notice in row.notices]
    conditions = []
    for each in row.conditions:
        attested = ground.attested.get((term.license, each.kind.value))
        if each.kind in accepts.obligations:
            obligations.append(Obligation(kind=each.kind.value, license=term.text, text=each.text))
        elif attested is not None and row.commercial is not CommercialState.FORBIDDEN:
            word, pointer = attested
            said = f"{each.text} Attested on {word.attested_on.isoformat()} by {word.owner}: {word.statement}"
            obligations.append(Obligation(kind=each.kind.value, license=term.text, text=said))
            entries = (*entries, pointer)
        else:
            conditions.append(Obligation(kind=each.kind.value, license=term.text, text=each.text))
    state = row.commercial
    if state in {CommercialState.ALLOWED, CommercialState.CONDITIONAL}:
        state = CommercialState.CONDITIONAL if conditions else CommercialState.ALLOWED
    why, advice = _why(row, state, tuple(conditions)), _ADVICE[state]
    if state not in {CommercialState.FORBIDDEN, CommercialState.UNCLEAR} and (refusal := _refusal(term, row, ground)):
        state, why, advice = CommercialState.FORBIDDEN, refusal, _ASK_OWNER
    return Assessment(
        term=term.text,
        state=state,
        why=why,
        advice=advice,
        row=row,
        deprecated=deprecated_ids(term),
        obligations=tuple(obligations),
        conditions=tuple(conditions),
        entries=entries,
    )


def _refusal(term: Term, row: LicenseFacts, ground: Ground) -> str | None:
    """Why the policy itself does not take this licence, whatever it says."""
    if ground.denied and ground.denies(term.license, row):
        return f"the policy denies it to the {ground.gate} gate"
    if ground.accepts.allow is not None and term.license not in ground.accepts.allow:
        return f"it is not among the licences that the policy allows to the {ground.gate} gate"
    return None


def _doubt(term: Term, row: LicenseFacts | None, ground: Ground) -> tuple[str, str] | None:
    """Why the facts of the licence do not answer for this term, and what to do about it."""
    if term.license in ground.unproven and term.license not in ground.rows:
        return ground.unproven[term.license], _SHOW_TEXT
    if row is None:
        return "the catalogue has no facts about this reference", _MAP_IT
    if term.plus and not row.or_later:
        why = f'"+" means a later version, and {term.license} has no clause that allows one'
        return why, f"write {term.license}, or name the version that is meant"
    if term.exception is None:
        return None
    if is_reference(term.exception):
        return f"the catalogue has no facts about the exception {cut(term.exception, NAME_LENGTH)}", _MAP_IT
    if term.license not in default_catalog().exceptions.get(term.exception, ()):
        why = f"{term.exception} is not known as an exception to {cut(term.license, NAME_LENGTH)}"
        return why, "check the pair at its source, or name the licence without the exception"
    return None


def _why(row: LicenseFacts, state: CommercialState, conditions: tuple[Obligation, ...]) -> str:
    """The clause, where it is what decided; the conditions, where the gate did."""
    if state is not CommercialState.CONDITIONAL:
        return row.clause
    asked = " ".join(each.text for each in conditions)
    return asked if row.commercial is CommercialState.ALLOWED else f"{asked} ({row.clause})"
