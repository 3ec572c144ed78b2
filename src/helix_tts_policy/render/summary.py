"""What several formats say alike: which file a source is, where a finding stands, how many there are."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING

from helix_tts_policy.finding import Severity, Verdict, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.dataset_report import DatasetReport
    from helix_tts_policy.finding import Finding, Location
    from helix_tts_policy.ledger_report import LedgerReport
    from helix_tts_policy.license_report import LicenseReport
    from helix_tts_policy.policy_report import PolicyReport
    from helix_tts_policy.promotion import Promotion
    from helix_tts_policy.replay_report import ReplayReport
    from helix_tts_policy.report import ManifestReport
    from helix_tts_policy.training_run_report import TrainingRunReport

    Report: TypeAlias = (
        ManifestReport
        | PolicyReport
        | LicenseReport
        | LedgerReport
        | TrainingRunReport
        | DatasetReport
        | BundleReport
        | Promotion
        | ReplayReport
    )


def file_of(source: str) -> str | None:
    """The path of a source without ``.``, ``..`` and double slashes; None for what is no file, such as ``<stdin>``."""
    if not source or (source.startswith("<") and source.endswith(">")):
        return None
    path = posixpath.normpath(source)
    return path[1:] if path.startswith("//") else path


def place(at: Location) -> str:
    """Source, line, column and pointer, as far as they are known, in one printable piece."""
    line = "" if at.line is None else f":{at.line}"
    column = "" if at.line is None or at.column is None else f":{at.column}"
    path = f" {at.path}" if at.path else ""
    return printable(f"{at.source}{line}{column}{path}")


def count(findings: Sequence[Finding]) -> str:
    """How many findings there are of each severity."""
    counts = Counter(finding.severity for finding in findings)
    words = [
        f"{counts[severity]} {severity.value}{'' if counts[severity] == 1 else 's'}"
        for severity in Severity
        if counts[severity]
    ]
    return ", ".join(words) if words else "nothing to complain about"


def verdict_of(reports: Sequence[Report]) -> Verdict:
    """GO only if every report's is, and there is one."""
    go = bool(reports) and all(report.verdict is Verdict.GO for report in reports)
    return Verdict.GO if go else Verdict.NO_GO
