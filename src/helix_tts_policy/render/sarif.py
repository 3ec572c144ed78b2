"""Reports as one SARIF 2.1.0 log, for code scanning and other programs that show findings beside the code.

What is kept here: the log is plain ASCII, and the same bytes for the same reports. A source that is no file gets no URI,
only a logical location. A finding on a whole document stands at line 1 and says so, since code scanning needs a line.
Nothing that a message quotes can become a link or a placeholder of the format.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy import __version__
from helix_tts_policy.finding import printable
from helix_tts_policy.pinned import TOOL_NAME
from helix_tts_policy.render.json_v1 import document
from helix_tts_policy.render.summary import file_of, verdict_of
from helix_tts_policy.rules.all_rules import ALL_RULES
from helix_tts_policy.rules.registry import UNREADABLE_RULES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from helix_tts_policy.finding import Finding, Location
    from helix_tts_policy.render.summary import Report

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
"""The schema that code scanning names; nothing here reads it."""

BASE: Final = "%SRCROOT%"
"""What relative paths are relative to, by the name that readers of SARIF know."""

FINGERPRINT: Final = "rulePlace/v1"

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
"""RFC 3986, section 2.3, and the slash between segments; a colon would make a scheme of a first segment."""

_PLACEHOLDER = re.compile(r"\{(?=[0-9]+\})")
_LINK = "]("
"""What SARIF 2.1.0, section 3.11, reads as more than text.

Readers differ in whether they undo the escapes that the format has for them, so the escapes of this program break them.
"""

_NO_TEXT = {"What it checks": "No description is at hand."}
"""Of a rule whose docstring was stripped, since every rule of a log owes a description."""


def render(reports: Sequence[Report]) -> str:
    """All reports as one run; its properties have the verdicts and what they rest on."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(reports)]}
    # A CI runner takes ## with a bracket for a command wherever it stands in a line. As an escape it is the same JSON.
    return document(log).replace("##", r"#\u0023")


def _run(reports: Sequence[Report]) -> dict[str, Any]:
    found = [(report, finding) for report in reports for finding in report.findings]
    rules = _rules({printable(finding.rule) for _, finding in found})
    indexes = {rule["id"]: index for index, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    return {
        "tool": {
            "driver": {
                "name": TOOL_NAME,
                "version": __version__,
                "semanticVersion": __version__,
                "rules": rules,
            }
        },
        # False says that what is missing below was not looked at, so that nobody takes it for mended.
        "invocations": [{"executionSuccessful": not any(each.rule in UNREADABLE_RULES for _, each in found)}],
        "originalUriBaseIds": {BASE: {"description": {"text": "The working directory of the command."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, report, indexes, seen) for report, finding in found],
        "properties": {
            "verdict": verdict_of(reports).value,
            "reports": [
                {
                    "source": printable(report.source),
                    "verdict": report.verdict.value,
                    "pinned": _printable(report.pinned()),
                }
                for report in reports
            ],
        },
    }


def _rules(ids: Collection[str]) -> list[dict[str, Any]]:
    """The rules that found something, in the order of their tables, then ids that have no rule."""
    known = [
        {**_texts(rule.id, rule.sections), "defaultConfiguration": {"level": rule.severity.value}}
        for rule in ALL_RULES
        if rule.id in ids
    ]
    return known + [_texts(each, {}) for each in sorted(set(ids) - {rule["id"] for rule in known})]


def _texts(identifier: str, sections: dict[str, str]) -> dict[str, Any]:
    sections = sections or _NO_TEXT
    checked = next(iter(sections.values()))
    return {
        "id": identifier,
        "shortDescription": {"text": _sentence(checked.partition(". ")[0])},
        "fullDescription": {"text": checked},
        "help": {
            "text": "\n\n".join(f"{heading}\n{text}" for heading, text in sections.items()),
            "markdown": "\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections.items()),
        },
    }


def _result(finding: Finding, report: Report, indexes: dict[str, int], seen: Counter[str]) -> dict[str, Any]:
    rule, at = printable(finding.rule), finding.at
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": indexes[rule],
        "level": finding.severity.value,
        "message": {"text": f"{_sentence(_literal(finding.message))} What to do: {_sentence(_literal(finding.tip))}"},
        "locations": [_location(at)],
        "partialFingerprints": {FINGERPRINT: _fingerprint(finding, seen)},
    }
    target = file_of(report.source)
    if target is not None and at.source != report.source:
        result["analysisTarget"] = _artifact(target)
    return result


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _literal(text: str) -> str:
    """The text without placeholders and embedded links."""
    return _PLACEHOLDER.sub(r"\\x7b", printable(text)).replace(_LINK, r"]\x28")


def _location(at: Location) -> dict[str, Any]:
    file = file_of(at.source)
    if file is None:
        name = f"{at.source}#{at.path}" if at.path else at.source
        return {"logicalLocations": [{"fullyQualifiedName": printable(name)}]}
    region: dict[str, Any] = {"startLine": at.line or 1}
    if at.line is None:
        region["message"] = {"text": "The document as a whole."}
    elif at.column is not None:
        region["startColumn"] = at.column
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": _artifact(file), "region": region}}
    if at.path:
        location["logicalLocations"] = [{"fullyQualifiedName": printable(at.path)}]
    return location


def _artifact(file: str) -> dict[str, str]:
    if file.startswith("/"):
        return {"uri": f"file://{_quoted(file)}"}
    return {"uri": _quoted(file), "uriBaseId": BASE}


def _quoted(path: str) -> str:
    """The bytes of a path, percent-encoded; a surrogate that stands for a byte is that byte."""
    data = b"".join(
        bytes([ord(character) - 0xDC00])
        if "\udc80" <= character <= "\udcff"
        else character.encode("utf-8", "surrogatepass")
        for character in path
    )
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in data)


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """Of rule, file and pointer, not of lines, nor of the message, which may name some; equal ones are numbered."""
    at = finding.at
    identity = json.dumps([finding.rule, file_of(at.source) or at.source, at.path])
    seen[identity] += 1
    return f"{hashlib.sha256(identity.encode()).hexdigest()}:{seen[identity]}"


def _printable(value: Any) -> Any:
    """The JSON value with every text printable: a lone surrogate makes some readers refuse the whole log."""
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return printable(value) if isinstance(value, str) else value
