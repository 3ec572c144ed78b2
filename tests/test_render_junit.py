"""JUnit XML: well-formed and valid for what reads it, with numbers that are right, whatever a report says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given
from tests.sample_reports import (
    GOLDEN,
    GOLDEN_REPORTS,
    HOSTILE,
    REPORTS,
    SAMPLES,
    finding,
    golden_reports,
    with_findings,
)

from helix_tts_policy import Severity
from helix_tts_policy.render import junit

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = xmlschema.XMLSchema10(Path(__file__).parent / "formats" / "junit-10.xsd")


def defects(text: str) -> list[str]:
    return [str(error.reason) for error in SCHEMA.iter_errors(ET.fromstring(text))]  # noqa: S314 - our own output


def suites_of(*reports: Any) -> ET.Element:
    return ET.fromstring(junit.render(reports))  # noqa: S314 - our own output


def suite_of(*reports: Any) -> ET.Element:
    (suite,) = suites_of(*reports)
    return suite


def outcomes(suite: ET.Element) -> list[tuple[str | None, list[str]]]:
    return [(case.get("name"), [child.tag for child in case]) for case in suite.iter("testcase")]


def numbers(element: ET.Element) -> dict[str, str]:
    return {name: value for name, value in element.attrib.items() if name != "name"}


@pytest.mark.parametrize("name", GOLDEN_REPORTS)
def test_whole_outputs(name: str) -> None:
    assert junit.render(golden_reports(name)) == (GOLDEN / f"render-{name}.junit").read_text(encoding="utf-8")


def test_every_kind_of_report_is_valid() -> None:
    for make in SAMPLES.values():
        assert defects(junit.render([make()])) == []
    assert defects(junit.render([make() for make in SAMPLES.values()])) == []
    assert defects(junit.render([])) == []


def test_the_schema_refuses_what_is_no_junit() -> None:
    text = junit.render([SAMPLES["placeholder"]()])
    for good, bad, complaint in (
        (" classname=", " file=", "'file' attribute not allowed for element"),
        (' errors="0">', ">", "missing required attribute 'errors'"),
    ):
        assert complaint in defects(text.replace(good, bad))


@given(REPORTS)
def test_the_xml_is_valid_whatever_the_findings_say(reports: Sequence[Any]) -> None:
    text = junit.render(reports)
    assert defects(text) == []
    assert text.isascii()
    assert "##" not in text
    assert "::" not in text
    assert all(character.isprintable() or character == "\n" for character in text)
    suites = suites_of(*reports)
    assert len(suites) == max(len(reports), 1)
    for element in (suites, *suites):
        assert numbers(element) == {
            "tests": str(len(list(element.iter("testcase")))),
            "failures": str(len(list(element.iter("failure")))),
            "errors": str(len(list(element.iter("error")))),
        }
    for report, suite in zip(reports, suites, strict=bool(reports)):
        cases = [case for case in suite.iter("testcase") if case.get("name") != "verdict"]
        told = "\n".join(each.text or "" for case in cases for each in case)
        assert len(cases) <= len({each.rule for each in report.findings})
        assert told.count("  what to do: ") >= len(report.findings)
        assert {tuple(child.tag for child in case) for case in suite.iter("testcase")} <= {
            ("failure",),
            ("error",),
            ("system-out",),
            ("failure", "system-out"),
            ("error", "system-out"),
        }
        # A case that fails stands beside a verdict that does.
        failed = next(suite.iter("testcase")).find("failure") is not None
        assert failed == (report.verdict == "NO-GO")
        assert failed or not list(suite.iter("error"))


def test_a_verdict_of_go_is_a_case_that_passes() -> None:
    suite = suite_of(SAMPLES["go"]())
    assert suite.get("name") == "examples/voices/mei/weights-manifest.json"
    assert numbers(suite) == {"tests": "1", "failures": "0", "errors": "0"}
    assert outcomes(suite) == [("verdict", ["system-out"])]
    assert suite.findtext("testcase/system-out") == "GO: nothing to complain about"


def test_errors_fail_and_everything_else_passes_with_its_text() -> None:
    suite = suite_of(SAMPLES["placeholder"]())
    assert outcomes(suite) == [
        ("verdict", ["failure"]),
        ("weights-license-unclear", ["failure"]),
        ("digest-placeholder", ["failure"]),
        ("revision-missing", ["system-out"]),
        ("evidence-not-reviewed", ["system-out"]),
        ("bytes-not-checked", ["system-out"]),
    ]
    assert numbers(suite) == {"tests": "6", "failures": "3", "errors": "0"}
    verdict = suite.find("testcase/failure")
    assert verdict is not None
    assert verdict.attrib == {"message": "NO-GO: 2 errors, 2 warnings, 1 note", "type": "NO-GO"}
    assert {case.get("classname") for case in suite.iter("testcase")} == {suite.get("name")}


def test_a_failure_says_where_what_and_what_to_do() -> None:
    suite = suite_of(with_findings([finding("found 7; expected text", path="/model_id", line=2, column=15)]))
    failure = suite.find("testcase[@name='model-id-blank']/failure")
    assert failure is not None
    assert failure.attrib == {"message": "found 7; expected text", "type": "error"}
    assert (
        failure.text == "error[model-id-blank] m.json:2:15 /model_id\n  found 7; expected text\n  what to do: write y"
    )


def test_several_findings_of_a_rule_are_one_case() -> None:
    told = [
        *(finding("first", path="/a"), finding("second", path="/b"), finding("third", path="/c")),
        finding("waived", severity=Severity.WARNING),
    ]
    suite = suite_of(with_findings(told))
    assert outcomes(suite) == [("verdict", ["failure"]), ("model-id-blank", ["failure", "system-out"])]
    failure = suite.find("testcase[@name='model-id-blank']/failure")
    assert failure is not None
    assert failure.get("message") == "first (and 2 more)"
    assert failure.text == "\n\n".join(
        f"error[model-id-blank] m.json /{path}\n  {message}\n  what to do: write y"
        for path, message in (("a", "first"), ("b", "second"), ("c", "third"))
    )
    assert suite.findtext("testcase/system-out") == "warning[model-id-blank] m.json\n  waived\n  what to do: write y"


@pytest.mark.parametrize("name", ["missing", "no-json", "no-utf8", "policy-missing"])
def test_what_could_not_be_read_is_an_error_and_no_failure(name: str) -> None:
    report = SAMPLES[name]()
    suite = suite_of(report)
    assert outcomes(suite) == [("verdict", ["failure"]), (report.findings[0].rule, ["error"])]
    assert numbers(suite) == {"tests": "2", "failures": "1", "errors": "1"}


def test_every_report_is_a_suite_and_the_sums_are_right() -> None:
    suites = suites_of(SAMPLES["go"](), SAMPLES["missing"](), SAMPLES["license-refused"](), SAMPLES["policy"]())
    assert [suite.get("name") for suite in suites] == [
        "examples/voices/mei/weights-manifest.json",
        "no/such.json",
        "<expression>",
        "policy-shape/accept/every-table.toml",
    ]
    assert suites.attrib == {"name": "helix-tts-policy", "tests": "8", "failures": "4", "errors": "1"}


def test_the_properties_say_what_the_verdict_rests_on() -> None:
    report = SAMPLES["go"]()
    pinned = report.pinned()
    told = {each.get("name"): each.get("value") for each in suite_of(report).iter("property")}
    assert told == {
        "pinned.now": "2026-11-24T00:00:00+00:00",
        "pinned.manifest.sha256": pinned["manifest"]["sha256"],
        "pinned.manifest.bytes": str(pinned["manifest"]["bytes"]),
        "pinned.checksum": pinned["checksum"],
        "pinned.bytes_checked": "true",
        "pinned.policy.name": "built-in",
        "pinned.policy.sha256": pinned["policy"]["sha256"],
        "pinned.catalog.version": pinned["catalog"]["version"],
        "pinned.catalog.sha256": pinned["catalog"]["sha256"],
        "pinned.spdx_license_list": pinned["spdx_license_list"],
        "pinned.tool.name": "helix-tts-policy",
        "pinned.tool.version": pinned["tool"]["version"],
    }


def test_what_is_not_known_is_no_property() -> None:
    names = [each.get("name") for each in suite_of(SAMPLES["policy-missing"]()).iter("property")]
    assert names == ["pinned.policy.name"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_read_back_printable(text: str) -> None:
    suite = suite_of(with_findings([finding(text, source=text, path=text, rule=text, tip=text)], text))
    read_back = [*suite.itertext(), *(value for element in suite.iter() for value in element.attrib.values())]
    assert all(character.isprintable() or character == "\n" for each in read_back for character in each)
    if text.isprintable():
        assert suite.get("name") == text
        assert f"  {text}\n  what to do: {text}" in "".join(suite.itertext())


def test_no_report_is_a_suite_that_fails() -> None:
    suite = suite_of()
    assert numbers(suite) == {"tests": "1", "failures": "1", "errors": "0"}
    assert suite.findtext("testcase/failure") == "NO-GO: nothing was verified"
