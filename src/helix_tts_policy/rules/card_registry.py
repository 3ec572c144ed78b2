"""Every rule over a model card with its id and severity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import model_card, reading
from helix_tts_policy.rules.registry import READING_RULES
from helix_tts_policy.rules.rule import Rule

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.rules.card_subject import CardSubject

CARD_SHAPE: Final = Rule("card-shape", Severity.ERROR, reading.card_shape)

CARD_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (*READING_RULES[:-1], CARD_SHAPE)
"""Rules over a card that could not be read: as over a manifest, but for the shape."""

MODEL_CARD_RULES: Final[tuple[Rule[CardSubject], ...]] = (
    Rule("card-license-missing", Severity.ERROR, model_card.card_license_missing),
    Rule("card-license-not-text", Severity.ERROR, model_card.card_license_not_text),
    Rule("card-license-list", Severity.ERROR, model_card.card_license_list),
    Rule("card-license-family", Severity.ERROR, model_card.card_license_family),
    Rule("card-license-homonym", Severity.ERROR, model_card.card_license_homonym),
    Rule("card-license-unknown", Severity.ERROR, model_card.card_license_unknown),
    Rule("card-license-other-incomplete", Severity.ERROR, model_card.card_license_other_incomplete),
    Rule("card-license-name-contradicts", Severity.ERROR, model_card.card_license_name_contradicts),
    Rule("card-license-link-unusable", Severity.WARNING, model_card.card_license_link_unusable),
    Rule("card-license-link-mutable", Severity.WARNING, model_card.card_license_link_mutable),
    Rule("card-base-model-not-text", Severity.WARNING, model_card.card_base_model_not_text),
    Rule("card-base-model-unstated", Severity.WARNING, model_card.card_base_model_unstated),
    Rule("card-language-not-text", Severity.WARNING, model_card.card_language_not_text),
)
"""Rules over a card that was read. The errors are about its licence: a claim with one is put to nobody."""

MODEL_CARD_TABLES: Final = ((CARD_SHAPE,), MODEL_CARD_RULES)
"""Every table of this module, without what the manifest's have."""
