"""``rules``: what is checked, and why."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_GO, UsageError, output
from helix_tts_policy.cli.options import PLAIN_FORMATS, add_format

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``rules``."""
    parser.add_argument("rule", nargs="?", metavar="RULE", help="id of the rule to explain; all are listed without one")
    add_format(parser, PLAIN_FORMATS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the rules or explain one."""
    from helix_tts_policy.rules.all_rules import ALL_RULES  # noqa: PLC0415 - after the arguments are right

    wanted = [rule for rule in ALL_RULES if arguments.rule in (None, rule.id)]
    if not wanted:
        raise UsageError(f"rules: found no rule {arguments.rule!a}; expected one that `helix-tts-policy rules` lists")
    if arguments.format == "json":
        from helix_tts_policy.render import json_v1  # noqa: PLC0415 - only the format that was asked for

        rows = [{"id": rule.id, "severity": rule.severity.value, **rule.sections} for rule in wanted]
        output(json_v1.document({"schema": "helix-tts-policy/rules/1", "rules": rows}))
    elif arguments.rule is None:
        width = max(len(rule.id) for rule in wanted)
        output("".join(f"{rule.id:<{width}}  {rule.severity.value:<7}  {_summary(rule.sections)}\n" for rule in wanted))
    else:
        title = f"{wanted[0].id} ({wanted[0].severity.value})"
        output("".join(f"{line}\n" for line in (title, *_wrapped(wanted[0].sections))))
    return EXIT_GO


def _summary(sections: dict[str, str]) -> str:
    return next(iter(sections.values()), "").partition(". ")[0].rstrip(".")


def _wrapped(sections: dict[str, str]) -> Iterator[str]:
    for heading, text in sections.items():
        yield ""
        yield heading
        yield textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
