"""Rules over formats by example: committed files of a few hundred bytes that each must find or leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import format_examples

from helix_tts_policy.facts.file_format import inspect_file
from helix_tts_policy.finding import Severity
from helix_tts_policy.rules.format_registry import FORMAT_RULES
from helix_tts_policy.rules.format_subject import FormatSubject
from helix_tts_policy.rules.rule import RuleComplaint, complaints

EXAMPLES = Path(__file__).parent / "examples"
RULES = {rule.id: rule for rule in FORMAT_RULES}


def cases(side: str) -> list[str]:
    found = (case for rule in RULES for case in (EXAMPLES / rule / side).glob("*"))
    return sorted(str(case.relative_to(EXAMPLES)) for case in found)


def said(case: Path) -> list[RuleComplaint]:
    files = sorted(case.iterdir()) if case.is_dir() and not case.is_symlink() else [case]
    inspected = tuple((f"/files/{index}/path", inspect_file(file, name=file.name)) for index, file in enumerate(files))
    return complaints(FORMAT_RULES, FormatSubject(files=inspected))


@pytest.mark.parametrize("case", cases("accept"))
def test_accept(case: str) -> None:
    assert said(EXAMPLES / case) == []


@pytest.mark.parametrize("case", cases("reject"))
def test_reject(case: str) -> None:
    rule = RULES[case.split("/", maxsplit=1)[0]]
    found = said(EXAMPLES / case)

    assert {(each.rule, each.severity) for each in found} == {(rule.id, rule.severity)}
    assert {each.complaint.path for each in found} <= {"/files/0/path", "/files/1/path"}
    for each in found:
        assert each.complaint.message.isprintable()
        assert "; expected " in each.complaint.message or rule.id == "file-malformed"
        assert each.complaint.tip


def test_the_committed_files_are_those_that_are_built() -> None:
    assert {name: (EXAMPLES / name).read_bytes() for name in format_examples.FILES} == format_examples.FILES


def test_only_what_no_header_tells_is_no_error() -> None:
    assert [rule.id for rule in FORMAT_RULES if rule.severity is not Severity.ERROR] == ["file-format-unknown"]
