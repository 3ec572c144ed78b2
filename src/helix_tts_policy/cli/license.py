"""``license``: one licence decision, explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_GO, EXIT_NO_GO, output
from helix_tts_policy.cli.options import add_format

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``license``."""
    parser.add_argument("expression", metavar="EXPRESSION", help='SPDX licence expression, such as "MIT OR Apache-2.0"')
    parser.add_argument(
        "--gate", choices=("weights", "code"), default="weights", help="what is licensed (default: weights)"
    )
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain the decision; only `allowed` is GO."""
    from helix_tts_policy.license_decision import evaluate_license  # noqa: PLC0415 - after the arguments are right

    decision = evaluate_license(arguments.expression, gate=arguments.gate)
    if arguments.format == "json":
        from helix_tts_policy.render import json_v1  # noqa: PLC0415 - only the format that was asked for

        output(json_v1.document({"schema": "helix-tts-policy/license/1", **decision.to_dict()}))
    else:
        output(decision.explain().rstrip("\n") + "\n")
    return EXIT_GO if decision.state == "allowed" else EXIT_NO_GO
