"""The commands of ``docs/how-to/sign-the-decision.md``, run as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.command_line import REPOSITORY
from tests.releases import NOW

from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.interop import in_toto

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (REPOSITORY / "docs" / "how-to" / "sign-the-decision.md").read_text(encoding="utf-8")
RELEASE = REPOSITORY / "tests" / "data" / "release"
WEIGHTS = RELEASE / "weights" / "voice.safetensors"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="found no openssl on this machine")


def commands(name: str) -> str:
    found = re.search(rf"<!-- tested: {name} -->\n```bash\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def bash(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        ["bash", "-c", script, "bash", *arguments],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    (tmp_path / "statement.json").write_text(in_toto.document(examine_release(RELEASE / "release.toml", now=NOW)))
    assert bash(commands("keys"), tmp_path).returncode == 0
    assert bash(commands("sign"), tmp_path).returncode == 0
    taken = tmp_path / "taken"
    taken.mkdir()
    for name in ("statement.dsse.json", "release-key.pub"):
        shutil.copy(tmp_path / name, taken)
    return taken


def test_what_was_signed_verifies(signed: Path) -> None:
    done = bash(commands("verify"), signed, str(WEIGHTS), str(RELEASE / "bundle" / "manifest.json"))

    assert (done.returncode, done.stdout) == (0, "Signature Verified Successfully\n")


def test_other_weights_do_not(signed: Path) -> None:
    assert bash(commands("verify"), signed, str(RELEASE / "ledger.md")).returncode == 1


@pytest.mark.parametrize("field", ["payload", "sig"])
def test_an_envelope_that_was_changed_does_not(signed: Path, field: str) -> None:
    envelope = signed / "statement.dsse.json"
    text = envelope.read_text()
    at = text.index(f'"{field}":"') + len(field) + 4 + 40
    envelope.write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])

    assert bash(commands("verify"), signed, str(WEIGHTS)).returncode != 0
