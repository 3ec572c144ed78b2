"""Every rule over a voice bundle with its id and severity, and the codes by which callers of the first version know them.

A bundle has files, digests, licences, URLs and dates as a weights manifest has: what is wrong with those is told by the
rules of a manifest, under the same ids.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import bundle, digests, licensing, reading, weights_bytes
from helix_tts_policy.rules.format_registry import FORMAT_RULES
from helix_tts_policy.rules.registry import (
    DATE_RULES,
    LICENSE_RULES,
    OBSERVED_FILE_RULES,
    PATH_RULES,
    READING_RULES,
    URL_RULES,
)
from helix_tts_policy.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.rules.bundle_subject import BundleSubject

BUNDLE_SHAPE_RULES: Final[tuple[Rule[MalformedInput], ...]] = (
    Rule("bundle-manifest-missing", Severity.ERROR, reading.bundle_manifest_missing),
    Rule("bundle-shape", Severity.ERROR, reading.bundle_shape),
)

BUNDLE_READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (*READING_RULES[:-1], *BUNDLE_SHAPE_RULES)
"""Rules over a bundle whose manifest could not be read."""

OWN_BUNDLE_RULES: Final[tuple[Rule[BundleSubject], ...]] = (
    Rule("bundle-manifest-listed", Severity.ERROR, bundle.bundle_manifest_listed),
    Rule("bundle-manifest-changed", Severity.ERROR, bundle.bundle_manifest_changed),
    Rule("bundle-artifact-mismatch", Severity.ERROR, bundle.bundle_artifact_mismatch),
    Rule("bundle-commit-mutable", Severity.ERROR, bundle.bundle_commit_mutable),
    Rule("bundle-weights-missing", Severity.ERROR, bundle.bundle_weights_missing),
    Rule("bundle-provenance-mismatch", Severity.ERROR, bundle.bundle_provenance_mismatch),
    Rule("bundle-sample-missing", Severity.WARNING, bundle.bundle_sample_missing),
    Rule("bundle-provenance-missing", Severity.WARNING, bundle.bundle_provenance_missing),
    Rule("bundle-provenance-unchecked", Severity.NOTE, bundle.bundle_provenance_unchecked),
)
"""Rules over bundles alone."""

BUNDLE_RULES: Final[tuple[Rule[BundleSubject], ...]] = (
    *OWN_BUNDLE_RULES,
    *URL_RULES,
    *DATE_RULES,
    Rule("digest-syntax", Severity.ERROR, digests.digest_syntax),
    Rule("digest-placeholder", Severity.ERROR, digests.digest_placeholder),
    *LICENSE_RULES,
    *PATH_RULES,
    Rule("root-unusable", Severity.ERROR, weights_bytes.root_unusable),
    *OBSERVED_FILE_RULES,
    Rule("file-digest-mismatch", Severity.ERROR, weights_bytes.digest_mismatches),
    Rule("license-deprecated", Severity.WARNING, licensing.license_deprecated),
)
"""Every rule over a bundle that was read, but those over the formats of its files."""

BUNDLE_TABLES: Final = (BUNDLE_SHAPE_RULES, OWN_BUNDLE_RULES)
"""The rules of this module that no other one has."""

_MISSING_FILE: Final = "required_file_missing"
_INVALID: Final = "manifest_invalid"

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bundle-manifest-missing": "manifest_missing",
        "input-unreadable": "manifest_missing",
        "file-digest-mismatch": "checksum_mismatch",
        "file-changed": "checksum_mismatch",
        "bundle-manifest-changed": "checksum_mismatch",
        "bundle-artifact-mismatch": "checksum_mismatch",
        "file-size-mismatch": "bytes_mismatch",
        "file-missing": _MISSING_FILE,
        "file-not-regular": _MISSING_FILE,
        "file-unreadable": _MISSING_FILE,
        "root-unusable": _MISSING_FILE,
        "bundle-weights-missing": _MISSING_FILE,
        **{rule.id: _MISSING_FILE for rule in FORMAT_RULES},
        "file-changed-while-inspected": "checksum_mismatch",
    }
)
"""The code of the first version that comes nearest to a rule; ``manifest_invalid`` where no other one does."""


def code_of(rule: str) -> str:
    """The code of the first version under which callers know an error of this rule.

    There are five, and each error has one, so that a caller who looks at nothing else is never told that a bundle is fine
    which is not.
    """
    return CODES.get(rule, _INVALID)
