"""The claims of a model card at the command line: told, held against what is stated, offered, and never taken by themselves.

A claim enters a manifest only when a person has said it: as an option, in the facts, or with ``yes`` at a terminal. What
is stated is never another licence than the one that the card claims, and a base model without a statement becomes a
component without a licence, which is unclear until somebody states one.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from helix_tts_policy.cli import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helix_tts_policy.finding import Finding
    from helix_tts_policy.model_card_report import ModelCardReport


class Offer(NamedTuple):
    """A claim that somebody may confirm: what the card says, and the value that it would be."""

    claim: str
    value: str


class Claims:
    """What a card claims beside the facts that are stated; its findings are told when it is read."""

    def __init__(self, path: str, stated: Mapping[str, Any]) -> None:
        from helix_tts_policy.check_model_card import check_model_card  # noqa: PLC0415 - only with a card

        components = [] if stated.get("components") is None else stated["components"]
        if not isinstance(components, list):
            raise UsageError("--facts: states components that are no array; expected one to add base models to")
        names = {each.get("name") for each in components if isinstance(each, dict) and each.get("role") == "base_model"}
        self._path = path
        self._report: ModelCardReport = check_model_card(
            path, base_models=[name for name in names if isinstance(name, str)]
        )
        for finding in self._report.findings:
            print(_line(finding), file=sys.stderr)
        if self._report.card is None:
            raise UsageError(f"--from-model-card: {path!a} is no model card that can be read")
        unstated = [{"name": name, "role": "base_model"} for name in self._report.base_models_unstated]
        self.components: list[Any] = [*components, *unstated]

    def against(self, weights_license: Any) -> str | None:
        """Why a stated licence cannot stand beside the card; None where it can."""
        if not isinstance(weights_license, str):
            return None  # of the wrong shape, which is told with all others of the facts
        at_odds = self._report.at_odds_with(weights_license)
        if not at_odds:
            return None
        from helix_tts_policy.finding import shown  # noqa: PLC0415 - loaded already

        return (
            f"--from-model-card: {self._path!a} claims {' and '.join(map(str, at_odds))}, but {shown(weights_license)} is "
            "stated; find out which is true, and leave the card out if it is wrong"
        )

    def offers(self) -> dict[str, Offer]:
        """The claims that are clear enough to be confirmed, by the field of the manifest."""
        from helix_tts_policy.finding import shown  # noqa: PLC0415 - loaded already

        found = {}
        if self._report.license is not None:
            found["weights_license"] = Offer(f"claims {self._report.license}", self._report.license.expression)
        if (link := self._report.license_link) is not None:
            found["evidence_links"] = Offer(f"links {shown(link)} as the text of its licence", link)
        return found


def to_confirm(flag: str, offer: Offer) -> str:
    """How a claim that nobody confirmed can be, where nobody can be asked."""
    return f"the card {offer.claim}; confirm it with {flag} {shlex.quote(offer.value)} after reading the licence"


def _line(finding: Finding) -> str:
    from helix_tts_policy.finding import printable  # noqa: PLC0415 - loaded already

    at = finding.at
    place = at.source if at.line is None else f"{at.source}:{at.line}:{at.column}"
    return f"{finding.severity.value}[{finding.rule}] {printable(place)} {finding.message}; {finding.tip}"
