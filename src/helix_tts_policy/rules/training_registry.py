"""Every rule over a training run with its id and severity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import reading, training_lane, training_log, training_outcome, training_status
from helix_tts_policy.rules.registry import READING_RULES
from helix_tts_policy.rules.rule import Rule

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.rules.training_subject import TrainingSubject

STATUS_SHAPE: Final = Rule("status-shape", Severity.ERROR, reading.status_shape)

TRAINING_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (*READING_RULES[:-1], STATUS_SHAPE)
"""Rules over a log or a status file that could not be read: as over a manifest, but for the shape."""

TRAINING_RULES: Final[tuple[Rule[TrainingSubject], ...]] = (
    Rule("log-encoding", Severity.ERROR, training_log.log_encoding),
    Rule("signal-malformed", Severity.ERROR, training_log.signal_malformed),
    Rule("stats-malformed", Severity.ERROR, training_log.stats_malformed),
    Rule("progress-regressed", Severity.ERROR, training_log.progress_regressed),
    Rule("progress-total-changed", Severity.ERROR, training_log.progress_total_changed),
    Rule("order-broken", Severity.ERROR, training_log.order_broken),
    Rule("progress-incomplete", Severity.ERROR, training_log.progress_incomplete),
    Rule("no-training-steps", Severity.ERROR, training_log.no_training_steps),
    Rule("loss-not-finite", Severity.ERROR, training_outcome.loss_not_finite),
    Rule("loss-missing", Severity.ERROR, training_outcome.loss_missing),
    Rule("artifact-missing", Severity.ERROR, training_outcome.artifact_missing),
    Rule("artifacts-none", Severity.ERROR, training_outcome.artifacts_none),
    Rule("run-blocked", Severity.ERROR, training_outcome.run_blocked),
    Rule("run-not-completed", Severity.ERROR, training_outcome.run_not_completed),
    Rule("dry-run", Severity.ERROR, training_outcome.dry_run),
    Rule("colab-report-failed", Severity.ERROR, training_outcome.colab_report_failed),
    Rule("lane-unknown", Severity.ERROR, training_lane.lane_unknown),
    Rule("lane-not-promotable", Severity.ERROR, training_lane.lane_not_promotable),
    Rule("status-missing", Severity.ERROR, training_status.status_missing),
    Rule("status-contradicts-log", Severity.ERROR, training_status.status_contradicts_log),
    Rule("lane-contradicts-status", Severity.ERROR, training_lane.lane_contradicts_status),
    Rule("signal-glued", Severity.WARNING, training_log.signal_glued),
    Rule("stat-not-finite", Severity.WARNING, training_outcome.stat_not_finite),
    Rule("run-reason-unusable", Severity.WARNING, training_outcome.run_reason_unusable),
    Rule("log-beyond-bounds", Severity.NOTE, training_log.log_beyond_bounds),
    Rule("status-not-checked", Severity.NOTE, training_status.status_not_checked),
    Rule("artifacts-not-checked", Severity.NOTE, training_status.artifacts_not_checked),
    Rule("lane-not-stated", Severity.NOTE, training_lane.lane_not_stated),
)
"""Rules over a log that was read, with what was given beside it."""

TRAINING_TABLES: Final = ((STATUS_SHAPE,), TRAINING_RULES)
"""Every table of this module, without what the manifest's have."""
