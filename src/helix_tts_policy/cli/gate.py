"""``gate``: the evidence of a release in, GO or NO-GO out, with the decision document and the report for people."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_USAGE, UsageError
from helix_tts_policy.cli.closure import add_report, check_report, write_report
from helix_tts_policy.cli.options import add_format, add_now, exit_code, now_of, show
from helix_tts_policy.cli.policy import POLICY_NAME, policy_of, remarks
from helix_tts_policy.cli.repository import add_repo, look_up_of
from helix_tts_policy.cli.whole_file import check_new, write_new

if TYPE_CHECKING:
    import argparse

    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.policy_report import PolicyReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``gate``."""
    parser.add_argument("release", metavar="RELEASE", help="release file (TOML) that names the evidence")
    add_evidence_options(parser)
    parser.add_argument(
        "--output", metavar="FILE", type=Path, help="new file for the decision document (canonical JSON)"
    )
    add_report(parser)
    parser.add_argument(
        "--replay",
        metavar="DECISION",
        help="make a recorded decision again at its own time, and tell whether it is the same to the byte",
    )
    add_format(parser)
    add_now(parser)
    parser.set_defaults(run=run)


def add_evidence_options(parser: argparse.ArgumentParser) -> None:
    """``--policy``, beside a release that may name one, and ``--repo``."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help=(
            f"policy to decide under (default: {POLICY_NAME} in the working directory, else the one that the release names, "
            "else the built-in one)"
        ),
    )
    add_repo(parser)


def run(arguments: argparse.Namespace) -> int:
    """Decide, or make a decision again."""
    if arguments.replay is not None:
        return _replay(arguments)
    if arguments.output is not None:
        check_new(arguments.output)
    check_report(arguments)
    now, commits = now_of(arguments), look_up_of(arguments)
    policy, about = policy_for_release(arguments, now)
    if policy is None and about is not None:
        show([about], arguments.format)
        return exit_code([about])
    from helix_tts_policy.check_promotion import examine_release  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.cli.progress import ByteProgress  # noqa: PLC0415 - as above

    with ByteProgress() as progress:
        promotion = examine_release(arguments.release, policy=policy, now=now, commits=commits, progress=progress)
    if arguments.output is not None:
        from helix_tts_policy.decision_document import decision_document  # noqa: PLC0415 - only with the option

        write_new(
            arguments.output, decision_document(promotion, created_at=datetime.now(UTC).replace(microsecond=0)).decode()
        )
    write_report(arguments, promotion)
    show([*remarks(about), promotion], arguments.format)
    return exit_code([promotion])


def _replay(arguments: argparse.Namespace) -> int:
    for option in ("now", "output", "report"):
        if getattr(arguments, option) is not None:
            raise UsageError(f"--{option}: found it beside --replay, which takes the recorded time and writes nothing")
    commits = look_up_of(arguments)
    policy, about = policy_for_release(arguments, now_of(arguments))
    if policy is None and about is not None:
        show([about], arguments.format)
        return exit_code([about])
    from helix_tts_policy.check_decision import replay_decision  # noqa: PLC0415 - after the arguments are right

    report = replay_decision(arguments.replay, arguments.release, policy=policy, commits=commits)
    show([report], arguments.format)
    if report.promotion is not None and not report.promotion.readable:
        return EXIT_USAGE
    return exit_code([report])


def policy_for_release(
    arguments: argparse.Namespace, now: datetime
) -> tuple[LicensePolicy | None, PolicyReport | None]:
    """The policy of whoever decides, and the report on its file; neither where the release may name its own."""
    if arguments.policy is None and not os.path.lexists(POLICY_NAME):
        return None, None
    return policy_of(arguments, now)
