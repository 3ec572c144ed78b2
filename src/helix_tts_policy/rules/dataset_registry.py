"""Every rule over training data with its id and severity, and the reason for which a training is blocked by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import reading, training_audio, training_text
from helix_tts_policy.rules.registry import READING_RULES
from helix_tts_policy.rules.rule import Rule

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.rules.training_data_subject import TrainingDataSubject

TRAINING_CONFIG_SHAPE: Final = Rule("training-config-shape", Severity.ERROR, reading.training_config_shape)
DATASET_ROW_SHAPE: Final = Rule("dataset-row-shape", Severity.ERROR, reading.dataset_row_shape)

DATASET_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (
    *READING_RULES[:-1],
    TRAINING_CONFIG_SHAPE,
    DATASET_ROW_SHAPE,
)
"""Rules over a configuration or a manifest that could not be read."""

DATASET_RULES: Final[tuple[Rule[TrainingDataSubject], ...]] = (
    Rule("dataset-empty", Severity.ERROR, training_text.dataset_empty),
    Rule("audio-missing", Severity.ERROR, training_audio.audio_missing),
    Rule("audio-unreadable", Severity.ERROR, training_audio.audio_unreadable),
    Rule("audio-encoding", Severity.ERROR, training_audio.audio_encoding),
    Rule("audio-sample-rate", Severity.ERROR, training_audio.audio_sample_rate),
    Rule("audio-not-mono", Severity.ERROR, training_audio.audio_not_mono),
    Rule("audio-too-short", Severity.ERROR, training_audio.audio_too_short),
    Rule("audio-silent", Severity.ERROR, training_audio.audio_silent),
    Rule("text-empty", Severity.ERROR, training_text.text_empty),
    Rule("text-out-of-vocabulary", Severity.ERROR, training_text.text_out_of_vocabulary),
    Rule("audio-text-conflict", Severity.ERROR, training_text.audio_text_conflict),
    Rule("validation-leak", Severity.ERROR, training_text.validation_leak),
    Rule("sample-text-unusable", Severity.ERROR, training_text.sample_text_unusable),
    Rule("steps-none-planned", Severity.ERROR, training_text.steps_none_planned),
    Rule("batch-exceeds-data", Severity.ERROR, training_text.batch_exceeds_data),
    Rule("utterance-repeated", Severity.WARNING, training_text.utterance_repeated),
    Rule("validation-text-repeated", Severity.WARNING, training_text.validation_text_repeated),
    Rule("speakers-mixed", Severity.WARNING, training_text.speakers_mixed),
    Rule("audio-duration", Severity.WARNING, training_audio.audio_duration),
)
"""Rules over a data set that was read, with what the training asks of it."""

REASONS: Final = {
    "input-unreadable": "manifest_missing",
    "input-encoding": "manifest_invalid",
    "input-syntax": "manifest_invalid",
    "input-duplicate-key": "manifest_invalid",
    "input-unsafe-text": "manifest_invalid",
    "dataset-row-shape": "manifest_invalid",
    "dataset-empty": "dataset_empty",
    "audio-missing": "audio_missing",
    "audio-unreadable": "audio_unreadable",
    "audio-encoding": "audio_unreadable",
    "audio-sample-rate": "audio_sample_rate_mismatch",
    "audio-not-mono": "audio_not_mono",
    "audio-too-short": "audio_too_short",
    "audio-silent": "audio_silent",
    "text-empty": "text_out_of_vocabulary",
    "text-out-of-vocabulary": "text_out_of_vocabulary",
    "audio-text-conflict": "manifest_invalid",
    "validation-leak": "manifest_invalid",
    "sample-text-unusable": "text_out_of_vocabulary",
    "steps-none-planned": "no_training_steps",
    "batch-exceeds-data": "no_training_steps",
}
"""The blocker reason of every error, the gravest first: what stands higher has to be mended before the rest can be judged."""

AUDIO_RULES: Final = frozenset(rule for rule in REASONS if rule.startswith("audio-") and rule != "audio-text-conflict")
"""Rules whose defect makes one recording useless."""

NO_VALID_AUDIO: Final = "dataset_no_valid_audio"
"""The reason where no recording of the training set is left, for more than one reason."""

DATASET_TABLES: Final = ((TRAINING_CONFIG_SHAPE, DATASET_ROW_SHAPE), DATASET_RULES)
"""Every table of this module, without what the manifest's have."""
