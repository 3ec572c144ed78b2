"""Writes every committed file whose content the program already knows.

Run without arguments to write, with ``--check`` to print a diff and exit with 1 where a file differs. Generated are the
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
import dataclasses
import difflib
import inspect
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ForwardRef

import helix_tts_policy
from helix_tts_policy.cli import VERBS, build_parser
from helix_tts_policy.cli.schema import NAMES, published
from helix_tts_policy.facts.model import Facts
from helix_tts_policy.facts.weights_manifest import Component, Evidence, ManifestFile, WeightsManifest
from helix_tts_policy.rules.all_rules import ALL_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from helix_tts_policy.rules.rule import Rule

ROOT = Path(__file__).resolve().parent.parent

NOTICE = "<!-- Written by tools/generate.py; change the source, not this page. -->\n\n"

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
        print(f"{drift} files differ; run: python tools/generate.py", file=sys.stderr)
    return 1 if check and drift else 0


def files() -> dict[str, str | None]:
    """Every generated file with its content; None for one that should not be there."""
    wanted: dict[str, str | None] = {f"schemas/{name}.json": published(name) for name in NAMES}
    wanted[".pre-commit-hooks.yaml"] = hooks()
    wanted["docs/reference/cli.md"] = cli_page()
    wanted["docs/reference/manifest.md"] = manifest_page()
    wanted["docs/reference/python-api.md"] = api_page()
    wanted[f"{RULE_PAGES}/index.md"] = rule_index()
    wanted |= {f"{RULE_PAGES}/{rule.id}.md": rule_page(rule) for rule in ALL_RULES}
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
    """An argument with its value."""
    return " ".join([*action.option_strings[:1], value_of(action)])


def in_usage(action: argparse.Action) -> str:
    """An argument as the usage line shows it."""
    if action.option_strings:
        return f"[{spelled(action)}]" + (" ..." if isinstance(action, argparse._AppendAction) else "")  # noqa: SLF001
    value = value_of(action)
    return {"+": f"{value} [{value} ...]", "?": f"[{value}]"}.get(str(action.nargs), value)


# --- manifest ---------------------------------------------------------------------------------------------------------


def manifest_page() -> str:
    """The fields of the manifest and of the records in it, from the model that reads them."""
    text = [
        (
            f"{NOTICE}# The weights manifest\n\n"
            "One JSON object, UTF-8, at most 4 MiB. Unknown fields are refused. An optional field is left out or `null`.\n"
            "The JSON Schema is `schemas/weights-manifest.json`; `helix-tts-policy schema weights-manifest` prints it. Shape is\n"
            "what the schema says; whether a value is any good is what the [rules](rules/index.md) say.\n"
        )
    ]
    schema = WeightsManifest.model_json_schema()
    records: tuple[tuple[str, type[Facts], dict[str, Any]], ...] = (
        ("Manifest", WeightsManifest, schema),
        *((f"Entries of `{field}`", model, schema["$defs"][model.__name__]) for field, model in ENTRIES.items()),
    )
    for title, model, described in records:
        rows = [
            (
                f"`{name}`",
                shape(described["properties"][name]),
                "yes" if field.is_required() else "no",
                cell(field.description or ""),
            )
            for name, field in model.model_fields.items()
        ]
        text.append(f"\n## {title}\n\n" + table(("field", "type", "required", "meaning"), rows))
    return "".join(text)


ENTRIES: dict[str, type[Facts]] = {"files": ManifestFile, "components": Component, "evidence": Evidence}


def shape(schema: dict[str, Any]) -> str:
    """The type that a piece of JSON Schema describes, for a person."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    (kind,) = kinds
    if "const" in kind:
        return f"`{kind['const']}`"
    if "enum" in kind:
        return "one of " + ", ".join(f"`{value}`" for value in kind["enum"])
    if kind.get("type") == "array":
        items = kind["items"]
        return "list of objects" if "$ref" in items else f"list of {shape(items)}s"
    return {"string": "string", "boolean": "true or false", "integer": "whole number"}[kind["type"]]


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
    for attribute, value in vars(thing).items():
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


# --- hooks ------------------------------------------------------------------------------------------------------------


def hooks() -> str:
    """What pre-commit reads. Links are named too: by default they are skipped, and what they point to would be shipped."""
    summary = VERBS["verify"]
    return f"""# Written by tools/generate.py; change it there.
- id: helix-verify-weights-manifest
  name: {summary}
  description: Verify the shape, provenance, digests and licences that weights manifests state; anything but GO fails.
  entry: helix-tts-policy verify
  language: python
  files: weights[-_.]manifest.*\\.json$
  types: []
  types_or: [file, symlink]
  require_serial: true
"""


# --- tables -----------------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(text: str) -> str:
    """Text that fits into one cell."""
    return re.sub(r"\s*\n\s*", " ", text).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
