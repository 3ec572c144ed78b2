"""SARIF logs: valid by the published schema whatever a report says, at the right places, and nothing else than was found."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from jsonschema import Draft4Validator, FormatChecker
from tests.command_line import run
from tests.sample_reports import (
    GOLDEN,
    GOLDEN_REPORTS,
    HOSTILE,
    MEI,
    REPORTS,
    SAMPLES,
    finding,
    golden_reports,
    manifest,
    with_findings,
)

from helix_tts_policy import Severity, __version__
from helix_tts_policy.render import sarif
from helix_tts_policy.rules.all_rules import ALL_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA = json.loads((Path(__file__).parent / "formats" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = Draft4Validator(SCHEMA, format_checker=FormatChecker())
LONGEST = 1024
"""Characters of a description that GitHub's code scanning shows."""


def defects(log: Any) -> list[str]:
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in VALIDATOR.iter_errors(log)]


def log_of(*reports: Any) -> Any:
    return json.loads(sarif.render(reports))


def run_of(*reports: Any) -> Any:
    return log_of(*reports)["runs"][0]


def result_of(*found: Any, **changes: Any) -> Any:
    return run_of(with_findings(found or [finding(**changes)]))["results"][0]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", GOLDEN_REPORTS)
def test_whole_logs(name: str) -> None:
    assert sarif.render(golden_reports(name)) == (GOLDEN / f"render-{name}.sarif").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_report_is_valid(name: str) -> None:
    assert defects(log_of(SAMPLES[name]())) == []


def test_all_reports_together_and_none_at_all_are_valid() -> None:
    assert defects(log_of(*(make() for make in SAMPLES.values()))) == []
    assert defects(log_of()) == []


@given(REPORTS)
def test_a_log_is_valid_whatever_its_findings_say(reports: Sequence[Any]) -> None:
    text = sarif.render(reports)
    log = json.loads(text)
    (only,) = log["runs"]
    assert defects(log) == []
    assert text.isascii()
    assert "##" not in text
    assert all(character.isprintable() or character == "\n" for character in text)
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert all(each.encode() is not None for each in strings(log))
    assert len(only["results"]) == sum(len(report.findings) for report in reports)
    rules = only["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in only["results"]] == [each["ruleId"] for each in only["results"]]
    assert len({rule["id"] for rule in rules}) == len(rules)
    prints = [each["partialFingerprints"][sarif.FINGERPRINT] for each in only["results"]]
    assert len(set(prints)) == len(prints)
    assert sarif.render(reports) == text


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("locations", 0, "physicalLocation", "region", "startLine"), 0, "0 is less than the minimum of 1"),
        (
            ("locations", 0, "physicalLocation", "artifactLocation", "uri"),
            "a b.json",
            "'a b.json' is not a 'uri-reference'",
        ),
        (("level",), "notice", "'notice' is not one of ['none', 'note', 'warning', 'error']"),
        (("message",), {}, "{} is not valid under any of the given schemas"),
        (
            ("severity",),
            "error",
            "Additional properties are not allowed ('severity' was unexpected)",
        ),
    ],
)
def test_the_schema_refuses_what_is_no_sarif(path: tuple[str | int, ...], value: Any, complaint: str) -> None:
    log = copy.deepcopy(log_of(SAMPLES["placeholder"]()))
    at = log["runs"][0]["results"][0]
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    assert [error.split(": ", 1)[1] for error in defects(log)] == [complaint]


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("voices/m.json", "voices/m.json"),
        ("./voices//m.json", "voices/m.json"),
        ("voices/../m.json", "m.json"),
        ("../m.json", "../m.json"),
        ("voices/mei normal/50%#?.json", "voices/mei%20normal/50%25%23%3F.json"),
        ("c:m.json", "c%3Am.json"),
        ("//host/m.json", "file:///host/m.json"),
        ("/builds/voice/m.json", "file:///builds/voice/m.json"),
        ("/a/../b[1].json", "file:///b%5B1%5D.json"),
        ("声優.json", "%E5%A3%B0%E5%84%AA.json"),
        ("\udcff\x1b\n.json", "%FF%1B%0A.json"),
        ("\ud800.json", "%ED%A0%80.json"),
        ("<half", "%3Chalf"),
        ("half>", "half%3E"),
    ],
)
def test_a_path_is_a_uri_reference(source: str, uri: str) -> None:
    artifact = result_of(source=source)["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == uri
    assert artifact.get("uriBaseId") == (None if source.startswith("/") else "%SRCROOT%")


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("<stdin>", "/checksum", "<stdin>#/checksum"),
        ("<bytes>", "", "<bytes>"),
        ("<mapping>", "/files/0", "<mapping>#/files/0"),
        ("<expression>", "", "<expression>"),
        ("", "", ""),
    ],
)
def test_what_is_no_file_has_no_uri(source: str, path: str, name: str) -> None:
    result = result_of(source=source, path=path, line=1, column=1)
    assert result["locations"] == [{"logicalLocations": [{"fullyQualifiedName": name}]}]


@pytest.mark.parametrize(
    ("line", "column", "region"),
    [
        (5, 22, {"startLine": 5, "startColumn": 22}),
        (5, None, {"startLine": 5}),
        (None, None, {"startLine": 1, "message": {"text": "The document as a whole."}}),
    ],
)
def test_a_finding_on_a_whole_file_stands_at_its_first_line_and_says_so(
    line: int | None, column: int | None, region: dict[str, Any]
) -> None:
    (location,) = result_of(line=line, column=column)["locations"]
    assert location["physicalLocation"]["region"] == region
    assert "logicalLocations" not in location


def test_the_pointer_is_the_logical_location() -> None:
    (location,) = result_of(path="/files/3/sha256", line=9, column=4)["locations"]
    assert location["logicalLocations"] == [{"fullyQualifiedName": "/files/3/sha256"}]


def test_columns_count_code_points() -> None:
    only = run_of(manifest('{"model_id": "声優😀", "licence": 1}'.encode()))
    assert only["columnKind"] == "unicodeCodePoints"
    regions = [each["locations"][0]["physicalLocation"]["region"] for each in only["results"]]
    assert {"startLine": 1, "startColumn": 21} in regions


def test_a_finding_elsewhere_names_the_document_that_was_verified() -> None:
    results = run_of(SAMPLES["under-policy"]())["results"]
    targets = {
        (each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], each.get("analysisTarget", {}).get("uri"))
        for each in results
    }
    assert targets == {("helix-tts-policy.toml", "voices/m.json"), ("voices/m.json", None)}
    elsewhere = with_findings([finding(source="helix-tts-policy.toml")], "<stdin>")
    assert "analysisTarget" not in run_of(elsewhere)["results"][0]


def fingerprints(data: bytes, name: str = "m.json") -> list[str]:
    return [each["partialFingerprints"][sarif.FINGERPRINT] for each in run_of(manifest(data, name))["results"]]


def test_a_fingerprint_does_not_change_with_the_line() -> None:
    fields = {**MEI, "weights_license": "CC-BY-NC-4.0"}
    twice = b'{"model_id": "a/b",\n"model_id": "a/b",\n"licence": 1}'
    for data, moved in (
        (json.dumps(fields).encode(), json.dumps(fields, indent=2).encode()),
        (twice, b"\n\n" + twice.replace(b"\n", b"\n\n  ")),
    ):
        before, after = run_of(manifest(data))["results"], run_of(manifest(moved))["results"]
        assert sorted(fingerprints(data)) == sorted(fingerprints(moved))
        assert [each["locations"] for each in before] != [each["locations"] for each in after]


def test_a_fingerprint_is_of_the_rule_the_file_and_the_pointer() -> None:
    told = [
        *(finding(path="/a"), finding("other words", path="/a", line=7), finding(path="/b")),
        *(finding(path="/a", rule="date-malformed"), finding(path="/a", source="other.json")),
    ]
    results = run_of(with_findings(told))["results"]
    first, second, *others = [each["partialFingerprints"][sarif.FINGERPRINT] for each in results]
    digest = hashlib.sha256(b'["model-id-blank", "m.json", "/a"]').hexdigest()
    assert first == f"{digest}:1"
    assert second == f"{digest}:2"
    assert len({each.partition(":")[0] for each in (first, *others)}) == 4
    assert fingerprints(b"[]", "./voices/../m.json") == fingerprints(b"[]", "m.json")


def test_every_rule_is_described_within_what_code_scanning_shows() -> None:
    found = [finding(rule=rule.id, severity=rule.severity) for rule in reversed(ALL_RULES)]
    rules = run_of(with_findings(found))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in ALL_RULES]
    for told, rule in zip(rules, ALL_RULES, strict=True):
        sections = rule.sections
        assert told["defaultConfiguration"] == {"level": rule.severity.value}
        assert told["fullDescription"]["text"] == sections["What it checks"]
        assert told["fullDescription"]["text"].startswith(told["shortDescription"]["text"].rstrip("."))
        assert len(told["fullDescription"]["text"]) <= LONGEST
        assert told["help"]["markdown"].count("## ") == len(sections) == told["help"]["text"].count("\n\n") + 1
        assert all(text in told["help"]["markdown"] and text in told["help"]["text"] for text in sections.values())


def test_only_rules_that_found_something_are_listed() -> None:
    assert run_of(SAMPLES["go"]())["tool"]["driver"]["rules"] == []
    rules = run_of(SAMPLES["non-commercial"]())["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == {each.rule for each in SAMPLES["non-commercial"]().findings}


def test_an_id_without_a_rule_is_described_as_far_as_it_can_be() -> None:
    reports = with_findings([finding(rule="b\x1b"), finding(), finding(rule="a")])
    rules = run_of(reports)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["model-id-blank", "a", r"b\x1b"]
    assert rules[1] == {
        "id": "a",
        "shortDescription": {"text": "No description is at hand."},
        "fullDescription": {"text": "No description is at hand."},
        "help": {
            "text": "What it checks\nNo description is at hand.",
            "markdown": "## What it checks\n\nNo description is at hand.",
        },
    }
    assert defects(log_of(reports)) == []


@pytest.mark.parametrize("severity", Severity)
def test_the_level_is_the_findings_own(severity: Severity) -> None:
    only = run_of(with_findings([finding(severity=severity)]))
    assert only["results"][0]["level"] == severity.value
    assert only["tool"]["driver"]["rules"][0]["defaultConfiguration"] == {"level": "error"}


@pytest.mark.parametrize(
    ("message", "tip", "text"),
    [
        ("found x; expected y", "write y", "found x; expected y. What to do: write y."),
        ("it is x.", "write y.", "it is x. What to do: write y."),
        ("found {0} and {12} of {x}", "{}", r"found \x7b0} and \x7b12} of {x}. What to do: {}."),
        (
            'found "[here](https://evil.example)"',
            "see [1]",
            r'found "[here]\x28https://evil.example)". What to do: see [1].',
        ),
        ("found \x1b[31m\n::error::x", "\u202e", r"found \x1b[31m\n::error::x. What to do: \u202e."),
    ],
)
def test_a_message_is_text_and_nothing_else(message: str, tip: str, text: str) -> None:
    assert result_of(message=message, tip=tip)["message"] == {"text": text}


@pytest.mark.parametrize(
    ("names", "complete"),
    [
        (("go",), True),
        (("non-commercial", "license-refused", "policy-refused", "shape"), True),
        (("go", "missing"), False),
        (("no-json",), False),
        (("no-utf8",), False),
        (("policy-missing",), False),
    ],
)
def test_an_input_that_could_not_be_read_makes_the_run_incomplete(names: tuple[str, ...], complete: bool) -> None:  # noqa: FBT001 - a column of the table
    assert run_of(*(SAMPLES[name]() for name in names))["invocations"] == [{"executionSuccessful": complete}]


def test_the_properties_have_the_verdicts_and_what_they_rest_on() -> None:
    go, no_go, asked = SAMPLES["go"](), SAMPLES["swapped"](), SAMPLES["license-allowed"]()
    assert run_of(go, no_go, asked)["properties"] == {
        "verdict": "NO-GO",
        "reports": [
            {"source": report.source, "verdict": report.verdict.value, "pinned": report.pinned()}
            for report in (go, no_go, asked)
        ],
    }
    assert run_of(go, asked)["properties"]["verdict"] == "GO"
    assert run_of()["properties"] == {"verdict": "NO-GO", "reports": []}


def test_hostile_names_are_pinned_printable() -> None:
    for text in HOSTILE:
        (said,) = run_of(with_findings([], text))["properties"]["reports"]
        assert said["source"].isprintable()
        assert said["pinned"]["policy"]["name"].isprintable()


def test_the_tool_says_its_name_and_a_semantic_version() -> None:
    driver = run_of()["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("helix-tts-policy", __version__)
    assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?", driver["semanticVersion"])


def test_without_docstrings_the_log_is_valid_as_well() -> None:
    call = ("verify", "examples/voices/nemo-placeholder/weights-manifest.json", "--format", "sarif")
    outcome = run(*call, env={"PYTHONOPTIMIZE": "2"})
    log = json.loads(outcome.out)
    assert (outcome.code, outcome.err) == (1, "")
    assert defects(log) == []
    (first, *_) = log["runs"][0]["tool"]["driver"]["rules"]
    assert first["shortDescription"]["text"] == "No description is at hand."
