"""From a model card to the claims in it, and to everything that is wrong with them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from helix_tts_policy.document import read_bytes
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.model_card import MAX_CARD_BYTES, read_model_card
from helix_tts_policy.model_card_report import ModelCardReport
from helix_tts_policy.rules.card_subject import CardSubject

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_model_card(path: str | os.PathLike[str], *, base_models: Iterable[str] = ()) -> ModelCardReport:
    """Check the front matter of a Hugging Face model card: what it claims of licences and origin, and how clearly.

    Args:
        path: the card, mostly ``README.md``. Nothing is fetched, neither it nor what it links to.
        base_models: names of the base models whose licences are stated beside the card.

    Raises:
        TypeError: the path is no path.
    """
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError("path: expected a path of text, found one of bytes")
    try:
        card, text = read_model_card(read_bytes(name, limit=MAX_CARD_BYTES), name)
    except MalformedInput as error:
        return ModelCardReport(name, malformed=error)
    return ModelCardReport(name, subject=CardSubject(card, frozenset(base_models)), text=text)
