"""What a check of a model card says: the claims that can be put to a person, and everything that was found in it.

There is no verdict here. A card proves nothing, so that no card is ever GO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.model_card import scan_model_card
from helix_tts_policy.finding import Finding, Severity
from helix_tts_policy.placing import placed, places_in_text, reading_findings
from helix_tts_policy.rules.card_registry import CARD_READING_RULES, MODEL_CARD_RULES
from helix_tts_policy.rules.card_subject import decision_on, text_of
from helix_tts_policy.rules.model_card import is_address
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.facts.model_card import ModelCard
    from helix_tts_policy.rules.card_subject import CardSubject, LicenseClaim


class ModelCardReport:
    """The outcome of `check_model_card`.

    Attributes:
        source: the card, as the caller named it.
        findings: everything that was found: errors first, then as the card reads.
    """

    __slots__ = ("_subject", "findings", "source")

    def __init__(
        self,
        source: str,
        *,
        subject: CardSubject | None = None,
        text: str = "",
        malformed: MalformedInput | None = None,
    ) -> None:
        self.source = source
        self._subject = subject
        if malformed is not None:
            findings = reading_findings(CARD_READING_RULES, malformed, source)
        elif subject is not None:
            found = complaints(MODEL_CARD_RULES, subject)
            findings = placed(found, places_in_text(found, source, text, scan_model_card))
        else:
            raise TypeError("a report is about a card, or about why there is none")
        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=Finding.sort_key))

    @property
    def card(self) -> ModelCard | None:
        """What the front matter says; None where it could not be read."""
        return None if self._subject is None else self._subject.card

    @property
    def clear(self) -> bool:
        """Whether the card names one licence and nothing is wrong with that; still a claim, and no proof of it."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def licenses(self) -> tuple[LicenseClaim, ...]:
        """Every licence that the card names and the catalogue can make something of, also where they are at odds."""
        return () if self._subject is None else self._subject.claims

    @property
    def license(self) -> LicenseClaim | None:
        """The one licence that the card claims; None where that is not clear."""
        return self.licenses[0] if self.clear else None

    @property
    def license_link(self) -> str | None:
        """Where the card says that the licence text stands, where that is a URL that can serve as evidence."""
        link = "" if self.card is None else text_of(self.card.license_link)
        faulty = any(finding.at.path == "/license_link" for finding in self.findings)
        return link if is_address(link) and not faulty else None

    @property
    def base_models_unstated(self) -> tuple[str, ...]:
        """The base models that nobody has stated the licence of."""
        subject = self._subject
        return (
            ()
            if subject is None
            else tuple(each.name for each in subject.base_models if each.name not in subject.stated)
        )

    def at_odds_with(self, stated: str) -> tuple[LicenseClaim, ...]:
        """The licences that the card names and a stated expression is not; empty where it is, or none is named.

        A current id is what the deprecated one of a card comes to: ``gpl-3.0`` is stated as GPL-3.0-only or -or-later. Of the
        licences that one key is used for, one is enough; of several keys, each has to stand in the expression.
        """
        decision = decision_on(stated)
        keys = {(claim.path, claim.written) for claim in self.licenses}
        said = {decision.expression} if len(keys) == 1 else set(decision.terms)
        other = [claim for claim in self.licenses if said.isdisjoint(_spellings(claim.expression))]
        return () if len(keys) == 1 and len(other) < len(self.licenses) else tuple(other)


def _spellings(expression: str) -> set[str]:
    if not decision_on(expression).deprecated:
        return {expression}
    return {expression, f"{expression}-only", f"{expression}-or-later"}
