"""``train espnet``: train a voice with the backup, while NeMo is blocked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_USAGE, UsageError
from helix_tts_policy.cli.options import add_now, add_policy, now_of
from helix_tts_policy.cli.policy import usable_policy

if TYPE_CHECKING:
    import argparse


def add_espnet_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``train espnet``."""
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration of the training, TOML")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder, where it broke off")
    add_policy(parser)
    add_now(parser)
    parser.set_defaults(run=run_espnet)


def run_espnet(arguments: argparse.Namespace) -> int:
    """Train a voice with ESPnet."""
    from helix_tts_policy.errors import MalformedInput  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.facts.espnet_config import load_espnet_plan  # noqa: PLC0415 - as above
    from helix_tts_policy.train_espnet import train_espnet  # noqa: PLC0415 - as above
    from helix_tts_policy.training_run import FolderRefused  # noqa: PLC0415 - as above

    now = now_of(arguments)
    policy = usable_policy(arguments, now)
    try:
        plan = load_espnet_plan(arguments.config)
    except MalformedInput as error:
        for problem in error.problems:
            place = f"{error.source}:{problem.line or 1}:{problem.column or 1}"
            print(f"{place}: {problem.message}; {problem.tip}", file=sys.stderr)
        return EXIT_USAGE
    try:
        return train_espnet(plan, policy=policy, resume=arguments.resume, now=now)
    except FolderRefused as error:
        raise UsageError(str(error)) from None
