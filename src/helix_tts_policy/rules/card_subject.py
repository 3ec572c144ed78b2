"""What the rules over a model card look at: its fields, and which licences they come to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.facts.license_policy import default_policy
from helix_tts_policy.finding import shown
from helix_tts_policy.license_decision import LicenseDecision, decide_license
from helix_tts_policy.yaml_document import YamlMeaning, YamlScalar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from helix_tts_policy.facts.license_catalog import CommercialState
    from helix_tts_policy.facts.model_card import ModelCard
    from helix_tts_policy.yaml_document import YamlNode

BLANKS: Final = " \t\r\n"
"""What may stand around a value without being part of it; a non-breaking space is part of it."""

OTHER: Final = "other"
"""The hub's key for a licence that it has no key for; what it is called stands in ``license_name``."""

FAMILIES: Final = frozenset({"bsd", "cc", "gfdl", "gpl", "lgpl", "odbl", "openrail"})
"""The hub's keys that mean several licences."""

HOMONYMS: Final = {"bsl-1.0": ("BSL-1.0", "BUSL-1.1")}
"""The hub's keys that people also choose for a licence whose initials are the same: Boost, and Business Source."""

UNNAMED: Final = "base model that the card does not name"
"""Name of the component for a base model of which the card says something, but no name."""


class LicenseClaim(NamedTuple):
    """A licence that the card names.

    Attributes:
        path: JSON pointer to the field.
        written: as the card names it.
        expression: canonical text of what that means.
        state: what the catalogue says of it as a licence of weights, under the built-in policy.
    """

    path: str
    written: str
    expression: str
    state: CommercialState

    def __str__(self) -> str:
        return f"{shown(self.written)} ({self.expression}, {self.state.value})"


class BaseModel(NamedTuple):
    """A base model that the card names, with the JSON pointer to the field."""

    path: str
    name: str


@dataclass(frozen=True)
class CardSubject:
    """A card, and what is stated elsewhere.

    Attributes:
        card: what the front matter says.
        stated: names of the base models whose licences somebody states beside the card.
    """

    card: ModelCard
    stated: AbstractSet[str] = frozenset()

    @cached_property
    def claims(self) -> tuple[LicenseClaim, ...]:
        """Every licence that the card names and the catalogue can make something of."""
        return tuple(self._claims())

    def _claims(self) -> Iterator[LicenseClaim]:
        for path, value in self.card.licenses:
            for meant in meanings_of(text_of(value)):
                decision = decision_on(meant)
                if decision.expression:
                    yield LicenseClaim(path, text_of(value), decision.expression, decision.state)

    @cached_property
    def base_models(self) -> tuple[BaseModel, ...]:
        """Every base model that the card speaks of, each once."""
        found: dict[str, BaseModel] = {}
        for path, value in self.card.base_models:
            if isinstance(value, YamlScalar):
                name = "" if value.meaning is YamlMeaning.NULL else value.text.strip(BLANKS)
            else:
                name = UNNAMED
            if name:
                found.setdefault(name, BaseModel(path, name))
        return tuple(found.values())


def text_of(value: YamlNode | None) -> str:
    """The text of a value that is one, without blanks around it; empty for everything else."""
    return value.text.strip(BLANKS) if isinstance(value, YamlScalar) and value.meaning is YamlMeaning.TEXT else ""


def is_blank(value: YamlNode | None) -> bool:
    """Whether a field is not there, null, or a text of blanks."""
    return value is None or (
        isinstance(value, YamlScalar) and (value.meaning is YamlMeaning.NULL or not value.text.strip(BLANKS))
    )


def meanings_of(name: str) -> tuple[str, ...]:
    """The licence texts that a key of the hub can mean: none, one, or several for a key that is a homonym."""
    key = name.lower()
    return () if not key or key == OTHER else HOMONYMS.get(key, (name,))


def decision_on(name: str) -> LicenseDecision:
    """What the catalogue makes of a name as a licence of weights."""
    return decide_license(name, "weights", default_policy())
