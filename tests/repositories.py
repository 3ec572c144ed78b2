"""Real Git repositories for the tests, made in a folder of their own and in an environment that nothing else touches."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_SECONDS = 120.0


class Repository:
    """A repository with one file after the other committed to it, at fixed times, so that its commits are always the same."""

    def __init__(self, folder: Path, *, bare: bool = False) -> None:
        self.folder = folder
        self.commits = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", *(["--bare"] if bare else []))

    def git(self, *words: str, stdin: bytes = b"", minute: int = 0) -> str:
        time = f"2026-02-24T{10 + minute // 60:02}:{minute % 60:02}:00Z"
        people = {
            f"GIT_{role}_{what}": "tester@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": time,
            "GIT_COMMITTER_DATE": time,
            **people,
        }
        done = subprocess.run(  # noqa: S603
            ["git", *words],  # noqa: S607
            cwd=self.folder,
            env=environment,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def commit(self, message: str = "a change", **files: str) -> str:
        """Commit files, by path with ``__`` for a slash and ``_dot_`` for a dot, and return the commit."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.commits += 1
        self.git("commit", "--quiet", "--allow-empty", "--message", message, minute=self.commits)
        return self.git("rev-parse", "HEAD")


def imported(stream: Path, folder: Path) -> Path:
    """The bare repository that a stream of ``git fast-export`` tells of."""
    Repository(folder, bare=True).git("fast-import", "--quiet", stdin=stream.read_bytes())
    return folder
