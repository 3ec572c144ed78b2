"""The pages of the promotion gate that the program knows: what each gate asks for, and what to do about what it finds."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tools.page_text import NOTICE, cell, table

from helix_tts_policy.gate import GATES
from helix_tts_policy.promotion_case import NEEDS
from helix_tts_policy.promotion_gates import Kind, gate_of
from helix_tts_policy.rules.bundle_registry import BUNDLE_READING_RULES, BUNDLE_TABLES
from helix_tts_policy.rules.format_registry import FORMAT_TABLES
from helix_tts_policy.rules.ledger_registry import LEDGER_READING_RULES, LEDGER_TABLES
from helix_tts_policy.rules.policy_registry import POLICY_TABLES
from helix_tts_policy.rules.promotion_registry import (
    PROMOTION_TABLES,
    RELEASE_READING_RULES,
    VERIFICATION_READING_RULES,
)
from helix_tts_policy.rules.registry import MANIFEST_TABLES
from helix_tts_policy.rules.training_registry import TRAINING_READING_RULES, TRAINING_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from helix_tts_policy.rules.rule import Rule

TABLES: Final[Mapping[Kind, tuple[Iterable[Rule[Any]], ...]]] = MappingProxyType(
    {
        Kind.RELEASE: (RELEASE_READING_RULES, *POLICY_TABLES),
        Kind.MANIFEST: MANIFEST_TABLES,
        Kind.TRAINING: (TRAINING_READING_RULES[:-1], *TRAINING_TABLES[1:]),
        Kind.STATUS: (TRAINING_READING_RULES,),
        Kind.BUNDLE: (BUNDLE_READING_RULES, *BUNDLE_TABLES, *FORMAT_TABLES),
        Kind.FORMAT: FORMAT_TABLES,
        Kind.VERIFICATION: (VERIFICATION_READING_RULES,),
        Kind.LEDGER: (LEDGER_READING_RULES, *LEDGER_TABLES),
        Kind.PROMOTION: PROMOTION_TABLES[1:],
    }
)
"""The rules of each kind of report that a promotion looks at."""

RELEASE = (
    "# The release file\n\n"
    "One TOML document, UTF-8, at most 1 MiB, that names the evidence of one release. Unknown keys are refused. Paths are\n"
    "relative to the folder of the file, and may lead out of it with `..` at their beginning, since releases share ledgers and\n"
    "policies. An absolute path is refused: it names other evidence on every machine. Links are followed, since whoever writes\n"
    "the file chose them. What is not named leaves its gate MISSING, and missing is NO-GO.\n"
    "The JSON Schema is `schemas/release.json`; `helix-tts-policy schema release` prints it.\n"
    "[How to decide a promotion](../how-to/decide-a-promotion.md).\n"
)

NO_GO = (
    "# What to do when the gate says NO-GO\n\n"
    "Look for the gate that is not passed, and in its table for the rule that the finding names. Errors block; warnings and\n"
    "notes do not. No flag changes a verdict: get the evidence right, and decide again. What a whole promotion takes, step by\n"
    "step, tells the [checklist](runbook-promote.md).\n"
)


def pages() -> dict[str, str | None]:
    """The generated pages by their paths."""
    return {"docs/how-to/runbook-no-go.md": NOTICE + NO_GO + "".join(map(_gate, GATES))}


def gates() -> str:
    """Every gate with what it is answered with, and the keys that name it."""
    rows = [
        (
            f"[`{gate.name}`](../how-to/runbook-no-go.md#{gate.name})",
            gate.title,
            ", ".join(
                f"`{need.pointer[1:].replace('/', '.')}`" for need in NEEDS[gate.name] if need.pointer != "/policy"
            )
            or "the file itself",
        )
        for gate in GATES
    ]
    return (
        "\n## Gates\n\n"
        "Every gate is PASS, FAIL or MISSING; only when all pass, the decision is GO. The lane may stand in the status file\n"
        "instead. A policy need not be named; one that is named has to be usable.\n\n"
        + table(("gate", "what holds when it is passed", "asks for"), rows)
    )


def _gate(gate: Any) -> str:
    told: dict[str, Rule[Any]] = {}
    for kind, tables in TABLES.items():
        for rule in (rule for rules in tables for rule in rules):
            if gate_of(kind, rule.id) == gate.name:
                told.setdefault(rule.id, rule)
    told.pop("evidence-missing", None)
    rows = [
        (f"[`{name}`](../reference/rules/{name}.md)", rule.severity.value, cell(rule.sections["Remedy"]))
        for name, rule in told.items()
    ]
    return f"\n## {gate.name}\n\n{gate.title}. It asks for {gate.evidence}.\n\n**MISSING**: {gate.remedy}.\n\n" + table(
        ("rule", "severity", "what to do"), rows
    )
