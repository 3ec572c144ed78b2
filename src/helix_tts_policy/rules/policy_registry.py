"""Every rule over a policy file with its id and severity, and what a policy may do to the rules over manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import policy_block, policy_clarification, policy_file, policy_use, reading
from helix_tts_policy.rules.registry import ADVICE_RULES, READING_RULES
from helix_tts_policy.rules.rule import Rule

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.rules.policy_subject import PolicySubject
    from helix_tts_policy.rules.policy_use import PolicyUse

POLICY_SHAPE: Final = Rule("policy-shape", Severity.ERROR, reading.policy_shape)

POLICY_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (*READING_RULES[:-1], POLICY_SHAPE)
"""Rules over a policy file that could not be read: as over a manifest, but for the shape."""

POLICY_RULES: Final[tuple[Rule[PolicySubject], ...]] = (
    Rule("policy-license-unknown", Severity.ERROR, policy_file.policy_license_unknown),
    Rule("policy-kind-refused", Severity.ERROR, policy_file.policy_kind_refused),
    Rule("policy-rule-unknown", Severity.ERROR, policy_file.policy_rule_unknown),
    Rule("policy-name-unusable", Severity.ERROR, policy_clarification.policy_name_unusable),
    Rule("policy-clarification-refused", Severity.ERROR, policy_clarification.policy_clarification_refused),
    Rule("policy-evidence-malformed", Severity.ERROR, policy_clarification.policy_evidence_malformed),
    Rule("policy-clarification-stale", Severity.ERROR, policy_clarification.policy_clarification_stale),
    Rule("policy-attestation-refused", Severity.ERROR, policy_file.policy_attestation_refused),
    Rule("policy-waiver-refused", Severity.ERROR, policy_file.policy_waiver_refused),
    Rule("policy-reason-refused", Severity.ERROR, policy_file.policy_reason_refused),
    Rule("policy-block-unexplained", Severity.ERROR, policy_block.policy_block_unexplained),
    Rule("policy-date-impossible", Severity.ERROR, policy_file.policy_date_impossible),
    Rule("policy-allowance-unused", Severity.WARNING, policy_file.policy_allowance_unused),
    Rule("policy-attestation-idle", Severity.WARNING, policy_file.policy_attestation_idle),
    Rule("policy-entry-expired", Severity.WARNING, policy_file.policy_entry_expired),
)
"""Rules over a policy file."""

POLICY_USE_RULES: Final[tuple[Rule[PolicyUse], ...]] = (
    Rule("policy-entry-unused", Severity.WARNING, policy_use.policy_entry_unused),
)
"""Rules over what one verification made of its policy."""

POLICY_TABLES: Final = ((POLICY_SHAPE,), POLICY_RULES, POLICY_USE_RULES)
"""Every table of this module, without what the manifest's have."""

ADVISORY_RULES: Final = frozenset(rule.id for rule in ADVICE_RULES)
"""What a policy may count as errors."""

WAIVABLE_RULES: Final = frozenset(
    {
        "code-license-forbidden",
        "code-license-conditional",
        "code-license-unclear",
        "attribution-claim-contradicts-license",
        "revision-mutable",
        "url-not-https",
        "url-placeholder-host",
        "file-empty",
        *ADVISORY_RULES,
    }
)
"""What a policy may waive: not the licence of weights, not their bytes and digests, nothing that could not be read."""
