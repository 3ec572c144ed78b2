"""``train``: check training data, and train a voice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_USAGE, UsageError
from helix_tts_policy.cli.options import add_now, add_policy, now_of
from helix_tts_policy.cli.policy import usable_policy
from helix_tts_policy.cli.train_data import add_data_arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_EXIT_CODES = "Exit codes: 0 done, 2 blocked with a reason, 1 failed, 128 and its number for a signal."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``train data``, ``train nemo`` and ``train espnet``."""
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
        epilog=_EXIT_CODES,
        allow_abbrev=False,
    )
    _add_common(nemo)
    nemo.set_defaults(run=run_nemo)
    espnet = actions.add_parser(
        "espnet",
        help="train a voice with ESPnet, the backup",
        description="Train a voice with ESPnet, the backup, while the policy records that NeMo is blocked. Standard output "
        "has the lane alone: PROGRESS, STATS and ARTIFACT lines.",
        epilog=_EXIT_CODES,
        allow_abbrev=False,
    )
    _add_common(espnet)
    espnet.set_defaults(run=run_espnet)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration of the training, TOML")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder, where it broke off")
    add_policy(parser)
    add_now(parser)


def run_nemo(arguments: argparse.Namespace) -> int:
    """Train a voice with NeMo."""
    from helix_tts_policy.facts.training_config import load_training_plan  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.train_nemo import train_nemo  # noqa: PLC0415 - as above

    return _run(arguments, load_training_plan, train_nemo)


def run_espnet(arguments: argparse.Namespace) -> int:
    """Train a voice with ESPnet."""
    from helix_tts_policy.facts.espnet_config import load_espnet_plan  # noqa: PLC0415 - as above
    from helix_tts_policy.train_espnet import train_espnet  # noqa: PLC0415 - as above

    return _run(arguments, load_espnet_plan, train_espnet)


def _run(arguments: argparse.Namespace, load: Callable[[str], object], train: Callable[..., int]) -> int:
    from helix_tts_policy.errors import MalformedInput  # noqa: PLC0415 - as above
    from helix_tts_policy.training_run import FolderRefused  # noqa: PLC0415 - as above

    now = now_of(arguments)
    policy = usable_policy(arguments, now)
    try:
        plan = load(arguments.config)
    except MalformedInput as error:
        for problem in error.problems:
            line = "" if problem.line is None else f":{problem.line}:{problem.column or 1}"
            print(f"{error.source}{line}: {problem.message}; {problem.tip}", file=sys.stderr)
        return EXIT_USAGE
    try:
        return train(plan, policy=policy, resume=arguments.resume, now=now)
    except FolderRefused as error:
        raise UsageError(str(error)) from None
