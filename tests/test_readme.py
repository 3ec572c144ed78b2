"""What the README and the guides tell people to run does what stands there.

The outputs of commands are held by `test_generated.py`; here are the Python blocks, and that the command a reader copies is
the one whose output is shown.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs/tutorials").glob("*.md")),
    *sorted((ROOT / "docs/how-to").glob("*.md")),
]

SNIPPET = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.MULTILINE | re.DOTALL)

SNIPPETS = [
    pytest.param(found["code"], found["output"] or "", id=f"{page.stem}-{number}")
    for page in PAGES
    for number, found in enumerate(SNIPPET.finditer(page.read_text(encoding="utf-8")), start=1)
]

README = PAGES[0].read_text(encoding="utf-8")


@pytest.mark.parametrize(("code", "output"), SNIPPETS)
def test_python_block_runs_and_prints_what_stands_under_it(code: str, output: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own snippets
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, output, "")


def marked(name: str) -> str:
    found = re.search(rf"^<!-- ci: {name} -->\n```bash\n([^\n]+)\n```$", README, re.MULTILINE)
    assert found is not None
    return found[1]


def test_first_command_is_the_one_whose_output_is_shown() -> None:
    shown = re.search(r"^<!-- output: ([^\n]+) -->$", README, re.MULTILINE)

    assert shown is not None
    assert marked("first") == f"python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/{shown[1]}"


def test_the_test_command_needs_nothing_but_python() -> None:
    assert marked("test") == "python3 -m venv .venv && .venv/bin/pip install -q '.[test]' && .venv/bin/python -m pytest"


def test_links_of_the_readme_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)", README)

    assert len(links) >= 10
    assert [link for link in links if not (ROOT / link).exists()] == []
