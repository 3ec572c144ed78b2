"""``gate --report``, as a process: what is asked for, what is refused before any work, and that no verdict depends on it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.command_line import REPOSITORY, run

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = "tests/data/release/release.toml"
NOW = ("--now", "2026-11-25T12:00:00Z")


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("closure.md", "# Closure report: GO\n"),
        ("closure.markdown", "# Closure report: GO\n"),
        ("closure.html", "<!DOCTYPE html>\n"),
        ("CLOSURE.HTM", "<!DOCTYPE html>\n"),
    ],
)
def test_the_suffix_says_the_form(tmp_path: Path, name: str, first: str) -> None:
    outcome = run("gate", RELEASE, *NOW, "--report", str(tmp_path / name))

    assert outcome == run("gate", RELEASE, *NOW)
    assert (outcome.code, outcome.err) == (0, "")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(first)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_no_go_has_a_report_too(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(REPOSITORY / "tests" / "data" / "release", folder)
    (folder / "ledger.md").unlink()
    report = tmp_path / "closure.md"
    outcome = run("gate", str(folder / "release.toml"), *NOW, "--report", str(report))

    assert outcome.code == 1
    assert report.read_text(encoding="utf-8").startswith("# Closure report: NO-GO\n")


def test_a_release_that_is_not_there_has_a_report_that_says_so(tmp_path: Path) -> None:
    report = tmp_path / "closure.html"
    outcome = run("gate", str(tmp_path / "none.toml"), *NOW, "--report", str(report))

    assert outcome.code == 2
    assert "input-unreadable" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("closure.pdf", "--report: found 'closure.pdf'; expected a name that ends in .md or .html\n"),
        ("closure", "--report: found 'closure'; expected a name that ends in .md or .html\n"),
        ("there.md", "exists; name a new file, or remove the old one first\n"),
        ("nowhere/closure.md", "is no folder; name a file in one that exists\n"),
    ],
)
def test_what_cannot_be_written_is_told_before_any_work(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "there.md").write_text("mine")
    outcome = run("gate", RELEASE, "--report", str(tmp_path / name))

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("--report: ")
    assert outcome.err.endswith(complaint)
    assert (tmp_path / "there.md").read_text() == "mine"
