"""Commits looked up in real Git repositories: what is found, what is not, and what cannot be asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.repositories import Repository

from helix_tts_policy import git_repository
from helix_tts_policy.facts.commit_history import CommitState, NamedCommit
from helix_tts_policy.git_repository import GitRepository, RepositoryUnusable

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "voices")


def refusal(folder: Path) -> str:
    with pytest.raises(RepositoryUnusable) as caught:
        GitRepository(folder).look_up(["0" * 7])
    return str(caught.value).replace(str(folder), "...")


def test_a_commit_is_found_by_its_first_digits_with_the_files_that_it_touches(repository: Repository) -> None:
    first = repository.commit(README_dot_md="a", src__a_dot_py="1", src__naïve_dot_py="1")
    second = repository.commit(src__a_dot_py="2", src__b_dot_py="1")
    (repository.folder / "src" / "b.py").rename(repository.folder / "src" / "c.py")
    third = repository.commit()
    empty = repository.commit()

    history = GitRepository(repository.folder).look_up([first, second[:7], third[:12], empty])

    assert (history.repository, history.head) == (str(repository.folder), empty)
    assert {name: (named.commit, named.in_history, named.paths) for name, named in history.commits.items()} == {
        first: (first, True, frozenset({"README.md", "src/a.py", "src/naïve.py"})),
        second[:7]: (second, True, frozenset({"src/a.py", "src/b.py"})),
        third[:12]: (third, True, frozenset({"src/b.py", "src/c.py"})),
        empty: (empty, True, frozenset()),
    }
    assert {named.state for named in history.commits.values()} == {CommitState.FOUND}


def test_a_commit_aside_is_no_ancestor_until_it_is_merged(repository: Repository) -> None:
    base = repository.commit(a="1")
    repository.git("checkout", "--quiet", "-b", "aside")
    aside = repository.commit(b="1")
    repository.git("checkout", "--quiet", "main")
    main = repository.commit(c="1")
    asked = GitRepository(repository.folder)

    before = asked.look_up([base, aside, main]).commits
    assert [before[each].in_history for each in (base, aside, main)] == [True, False, True]
    repository.git("merge", "--quiet", "--message", "merge", "aside", minute=9)
    merge = repository.git("rev-parse", "HEAD")
    after = asked.look_up([aside, merge]).commits
    assert after[aside].in_history
    assert after[merge].paths == frozenset({"b", "c"})


def test_what_is_no_commit_is_missing(repository: Repository) -> None:
    commit = repository.commit(a="1")
    tree = repository.git("rev-parse", f"{commit}^{{tree}}")
    blob = repository.git("rev-parse", f"{commit}:a")
    repository.git("tag", "--annotate", "--message", "a tag", "v1")
    tag = repository.git("rev-parse", "v1")
    repository.git("branch", "deadbee")
    repository.git("tag", "0123456789abcdef0123456789abcdef01234567")
    names = [tree, blob[:10], tag, "deadbee", "0123456789abcdef0123456789abcdef01234567", "f" * 7, "a" * 128]

    commits = GitRepository(repository.folder).look_up(names).commits

    assert set(commits.values()) == {NamedCommit(state=CommitState.MISSING)}


def test_digits_with_which_two_commits_begin_are_ambiguous(repository: Repository) -> None:
    tree = repository.git("rev-parse", f"{repository.commit(a='1')}^{{tree}}")
    seen: dict[str, str] = {}
    for number in range(2000):
        commit = repository.git("commit-tree", "-m", str(number), tree)
        if (twin := seen.setdefault(commit[:4], commit)) != commit:
            break
    else:
        pytest.fail("no two of two thousand commits begin with the same four digits")

    commits = GitRepository(repository.folder).look_up([commit[:4], commit[:20], twin[:20]]).commits
    assert commits[commit[:4]] == NamedCommit(state=CommitState.AMBIGUOUS)
    assert (commits[commit[:20]].commit, commits[twin[:20]].commit) == (commit, twin)
    assert not commits[commit[:20]].in_history


def test_bare_repositories_and_worktrees(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit(a="1")
    repository.git("clone", "--quiet", "--bare", str(repository.folder), str(tmp_path / "bare.git"))
    repository.git("worktree", "add", "--quiet", "-b", "aside", str(tmp_path / "tree"))

    for folder in (tmp_path / "bare.git", tmp_path / "tree"):
        assert GitRepository(folder).look_up([commit]).commits[commit].in_history
    assert GitRepository(str(tmp_path / "tree")).look_up([]).commits == {}


def test_folders_that_are_no_repository(repository: Repository, tmp_path: Path) -> None:
    repository.commit(src__a="1")

    expected = "... is no Git repository; expected its top folder, in which .git lies"
    assert refusal(tmp_path) == expected
    assert refusal(tmp_path / "none") == expected
    # A repository that lies above is not the one that was named.
    assert refusal(repository.folder / "src") == expected


def test_repositories_that_cannot_answer(repository: Repository, tmp_path: Path) -> None:
    assert refusal(repository.folder) == "... has no commit yet; expected the history of the ledger"

    repository.commit(a="1")
    repository.commit(a="2")
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth", "1", f"file://{repository.folder}", str(shallow))
    assert refusal(shallow) == "... is a shallow clone, which lacks commits; fetch the rest with git fetch --unshallow"

    (repository.folder / ".git" / "config").write_text("[core\n")
    assert refusal(repository.folder).startswith("...: git rev-parse: fatal: bad config line 1 in file ")
    assert refusal(repository.folder).endswith("; expected a repository in order")


def test_git_that_is_not_there_or_says_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(repository.folder) == "git cannot be run: No such file or directory; install it, or leave --repo out"

    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexit 3\n")
    git.chmod(0o755)
    assert refusal(repository.folder) == "...: git rev-parse: exit code 3; expected a repository in order"


def test_git_that_does_not_end_is_ended(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(git_repository, "TIME_LIMIT", 0.2)
    assert (
        refusal(repository.folder) == "...: git rev-parse: took longer than 0.2 seconds; expected a repository in order"
    )


def test_git_that_says_too_much_is_ended(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nwhile :; do echo false; done\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(git_repository, "MAX_OUTPUT", 1000)
    assert (
        refusal(repository.folder) == "...: git rev-parse: answers more than 1000 bytes; expected a repository in order"
    )


def test_an_interrupt_ends_git_too(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[call-overload]
            started.append(self)
            assert self.stdout is not None
            self.stdout.close()  # reading it raises

    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", Watched)
    with pytest.raises(ValueError, match="closed file"):
        GitRepository(repository.folder).look_up([])
    assert started[0].returncode == -9


def test_nothing_of_the_repository_or_its_surroundings_is_run(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = repository.commit(a_dot_txt="1", _dot_gitattributes="*.txt diff=evil filter=evil\n")
    second = repository.commit(a_dot_txt="2")
    mark = tmp_path / "was-run"
    evil = f"touch {mark}"
    config = "".join(
        f"[{section}]\n\t{key} = {evil}\n"
        for section, key in (
            ("core", "fsmonitor"),
            ("core", "pager"),
            ("core", "sshCommand"),
            ("diff", "external"),
            ('diff "evil"', "textconv"),
            ('diff "evil"', "command"),
            ('filter "evil"', "smudge"),
            ("alias", "rev-parse"),
        )
    )
    with (repository.folder / ".git" / "config").open("a") as stream:
        stream.write(config)
    (tmp_path / "global").write_text(f"[core]\n\tfsmonitor = {evil}\n[diff]\n\texternal = {evil}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", evil)

    history = GitRepository(repository.folder).look_up([first, second])

    assert history.commits[second].paths == frozenset({"a.txt"})
    assert not mark.exists()


def test_replacements_and_grafts_change_no_answer(repository: Repository) -> None:
    first = repository.commit(a="1")
    second = repository.commit(b="1")
    other = repository.git("commit-tree", "-m", "other", "-p", first, repository.git("rev-parse", f"{first}^{{tree}}"))
    repository.git("replace", second, other)
    (repository.folder / ".git" / "info").mkdir(exist_ok=True)
    (repository.folder / ".git" / "info" / "grafts").write_text(f"{second}\n")

    commits = GitRepository(repository.folder).look_up([first, second]).commits

    assert commits[second].paths == frozenset({"b"})
    assert commits[first].in_history


def test_a_file_whose_name_is_a_commit_is_a_file(repository: Repository) -> None:
    first = repository.commit(a="1")
    (repository.folder / first).write_text("x")
    (repository.folder / "b").write_text("x")
    second = repository.commit()

    commits = GitRepository(os.fspath(repository.folder)).look_up([first, second]).commits

    assert commits[first].paths == frozenset({"a"})
    assert commits[second].paths == frozenset({first, "b"})
