"""Reports as JUnit XML, for CI systems that show tests: a suite for each report, a case for each rule that found something.

The case ``verdict`` of every suite passes for GO and fails for NO-GO. The case of a rule fails by what it counts as an
error, is an ``error`` where there was no document to speak of, and passes with its text in ``system-out`` otherwise. There
are no times, for none would be the same twice. The text is plain ASCII with character references, and has no element or
attribute that the schema of Jenkins' xUnit plugin does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from helix_tts_policy.finding import Severity, Verdict, printable
from helix_tts_policy.pinned import TOOL_NAME
from helix_tts_policy.render.summary import count, place
from helix_tts_policy.rules.registry import UNREADABLE_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helix_tts_policy.finding import Finding
    from helix_tts_policy.render.summary import Report

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render(reports: Sequence[Report]) -> str:
    """All reports in one document; where there is none, a suite that fails, since no test at all passes for many readers."""
    root = ET.Element("testsuites", name=TOOL_NAME)
    root.extend([_suite(report) for report in reports] or [_nothing()])
    _counted(root)
    ET.indent(root)
    text = ET.tostring(root, encoding="us-ascii", xml_declaration=False).decode()
    # What a CI runner takes for a command: ## with a bracket wherever it stands, :: where a line begins. Same XML as it was.
    return f"{_DECLARATION}{text}\n".replace("##", "#&#35;").replace("::", ":&#58;")


def _suite(report: Report) -> ET.Element:
    source = printable(report.source)
    suite = ET.Element("testsuite", name=source)
    properties = ET.SubElement(suite, "properties")
    for name, value in _facts(report.pinned()):
        ET.SubElement(properties, "property", name=f"pinned.{name}", value=printable(value))
    suite.append(_verdict(source, report.verdict, count(report.findings)))
    by_rule: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    suite.extend(_case(source, rule, findings) for rule, findings in by_rule.items())
    return _counted(suite)


def _nothing() -> ET.Element:
    suite = ET.Element("testsuite", name=TOOL_NAME)
    suite.append(_verdict(TOOL_NAME, Verdict.NO_GO, "nothing was verified"))
    return _counted(suite)


def _verdict(source: str, verdict: Verdict, why: str) -> ET.Element:
    case = ET.Element("testcase", classname=source, name="verdict")
    said = f"{verdict.value}: {why}"
    if verdict is Verdict.GO:
        ET.SubElement(case, "system-out").text = said
    else:
        ET.SubElement(case, "failure", message=said, type=verdict.value).text = said
    return case


def _case(source: str, rule: str, findings: Sequence[Finding]) -> ET.Element:
    case = ET.Element("testcase", classname=source, name=printable(rule))
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    others = [finding for finding in findings if finding.severity is not Severity.ERROR]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        message = f"{printable(errors[0].message)}{more}"
        kind = "error" if rule in UNREADABLE_RULES else "failure"
        ET.SubElement(case, kind, message=message, type=Severity.ERROR.value).text = _text(errors)
    if others:
        ET.SubElement(case, "system-out").text = _text(others)
    return case


def _text(findings: Sequence[Finding]) -> str:
    return "\n\n".join(
        f"{finding.severity.value}[{printable(finding.rule)}] {place(finding.at)}\n"
        f"  {printable(finding.message)}\n"
        f"  what to do: {printable(finding.tip)}"
        for finding in findings
    )


def _facts(pinned: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every pinned text and number by its dotted name; lists, which may be long, are left to the other formats."""
    for name, value in pinned.items():
        if isinstance(value, dict):
            yield from _facts(value, f"{prefix}{name}.")
        elif value is not None and not isinstance(value, list):
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else str(value)


def _counted(element: ET.Element) -> ET.Element:
    """The element with its numbers of cases, failures and errors, as the schema wants them."""
    for name, path in (("tests", ".//testcase"), ("failures", ".//failure"), ("errors", ".//error")):
        element.set(name, str(len(element.findall(path))))
    return element
