"""The parts of the reference of voice bundles that the program knows: which code each rule has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.page_text import table

from helix_tts_policy.finding import Severity
from helix_tts_policy.rules.bundle_registry import BUNDLE_READING_RULES, BUNDLE_RULES, code_of
from helix_tts_policy.rules.format_registry import FORMAT_RULES

if TYPE_CHECKING:
    from typing import Any

    from helix_tts_policy.rules.rule import Rule

INTRODUCTION = (
    "# Voice bundles\n\n"
    "A voice bundle is a folder with `manifest.json` and every file that it lists, and with nothing else: no other file, no link,\n"
    "no FIFO, no device. The manifest is one JSON object, UTF-8, at most 4 MiB; unknown fields are refused, and an optional one is\n"
    "left out or `null`. Its `bundle_version` says which of two formats it has. Paths are relative to the folder, with `/`, without\n"
    "`..`; the manifest does not list itself.\n\n"
    "`helix-tts-policy bundle verify DIR` checks one, `verify_bundle(DIR)` does in Python.\n"
    "[How to build and promote one](../how-to/build-and-promote-a-bundle.md).\n"
)

SERVED = (
    "\nThe JSON Schema is `schemas/voice-bundle.json`; `helix-tts-policy schema voice-bundle` prints it. What holds weights or a\n"
    "sample may have any name: `model.bin` and `sample.wav` are usual, and `files` is what binds. A bundle that was promoted ships\n"
    "the manifest of its source as `source_manifest.json`; every field of `provenance` is compared with it.\n"
)

TRAINED = (
    "\nThe JSON Schema is `schemas/prod-tts-voice-bundle.json`; `helix-tts-policy schema prod-tts-voice-bundle` prints it. The\n"
    "`artifact_sha256` binds all other fields. It does not depend on how the file is written:\n\n"
    "```python\n"
    "import hashlib, json\n"
    "\n\n"
    "def artifact_sha256(manifest: dict) -> str:\n"
    '    bound = {key: value for key, value in manifest.items() if key != "artifact_sha256"}\n'
    "    return hashlib.sha256(json.dumps(bound, sort_keys=True, indent=2).encode()).hexdigest()\n"
    "```\n\n"
    "Python's `json.dumps` writes ASCII unless told otherwise: a program in another language has to escape every other character\n"
    "as `\\uXXXX`, in small letters, and put no line break behind the last brace.\n"
)


def codes() -> str:
    """The five codes with the rules that have each."""
    every: tuple[Rule[Any], ...] = (*BUNDLE_READING_RULES, *BUNDLE_RULES, *FORMAT_RULES)
    by_code: dict[str, list[str]] = {}
    for rule in every:
        if rule.severity is Severity.ERROR:
            by_code.setdefault(code_of(rule.id), []).append(f"[`{rule.id}`](rules/{rule.id}.md)")
    rows = [(f"`{code}`", ", ".join(rules)) for code, rules in by_code.items()]
    return (
        "\n## Codes\n\n"
        "Callers of the first version know five codes. Each error has one of them, in the JSON form beside its rule, and\n"
        "`BundleReport.codes` has all of a bundle, in the order of its findings. It is empty exactly where the verdict is GO.\n\n"
        + table(("code", "rules"), rows)
    )
