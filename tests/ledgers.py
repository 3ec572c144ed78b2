"""Ledgers for the tests: the real ones, one that is in order, and what is said of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.repositories import imported

from helix_tts_policy import audit_ledger
from helix_tts_policy.facts.execution_ledger import read_execution_ledger
from helix_tts_policy.git_repository import GitRepository

if TYPE_CHECKING:
    from helix_tts_policy import LedgerReport
    from helix_tts_policy.facts.ledger_records import ExecutionLedger

HERE = Path(__file__).parent
WAVE1 = HERE / "data" / "wave1"
EXAMPLES = HERE / "examples"
GOOD = (EXAMPLES / "ledger-empty" / "accept" / "two-prompts.md").read_text(encoding="utf-8")
HASH = "6e84f965957f63aad452981d2ede72e62f706d32e0a5b6b469899884e12a4e45"


def read(text: str) -> ExecutionLedger:
    return read_execution_ledger(text.encode(), "ledger.md")


def told(report: LedgerReport) -> list[str]:
    return [
        f"{finding.at.line}:{finding.at.column} {finding.severity.value} {finding.rule}: {finding.message}; {finding.tip}"
        for finding in report.findings
    ]


def errors(text: str) -> list[str]:
    return [f"{each.at.line} {each.rule}" for each in audit_ledger(f"{text}\n").findings if each.severity == "error"]


def audited(case: Path) -> LedgerReport:
    """What is said of a ledger, alone, or in a folder with an export of the trace or the stream of a repository."""
    if case.is_file():
        return audit_ledger(case)
    trace, stream = case / "trace.jsonl", case / "repository.fast-import"
    with tempfile.TemporaryDirectory() as folder:
        return audit_ledger(
            case / "ledger.md",
            trace=trace if trace.is_file() else None,
            commits=GitRepository(imported(stream, Path(folder))).look_up if stream.is_file() else None,
        )
