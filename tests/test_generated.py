"""What the program can write itself is committed as it writes it, and the hook file is one that pre-commit takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pre_commit.clientlib import load_manifest  # type: ignore[import-untyped]  # it ships no types
from tools import generate

from helix_tts_policy.rules.all_rules import ALL_RULES

ROOT = Path(__file__).resolve().parent.parent


def test_committed_files_are_what_the_generator_writes(capsys: pytest.CaptureFixture[str]) -> None:
    code = generate.main(["--check"])

    assert (code, capsys.readouterr().out) == (0, "")


def test_drift_is_shown_as_a_diff_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / generate.RULE_PAGES
    rules.mkdir(parents=True)
    (rules / "no-such-rule.md").write_text("# gone\n")
    (tmp_path / "README.md").write_text("<!-- session: echo one -->\n```console\n$ echo one\ntwo\n```\n<!-- end -->\n")
    monkeypatch.setattr(generate, "ROOT", tmp_path)

    assert generate.main(["--check"]) == 1
    shown = capsys.readouterr()
    assert "-two\n+one\n" in shown.out
    assert "-# gone\n" in shown.out
    assert shown.err.endswith("files differ; run: python -m tools.generate\n")
    assert not (tmp_path / "schemas").exists()

    assert generate.main([]) == 0
    assert not (rules / "no-such-rule.md").exists()
    assert generate.main(["--check"]) == 0


def test_every_rule_has_its_page() -> None:
    pages = {page.stem for page in (ROOT / generate.RULE_PAGES).glob("*.md")}

    assert pages == {rule.id for rule in ALL_RULES} | {"index"}


def test_published_schema_is_a_schema_and_takes_the_examples() -> None:
    schema = json.loads((ROOT / "schemas/weights-manifest.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    manifests = sorted((ROOT / "examples/voices").glob("*/weights-manifest.json"))

    assert len(manifests) >= 4
    for manifest in manifests:
        Draft202012Validator(schema).validate(json.loads(manifest.read_bytes()))


def test_hook_file_is_one_that_pre_commit_takes() -> None:
    hooks = load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))

    assert [(hook["id"], hook["entry"]) for hook in hooks] == [
        ("helix-verify-weights-manifest", "helix-tts-policy verify"),
        ("helix-audit-ledger", "helix-tts-policy ledger audit"),
    ]
    assert {(hook["language"], hook["require_serial"]) for hook in hooks} == {("python", True)}


@pytest.mark.parametrize(
    ("path", "taken_by"),
    [
        ("weights-manifest.json", ["helix-verify-weights-manifest"]),
        ("voices/mei/weights_manifest.v2.json", ["helix-verify-weights-manifest"]),
        ("weights.manifest.json", ["helix-verify-weights-manifest"]),
        ("weightsmanifest.json", []),
        ("weights-manifest.json.bak", []),
        ("weights-manifest.yaml", []),
        ("ledger.md", ["helix-audit-ledger"]),
        ("reports/tts-prod-stack-wave1-ledger-2026-02-24.md", ["helix-audit-ledger"]),
        ("reports/LEDGER_v2.md", ["helix-audit-ledger"]),
        ("reports/voice.ledger.wave3.md", ["helix-audit-ledger"]),
        ("docs/ledger-format.md", []),
        ("docs/pledger.md", []),
        ("ledger.md.bak", []),
        ("ledger.txt", []),
    ],
)
def test_hooks_take_files_by_name(path: str, taken_by: list[str]) -> None:
    hooks = load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))

    assert [hook["id"] for hook in hooks if re.search(hook["files"], path)] == taken_by
