"""Workflow commands as the runner of GitHub Actions reads them: one annotation for each finding, and nothing by accident."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from tests.sample_reports import (
    GOLDEN,
    GOLDEN_REPORTS,
    HOSTILE,
    REPORTS,
    SAMPLES,
    TEXTS,
    finding,
    golden_reports,
    with_findings,
)

from helix_tts_policy import Severity
from helix_tts_policy.render import github

if TYPE_CHECKING:
    from collections.abc import Sequence


class Annotation(NamedTuple):
    """What a runner makes of one command."""

    command: str
    properties: dict[str, str]
    message: str


def decoded(text: str, escapes: dict[str, str]) -> str:
    for escape, character in escapes.items():
        text = text.replace(escape, character)
    return text.replace("%25", "%")


def read(line: str) -> Annotation | None:
    """A line as the runner reads it: white space before a command does not count, and ``##[`` may stand anywhere."""
    assert "##[" not in line
    command = re.fullmatch(r"\s*::([^ :]+)(?: (.*?))?::(.*)", line, re.DOTALL)
    if command is None:
        assert not line.lstrip().startswith("::")
        return None
    name, given_, message = command.groups()
    data = {"%0D": "\r", "%0A": "\n"}
    properties = dict(pair.split("=", 1) for pair in (given_ or "").split(","))
    return Annotation(
        name,
        {key: decoded(value, {**data, "%3A": ":", "%2C": ","}) for key, value in properties.items()},
        decoded(message, data),
    )


def commands_of(*reports: Any) -> list[Annotation]:
    read_ = [read(line) for line in github.render(reports).splitlines()]
    return [each for each in read_ if each is not None]


def plain(*reports: Any) -> list[str]:
    return [line for line in github.render(reports).splitlines() if read(line) is None]


@pytest.mark.parametrize("name", GOLDEN_REPORTS)
def test_whole_outputs(name: str) -> None:
    assert github.render(golden_reports(name)) == (GOLDEN / f"render-{name}.github").read_text(encoding="utf-8")


def test_a_finding_is_one_command() -> None:
    report = with_findings(
        [finding("found 7; expected text", source="voices/m.json", path="/model_id", line=2, column=15)]
    )
    assert github.render([report]) == (
        "::error file=voices/m.json,line=2,col=15,title=model-id-blank::found 7; expected text%0A"
        "what to do: write y%0Aat voices/m.json:2:15 /model_id\n"
        "NO-GO  m.json: 1 error\n"
    )


@pytest.mark.parametrize(
    ("severity", "command"), [(Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.NOTE, "notice")]
)
def test_every_severity_has_its_command(severity: Severity, command: str) -> None:
    (annotation,) = commands_of(with_findings([finding(severity=severity)]))
    assert annotation.command == command


@pytest.mark.parametrize(
    ("place", "properties", "at"),
    [
        (
            {"source": "./a//m.json", "line": 3, "column": 4},
            {"file": "a/m.json", "line": "3", "col": "4"},
            "./a//m.json:3:4",
        ),
        ({"source": "/a/m.json", "line": 3}, {"file": "/a/m.json", "line": "3"}, "/a/m.json:3"),
        ({"source": "m.json"}, {"file": "m.json"}, "m.json"),
        ({"source": "a,b:c=d%.json"}, {"file": "a,b:c=d%.json"}, "a,b:c=d%.json"),
        ({"source": "<stdin>", "line": 3, "column": 4, "path": "/checksum"}, {}, "<stdin>:3:4 /checksum"),
        ({"source": "<mapping>", "path": "/checksum"}, {}, "<mapping> /checksum"),
        ({"source": "<expression>"}, {}, "<expression>"),
    ],
)
def test_an_annotation_stands_where_the_finding_does(
    place: dict[str, Any], properties: dict[str, str], at: str
) -> None:
    (annotation,) = commands_of(with_findings([finding(**place)]))
    assert annotation.properties == {**properties, "title": "model-id-blank"}
    assert annotation.message == f"found x; expected y\nwhat to do: write y\nat {at}"


def test_percent_signs_and_line_breaks_are_encoded() -> None:
    report = with_findings([finding("100%0A of x: y, z", source="100%,\n.json")])
    (line, _) = github.render([report]).splitlines()
    assert line == (
        r"::error file=100%25%2C\n.json,title=model-id-blank::100%250A of x: y, z%0Awhat to do: write y%0Aat 100%25,\n.json"
    )


@given(REPORTS)
def test_every_line_is_an_annotation_or_a_verdict_whatever_the_findings_say(reports: Sequence[Any]) -> None:
    text = github.render(reports)
    findings = [each for report in reports for each in report.findings]
    assert all(character.isprintable() or character == "\n" for character in text)
    assert len(commands_of(*reports)) == len(findings)
    verdicts = plain(*reports)
    assert [line.split(" ")[0] for line in verdicts] == [report.verdict.value for report in reports] or not reports
    assert text.splitlines()[len(findings) :] == verdicts
    for annotation, told in zip(commands_of(*reports), findings, strict=True):
        assert set(annotation.properties) <= {"file", "line", "col", "title"}
        assert annotation.command == {"error": "error", "warning": "warning", "note": "notice"}[told.severity]
        assert annotation.message.count("\n") == 2


@given(TEXTS)
def test_printable_text_reaches_the_annotation_as_it_is(text: str) -> None:
    (annotation,) = commands_of(with_findings([finding(text)]))
    if text.isprintable() and "##" not in text:
        assert annotation.message.partition("\nwhat to do: ")[0] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_source_starts_no_command(text: str) -> None:
    (annotation,) = commands_of(with_findings([finding(text, source=text, path=text, rule=text, tip=text)], text))
    assert annotation.command == "error"
    assert len(plain(with_findings([], text))) == 1


def test_the_last_lines_say_the_verdicts_behind_all_commands_of() -> None:
    text = github.render([SAMPLES["go"](), SAMPLES["non-commercial"](), SAMPLES["license-refused"]()])
    assert text.splitlines()[-3:] == [
        "GO  examples/voices/mei/weights-manifest.json: nothing to complain about",
        "NO-GO  examples/voices/musicgen-like/weights-manifest.json: 1 error, 2 warnings",
        "NO-GO  <expression>: 2 errors, 1 warning",
    ]
    assert not any(line.startswith("::") for line in text.splitlines()[-3:])


def test_errors_stand_before_warnings_and_notes_of_a_report() -> None:
    commands = [annotation.command for annotation in commands_of(SAMPLES["placeholder"]())]
    assert commands == ["error", "error", "warning", "warning", "notice"]


def test_no_report_is_no_go() -> None:
    assert github.render([]) == "NO-GO: nothing was verified\n"
