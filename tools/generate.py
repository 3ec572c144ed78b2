"""Writes every committed file whose content the program already knows.

Run as ``python -m tools.generate``: without arguments to write, with ``--check`` to print a diff and exit with 1 where a file differs. Generated are the
JSON Schemas, the reference pages of the documentation, the hook file, and the output shown in hand-written pages. There,
a marker names the command and everything up to the end marker is replaced::

    <!-- output: COMMAND -->     what the command prints
    <!-- session: COMMAND -->    the command behind a prompt, then what it prints
    <!-- end -->

Commands run in a shell at the root of the repository; they state the time with ``--now``, so that they print the same
every day.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tools import reference_pages

from helix_tts_policy.cli import VERBS
from helix_tts_policy.cli.schema import NAMES, published

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parent.parent

RULE_PAGES = "docs/reference/rules"

BLOCK = re.compile(
    r"(?P<head><!-- (?P<kind>output|session): (?P<command>[^\n]+) -->\n).*?(?P<foot>\n<!-- end -->)", re.DOTALL
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check all generated files; 1 where a committed file is not what it should be."""
    parser = argparse.ArgumentParser(description="Generate the committed files that the program can write itself.")
    parser.add_argument(
        "--check", action="store_true", help="print a diff and fail where a file differs; write nothing"
    )
    check = parser.parse_args(arguments).check
    drift = 0
    for path, wanted in files().items():
        file = ROOT / path
        found = file.read_text(encoding="utf-8") if file.is_file() else None
        if found == wanted:
            continue
        drift += 1
        if check:
            before, after = ((text or "").splitlines(keepends=True) for text in (found, wanted))
            sys.stdout.writelines(difflib.unified_diff(before, after, f"{path} (committed)", f"{path} (generated)"))
        elif wanted is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted, encoding="utf-8", newline="\n")
    if check and drift:
        print(f"{drift} files differ; run: python -m tools.generate", file=sys.stderr)
    return 1 if check and drift else 0


def files() -> dict[str, str | None]:
    """Every generated file with its content; None for one that should not be there."""
    wanted: dict[str, str | None] = {f"schemas/{name}.json": published(name) for name in NAMES}
    wanted[".pre-commit-hooks.yaml"] = hooks()
    wanted |= reference_pages.pages(RULE_PAGES)
    old = {file.relative_to(ROOT).as_posix() for file in (ROOT / RULE_PAGES).glob("*.md")}
    wanted |= dict.fromkeys(sorted(old - wanted.keys()))
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    by_hand = [page for page in pages if page.relative_to(ROOT).as_posix() not in wanted]
    return wanted | with_outputs(by_hand)


# --- output of commands in hand-written pages -------------------------------------------------------------------------


def with_outputs(pages: Iterable[Path]) -> dict[str, str]:
    """The pages that hold markers, with fresh output between them."""
    texts = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in pages}
    commands = sorted({found["command"] for text in texts.values() for found in BLOCK.finditer(text)})
    with ThreadPoolExecutor() as pool:
        outputs = dict(zip(commands, pool.map(output_of, commands), strict=True))

    def block(found: re.Match[str]) -> str:
        session = found["kind"] == "session"
        prompt = f"$ {found['command']}\n" if session else ""
        fence = "console" if session else "text"
        return f"{found['head']}```{fence}\n{prompt}{outputs[found['command']]}```{found['foot']}"

    return {path: BLOCK.sub(block, text) for path, text in texts.items() if BLOCK.search(text)}


def output_of(command: str) -> str:
    """What a shell command prints, standard error after standard output, at the root of the repository."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env={"PATH": path, "LC_ALL": "C", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.stdout.decode() + done.stderr.decode()


# --- hooks ------------------------------------------------------------------------------------------------------------


def hooks() -> str:
    """What pre-commit reads. Links are named too: by default they are skipped, and what they point to would be shipped."""
    return f"""# Written by tools/generate.py; change it there.
- id: helix-verify-weights-manifest
  name: {VERBS["verify"]}
  description: Verify the shape, provenance, digests and licences that weights manifests state; anything but GO fails.
  entry: helix-tts-policy verify
  language: python
  files: weights[-_.]manifest.*\\.json$
  types: []
  types_or: [file, symlink]
  require_serial: true
- id: helix-audit-ledger
  name: audit execution ledgers
  description: Find what an execution ledger (Markdown) says against itself; any contradiction fails.
  entry: helix-tts-policy ledger audit
  language: python
  files: (?i)(?:^|[/._-])ledger(?:[._-](?:v|wave)?[0-9]+)*\\.md$
  types: []
  types_or: [file, symlink]
  require_serial: true
"""


if __name__ == "__main__":
    sys.exit(main())
