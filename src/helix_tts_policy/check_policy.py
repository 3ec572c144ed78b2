"""From a policy file to a policy that decisions can be made under, or to everything that is wrong with it."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from helix_tts_policy.document import read_bytes
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.license_policy import BUILT_IN_OBLIGATIONS, GatePolicy, LicensePolicy
from helix_tts_policy.facts.policy_file import PolicyFile, read_policy_file
from helix_tts_policy.facts.text_copy import find_copy
from helix_tts_policy.finding import Severity
from helix_tts_policy.license_decision import utc_day
from helix_tts_policy.policy_report import PolicyReport
from helix_tts_policy.rules.all_rules import RULE_IDS
from helix_tts_policy.rules.policy_registry import ADVISORY_RULES, WAIVABLE_RULES
from helix_tts_policy.rules.policy_subject import PolicySubject
from helix_tts_policy.toml_document import MAX_TOML_BYTES

if TYPE_CHECKING:
    from helix_tts_policy.facts.policy_file import GateSection


def verify_policy(path: str | os.PathLike[str], *, now: datetime | None = None) -> PolicyReport:
    """Check a policy file: its shape, its entries, and the local copies of texts that it names.

    Args:
        path: the file; the copies lie below its folder.
        now: the time of the check, with offset. Without it nothing that depends on the day is judged: no finding tells of
            expired entries or of dates in the future.

    Raises:
        TypeError: the path is no path, or ``now`` no time.
        ValueError: ``now`` has no offset.
    """
    if now is not None and not isinstance(now, datetime):
        raise TypeError(f"now: expected a datetime, found {type(now).__name__}")
    if now is not None and now.utcoffset() is None:
        raise ValueError("now: expected a time with offset")
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError("path: expected a path of text, found one of bytes")
    data = None
    try:
        data = read_bytes(name, limit=MAX_TOML_BYTES)
        file, text = read_policy_file(data, name)
    except MalformedInput as error:
        return PolicyReport(name, data, malformed=error)
    folder = Path(name).parent
    copies = {
        index: find_copy(folder, item.text, owner="the policy's folder")
        for index, item in enumerate(file.clarifications)
        if item.text is not None
    }
    today = None if now is None else utc_day(now)
    subject = PolicySubject(file, today, copies, rules=RULE_IDS, waivable=WAIVABLE_RULES, advice=ADVISORY_RULES)
    return PolicyReport(name, data, policy=_policy(file, name, data, text), subject=subject)


def load_policy(path: str | os.PathLike[str]) -> LicensePolicy:
    """The policy that a file states, for `verify_manifest` and `evaluate_license`.

    Raises:
        MalformedInput: the file cannot be read, or has any error; with all of them, their lines and columns.
        TypeError: the path is no path.
    """
    report = verify_policy(path)
    if report.policy is not None:
        return report.policy
    problems = [
        Problem(
            kind=ProblemKind.POLICY,
            message=f"{finding.rule}: {finding.message}",
            tip=finding.tip,
            path=finding.at.path,
            line=finding.at.line,
            column=finding.at.column,
        )
        for finding in report.findings
        if finding.severity is Severity.ERROR
    ]
    raise MalformedInput(report.source, tuple(problems))


def _policy(file: PolicyFile, name: str, data: bytes, text: str) -> LicensePolicy:
    sections = {"weights": file.gates.weights, "code": file.gates.code}
    return LicensePolicy(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        gates=MappingProxyType(
            {gate: _gate(section, BUILT_IN_OBLIGATIONS[gate]) for gate, section in sections.items()}
        ),
        clarifications=file.clarifications,
        attestations=file.attestations,
        waivers=file.waivers,
        blocker_reasons=file.blocker_reasons,
        nemo_blocked=file.nemo_blocked,
        errors=frozenset(file.errors),
        max_evidence_age_days=file.max_evidence_age_days,
        text=text,
    )


def _gate(section: GateSection, built_in: tuple[str, ...]) -> GatePolicy:
    return GatePolicy(
        obligations=frozenset(built_in if section.obligations is None else section.obligations),
        allow=None if section.allow is None else frozenset(section.allow),
        deny=frozenset(section.deny),
    )
