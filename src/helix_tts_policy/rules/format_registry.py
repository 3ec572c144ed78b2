"""Every rule over the formats of files with its id and severity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import archive_contents, weights_format
from helix_tts_policy.rules.rule import Rule

if TYPE_CHECKING:
    from helix_tts_policy.rules.format_subject import FormatSubject

FORMAT_RULES: Final[tuple[Rule[FormatSubject], ...]] = (
    Rule("file-not-inspected", Severity.ERROR, weights_format.file_not_inspected),
    Rule("file-changed-while-inspected", Severity.ERROR, weights_format.file_changed_while_inspected),
    Rule("file-is-lfs-pointer", Severity.ERROR, weights_format.file_is_lfs_pointer),
    Rule("file-format-mismatch", Severity.ERROR, weights_format.file_format_mismatch),
    Rule("file-malformed", Severity.ERROR, weights_format.file_malformed),
    Rule("archive-incomplete", Severity.ERROR, archive_contents.archive_incomplete),
    Rule("archive-target-refused", Severity.ERROR, archive_contents.archive_target_refused),
    Rule("archive-unsafe", Severity.ERROR, archive_contents.archive_unsafe),
    Rule("pickle-global-refused", Severity.ERROR, archive_contents.pickle_global_refused),
    Rule("pickle-not-listable", Severity.ERROR, archive_contents.pickle_not_listable),
    Rule("external-data-missing", Severity.ERROR, weights_format.external_data_missing),
    Rule("audio-empty", Severity.ERROR, weights_format.audio_empty),
    Rule("file-format-unknown", Severity.WARNING, weights_format.file_format_unknown),
)
"""Rules over files that were inspected."""

FORMAT_TABLES: Final = (FORMAT_RULES,)
"""Every table of this module."""
