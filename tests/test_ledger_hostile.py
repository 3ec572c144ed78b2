"""Ledgers that mean harm, and ones that were damaged: bounded, without a crash, and nothing in them is believed.

The files under ``conformance/ledger`` can be run against any implementation: ``index.json`` says which errors and warnings
each of them has.
"""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import Severity, audit_ledger
from helix_tts_policy.facts.execution_ledger import MAX_LEDGER_BYTES
from helix_tts_policy.render import github, json_v1, junit, sarif, text

HERE = Path(__file__).parent
FOLDER = HERE / "conformance" / "ledger"
INDEX: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
GOOD = (FOLDER / "good.md").read_text(encoding="utf-8")


def weighty(data: bytes) -> list[str]:
    return sorted({finding.rule for finding in audit_ledger(data).findings if finding.severity is not Severity.NOTE})


def test_the_index_lists_every_file_once() -> None:
    assert sorted(row["file"] for row in INDEX) == sorted(file.name for file in FOLDER.glob("*.md"))


@pytest.mark.parametrize("row", INDEX, ids=lambda row: row["file"])
def test_conformance(row: dict[str, Any]) -> None:
    assert weighty((FOLDER / row["file"]).read_bytes()) == row["rules"]


@pytest.mark.parametrize("row", INDEX, ids=lambda row: row["file"])
def test_no_output_carries_what_moves_a_terminal_or_commands_a_runner(row: dict[str, Any]) -> None:
    report = audit_ledger((FOLDER / row["file"]).read_bytes(), name="ledger.md")

    for render in (text.render, json_v1.render, sarif.render, github.render, junit.render):
        for line in render([report]).split("\n"):
            assert line.isprintable()
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in text.render([report]).split("\n"))
    assert all(len(finding.message) < 1500 for finding in report.findings)


def test_a_file_of_fifty_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md"
    with path.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)

    tracemalloc.start()
    report = audit_ledger(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [finding.message for finding in report.findings] == [
        f"holds 52428800 bytes; expected at most {MAX_LEDGER_BYTES}"
    ]
    assert peak < 4 * 1024 * 1024


YAML = "```yaml\nprompt_id: 1\n"
HOSTILE = {
    "quotes": ">" * 100_000,
    "lists": "- " * 100_000,
    "brackets": "[" * 100_000,
    "marks": "*a _b `c " * 10_000,
    "stairs": "".join(f"{'  ' * (level % 30)}- a\n" for level in range(5_000)),
    "quote-stairs": "".join(f"{'> ' * (level % 30)}a\n" for level in range(2_000)),
    "fences": "```\n" * 20_000,
    "open-fences": "".join(f"{'`' * (3 + level % 300)}\n" for level in range(2_000)),
    "rows": "| prompt | status |\n|-|-|\n" + "|\n" * 20_000,
    "columns": f"|{'a|' * 10_000}\n|{'-|' * 10_000}\n|b|\n",
    "definitions": "[a]: b\n" * 10_000,
    "html": "<div>\n" * 20_000,
    "comments": "<!--\n" * 20_000,
    "keys": YAML + "".join(f"k{number}: [a]\n" for number in range(5_000)) + "```\n",
    "same-key": YAML + "status: done\n" * 9_000 + "```\n",
    "colons": YAML + "a: b: c\n" * 9_000 + "```\n",
    "continued": YAML + "a: b: c\n" + "  d\n" * 30_000 + "```\n",
    "yaml-brackets": YAML + "x: " + "[" * 100_000 + "\n```\n",
    "boxes": "- [ ] a\n" * 10_000,
    "one-long-line": "a" * 300_000,
    "long-cell": f"| prompt | status |\n|-|-|\n| 1 | {'`a` ' * 30_000} |\n",
}
"""Texts of some ten kilobytes, each of which asks much of a reader that is not careful."""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_read_or_refused(name: str) -> None:
    tracemalloc.start()
    report = audit_ledger(f"{HOSTILE[name]}\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert report.verdict == "NO-GO"
    assert peak < 2000 * len(HOSTILE[name])
    assert len(report.findings) < 500
    assert len(json_v1.render([report])) < 500_000


@given(st.binary(max_size=200))
def test_any_bytes_are_a_report(data: bytes) -> None:
    assert audit_ledger(data).verdict == "NO-GO"


PIECES = st.sampled_from(
    [
        *GOOD.split("\n"),
        "```yaml",
        "```",
        "prompt_id: 1",
        "status: blocked",
        "| 1 | x | done | HEAD |",
        "- prompt_id: 1",
        "  - x",
        "> ",
        "<!--",
        "-->",
        "&a *a",
        "commit_sha: [",
    ]
)


@given(st.lists(PIECES, max_size=60).map("\n".join))
def test_any_mixture_of_lines_is_a_report_that_places_all_it_finds(text_: str) -> None:
    report = audit_ledger(f"{text_}\n")

    lines = f"{text_}\n".count("\n") + 1
    for finding in report.findings:
        assert finding.at.line is None or 1 <= finding.at.line <= lines
        assert finding.message.isprintable()
    assert audit_ledger(f"{text_}\n").to_dict() == report.to_dict()
