"""Asks a real Git repository for commits. The only module that starts Git.

Rules kept here:

1. Git runs without a shell, in a fixed environment, with a bound on time and output. It reads no configuration but the
   repository's own, opens no network, runs nothing that the repository names, and writes nothing.
2. The folder is taken as it is named; no repository above it is looked for. So the commits are those of the repository that
   was meant, whoever owns the folders around it.
3. What a repository lacks by design proves nothing: a shallow clone is refused.
4. A name that is a branch or tag is no commit; only objects whose digits begin with those that were asked for are.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.commit_history import CommitHistory, CommitState, NamedCommit
from helix_tts_policy.finding import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

TIME_LIMIT: Final = 120.0
"""Seconds of one command of Git; the history of the Linux kernel takes about ten."""

MAX_OUTPUT: Final = 128 * 1024 * 1024
"""Bytes that one command may answer; the first commit of the Linux kernel touches 17,000 files and takes two million."""

_ENVIRONMENT: Final = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_GRAFT_FILE": f"{os.devnull}/none",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}

_OVERRIDES: Final = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
"""What of the repository's configuration would run a program: diff-tree looks at the index, and asks fsmonitor about it."""


class RepositoryUnusable(Exception):  # noqa: N818 - it says what is the matter
    """There is no repository that could be asked; the message is one line."""


class GitRepository:
    """A repository on this machine.

    Args:
        folder: its top folder, where ``.git`` lies, or a bare repository.

    Raises:
        RepositoryUnusable: the folder is no repository.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.name = os.fspath(folder)
        inner = os.path.join(self.name, ".git")  # noqa: PTH118 - the text as given
        if os.path.exists(inner):  # noqa: PTH110 - as above
            self._git_dir = inner
        elif all(os.path.exists(os.path.join(self.name, part)) for part in ("HEAD", "objects")):  # noqa: PTH110, PTH118
            self._git_dir = self.name
        else:
            raise RepositoryUnusable(
                f"{printable(self.name)} is no Git repository; expected its top folder, in which .git lies"
            )

    def look_up(self, names: Collection[str]) -> CommitHistory:
        """What the repository says of commits, each named by some or all of its hexadecimal digits.

        Raises:
            RepositoryUnusable: it is a shallow clone, has no commit, or Git fails.
        """
        if self._lines(["rev-parse", "--is-shallow-repository"]) != ["false"]:
            raise RepositoryUnusable(
                f"{printable(self.name)} is a shallow clone, which lacks commits; fetch the rest with git fetch --unshallow"
            )
        head = self._resolve_head()
        found = self._resolve(names)
        commits = sorted({named.commit for named in found.values() if named.state is CommitState.FOUND})
        outside = set(self._lines(["rev-list", "--stdin"], [*commits, f"^{head}"])) if commits else set()
        touched = self._touched(commits)
        for name, named in found.items():
            if named.state is CommitState.FOUND:
                paths = frozenset(touched.get(named.commit, ()))
                found[name] = replace(named, in_history=named.commit not in outside, paths=paths)
        return CommitHistory(repository=self.name, head=head, commits=MappingProxyType(found))

    def _resolve_head(self) -> str:
        (answer,) = self._lines(["cat-file", "--batch-check=%(objectname) %(objecttype)"], ["HEAD^{commit}"])
        if not answer.endswith(" commit"):
            raise RepositoryUnusable(f"{printable(self.name)} has no commit yet; expected the history of the ledger")
        return answer.partition(" ")[0]

    def _resolve(self, names: Collection[str]) -> dict[str, NamedCommit]:
        """The commit of each name, or why there is none."""
        asked = sorted(names)
        # The first question lets a blob begin with the same digits; only the second says that a name is ambiguous.
        questions = [question for name in asked for question in (f"{name}^{{commit}}", name)]
        answers = self._lines(["cat-file", "--batch-check=%(objectname) %(objecttype)"], questions) if asked else []
        resolved = {}
        for name, as_commit, as_object in zip(asked, answers[::2], answers[1::2], strict=True):
            commit, _, kind = as_commit.partition(" ")
            if kind == "commit" and commit.startswith(name):
                resolved[name] = NamedCommit(state=CommitState.FOUND, commit=commit)
            else:
                ambiguous = as_object.endswith(" ambiguous")
                resolved[name] = NamedCommit(state=CommitState.AMBIGUOUS if ambiguous else CommitState.MISSING)
        return resolved

    def _touched(self, commits: Sequence[str]) -> dict[str, set[str]]:
        """The files that each commit touches, against each of its parents; a first commit touches all it has."""
        if not commits:
            return {}
        command = ["diff-tree", "--stdin", "-r", "--root", "-m", "-z", "--raw", "--no-renames", "--no-ext-diff"]
        touched: dict[str, set[str]] = {}
        commit, is_path = "", False
        for token in self._answer(command, commits).split(b"\0"):
            if is_path:
                touched[commit].add(os.fsdecode(token))
                is_path = False
            elif token.startswith(b":"):
                is_path = True
            elif token:
                commit = token.decode("ascii", "replace")
                touched.setdefault(commit, set())
        return touched

    def _lines(self, command: Sequence[str], questions: Iterable[str] = ()) -> list[str]:
        return self._answer(command, questions).decode("utf-8", "replace").splitlines()

    def _answer(self, command: Sequence[str], questions: Iterable[str] = ()) -> bytes:
        environment = {"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT}
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as complaint:
            asked.writelines(f"{question}\n".encode("ascii") for question in questions)
            asked.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603
                    ["git", f"--git-dir={self._git_dir}", *_OVERRIDES, *command],  # noqa: S607 - the one that the caller uses
                    stdin=asked,
                    stdout=subprocess.PIPE,
                    stderr=complaint,
                    env=environment,
                )
            except OSError as error:
                raise RepositoryUnusable(
                    f"git cannot be run: {error.strerror}; install it, or leave --repo out"
                ) from None
            answer = _read(process)
            complaint.seek(0)
            words = complaint.read(1000).decode("utf-8", "replace").strip().partition("\n")[0]
        if len(answer) > MAX_OUTPUT:
            raise self._failed(command, f"answers more than {MAX_OUTPUT} bytes")
        if process.returncode < 0:
            raise self._failed(command, f"took longer than {TIME_LIMIT:g} seconds")
        if process.returncode:
            raise self._failed(command, printable(words) or f"exit code {process.returncode}")
        return answer

    def _failed(self, command: Sequence[str], reason: str) -> RepositoryUnusable:
        return RepositoryUnusable(f"{printable(self.name)}: git {command[0]}: {reason}; expected a repository in order")


def _read(process: subprocess.Popen[bytes]) -> bytes:
    """All that a process answers, up to one byte more than it may; it is ended where that or its time is too much."""
    timer = threading.Timer(TIME_LIMIT, process.kill)
    timer.start()
    with process:
        try:
            answer = b"" if process.stdout is None else process.stdout.read(MAX_OUTPUT + 1)
            if len(answer) > MAX_OUTPUT:
                process.kill()
        except BaseException:
            process.kill()
            raise
        finally:
            timer.cancel()
    return answer
