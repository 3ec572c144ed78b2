"""``train``: check training data, and train a voice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_USAGE, UsageError
from helix_tts_policy.cli.options import add_now, add_policy, now_of
from helix_tts_policy.cli.policy import policy_of
from helix_tts_policy.cli.train_data import add_data_arguments
from helix_tts_policy.cli.train_espnet import add_espnet_arguments

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``train data`` and ``train nemo``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_data_arguments(
        actions.add_parser(
            "data",
            help="check the data of a training",
            description="Check training data, or a configuration with its data, without training.",
            allow_abbrev=False,
        )
    )
    nemo = actions.add_parser(
        "nemo",
        help="train a voice with NeMo",
        description="Train a voice with NeMo. Standard output has the lane alone: PROGRESS, STATS and ARTIFACT lines.",
        epilog="Exit codes: 0 done, 2 blocked with a reason, 1 failed, 128 and its number for a signal.",
        allow_abbrev=False,
    )
    nemo.add_argument("--config", required=True, metavar="FILE", help="configuration of the training, TOML")
    nemo.add_argument("--resume", action="store_true", help="go on with the run in the folder, where it broke off")
    add_policy(nemo)
    add_now(nemo)
    nemo.set_defaults(run=run_nemo)
    add_espnet_arguments(
        actions.add_parser(
            "espnet",
            help="train a voice with ESPnet, the backup",
            description="Train a voice with ESPnet, the backup, while the policy records that NeMo is blocked. Standard output "
            "has the lane alone: PROGRESS, STATS and ARTIFACT lines.",
            epilog="Exit codes: 0 done, 2 blocked with a reason, 1 failed, 128 and its number for a signal.",
            allow_abbrev=False,
        )
    )


def run_nemo(arguments: argparse.Namespace) -> int:
    """Train a voice with NeMo."""
    from helix_tts_policy.errors import MalformedInput  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.facts.training_config import load_training_plan  # noqa: PLC0415 - as above
    from helix_tts_policy.train_nemo import train_nemo  # noqa: PLC0415 - as above
    from helix_tts_policy.training_run import FolderRefused  # noqa: PLC0415 - as above

    now = None if arguments.now is None else now_of(arguments)
    policy, report = policy_of(arguments, now_of(arguments))
    if policy is None and report is not None:
        raise UsageError(f"{report.source}: the policy cannot be used; helix-tts-policy policy check tells why")
    try:
        plan = load_training_plan(arguments.config)
    except MalformedInput as error:
        for problem in error.problems:
            place = f"{error.source}:{problem.line or 1}:{problem.column or 1}"
            print(f"{place}: {problem.message}; {problem.tip}", file=sys.stderr)
        return EXIT_USAGE
    try:
        return train_nemo(plan, resume=arguments.resume, policy=policy, now=now)
    except FolderRefused as error:
        raise UsageError(str(error)) from None
