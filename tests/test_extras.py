"""What is an extra is asked for by name, in one line, before any work is done; everything else works without it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.command_line import REPOSITORY, Outcome

EXTRAS = {
    "report": ("jinja2", "matplotlib"),
    "interop": ("cyclonedx", "in_toto_attestation", "spdx_python_model"),
}
RELEASE = "tests/data/release/release.toml"


def run_without(*missing: str, arguments: list[str], folder: Path) -> Outcome:
    """Run the command in a process whose import path has everything that is installed here but these modules."""
    here = folder / "site-packages"
    if not here.is_dir():
        here.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if entry.name not in missing and entry.suffix != ".pth":
                (here / entry.name).symlink_to(entry)
    script = (
        f"import sys; sys.path[:0] = {[str(REPOSITORY / 'src'), str(here)]!r};"
        "from helix_tts_policy.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", "-c", script, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("missing", "suffix"), [("jinja2", "md"), ("jinja2", "html"), ("matplotlib", "html")], ids="-".join
)
def test_a_report_asks_for_its_extra(tmp_path: Path, missing: str, suffix: str) -> None:
    report = tmp_path / f"closure.{suffix}"
    outcome = run_without(missing, arguments=["gate", RELEASE, "--report", str(report)], folder=tmp_path)

    assert outcome == (2, "", f"--report: found no {missing}, which a report needs; install helix-tts-policy[report]\n")
    assert not report.exists()


def test_markdown_needs_no_plots(tmp_path: Path) -> None:
    report = tmp_path / "closure.md"
    arguments = ["gate", RELEASE, "--report", str(report), "--now", "2026-11-25T12:00:00Z"]
    outcome = run_without("matplotlib", "numpy", arguments=arguments, folder=tmp_path)

    assert (outcome.code, outcome.err) == (0, "")
    assert report.read_text(encoding="utf-8").startswith("# Closure report: GO\n")


@pytest.mark.parametrize(
    ("form", "missing"), list(zip(("cyclonedx", "in-toto", "spdx"), EXTRAS["interop"], strict=True))
)
def test_an_export_asks_for_its_extra(tmp_path: Path, form: str, missing: str) -> None:
    outcome = run_without(missing, arguments=["export", form, RELEASE], folder=tmp_path)

    assert outcome == (
        2,
        "",
        f"export {form}: found no {missing}, which holds the document against its format; install helix-tts-policy[interop]\n",
    )


def test_a_decision_needs_no_extra(tmp_path: Path) -> None:
    every = [module for modules in EXTRAS.values() for module in modules]
    outcome = run_without(*every, arguments=["gate", RELEASE, "--now", "2026-11-25T12:00:00Z"], folder=tmp_path)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"GO  {RELEASE}\n")
