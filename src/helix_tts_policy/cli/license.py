"""``license``: one licence decision, explained gate by gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_GO, EXIT_NO_GO, output
from helix_tts_policy.cli.options import add_format, add_now, add_policy, exit_code, file_digest, now_of, show
from helix_tts_policy.cli.policy import policy_of, remarks

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``license``."""
    parser.add_argument("expression", metavar="EXPRESSION", help='SPDX licence expression, such as "MIT OR Apache-2.0"')
    parser.add_argument(
        "--gate", choices=("weights", "code"), help="explain this gate alone (default: both, weights first)"
    )
    parser.add_argument("--model", metavar="ID", help="release, for attestations that hold for some models only")
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="FILE",
        help="licence text that came with the release; a clarification of the policy holds for the reviewed text alone",
    )
    add_policy(parser)
    add_format(parser)
    add_now(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain the decisions; only `allowed` at every gate that is asked is GO."""
    from helix_tts_policy.facts.license_policy import GATES  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.license_decision import evaluate_license  # noqa: PLC0415 - as above
    from helix_tts_policy.license_report import LicenseReport  # noqa: PLC0415 - as above

    now = now_of(arguments)
    policy, about = policy_of(arguments, now)
    if policy is None and about is not None:
        show([about], arguments.format)
        return exit_code([about])
    texts = [file_digest("--text", file, "expected a licence text") for file in arguments.text]
    report = LicenseReport(
        tuple(
            evaluate_license(
                arguments.expression, gate=gate, policy=policy, model_id=arguments.model, texts=texts, now=now
            )
            for gate in GATES
            if arguments.gate in {None, gate}
        ),
        model_id=arguments.model,
        texts=texts,
        # Nothing in the built-in policy depends on the day; without a file the same question has the same answer for ever.
        now=None if about is None else now,
    )
    warned = remarks(about)
    if arguments.format == "json":
        from helix_tts_policy.render import json_v1  # noqa: PLC0415 - only the format that was asked for

        extra = {"policy_report": about.to_dict()} if about is not None else {}
        output(json_v1.document(report.to_dict() | extra))
    elif arguments.format == "text":
        output(report.explain().rstrip("\n") + "\n")
        if warned:
            output("\n")
            show(warned, "text")
    else:
        show([*warned, report], arguments.format)
    return EXIT_GO if report.verdict == "GO" else EXIT_NO_GO
