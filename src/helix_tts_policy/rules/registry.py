"""Every rule over manifests with its id and severity, in literal tables: what is not listed does not run.

The tables follow the kinds of facts, so that a verification runs only rules that have something to look at. The rules over
other documents have tables of their own, which a verification does not load; `all_rules` has them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.facts.license_catalog import CommercialState
from helix_tts_policy.finding import Severity
from helix_tts_policy.rules import digests, file_list, license_evidence, licensing, provenance, reading, weights_bytes
from helix_tts_policy.rules.rule import Rule, complaints

if TYPE_CHECKING:
    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.rules.manifest_subject import ManifestSubject
    from helix_tts_policy.rules.rule import ListsFiles, RuleComplaint, StatesDates, StatesLicenses, StatesUrls

READING_RULES: Final[tuple[Rule[MalformedInput], ...]] = (
    Rule("input-unreadable", Severity.ERROR, reading.input_unreadable),
    Rule("input-encoding", Severity.ERROR, reading.input_encoding),
    Rule("input-syntax", Severity.ERROR, reading.input_syntax),
    Rule("input-duplicate-key", Severity.ERROR, reading.input_duplicate_key),
    Rule("input-unsafe-text", Severity.ERROR, reading.input_unsafe_text),
    Rule("manifest-shape", Severity.ERROR, reading.manifest_shape),
)
"""Rules over a document that could not be read."""

UNREADABLE_RULES: Final = frozenset({"input-unreadable", "input-encoding", "input-syntax"})
"""Rules after which there is no document to speak of: the command line exits with 2 instead of 1."""

URL_RULES: Final[tuple[Rule[StatesUrls], ...]] = (
    Rule("url-not-https", Severity.ERROR, provenance.url_not_https),
    Rule("url-malformed", Severity.ERROR, provenance.url_malformed),
    Rule("url-user-info", Severity.ERROR, provenance.url_user_info),
    Rule("url-placeholder-host", Severity.ERROR, provenance.url_placeholder_host),
)
"""Rules over URLs; they run when one has a defect."""

DATE_RULES: Final[tuple[Rule[StatesDates], ...]] = (
    Rule("date-malformed", Severity.ERROR, provenance.date_malformed),
    Rule("date-in-future", Severity.ERROR, provenance.date_in_future),
)
"""Rules over dates; they run when one is odd."""

DIGEST_RULES: Final[tuple[Rule[ManifestSubject], ...]] = (
    Rule("digest-syntax", Severity.ERROR, digests.digest_syntax),
    Rule("digest-algorithm", Severity.ERROR, digests.digest_algorithm),
    Rule("digest-placeholder", Severity.ERROR, digests.digest_placeholder),
)
"""Rules over the text of digests; they run when one has a defect."""

MANIFEST_RULES: Final[tuple[Rule[ManifestSubject], ...]] = (
    Rule("model-id-blank", Severity.ERROR, provenance.model_id_blank),
    Rule("revision-mutable", Severity.ERROR, provenance.revision_mutable),
)
"""Rules over every manifest that decide."""

CLAIM_RULES: Final[tuple[Rule[ManifestSubject], ...]] = (
    Rule("commercial-use-denied", Severity.ERROR, licensing.commercial_use_denied),
    Rule("commercial-claim-contradicts-license", Severity.ERROR, licensing.commercial_claim_contradicts_license),
    Rule("attribution-claim-contradicts-license", Severity.ERROR, licensing.attribution_claim_contradicts_license),
)
"""Rules over what the manifest claims of its licences; they run when a claim can be other than the licence is."""

LICENSE_RULES: Final[tuple[Rule[StatesLicenses], ...]] = (
    Rule("weights-license-forbidden", Severity.ERROR, licensing.weights_license_forbidden),
    Rule("weights-license-conditional", Severity.ERROR, licensing.weights_license_conditional),
    Rule("weights-license-unclear", Severity.ERROR, licensing.weights_license_unclear),
    Rule("code-license-forbidden", Severity.ERROR, licensing.code_license_forbidden),
    Rule("code-license-conditional", Severity.ERROR, licensing.code_license_conditional),
    Rule("code-license-unclear", Severity.ERROR, licensing.code_license_unclear),
)
"""The two licence gates; they run when a licence statement is anything but allowed."""

EVIDENCE_RULES: Final[tuple[Rule[ManifestSubject], ...]] = (
    Rule("evidence-text-mismatch", Severity.ERROR, license_evidence.evidence_text_mismatch),
    Rule("evidence-conflicting", Severity.ERROR, license_evidence.evidence_conflicting),
)
"""Rules over the texts that were read; they run when an entry of the evidence is odd."""

FILE_RULES: Final[tuple[Rule[ManifestSubject], ...]] = (
    Rule("checksum-mismatch", Severity.ERROR, digests.checksum_mismatch),
)
"""Rules over the list of files as a whole."""

PATH_RULES: Final[tuple[Rule[ListsFiles], ...]] = (
    Rule("file-path-unsafe", Severity.ERROR, file_list.file_path_unsafe),
    Rule("file-path-collision", Severity.ERROR, file_list.file_path_collision),
    Rule("file-empty", Severity.ERROR, file_list.file_empty),
)
"""Rules over the single entries of the list; they run when one is odd."""

OBSERVED_FILE_RULES: Final[tuple[Rule[ListsFiles], ...]] = (
    Rule("file-missing", Severity.ERROR, weights_bytes.file_missing),
    Rule("file-unlisted", Severity.ERROR, weights_bytes.file_unlisted),
    Rule("file-not-regular", Severity.ERROR, weights_bytes.file_not_regular),
    Rule("file-unreadable", Severity.ERROR, weights_bytes.file_unreadable),
    Rule("file-changed", Severity.ERROR, weights_bytes.file_changed),
    Rule("file-size-mismatch", Severity.ERROR, weights_bytes.file_size_mismatch),
)
"""Rules over listed files beside those that lie in the folder."""

BYTES_RULES: Final[tuple[Rule[ManifestSubject], ...]] = (
    Rule("root-unusable", Severity.ERROR, weights_bytes.root_unusable),
    Rule("weights-file-ambiguous", Severity.ERROR, weights_bytes.weights_file_ambiguous),
    *OBSERVED_FILE_RULES,
    Rule("file-digest-mismatch", Severity.ERROR, weights_bytes.file_digest_mismatch),
)
"""Rules over what lies under the root."""

ADVICE_RULES: Final[tuple[Rule[ManifestSubject], ...]] = (
    Rule("revision-missing", Severity.WARNING, provenance.revision_missing),
    Rule("evidence-repeated", Severity.WARNING, license_evidence.evidence_repeated),
    Rule("evidence-not-reviewed", Severity.WARNING, license_evidence.evidence_not_reviewed),
    Rule("evidence-stale", Severity.WARNING, license_evidence.evidence_stale),
    Rule("evidence-mutable", Severity.WARNING, license_evidence.evidence_mutable),
    Rule("evidence-text-unchecked", Severity.NOTE, license_evidence.evidence_text_unchecked),
    Rule("license-deprecated", Severity.WARNING, licensing.license_deprecated),
    Rule("attribution-claim-exceeds-license", Severity.NOTE, licensing.attribution_claim_exceeds_license),
    Rule("attribution-text-missing", Severity.WARNING, licensing.attribution_text_missing),
    Rule("bytes-not-checked", Severity.NOTE, weights_bytes.bytes_not_checked),
)
"""Rules that decide nothing; they run when somebody looks at the findings."""

MANIFEST_TABLES: Final[tuple[tuple[Rule[Any], ...], ...]] = (
    READING_RULES,
    URL_RULES,
    DATE_RULES,
    DIGEST_RULES,
    MANIFEST_RULES,
    CLAIM_RULES,
    LICENSE_RULES,
    EVIDENCE_RULES,
    FILE_RULES,
    PATH_RULES,
    BYTES_RULES,
    ADVICE_RULES,
)
"""Every table of this module."""


def decisive_complaints(subject: ManifestSubject) -> list[RuleComplaint]:
    """What the rules that decide say of a manifest; a table whose facts are all in order is skipped."""
    found = complaints(MANIFEST_RULES, subject)
    if subject.url_defects:
        found += complaints(URL_RULES, subject)
    if subject.odd_dates:
        found += complaints(DATE_RULES, subject)
    if subject.digest_defects:
        found += complaints(DIGEST_RULES, subject)
    if subject.odd_claims:
        found += complaints(CLAIM_RULES, subject)
    for part in subject.licenses:
        if part.decision.state is not CommercialState.ALLOWED:
            found += complaints(LICENSE_RULES, subject)
            break
    if subject.odd_evidence:
        found += complaints(EVIDENCE_RULES, subject)
    if subject.manifest.files is not None:
        found += complaints(FILE_RULES, subject)
        if subject.odd_files:
            found += complaints(PATH_RULES, subject)
    if subject.observed is not None:
        found += complaints(BYTES_RULES, subject)
    return found
