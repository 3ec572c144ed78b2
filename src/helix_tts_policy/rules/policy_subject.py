"""What the rules over a policy file look at, gathered before the first rule runs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.facts.license_catalog import Basis, CommercialState, ConditionKind, LicenseFacts, default_catalog
from helix_tts_policy.license_expression import ExpressionError, Term, parse_expression
from helix_tts_policy.license_standing import facts_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from helix_tts_policy.facts.policy_file import Clarification, PolicyFile
    from helix_tts_policy.facts.text_copy import TextCopy

KINDS = frozenset(kind.value for kind in ConditionKind)


class PolicySubject(NamedTuple):
    """The facts of one check of a policy file.

    Attributes:
        file: what it says.
        today: the day of the check in UTC; None where only the file itself is judged.
        copies: index of a clarification to what lies where its copy should.
        rules: every rule id.
        waivable: the rule ids that a waiver may name.
        advice: the rule ids whose findings can be made errors.
    """

    file: PolicyFile
    today: dt.date | None
    copies: Mapping[int, TextCopy]
    rules: AbstractSet[str]
    waivable: AbstractSet[str]
    advice: AbstractSet[str]

    def licenses(self) -> Iterator[tuple[str, str]]:
        """Every licence that an entry names by its id, with its pointer."""
        for gate, section in (("weights", self.file.gates.weights), ("code", self.file.gates.code)):
            for key, ids in (("allow", section.allow or ()), ("deny", section.deny)):
                yield from ((f"/gates/{gate}/{key}/{index}", name) for index, name in enumerate(ids))
        for index, item in enumerate(self.file.clarifications):
            yield f"/clarifications/{index}/license", item.license
            if item.same_as is not None:
                yield f"/clarifications/{index}/same_as", item.same_as
        for index, attestation in enumerate(self.file.attestations):
            yield f"/attestations/{index}/license", attestation.license

    def facts(self, identifier: str) -> LicenseFacts | None:
        """The facts of a licence under this policy: as clarified, where a clarification of it can be read."""
        for item in self.file.clarifications:
            if item.license == identifier and all(each.kind in KINDS for each in item.conditions):
                return facts_of(item)
        return default_catalog().find(identifier)


def spelling_of(text: str) -> str | None:
    """The id as an expression's canonical text has it; None where the text is no single licence id."""
    try:
        read = parse_expression(text)
    except ExpressionError:
        return None
    plain = isinstance(read, Term) and not read.plus and read.exception is None
    return read.text if plain else None


def is_expression(text: str) -> bool:
    """Whether a text is a licence expression, so that it can be no name."""
    try:
        parse_expression(text)
    except ExpressionError:
        return False
    return True


@cache
def titles() -> Mapping[str, str]:
    """Every id and every title of the catalogue, in small letters, to the id; a title of several licences has none of them."""
    found: dict[str, str] = {}
    for row in default_catalog():
        found[row.name.lower()] = "several licences" if row.name.lower() in found else row.id
    return found | {identifier.lower(): identifier for identifier in default_catalog().rows}


@cache
def _texts() -> Mapping[str, LicenseFacts]:
    return {row.evidence_sha256: row for row in default_catalog() if row.evidence_sha256 is not None}


def known_text(sha256: str) -> LicenseFacts | None:
    """The facts of the licence whose text has this digest, where the catalogue has read it."""
    return _texts().get(sha256)


def settled(identifier: str) -> LicenseFacts | None:
    """The facts of a licence that the catalogue has verified; None where a clarification may speak."""
    row = default_catalog().find(identifier)
    return None if row is None or row.basis is Basis.NONE else row


def shape_faults(item: Clarification) -> Iterator[tuple[str, str, str]]:
    """What a clarification says too much, too little or against itself: key, message and tip."""
    own = ("commercial", "conditions", "attribution", "notices", "clause")
    if item.same_as is not None:
        for key in own:
            if getattr(item, key) not in (None, ()):
                yield key, "stands beside same_as, which answers it already; expected one of the two", f"remove {key}"
        facts = settled(item.same_as)
        if facts is None or facts.commercial is CommercialState.UNCLEAR:
            message = (
                f"found {item.same_as}, of which the catalogue has no verified facts; expected a licence that it knows"
            )
            yield "same_as", message, "state what the text says instead of same_as"
        return
    for key in ("commercial", "attribution", "clause"):
        if getattr(item, key) is None:
            yield "", f"found neither same_as nor {key}; expected what the text says", f"add {key}, or same_as"
    kinds = {each.kind for each in item.conditions}
    if item.commercial == "forbidden" and not kinds:
        yield "commercial", "found forbidden without a condition; expected what forbids it", "add the condition"
    if item.commercial == "allowed" and (hard := sorted(kinds & {"noncommercial", "purpose_limit"})):
        yield "commercial", f"found allowed beside {', '.join(hard)}; expected forbidden", "write forbidden"
    if len(kinds) < len(item.conditions):
        message = "found two conditions of one kind, which one attestation would answer; expected each kind once"
        yield "conditions", message, "say in one text all that the licence asks of this kind"
    if item.attribution and not item.notices:
        yield "attribution", "found true without notices; expected what has to be shipped", "add notices"
