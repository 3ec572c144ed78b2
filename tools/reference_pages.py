"""The reference pages of the documentation, written from what the program itself knows: rules, parsers, records, the API."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
from enum import Enum
from typing import TYPE_CHECKING, Any, ForwardRef

from tools import blocker_page, bundle_page, ledger_page, promotion_page, training_page
from tools.page_text import NOTICE, cell, table

import helix_tts_policy
from helix_tts_policy.cli import VERBS, build_parser
from helix_tts_policy.facts.espnet_config import EspnetConfig
from helix_tts_policy.facts.license_catalog import ConditionKind, default_catalog
from helix_tts_policy.facts.model import Facts
from helix_tts_policy.facts.policy_file import PolicyFile
from helix_tts_policy.facts.release import Release
from helix_tts_policy.facts.training_config import TrainingConfig
from helix_tts_policy.facts.voice_bundle import ProductionBundle, VoiceBundle
from helix_tts_policy.facts.weights_manifest import WeightsManifest
from helix_tts_policy.rules.all_rules import ALL_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.rule import Rule


def pages(rule_pages: str) -> dict[str, str | None]:
    """Every reference page by its path."""
    return {
        "docs/reference/cli.md": cli_page(),
        "docs/reference/manifest.md": record_page(MANIFEST, WeightsManifest, "Manifest"),
        "docs/reference/release.md": record_page(promotion_page.RELEASE, Release, "Release") + promotion_page.gates(),
        "docs/reference/policy.md": record_page(POLICY, PolicyFile, "Policy") + condition_kinds(),
        "docs/reference/training-config.md": record_page(training_page.INTRODUCTION, TrainingConfig, "Training")
        + training_page.presets(),
        "docs/reference/backup-training-config.md": record_page(training_page.BACKUP, EspnetConfig, "Training")
        + training_page.backup_presets(),
        "docs/reference/python-api.md": api_page(),
        "docs/reference/bundle.md": bundle_reference(),
        **blocker_page.pages(),
        **ledger_page.pages(),
        **promotion_page.pages(),
        f"{rule_pages}/index.md": rule_index(),
        **{f"{rule_pages}/{rule.id}.md": rule_page(rule) for rule in ALL_RULES},
    }


# --- rules ------------------------------------------------------------------------------------------------------------


def rule_page(rule: Rule[Any]) -> str:
    """The page of one rule, from its docstring."""
    parts = [f"# {rule.id}\n\nSeverity: **{rule.severity.value}**. "]
    parts.append(
        f"Examples that pass and that do not: `tests/examples/{rule.id}/accept` and `tests/examples/{rule.id}/reject`.\n"
    )
    parts += [f"\n## {heading}\n\n{text}\n" for heading, text in rule.sections.items()]
    return NOTICE + "".join(parts)


def rule_index() -> str:
    """The table of all rules."""
    rows = [
        (f"[`{rule.id}`]({rule.id}.md)", rule.severity.value, cell(next(iter(rule.sections.values()))))
        for rule in ALL_RULES
    ]
    return (
        f"{NOTICE}# Rules\n\n"
        "Every finding carries the id of the rule that made it. An `error` is NO-GO; a `warning` wants a look; a `note`\n"
        "says what was not checked. `helix-tts-policy rules RULE` prints the same text.\n\n"
        + table(("rule", "severity", "what it checks"), rows)
    )


# --- command line -----------------------------------------------------------------------------------------------------


def cli_page() -> str:
    """The reference of the command line, from the parsers' own actions, since `--help` differs between Pythons."""
    parser = build_parser(tuple(VERBS))
    text = [f"{NOTICE}# Command line\n\n{parser.description}\n\n"]
    text += [
        table(("verb", "does"), [(f"[`{verb}`](#{verb})", summary) for verb, summary in VERBS.items()]),
        "\n`--version` prints the version, `--help` after any verb its arguments. [Exit codes](exit-codes.md) say the verdict.\n",
    ]
    for verb, subparser in subparsers(parser):
        inner = list(subparsers(subparser))
        text.append(f"\n## {verb}\n\n{subparser.description}\n")
        if inner:
            text += [section(f"{verb} {action}", each, "###") for action, each in inner]
        else:
            text.append(section(verb, subparser, None))
    return "".join(text)


def subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The verbs of a parser with the parser of each."""
    for action in parser._actions:  # noqa: SLF001 - argparse shows its actions nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            yield from action.choices.items()


def section(words: str, parser: argparse.ArgumentParser, heading: str | None) -> str:
    """Usage and arguments of one verb."""
    actions = [action for action in parser._actions if action.dest != "help"]  # noqa: SLF001 - as above
    options = [action for action in actions if action.option_strings]
    positionals = [action for action in actions if not action.option_strings]
    usage = " ".join(["helix-tts-policy", words, *map(in_usage, options), *map(in_usage, positionals)])
    rows = [(f"`{spelled(action)}`", cell(argument_help(action))) for action in (*positionals, *options)]
    title = f"\n{heading} {words}\n\n{markdown(parser.description or '')}\n" if heading else ""
    return f"{title}\n```text\n{usage}\n```\n\n" + table(("argument", "meaning"), rows)


def argument_help(action: argparse.Action) -> str:
    """What an argument means; one that may be given more than once says so."""
    again = "; may be repeated" if isinstance(action, argparse._AppendAction) else ""  # noqa: SLF001 - no public name
    return f"{action.help}{again}"


def value_of(action: argparse.Action) -> str:
    """The value of an argument, as usage shows it."""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar is None and action.choices is not None:
        return f"{{{','.join(map(str, action.choices))}}}"
    return action.metavar or action.dest.upper()


def spelled(action: argparse.Action) -> str:
    """An argument with its value, where it takes one."""
    if action.nargs == 0:
        return action.option_strings[0]
    return " ".join([*action.option_strings[:1], value_of(action)])


def in_usage(action: argparse.Action) -> str:
    """An argument as the usage line shows it."""
    if action.option_strings:
        once = spelled(action) if action.required else f"[{spelled(action)}]"
        return once + (" ..." if isinstance(action, argparse._AppendAction) else "")  # noqa: SLF001 - no public name
    value = value_of(action)
    return {"+": f"{value} [{value} ...]", "?": f"[{value}]"}.get(str(action.nargs), value)


# --- documents --------------------------------------------------------------------------------------------------------

MANIFEST = (
    "# The weights manifest\n\n"
    "One JSON object, UTF-8, at most 4 MiB. Unknown fields are refused. An optional field is left out or `null`.\n"
    "The JSON Schema is `schemas/weights-manifest.json`; `helix-tts-policy schema weights-manifest` prints it. Shape is\n"
    "what the schema says; whether a value is any good is what the [rules](rules/index.md) say.\n"
)
POLICY = (
    "# The policy file\n\n"
    "One TOML document, `helix-tts-policy.toml`, UTF-8, at most 1 MiB. Unknown keys are refused. What is not written holds as\n"
    "in the built-in policy. The JSON Schema is `schemas/license-policy.json`; `helix-tts-policy schema license-policy`\n"
    "prints it (editors use it for completion; dates stand without quotes in TOML). Shape is what the schema says; whether an\n"
    "entry may stand there is what the [rules](rules/index.md) whose ids begin with `policy-` say.\n"
    "[How to write one](../how-to/write-a-policy.md).\n"
)


def record_page(introduction: str, model: type[Facts], title: str) -> str:
    """The fields of a document and of the records in it, from the model that reads them."""
    text = [NOTICE, introduction]
    schema = model.model_json_schema()
    for heading, record in records(model, title):
        described = schema if record is model else schema["$defs"][record.__name__]
        rows = [
            (
                f"`{name}`",
                shape(described["properties"][name]),
                "yes" if field.is_required() else "no",
                cell(field.description or ""),
            )
            for name, field in record.model_fields.items()
        ]
        text.append(f"\n## {heading}\n\n" + table(("field", "type", "required", "meaning"), rows))
    return "".join(text)


def bundle_reference() -> str:
    """Both formats of a voice bundle, and the codes of what is wrong with one."""
    served = record_page(bundle_page.INTRODUCTION, VoiceBundle, "voice_bundle/1")
    trained = record_page("", ProductionBundle, "prod_tts_voice_bundle/1").removeprefix(NOTICE)
    fields = served + bundle_page.SERVED + trained + bundle_page.TRAINED
    return fields.replace("## Table `", "## Object `") + bundle_page.codes()


def condition_kinds() -> str:
    """The kinds of condition, each with licences that ask it."""
    asking: dict[str, list[str]] = {kind.value: [] for kind in ConditionKind}
    for row in default_catalog():
        for kind in dict.fromkeys(condition.kind.value for condition in row.conditions):
            asking[kind].append(row.id)
    rows = [
        (
            f"`{kind}`",
            ", ".join(f"`{name}`" for name in ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else ""),
        )
        for kind, ids in asking.items()
    ]
    return "\n## Kinds of condition\n\n`helix-tts-policy license ID` tells what each asks, in words.\n\n" + table(
        ("kind", "asked by"), rows
    )


def records(model: type[Facts], title: str) -> Iterator[tuple[str, type[Facts]]]:
    """A record with its heading, then the records that stand in it, each once."""
    waiting: list[tuple[str, str, type[Facts]]] = [("", title, model)]
    seen: set[type[Facts]] = set()
    while waiting:
        path, heading, record = waiting.pop(0)
        if record in seen:
            continue
        seen.add(record)
        yield heading, record
        for name, field in record.model_fields.items():
            if (inner := record_in(field.annotation)) is not None:
                below = f"{path}.{name}" if path else name
                many = "tuple" in str(field.annotation)
                waiting.append((below, f"{'Entries of' if many else 'Table'} `{below}`", inner))


def record_in(annotation: Any) -> type[Facts] | None:
    """The record that an annotation speaks of, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Facts):
        return annotation
    return next(filter(None, map(record_in, getattr(annotation, "__args__", ()))), None)


def shape(schema: dict[str, Any]) -> str:
    """The type that a piece of JSON Schema describes, for a person."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    (kind,) = kinds
    if "$ref" in kind:
        return "object"
    if "oneOf" in kind:
        return "object, or list of objects"
    if "const" in kind:
        return f"`{kind['const']}`"
    if "enum" in kind:
        return "one of " + ", ".join(f"`{value}`" for value in kind["enum"])
    if kind.get("type") == "array":
        items = kind["items"]
        if "enum" in items:
            return "list of " + ", ".join(f"`{value}`" for value in items["enum"])
        return "list of objects" if "$ref" in items else f"list of {shape(items)}s"
    if kind.get("format") == "date":
        return "date"
    return {"string": "string", "boolean": "true or false", "integer": "whole number", "number": "number"}[kind["type"]]


# --- Python -----------------------------------------------------------------------------------------------------------


def api_page() -> str:
    """The public names with their signatures and docstrings."""
    text = [
        (
            f"{NOTICE}# Python API\n\n"
            "Everything is imported from `helix_tts_policy`; other modules are not part of the API. Importing the package\n"
            "alone loads none of them.\n"
        )
    ]
    names = sorted(helix_tts_policy.__all__, key=lambda name: (name[0].isupper(), name))
    text += [f"\n## {name}\n\n{described(name, getattr(helix_tts_policy, name))}" for name in names]
    return "".join(text)


def described(name: str, thing: Any) -> str:
    """One public name."""
    doc = markdown(inspect.getdoc(thing) or "")
    if not inspect.isclass(thing):
        return f"```python\n{signature(name, thing)}\n```\n\n{doc}\n"
    if issubclass(thing, Enum):
        members = ", ".join(f"`{member.name}` = `{member.value!r}`" for member in thing)
        return f"{doc}\n\nMembers: {members}.\n"
    if issubclass(thing, Facts):
        return f"{doc}\n\nIts attributes are [the fields of the manifest](manifest.md).\n"
    if issubclass(thing, tuple):
        return f"```python\n{signature(name, thing)}\n```\n\n{doc}\n"
    text = [f"{doc}\n"]
    if dataclasses.is_dataclass(thing) and "**Attributes**" not in doc:
        rows = [f"- `{field.name}: {field.type}`\n" for field in dataclasses.fields(thing)]
        text.append(f"\n**Attributes**\n\n{''.join(rows)}")
    inherited = {
        name: value
        for base in reversed(thing.__mro__[1:])
        if base.__module__.startswith("helix")
        for name, value in vars(base).items()
    }
    for attribute, value in (inherited | vars(thing)).items():
        if attribute.startswith("_") or not (isinstance(value, property) or inspect.isfunction(value)):
            continue
        meaning = markdown(inspect.getdoc(value) or "")
        call = "" if isinstance(value, property) else "()"
        text.append(f"\n### {name}.{attribute}{call}\n\n{meaning}\n")
    return "".join(text)


def signature(name: str, thing: Any) -> str:
    """How it is called, one parameter a line where one line is too long."""
    seen = inspect.signature(thing)
    parts: list[str] = []
    for parameter in seen.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        annotation = annotated(parameter.annotation)
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parts.append(f"{parameter.name}: {annotation}{default}")
    returns = "" if inspect.isclass(thing) else f" -> {annotated(seen.return_annotation)}"
    line = f"{name}({', '.join(parts)}){returns}"
    if len(line) <= 100:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"


def annotated(annotation: Any) -> str:
    """An annotation as the source writes it."""
    if isinstance(annotation, str):
        return annotation
    return annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else str(annotation.__name__)


def markdown(docstring: str) -> str:
    """A docstring in Markdown: its sections become lists, double backticks single ones."""
    lines: list[str] = []
    inside = False
    for line in docstring.replace("``", "`").splitlines():
        if line.endswith(":") and line[:-1] in {"Args", "Attributes", "Raises", "Returns"}:
            inside = True
            lines += [f"**{line[:-1].replace('Args', 'Arguments')}**", ""]
        elif inside and line.startswith("    ") and not line.startswith("     "):
            name, _, text = line.strip().partition(": ")
            lines.append(f"- `{name}`: {text}")
        elif inside and line.startswith("     "):
            lines.append(f"  {line.strip()}")
        else:
            lines.append(line)
    return "\n".join(lines)
