"""From a release file to a decision: every piece of evidence is checked, then all of them are held against each other.

Rules kept here:

1. Bad input never raises: whatever is wrong with a file, a folder or the release file itself is a finding at one gate.
2. Evidence that is not named, or cannot be used, leaves its gates MISSING; nothing is passed by not being there.
3. The policy of whoever decides counts before the one that the release names, and the built-in one only where there is none.
4. What was judged is pinned by its digest, and a document that changes meanwhile is an error.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helix_tts_policy.check import time_of, verify_manifest
from helix_tts_policy.check_bundle import verify_bundle
from helix_tts_policy.check_ledger import audit_ledger
from helix_tts_policy.check_policy import verify_policy
from helix_tts_policy.check_training import check_training_run
from helix_tts_policy.document import read_bytes
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.license_policy import LicensePolicy, default_policy
from helix_tts_policy.facts.release import Release, read_release
from helix_tts_policy.facts.verification_evidence import read_verification
from helix_tts_policy.facts.voice_bundle import stated_commit
from helix_tts_policy.finding import Verdict
from helix_tts_policy.gate import decide
from helix_tts_policy.license_decision import utc_day
from helix_tts_policy.placing import reading_findings
from helix_tts_policy.promotion import Promotion
from helix_tts_policy.promotion_case import Pieces, PromotionCase
from helix_tts_policy.promotion_files import artifacts_of, bundled_files, shipped_texts, weights_files
from helix_tts_policy.promotion_gates import Kind
from helix_tts_policy.promotion_pins import duties, pin_inputs, pinned
from helix_tts_policy.rules.ledger_subject import LedgerSubject
from helix_tts_policy.rules.promotion_registry import RELEASE_READING_RULES, VERIFICATION_READING_RULES
from helix_tts_policy.rules.promotion_subject import PromotionSubject
from helix_tts_policy.toml_document import MAX_TOML_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.check_ledger import LookUp
    from helix_tts_policy.facts.release import TrainingSection
    from helix_tts_policy.facts.verification_statement import VerificationEvidence
    from helix_tts_policy.gate import Decision
    from helix_tts_policy.ledger_report import LedgerReport
    from helix_tts_policy.report import ManifestReport
    from helix_tts_policy.training_run_report import TrainingRunReport

NO_FILE: Final = "<release>"
"""What findings call a release that is no file."""


def decide_promotion(
    release: str | os.PathLike[str] | Release,
    *,
    policy: LicensePolicy | None = None,
    now: datetime | None = None,
    folder: str | os.PathLike[str] | None = None,
    commits: LookUp | None = None,
) -> Decision:
    """Whether a release may be promoted, gate by gate, by all of its evidence.

    Whatever is wrong with the evidence, the policy file or the release file is a finding at one gate.

    Args:
        release: the release file (TOML), or what one would state.
        policy: what is accepted; it counts before the one that the release names. Without either, the built-in policy does.
        now: the time of the decision, with offset; the clock is read once when None.
        folder: what the paths of the release are relative to; by default the folder of the release file, and the working
            directory for a `Release`.
        commits: asks a repository for the commits that the ledger names, as for `audit_ledger`; without it they are taken as
            stated. What it raises ends the decision.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: ``now`` has no offset.
    """
    return examine_release(release, policy=policy, now=now, folder=folder, commits=commits).decision


def examine_release(
    release: str | os.PathLike[str] | Release,
    *,
    policy: LicensePolicy | None = None,
    now: datetime | None = None,
    folder: str | os.PathLike[str] | None = None,
    commits: LookUp | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Promotion:
    """The promotion decision with the report on each piece of evidence.

    Args:
        release: as for `decide_promotion`, like the others.
        policy: what is accepted.
        now: the time of the decision.
        folder: what the paths of the release are relative to.
        commits: asks a repository for the commits of the ledger.
        progress: called while the weights are hashed with bytes read and bytes to read, from any thread.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: ``now`` has no offset.
    """
    now = time_of(now)
    if policy is not None and not isinstance(policy, LicensePolicy):
        raise TypeError(f"policy: expected a LicensePolicy, found {type(policy).__name__}")
    case, pieces = _case(release, folder), Pieces()
    if case.release is not None:
        policy = _policy(case, policy, now)
        if policy is not None:
            pieces.manifest = _manifest(case, policy, now, progress)
            pieces.bundle = _bundle(case, policy, now)
            pieces.ledger = _ledger(case, policy, commits)
        pieces.training = _training(case, case.release.training, policy, now)
        pieces.evidence = _evidence(case)
        pieces.weights = weights_files(case, pieces.manifest)
        pieces.bundled = bundled_files(case, pieces.bundle)
        pieces.artifacts = artifacts_of(case, pieces.training, pieces.weights, pieces.bundled)
        _together(case, case.release, pieces)
        pin_inputs(case, pieces, policy)
    stated = None if pieces.manifest is None else pieces.manifest.manifest
    decision = decide(
        case.by_gate(),
        source=case.source,
        obligations=duties(pieces.manifest),
        attribution=None if stated is None else stated.attribution,
        pinned=pinned(case, now, policy, None if pieces.ledger is None else pieces.ledger.history),
    )
    return Promotion(
        decision=decision,
        now=now,
        folder=case.folder,
        release=case.release,
        manifest=pieces.manifest,
        training=pieces.training,
        bundle=pieces.bundle,
        evidence=pieces.evidence,
        ledger=pieces.ledger,
    )


def _case(release: str | os.PathLike[str] | Release, folder: str | os.PathLike[str] | None) -> PromotionCase:
    if folder is not None and not isinstance(os.fspath(folder), str):
        raise TypeError("folder: expected a path of text, found one of bytes")
    if isinstance(release, Release):
        return PromotionCase(NO_FILE, _plain(folder or ""), b"", release, "")
    if not isinstance(release, str | os.PathLike):
        raise TypeError(f"release: expected a path or a Release, found {type(release).__name__}")
    source = os.fspath(release)
    if not isinstance(source, str):
        raise TypeError("release: expected a path of text, found one of bytes")
    base = _plain(os.path.dirname(source) if folder is None else folder)  # noqa: PTH120 - as above
    data = b""
    try:
        data = read_bytes(source, limit=MAX_TOML_BYTES)
        stated, text = read_release(data, source)
    except MalformedInput as error:
        case = PromotionCase(source, base, data, None, "")
        case.tell(Kind.RELEASE, reading_findings(RELEASE_READING_RULES, error, source))
        return case
    return PromotionCase(source, base, data, stated, text)


def _plain(folder: str | os.PathLike[str]) -> str:
    """The folder as `pathlib` spells it; nothing for the working directory, so that paths stay as they are written."""
    plain = str(Path(folder))
    return "" if plain == "." else plain


def _policy(case: PromotionCase, given: LicensePolicy | None, now: datetime) -> LicensePolicy | None:
    """The policy to decide under; None where the release names one that cannot be used."""
    if given is not None:
        case.overrule(given)
        return given
    path = case.path("/policy")
    if path is None:
        return default_policy() if "/policy" not in case.stated else None
    report = verify_policy(path, now=now)
    case.tell(Kind.RELEASE, report.findings)
    if report.policy is None or report.verdict is Verdict.NO_GO:
        case.unusable("/policy", "the policy cannot be used")
        return None
    return report.policy


def _manifest(
    case: PromotionCase, policy: LicensePolicy, now: datetime, progress: Callable[[int, int], None] | None
) -> ManifestReport | None:
    path = case.path("/weights/manifest")
    if path is None:
        return None
    report = verify_manifest(path, policy=policy, root=case.path("/weights/root"), now=now, progress=progress)
    case.tell(Kind.MANIFEST, report.findings)
    if report.manifest is None:
        case.unusable("/weights/manifest", "the weights manifest cannot be used")
    return report


def _training(
    case: PromotionCase, stated: TrainingSection, policy: LicensePolicy | None, now: datetime
) -> TrainingRunReport | None:
    """The run as it is checked alone; that NeMo is blocked is for the policy to record, and not for the release to say."""
    path = case.path("/training/log")
    if path is None:
        return None
    status = case.path("/training/status")
    report = check_training_run(
        path,
        status=status,
        lane=stated.lane,
        root=case.path("/training/root"),
        nemo_blocked=None if policy is None else policy.nemo_blocked_on(utc_day(now)),
    )
    for finding in report.findings:
        of_status = report.status is None and status is not None and finding.at.source == status
        case.tell(Kind.STATUS if of_status else Kind.TRAINING, (finding,))
    if report.run is None:
        case.unusable("/training/log", "the log of the run cannot be used")
    elif status is not None and report.status is None:
        case.unusable("/training/status", "the status file of the run cannot be used")
    elif report.status is not None and report.status.lane is None:
        case.unusable("/training/lane", "neither the release file nor the status file states the lane")
    return report


def _bundle(case: PromotionCase, policy: LicensePolicy, now: datetime) -> BundleReport | None:
    path = case.path("/bundle/directory")
    if path is None:
        return None
    report = verify_bundle(path, policy=policy, now=now)
    case.tell(Kind.BUNDLE, report.findings)
    return report


def _evidence(case: PromotionCase) -> VerificationEvidence | None:
    path = case.path("/verification/evidence")
    if path is None:
        return None
    try:
        return read_verification(path)
    except MalformedInput as error:
        case.tell(Kind.VERIFICATION, reading_findings(VERIFICATION_READING_RULES, error, error.source))
        return None


def _ledger(case: PromotionCase, policy: LicensePolicy, commits: LookUp | None) -> LedgerReport | None:
    path = case.path("/ledger/file")
    if path is None:
        return None
    report = audit_ledger(Path(path), trace=case.path("/verification/trace"), commits=commits, policy=policy)
    case.tell(Kind.LEDGER, report.findings)
    return report


def _together(case: PromotionCase, release: Release, pieces: Pieces) -> None:
    """Hold the pieces against each other."""
    manifest, bundle, ledger = pieces.manifest, pieces.bundle, pieces.ledger
    facts = None if ledger is None else ledger.ledger
    subject = PromotionSubject(
        release=release,
        overridden=case.overridden,
        manifest=None if manifest is None else manifest.manifest,
        licenses=() if manifest is None else manifest.licenses,
        weights=pieces.weights,
        artifacts=pieces.artifacts,
        bundled=pieces.bundled,
        bundle_licenses=() if bundle is None else bundle.licenses,
        bundle_commit=None if bundle is None or bundle.bundle is None else stated_commit(bundle.bundle),
        shipped=shipped_texts(case, pieces.bundled),
        evidence=pieces.evidence,
        prompts=None if facts is None else LedgerSubject(facts, frozenset()).prompts,
    )
    case.judge(subject, facts)
