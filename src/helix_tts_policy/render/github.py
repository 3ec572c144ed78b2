"""Reports as workflow commands of GitHub Actions: one annotation for each finding, then the verdicts as plain lines.

GitHub shows no more than ten annotations of each kind for a step, so a report's errors stand first, as it tells them. No
line but the annotations can be taken for a command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.finding import Severity, Verdict, printable
from helix_tts_policy.render.summary import count, file_of, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helix_tts_policy.finding import Finding
    from helix_tts_policy.render.summary import Report

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_DATA = str.maketrans(_DATA)
_IN_PROPERTY = str.maketrans({**_DATA, ":": "%3A", ",": "%2C"})
"""What the runner decodes, in a message and in a property; it knows no other escapes."""


def render(reports: Sequence[Report]) -> str:
    """Every finding as a command, then a line with the verdict of each report."""
    lines = [_command(finding) for report in reports for finding in report.findings]
    lines += _verdicts(reports)
    # The runner takes ## with a bracket for a command wherever it stands in a line, and decodes no escape of it.
    return "".join(f"{line}\n" for line in lines).replace("##", r"#\x23")


def _command(finding: Finding) -> str:
    at = finding.at
    file = file_of(at.source)
    properties: dict[str, str] = {}
    if file is not None:
        properties["file"] = printable(file)
        if at.line is not None:
            properties["line"] = str(at.line)
            if at.column is not None:
                properties["col"] = str(at.column)
    properties["title"] = printable(finding.rule)
    told = ",".join(f"{name}={value.translate(_IN_PROPERTY)}" for name, value in properties.items())
    message = f"{printable(finding.message)}\nwhat to do: {printable(finding.tip)}\nat {place(at)}"
    return f"::{_COMMANDS[finding.severity]} {told}::{message.translate(_IN_DATA)}"


def _verdicts(reports: Sequence[Report]) -> Iterator[str]:
    for report in reports:
        yield f"{report.verdict.value}  {printable(report.source)}: {count(report.findings)}"
    if not reports:
        yield f"{Verdict.NO_GO.value}: nothing was verified"
