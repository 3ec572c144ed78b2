"""``export``, as a process."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.command_line import run
from tests.repositories import Repository

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = "tests/data/release/release.toml"
NOW = ("--now", "2026-11-25T12:00:00Z")


@pytest.mark.parametrize("form", ["in-toto", "cyclonedx", "spdx"])
def test_a_document_goes_to_standard_output_or_to_a_new_file(tmp_path: Path, form: str) -> None:
    file = tmp_path / "document.json"
    printed = run("export", form, RELEASE, *NOW)
    written = run("export", form, RELEASE, *NOW, "--output", str(file))

    assert (printed.code, printed.err) == (0, "")
    assert written == (0, "", "")
    assert file.read_text() == printed.out
    assert json.loads(printed.out)


def test_no_go_has_no_statement(tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree("tests/data/release", release)
    (release / "verification.json").unlink()
    file = tmp_path / "statement.json"
    outcome = run("export", "in-toto", str(release / "release.toml"), *NOW, "--output", str(file))

    assert outcome == (
        1,
        "",
        "export in-toto: the decision is NO-GO; a verification result is stated of a release that is GO, and of no other\n",
    )
    assert not file.exists()
    assert run("export", "cyclonedx", str(release / "release.toml"), *NOW).code == 1


def test_nothing_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "there.json"
    file.write_text("mine")
    outcome = run("export", "spdx", RELEASE, "--output", str(file))

    assert outcome.code == 2
    assert outcome.err.endswith("exists; name a new file, or remove the old one first\n")
    assert file.read_text() == "mine"


def test_a_release_that_cannot_be_read_exports_nothing(tmp_path: Path) -> None:
    outcome = run("export", "cyclonedx", str(tmp_path / "none.toml"))

    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("export cyclonedx: found no weights manifest that can be read")


def test_a_policy_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    outcome = run("export", "spdx", RELEASE, "--policy", str(tmp_path / "none.toml"))

    assert outcome.code == 2
    assert "input-unreadable" in outcome.out


def test_the_commits_of_the_ledger_are_looked_up_where_a_repository_is_given(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit()

    none = run("export", "cyclonedx", RELEASE, "--repo", str(tmp_path))
    other = run("export", "cyclonedx", RELEASE, "--repo", str(repository.folder))

    assert (none.code, none.out) == (2, "")
    assert none.err == f"--repo: {tmp_path} is no Git repository; expected its top folder, in which .git lies\n"
    assert other.code == 1
    assert '"NO-GO"' in other.out
