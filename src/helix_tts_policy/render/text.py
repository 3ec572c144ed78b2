"""Reports as text for people: the verdict first, then what to do about it, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.finding import Verdict, printable, shown
from helix_tts_policy.render.summary import count, place
from helix_tts_policy.report import ManifestReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helix_tts_policy.finding import Finding
    from helix_tts_policy.render.summary import Report

_COMMAND, _ESCAPED_COMMAND = "##", r"#\x23"
"""A CI runner takes the first for a command wherever it stands in a line, and ``::`` where a line begins, blanks or not.

So no line of a report begins with foreign text.
"""

_LISTED = 100
"""Licences and obligations that are listed one by one; what is wrong with the rest is told by findings."""

_BOLD_GREEN, _BOLD_RED, _PLAIN = "\x1b[1;32m", "\x1b[1;31m", "\x1b[0m"


def render(reports: Sequence[Report], *, color: bool = False) -> str:
    """All reports, one after the other, with a blank line between them."""
    text = "\n".join("".join(f"{line}\n" for line in _lines(report, color=color)) for report in reports)
    return text.replace(_COMMAND, _ESCAPED_COMMAND)


def _lines(report: Report, *, color: bool) -> Iterator[str]:
    yield f"{_verdict(report.verdict, color=color)}  {printable(report.source)}"
    if isinstance(report, ManifestReport) and report.manifest is not None:
        yield ""
        yield f"  {shown(report.manifest.model_id)}"
        yield from _licenses(report)
    # Not by its class: loading that of one kind of report loads all its rules.
    if summary := getattr(report, "summary", ()):
        yield ""
        yield from (f"  {printable(line)}" for line in summary)
    for finding in getattr(report, "told", report.findings):
        yield ""
        yield from _finding(finding)
    if closing := getattr(report, "closing", ()):
        yield ""
        yield from (f"  {printable(line)}".rstrip() for line in closing)
    if isinstance(report, ManifestReport):
        if report.obligations:
            yield ""
            yield from _obligations(report)
        yield ""
        yield from _pinned(report)
    yield ""
    yield f"{_verdict(report.verdict, color=color)}: {count(report.findings)}"


def _verdict(verdict: Verdict, *, color: bool) -> str:
    if not color:
        return verdict.value
    return f"{_BOLD_GREEN if verdict is Verdict.GO else _BOLD_RED}{verdict.value}{_PLAIN}"


def _licenses(report: ManifestReport) -> Iterator[str]:
    rows = [
        (
            f"{part.gate} licence{printable(part.owner)}",
            printable(part.decision.expression or part.decision.input or "(none)")[:100],
            part.decision.state.value,
        )
        for part in report.licenses[:_LISTED]
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for gate, expression, state in rows:
        yield f"    {gate:<{widths[0]}}  {expression:<{widths[1]}}  {state}"
    if len(report.licenses) > _LISTED:
        yield f"    and {len(report.licenses) - _LISTED} more"


def _finding(finding: Finding) -> Iterator[str]:
    yield f"  {finding.severity.value}[{finding.rule}] {place(finding.at)}"
    yield f"    {printable(finding.message)}"
    yield f"    what to do: {printable(finding.tip)}"


def _obligations(report: ManifestReport) -> Iterator[str]:
    yield "  obligations"
    for part, obligation in report.obligations[:_LISTED]:
        yield f"    {obligation.kind} ({part.gate}{printable(part.owner)}, {printable(obligation.license)}): {printable(obligation.text)}"
    if len(report.obligations) > _LISTED:
        yield f"    and {len(report.obligations) - _LISTED} more"
    if report.manifest is not None and report.manifest.attribution is not None:
        yield "    text to ship"
        for line in report.manifest.attribution.splitlines():
            yield f"      | {printable(line)}".rstrip()


def _pinned(report: ManifestReport) -> Iterator[str]:
    pinned = report.pinned()
    yield "  pinned"
    if pinned["manifest"] is not None:
        yield f"    manifest  sha256:{pinned['manifest']['sha256']} ({pinned['manifest']['bytes']} bytes)"
    if pinned["checksum"] is not None:
        yield f"    weights   {printable(pinned['checksum'][:140])} ({_bytes_checked(report)})"
    policy, catalog = pinned["policy"], pinned["catalog"]
    yield f"    policy    {printable(policy['name'])} sha256:{policy['sha256']}"
    yield f"    catalog   {catalog['version']} sha256:{catalog['sha256']}"
    yield f"    SPDX      licence list {pinned['spdx_license_list']}"
    yield f"    time      {pinned['now']}"
    yield f"    tool      {pinned['tool']['name']} {pinned['tool']['version']}"


def _bytes_checked(report: ManifestReport) -> str:
    observed = report.observed
    if observed is None:
        return "stated; not checked against the bytes"
    hashed = [file for file in observed.files if file.hex is not None]
    files = f"{len(hashed)} file{'' if len(hashed) == 1 else 's'}"
    return f"{files}, {observed.bytes_hashed} bytes hashed under {printable(str(observed.root))}"
