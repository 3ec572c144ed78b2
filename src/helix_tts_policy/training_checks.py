"""What is looked at before a training begins, without its framework: the version, the base weights, the data, the disk.

What does not hold blocks the run, so that no minute of computing is spent on what could not be promoted.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import Severity, Verdict, printable, shown
from helix_tts_policy.training_children import read_document, write_document
from helix_tts_policy.training_run import RunBlocked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from helix_tts_policy.dataset_report import DatasetReport
    from helix_tts_policy.facts.espnet_config import LanePlan
    from helix_tts_policy.facts.file_format import InspectedFile
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.findings_report import FindingsReport
    from helix_tts_policy.report import ManifestReport
    from helix_tts_policy.training_run import TrainingRun

MAX_TOLD: Final = 20
"""Findings that a status file quotes."""

_NUMBERS = re.compile(r"\d+")


def require_package(distribution: str, *, at_least: tuple[int, int], reason: str) -> str:
    """The version of an installed package, without importing anything.

    Raises:
        RunBlocked: it is not installed, or too old.
    """
    try:
        found = version(distribution)
    except PackageNotFoundError:
        message = f"found no {distribution} in this environment; install it, or run the lane where it is"
        raise RunBlocked(reason, message, runtime={"package": distribution, "version": None}) from None
    numbers = tuple(int(number) for number in _NUMBERS.findall(found)[:2])
    if numbers < at_least:
        wanted = ".".join(map(str, at_least))
        message = f"found {distribution} {found}; expected {wanted} or later"
        raise RunBlocked(reason, message, runtime={"package": distribution, "version": found})
    return found


def require_base(
    artifact: Path, manifest: Path, *, target: str, policy: LicensePolicy | None, now: datetime | None
) -> WeightsManifest:
    """What the manifest of base weights states: it has to be GO, of the very bytes, and these of the class meant.

    Raises:
        RunBlocked: something of that does not hold.
    """
    from helix_tts_policy.check import verify_manifest  # noqa: PLC0415 - not for a run that is blocked at once
    from helix_tts_policy.digest import hash_file  # noqa: PLC0415 - as above

    # 1. The manifest is GO by itself.
    report = verify_manifest(manifest, policy=policy, now=now)
    stated = report.manifest
    if report.verdict is Verdict.NO_GO or stated is None:
        raise _blocked("invalid_weights_manifest", report)
    # 2. The weights are an archive of the format, and of the class.
    require_archive(artifact, target=target, reason="init_artifact_invalid", mismatch="init_class_mismatch")
    # 3. They are the bytes that the manifest names, of which there may be several.
    if stated.files is None or len(stated.files) == 1:
        report = verify_manifest(manifest, policy=policy, now=now, root=artifact)
        if report.verdict is Verdict.NO_GO:
            raise _blocked("invalid_weights_manifest", report)
    else:
        digest = hash_file(artifact, follow_links=True).hex
        if digest not in {file.sha256 for file in stated.files}:
            message = f"{shown(str(artifact))}: found the digest {digest}; expected that of a file in {manifest.name}"
            raise RunBlocked("invalid_weights_manifest", message)
    return stated


def require_archive(artifact: Path, *, target: str, reason: str, mismatch: str) -> None:
    """A `.nemo` file has to be one by its headers, and to state the class meant.

    Raises:
        RunBlocked: it is not, or states another.
    """
    seen = require_format(artifact, reason=reason)
    if seen.nemo is None or seen.nemo.target != target:
        stated = "none" if seen.nemo is None or seen.nemo.target is None else shown(seen.nemo.target)
        raise RunBlocked(
            f"{mismatch}:{printable(artifact.name)}", f"{artifact.name}: found the class {stated}; expected {target}"
        )


def require_format(artifact: Path, *, reason: str) -> InspectedFile:
    """A file of weights has to be what its name says, by its headers, and to name nothing that would be run.

    Raises:
        RunBlocked: it is not.
    """
    from helix_tts_policy.facts.file_format import inspect_file  # noqa: PLC0415 - not for a run that is blocked at once
    from helix_tts_policy.rules.format_registry import FORMAT_RULES  # noqa: PLC0415 - as above
    from helix_tts_policy.rules.format_subject import FormatSubject  # noqa: PLC0415 - as above
    from helix_tts_policy.rules.rule import complaints  # noqa: PLC0415 - as above

    seen = inspect_file(artifact, name=artifact.name, follow_links=True)
    found = complaints(FORMAT_RULES, FormatSubject(files=(("", seen),)))
    wrong = [each.complaint.message for each in found if each.severity is Severity.ERROR]
    if wrong:
        raise RunBlocked(
            f"{reason}:{printable(artifact.name)}", f"{artifact.name}: {wrong[0]}", findings=wrong[:MAX_TOLD]
        )
    return seen


def checked_data(plan: LanePlan, run: TrainingRun) -> DatasetReport:
    """The report on the data of a plan, which has to be GO; the run tells everything that was found.

    Raises:
        RunBlocked: as `require_data`.
    """
    from helix_tts_policy.check_data import check_training_data  # noqa: PLC0415 - after what takes less time

    report = check_training_data(plan)
    for finding in report.findings:
        run.say(f"{finding.severity}: {finding.at.source}:{finding.at.line or 1}: {finding.message}")
    require_data(report)
    return report


def require_data(report: DatasetReport) -> None:
    """The data has to be GO.

    Raises:
        RunBlocked: it is not; with the gravest reason, and the row that it is for.
    """
    if report.verdict is Verdict.NO_GO:
        raise _blocked(report.blocked_reason or report.reason or "manifest_invalid", report)


def require_same_data(report: DatasetReport, run: TrainingRun, kept: Path) -> None:
    """A run that goes on has to have the data that it began with, which a file of the run keeps by its digest.

    Raises:
        RunBlocked: it has other data.
    """
    data = {"dataset_sha256": report.sha256}
    if run.resumed and kept.exists() and read_document(kept) != data:
        raise RunBlocked("manifest_invalid", "found other data than the run began with; expected the same to go on")
    kept.parent.mkdir(exist_ok=True)
    write_document(kept, data)


def _blocked(reason: str, report: FindingsReport | ManifestReport) -> RunBlocked:
    errors = [
        f"{printable(found.at.source)}{'' if found.at.line is None else f':{found.at.line}'}: {found.message}"
        for found in report.findings
        if found.severity is Severity.ERROR
    ]
    return RunBlocked(reason, errors[0], findings=errors[:MAX_TOLD], finding_count=len(errors))


def require_space(folder: Path, sizes: Sequence[int]) -> None:
    """The disk of the run, and the one of temporary files, have to hold what the models of these sizes need.

    Raises:
        RunBlocked: one does not.
    """
    largest = max(sizes)
    # Each archive twice, since it is written beside its final name; two checkpoints, with the two moments of the optimiser.
    temporary = Path(tempfile.gettempdir())
    needed = {folder: 2 * sum(sizes) + 6 * largest, temporary: 2 * largest}
    if folder.stat().st_dev == temporary.stat().st_dev:
        needed = {folder: sum(needed.values())}
    for place, count in needed.items():
        free = shutil.disk_usage(place).free
        if free < count:
            message = f"{place}: found {free} bytes free; expected {count}"
            raise RunBlocked("out_of_disk", message, space={"place": str(place), "free": free, "needed": count})
