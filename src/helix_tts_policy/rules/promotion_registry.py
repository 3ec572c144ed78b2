"""Every rule over a promotion with its id and severity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import decision_replay, promotion, reading, release_file
from helix_tts_policy.rules.registry import READING_RULES
from helix_tts_policy.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.rules.decision_replay import ReplaySubject
    from helix_tts_policy.rules.promotion_subject import Absent, ChangedInput, PromotionSubject

RELEASE_SHAPE: Final = Rule("release-shape", Severity.ERROR, reading.release_shape)
VERIFICATION_SHAPE: Final = Rule("verification-shape", Severity.ERROR, reading.verification_shape)
DECISION_SHAPE: Final = Rule("decision-shape", Severity.ERROR, reading.decision_shape)

RELEASE_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (*READING_RULES[:-1], RELEASE_SHAPE)
"""Rules over a release file that could not be read: as over a manifest, but for the shape."""

VERIFICATION_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (*READING_RULES[:-1], VERIFICATION_SHAPE)
"""Rules over a verifier's word that could not be read."""

DECISION_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (*READING_RULES[:-1], DECISION_SHAPE)
"""Rules over a decision document that could not be read."""

ABSENCE_RULES: Final[tuple[Rule[Absent], ...]] = (Rule("evidence-missing", Severity.ERROR, promotion.evidence_missing),)
"""Rules over what is not there."""

CHANGE_RULES: Final[tuple[Rule[Sequence[ChangedInput]], ...]] = (
    Rule("evidence-changed", Severity.ERROR, promotion.evidence_changed),
)
"""Rules over inputs that did not hold still."""

RELEASE_RULES: Final[tuple[Rule[PromotionSubject], ...]] = (
    Rule("release-path-unsafe", Severity.ERROR, release_file.release_path_unsafe),
    Rule("release-name-mismatch", Severity.ERROR, release_file.release_name_mismatch),
    Rule("release-policy-overridden", Severity.NOTE, release_file.release_policy_overridden),
    Rule("bundle-not-of-weights", Severity.ERROR, promotion.bundle_not_of_weights),
    Rule("bundle-license-disagrees", Severity.ERROR, promotion.bundle_license_disagrees),
    Rule("bundle-commit-not-in-ledger", Severity.WARNING, promotion.bundle_commit_not_in_ledger),
    Rule("run-not-of-weights", Severity.ERROR, promotion.run_not_of_weights),
    Rule("artifact-not-pinned", Severity.ERROR, promotion.artifact_not_pinned),
    Rule("attribution-not-shipped", Severity.ERROR, promotion.attribution_not_shipped),
    Rule("verification-not-certifying", Severity.ERROR, promotion.verification_not_certifying),
    Rule("verification-not-of-ledger", Severity.ERROR, promotion.verification_not_of_ledger),
)
"""Rules whose complaints stand in the release file."""

PROMPT_RULES: Final[tuple[Rule[PromotionSubject], ...]] = (
    Rule("prompt-not-done", Severity.ERROR, promotion.prompt_not_done),
)
"""Rules whose complaints stand in the ledger."""

REPLAY_RULES: Final[tuple[Rule[ReplaySubject], ...]] = (
    Rule("decision-differs", Severity.ERROR, decision_replay.decision_differs),
)
"""Rules over a decision that was made again."""

PROMOTION_TABLES: Final = (
    (RELEASE_SHAPE, VERIFICATION_SHAPE),
    ABSENCE_RULES,
    CHANGE_RULES,
    RELEASE_RULES,
    PROMPT_RULES,
)
"""Every table that decides over a promotion, without what the other registries have."""

REPLAY_TABLES: Final = ((DECISION_SHAPE,), REPLAY_RULES)
"""Every table over a decision document."""
