"""Every rule over an execution ledger with its id and severity: contradictions are errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import ledger_commits, ledger_evidence, ledger_integrity, ledger_reading, ledger_states
from helix_tts_policy.rules.registry import READING_RULES
from helix_tts_policy.rules.rule import Rule

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.rules.ledger_subject import LedgerSubject

LEDGER_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = READING_RULES[:-1]
"""Rules over a ledger that could not be read: as over a manifest, but for the shape, of which a ledger has none."""

LEDGER_RULES: Final[tuple[Rule[LedgerSubject], ...]] = (
    Rule("ledger-empty", Severity.ERROR, ledger_reading.ledger_empty),
    Rule("ledger-block-ambiguous", Severity.ERROR, ledger_reading.ledger_block_ambiguous),
    Rule("ledger-block-not-yaml", Severity.WARNING, ledger_reading.ledger_block_not_yaml),
    Rule("ledger-evidence-not-understood", Severity.WARNING, ledger_reading.ledger_evidence_not_understood),
    Rule("ledger-not-understood", Severity.NOTE, ledger_reading.ledger_not_understood),
    Rule("ledger-prompt-repeated", Severity.ERROR, ledger_integrity.ledger_prompt_repeated),
    Rule("ledger-block-missing", Severity.ERROR, ledger_integrity.ledger_block_missing),
    Rule("ledger-row-missing", Severity.ERROR, ledger_integrity.ledger_row_missing),
    Rule("ledger-heading-disagrees", Severity.ERROR, ledger_integrity.ledger_heading_disagrees),
    Rule("ledger-status-disagrees", Severity.ERROR, ledger_integrity.ledger_status_disagrees),
    Rule("ledger-commit-disagrees", Severity.ERROR, ledger_integrity.ledger_commit_disagrees),
    Rule("ledger-evidence-disagrees", Severity.ERROR, ledger_integrity.ledger_evidence_disagrees),
    Rule("ledger-status-unknown", Severity.ERROR, ledger_states.ledger_status_unknown),
    Rule("ledger-done-blocked", Severity.ERROR, ledger_states.ledger_done_blocked),
    Rule("ledger-done-unproven", Severity.ERROR, ledger_states.ledger_done_unproven),
    Rule("ledger-blocked-without-reason", Severity.ERROR, ledger_states.ledger_blocked_without_reason),
    Rule("ledger-first-fail-doubtful", Severity.WARNING, ledger_states.ledger_first_fail_doubtful),
    Rule("ledger-reason-unknown", Severity.WARNING, ledger_states.ledger_reason_unknown),
    Rule("ledger-checklist-unchecked", Severity.ERROR, ledger_states.ledger_checklist_unchecked),
    Rule("ledger-prompt-open", Severity.WARNING, ledger_states.ledger_prompt_open),
    Rule("ledger-certificate-repeated", Severity.ERROR, ledger_evidence.ledger_certificate_repeated),
    Rule("ledger-trace-repeated", Severity.ERROR, ledger_evidence.ledger_trace_repeated),
    Rule("ledger-run-repeated", Severity.ERROR, ledger_evidence.ledger_run_repeated),
    Rule("ledger-run-order", Severity.WARNING, ledger_evidence.ledger_run_order),
    Rule("ledger-verifier-missing", Severity.ERROR, ledger_evidence.ledger_verifier_missing),
    Rule("ledger-commit-placeholder", Severity.ERROR, ledger_commits.ledger_commit_placeholder),
    Rule("ledger-commit-repeated", Severity.WARNING, ledger_commits.ledger_commit_repeated),
    # against an export of the training trace
    Rule("ledger-trace-unchecked", Severity.NOTE, ledger_evidence.ledger_trace_unchecked),
    Rule("ledger-trace-missing", Severity.ERROR, ledger_evidence.ledger_trace_missing),
    Rule("ledger-trace-disagrees", Severity.ERROR, ledger_evidence.ledger_trace_disagrees),
    Rule("ledger-trace-uncertified", Severity.ERROR, ledger_evidence.ledger_trace_uncertified),
    Rule("ledger-trace-unread", Severity.WARNING, ledger_evidence.ledger_trace_unread),
    # against a repository
    Rule("ledger-commits-unchecked", Severity.NOTE, ledger_commits.ledger_commits_unchecked),
    Rule("ledger-commit-missing", Severity.ERROR, ledger_commits.ledger_commit_missing),
    Rule("ledger-commit-ambiguous", Severity.ERROR, ledger_commits.ledger_commit_ambiguous),
    Rule("ledger-commit-not-in-history", Severity.ERROR, ledger_commits.ledger_commit_not_in_history),
    Rule("ledger-commit-untouched-files", Severity.ERROR, ledger_commits.ledger_commit_untouched_files),
)
"""Rules over a ledger that was read. What it is not compared with is told by a note."""

LEDGER_TABLES: Final = (LEDGER_RULES,)
"""Every table of this module, without what the manifest's have."""
