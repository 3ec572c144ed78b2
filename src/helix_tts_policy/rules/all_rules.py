"""Every rule there is, for the ones who list and explain them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.rules.bundle_registry import BUNDLE_TABLES
from helix_tts_policy.rules.card_registry import MODEL_CARD_TABLES
from helix_tts_policy.rules.dataset_registry import DATASET_TABLES
from helix_tts_policy.rules.format_registry import FORMAT_TABLES
from helix_tts_policy.rules.ledger_registry import LEDGER_TABLES
from helix_tts_policy.rules.policy_registry import POLICY_TABLES
from helix_tts_policy.rules.promotion_registry import PROMOTION_TABLES, REPLAY_TABLES
from helix_tts_policy.rules.registry import MANIFEST_TABLES
from helix_tts_policy.rules.training_registry import TRAINING_TABLES

if TYPE_CHECKING:
    from helix_tts_policy.rules.rule import Rule

_TABLES: tuple[tuple[Rule[Any], ...], ...] = (
    *MANIFEST_TABLES,
    *POLICY_TABLES,
    *MODEL_CARD_TABLES,
    *LEDGER_TABLES,
    *TRAINING_TABLES,
    *DATASET_TABLES,
    *PROMOTION_TABLES,
    *REPLAY_TABLES,
    *FORMAT_TABLES,
    *BUNDLE_TABLES,
)

ALL_RULES: Final[tuple[Rule[Any], ...]] = tuple(rule for table in _TABLES for rule in table)
"""Every rule, in the order of the tables."""

RULE_IDS: Final = frozenset(rule.id for rule in ALL_RULES)
