"""What a Hugging Face model card claims: the fields of its front matter that speak of licences and origin, as written.

A card is read offline, and never proves anything: whoever uploads weights fills the front matter in, and nobody checks it.
Fields that are not of these are of no concern and may be there; the Markdown below is not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.document import Scan, bounded, decode, line_and_column
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.finding import shown
from helix_tts_policy.yaml_document import YamlList, YamlMapping, YamlNode, compose_yaml, yaml_places

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_CARD_BYTES: Final = 1024 * 1024
"""Bound of one card; long ones, with tables of results, have some hundred KiB."""

FIELDS: Final = ("license", "license_name", "license_link", "base_model", "language")
"""The fields that are read, by the names that the hub gives them (hub-docs, model-cards.md)."""

_FENCE = re.compile(r"---\r?(?:\n|\Z)")
_LIKE_A_FENCE = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE)
"""A line at which one reader or another ends the front matter; the hub takes three hyphens alone."""


class CardEntry(NamedTuple):
    """One value of a field that may hold one or a list of them, with its JSON pointer."""

    path: str
    value: YamlNode


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """The front matter of a card, field by field as it is written; None where the card has no such field.

    Attributes:
        license: key of the licence that the hub knows, or ``other``.
        license_name: name of the licence where its key is ``other``.
        license_link: where its text stands: a URL, or a file beside the card.
        base_model: what the weights derive from, one or a list.
        language: what the voice speaks, one or a list.
        others: the keys that are not of these.
    """

    license: YamlNode | None = None
    license_name: YamlNode | None = None
    license_link: YamlNode | None = None
    base_model: YamlNode | None = None
    language: YamlNode | None = None
    others: tuple[str, ...] = ()

    @property
    def licenses(self) -> tuple[CardEntry, ...]:
        """Every licence that the card names, by key or by name."""
        return (*_entries("/license", self.license), *_entries("/license_name", self.license_name))

    @property
    def base_models(self) -> tuple[CardEntry, ...]:
        """Every base model that the card names."""
        return _entries("/base_model", self.base_model)

    @property
    def languages(self) -> tuple[CardEntry, ...]:
        """Every language that the card names."""
        return _entries("/language", self.language)


def _entries(path: str, value: YamlNode | None) -> tuple[CardEntry, ...]:
    if isinstance(value, YamlList):
        return tuple(CardEntry(f"{path}/{index}", item) for index, item in enumerate(value.items))
    return () if value is None else (CardEntry(path, value),)


def read_model_card(data: bytes, source: str) -> tuple[ModelCard, str]:
    """What the front matter in the bytes of a card says, and their text, in which `scan_model_card` finds the places.

    Raises:
        MalformedInput: no UTF-8, no front matter, or one that is no plain YAML mapping; with all problems.
    """
    text = decode(bounded(data, source=source, limit=MAX_CARD_BYTES), source, kind="model card")
    front = _front_matter(text, source)
    if not isinstance(front, YamlMapping):
        kind = "nothing" if front is None else "a list" if isinstance(front, YamlList) else "a single value"
        message = f"the front matter holds {kind}; expected fields such as license: apache-2.0"
        raise _shapeless(
            source, message, "write the fields that the card states", text, 0 if front is None else front.offset
        )
    members = front.members
    others = tuple(key for key in members if key not in FIELDS)
    return ModelCard(**{name: members.get(name) for name in FIELDS}, others=others), text


def scan_model_card(text: str, wanted: Collection[str] = ()) -> Scan:
    """Where the wanted fields of a text that `read_model_card` accepted stand, by JSON pointer."""
    return yaml_places(_front_matter(text, ""), wanted)


def _front_matter(text: str, source: str) -> YamlNode | None:
    opening = _FENCE.match(text)
    if opening is None:
        found = text.partition("\n")[0].removesuffix("\r")
        message = (
            f"begins with the line {shown(found)}; expected a line of three hyphens alone, and the front matter below"
        )
        raise _shapeless(source, message, "put the front matter first, between two lines of three hyphens", text, 0)
    closing = _LIKE_A_FENCE.search(text, opening.end())
    if closing is None:
        message = "the front matter has no end; expected a line of three hyphens alone below it"
        raise _shapeless(source, message, "write the line below the last field", text, len(text))
    if closing[0].removesuffix("\r") != "---":
        message = (
            f"found the line {shown(closing[0])}, where some readers end the front matter; expected three hyphens alone"
        )
        raise _shapeless(source, message, "write --- without blanks, or take the line out", text, closing.start())
    return compose_yaml(text, source, start=opening.end(), end=closing.start())


def _shapeless(source: str, message: str, tip: str, text: str, offset: int) -> MalformedInput:
    line, column = line_and_column(text, offset)
    return MalformedInput(source, (Problem(kind=ProblemKind.CARD, message=message, tip=tip, line=line, column=column),))
