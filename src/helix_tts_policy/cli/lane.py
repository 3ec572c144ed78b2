"""``lane``: what a training log says, once it is written or while it is."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_GO, EXIT_USAGE, UsageError
from helix_tts_policy.cli.options import STDIN_NAME, add_format, add_policy, exit_code, show
from helix_tts_policy.cli.policy import POLICY_NAME, usable_policy

if TYPE_CHECKING:
    import argparse

    from helix_tts_policy.training_run_report import TrainingRunReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``lane parse`` and ``lane follow``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    parse = actions.add_parser(
        "parse",
        help="check a training log",
        description="Check a training log, and with it the status file, the lane and the files of the run.",
        allow_abbrev=False,
    )
    parse.add_argument("log", metavar="LOG", help="training log; - for standard input")
    parse.add_argument("--status", metavar="FILE", help="status file of the run, such as train_status.json")
    _add_run(parse)
    add_format(parse)
    parse.set_defaults(run=run_parse)
    follow = actions.add_parser(
        "follow",
        help="show a training run while it goes on",
        description="Show a training run while it goes on: a progress bar on a terminal, a line now and then elsewhere.",
        allow_abbrev=False,
    )
    follow.add_argument("log", metavar="LOG", help="training log, which may not exist yet; - for standard input")
    follow.add_argument(
        "--status",
        metavar="FILE",
        help="status file of the run (default: train_status.json beside the log, once it is there)",
    )
    _add_run(follow)
    follow.add_argument(
        "--until-done",
        action="store_true",
        help="end with the run, tell its outcome, and exit with it as lane parse does",
    )
    follow.add_argument("--pid", type=int, metavar="PID", help="process of the run, with whose end the run ends too")
    follow.add_argument(
        "--idle", type=float, metavar="SECONDS", help="take the run for ended when the log has not grown for so long"
    )
    follow.add_argument(
        "--interval",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="time between two lines where there is no terminal (default: 10)",
    )
    follow.set_defaults(run=run_follow)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lane", metavar="NAME", help="lane of the run (default: what the status file states)")
    parser.add_argument("--root", metavar="DIR", help="folder in which the artifacts are looked for")
    parser.add_argument(
        "--nemo-blocked",
        metavar="REASON",
        help="recorded reason for which NeMo is blocked, for a run of the backup lane (default: what the policy records)",
    )
    add_policy(parser)


def run_parse(arguments: argparse.Namespace) -> int:
    """Check a log, and what was named beside it."""
    from helix_tts_policy.check_training import check_training_run  # noqa: PLC0415 - after the arguments are right

    arguments.nemo_blocked = _nemo_blocked(arguments)
    stdin = arguments.log == "-"
    if stdin and sys.stdin is None:
        raise UsageError("-: standard input is closed; expected a log there")
    try:
        report = check_training_run(
            sys.stdin.buffer if stdin else arguments.log,
            status=arguments.status,
            lane=arguments.lane,
            root=arguments.root,
            nemo_blocked=arguments.nemo_blocked,
            name=STDIN_NAME if stdin else None,
        )
    except OSError as error:
        raise UsageError(f"-: standard input cannot be read: {error.strerror}; expected a log there") from None
    show([report], arguments.format)
    return _exit_code(report)


def _nemo_blocked(arguments: argparse.Namespace) -> str | None:
    """Why NeMo is blocked: as the option says, else as the policy records it for today."""
    reason: str | None = arguments.nemo_blocked
    if reason is not None or (arguments.policy is None and not os.path.lexists(POLICY_NAME)):
        return reason
    from helix_tts_policy.license_decision import utc_day  # noqa: PLC0415 - only with a policy file

    now = datetime.now(UTC)
    return usable_policy(arguments, now).nemo_blocked_on(utc_day(now))


def _exit_code(report: TrainingRunReport) -> int:
    """As for every report; a run that is blocked is 2."""
    return EXIT_USAGE if report.blocked else exit_code([report])


def run_follow(arguments: argparse.Namespace) -> int:
    """Follow a log until the run is done, or until somebody interrupts."""
    for option in ("idle", "interval"):
        value = getattr(arguments, option)
        if value is not None and not value > 0:
            raise UsageError(f"--{option}: found {value:g}; expected more than 0 seconds")
    if arguments.pid is not None and arguments.pid < 1:
        raise UsageError(f"--pid: found {arguments.pid}; expected the number of a process")
    from helix_tts_policy.cli.lane_follow import follow  # noqa: PLC0415 - after the arguments are right

    arguments.nemo_blocked = _nemo_blocked(arguments)
    report = follow(arguments)
    if report is None:
        return EXIT_GO
    show([report], "text")
    return _exit_code(report)
