"""The hooks as users get them: the real pre-commit, real commits, and an environment built from this tree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.command_line import REPOSITORY, VOICES

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

HOOK = "helix-verify-weights-manifest"
LEDGER_HOOK = "helix-audit-ledger"
GOOD = (REPOSITORY / VOICES / "mei" / "weights-manifest.json").read_text()
LEDGER = (REPOSITORY / "tests" / "examples" / "ledger-empty" / "accept" / "two-prompts.md").read_text()
WAVE1 = (REPOSITORY / "tests" / "data" / "wave1" / "ledger.md").read_text()
BAD = (REPOSITORY / VOICES / "musicgen-like" / "weights-manifest.json").read_text()
LIMIT_SECONDS = 300
NOT_SHIPPED = shutil.ignore_patterns(".*", "__pycache__", "*.pyc", "build", "dist", "site")


class Project(NamedTuple):
    """A scratch repository with the hook installed, and the environment in which its commits are made."""

    folder: Path
    environment: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            words,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    def must(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def commit(self, **files: str) -> subprocess.CompletedProcess[str]:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            self.must("git", "add", "--", name)
        return self.run("git", "commit", "--message", "a change")

    def head(self) -> str:
        return self.must("git", "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One repository for all tests of this module, since its hook's environment takes some seconds to build."""
    base = tmp_path_factory.mktemp("pre-commit")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT", "COVERAGE_"))
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(base),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PRE_COMMIT_HOME": str(base / "cache"),
        "PRE_COMMIT_COLOR": "never",
    }
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "A Tester", f"GIT_{role}_EMAIL": "tester@localhost"}
    hooks = Project(base / "hooks", environment)
    copy_of_this_tree(hooks.folder)
    hooks.must("git", "init", "--quiet", "--initial-branch=main")
    hooks.must("git", "add", "--all", "--force")
    hooks.must("git", "commit", "--quiet", "--message", "the tree under test")
    user = Project(base / "user", environment)
    user.folder.mkdir()
    user.must("git", "init", "--quiet", "--initial-branch=main")
    config = {"repos": [{"repo": str(hooks.folder), "rev": hooks.head(), "hooks": [{"id": HOOK}, {"id": LEDGER_HOOK}]}]}
    (user.folder / ".pre-commit-config.yaml").write_text(json.dumps(config))  # JSON is YAML
    user.must("git", "add", ".pre-commit-config.yaml")
    user.must("git", "commit", "--quiet", "--message", "the hook")
    user.must(sys.executable, "-m", "pre_commit", "install", "--install-hooks")
    yield user
    shutil.rmtree(base)


def copy_of_this_tree(target: Path) -> None:
    """The files that git knows of, as they are now; all files where this tree is an unpacked archive."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    if listed.returncode == 0 and listed.stdout:
        for name in filter(None, listed.stdout.split("\0")):
            if (REPOSITORY / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, target / name)
        return
    shutil.copytree(REPOSITORY, target, ignore=NOT_SHIPPED, symlinks=True)
    shutil.copy2(REPOSITORY / ".pre-commit-hooks.yaml", target)


def test_a_commit_without_a_manifest_does_not_run_the_hook(project: Project) -> None:
    done = project.commit(**{"README.md": "A voice.\n", "manifest.json": "{}"})
    assert done.returncode == 0
    assert "(no files to check)Skipped" in done.stdout
    assert "GO" not in done.stdout


def test_a_manifest_that_is_go_is_committed(project: Project) -> None:
    before = project.head()
    done = project.commit(**{"mei/weights-manifest.json": GOOD, "mei/weights.manifest.v2.json": GOOD})
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout
    assert project.head() != before


def test_a_manifest_that_is_no_go_is_not_committed_and_the_finding_is_on_the_screen(project: Project) -> None:
    before = project.head()
    done = project.commit(**{"gen/weights_manifest.json": BAD, "mei/weights-manifest.json": f"{GOOD}\n"})
    assert done.returncode == 1
    assert f"- hook id: {HOOK}\n- exit code: 1\n" in done.stdout
    assert (
        "  error[weights-license-forbidden] gen/weights_manifest.json:6:22 /weights_license\n"
        '    found "CC-BY-NC-4.0" as weights licence: CC-BY-NC-4.0 is forbidden for weights: '
    ) in done.stdout
    assert "\nNO-GO  gen/weights_manifest.json\n" in f"\n{done.stdout}"
    assert project.head() == before
    project.must("git", "reset", "--quiet", "--hard")


def test_a_manifest_that_cannot_be_read_is_not_committed(project: Project) -> None:
    before = project.head()
    done = project.commit(**{"bad/weights-manifest.json": GOOD[:-20]})
    assert done.returncode == 1
    assert f"- hook id: {HOOK}\n- exit code: 2\n" in done.stdout
    assert "error[input-syntax] bad/weights-manifest.json:" in done.stdout
    assert project.head() == before
    project.must("git", "reset", "--quiet", "--hard")


def test_the_policy_of_the_repository_decides_in_its_hook(project: Project) -> None:
    before = project.head()
    policy = 'schema_version = "license-policy/1"\n[gates.code]\ndeny = ["MIT"]\n'
    done = project.commit(**{"helix-tts-policy.toml": policy, "mei/weights-manifest.json": f"{GOOD}\n\n"})
    assert done.returncode == 1
    assert "MIT is forbidden for code: the policy denies it to the code gate" in done.stdout
    assert "policy    helix-tts-policy.toml sha256:" in done.stdout
    assert project.head() == before
    project.must("git", "reset", "--quiet", "--hard")


def test_a_ledger_is_committed_only_without_contradictions(project: Project) -> None:
    done = project.commit(**{"reports/voice-ledger-2026-11-24.md": LEDGER, "docs/ledger-format.md": "# Columns\n"})
    assert done.returncode == 0, done.stdout
    before = project.head()
    done = project.commit(**{"reports/wave1-ledger.md": WAVE1})
    assert done.returncode == 1
    assert f"- hook id: {LEDGER_HOOK}\n- exit code: 1\n" in done.stdout
    assert (
        "  error[ledger-done-blocked] reports/wave1-ledger.md:247:17 /blocks/7/blocker_reason\n"
        '    prompt 7: found the blocker reason "nemo_runtime_unavailable" beside status "done" (line 246); '
    ) in done.stdout
    assert "docs/ledger-format.md" not in done.stdout
    assert project.head() == before
    project.must("git", "reset", "--quiet", "--hard")
