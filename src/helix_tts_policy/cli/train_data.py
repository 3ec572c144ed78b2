"""``train data``: check the data of a training, before anything is trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.cli import UsageError
from helix_tts_policy.cli.options import add_format, exit_code, show

if TYPE_CHECKING:
    import argparse


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``train data``."""
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="configuration of the training, TOML")
    parser.add_argument("--train", metavar="FILE", help="manifest of the training set, JSON lines, without a CONFIG")
    parser.add_argument("--validation", metavar="FILE", help="manifest of the validation set, beside --train")
    parser.add_argument(
        "--sample-rate", type=int, metavar="HZ", help="rate of every recording, beside --train (default: 22050)"
    )
    add_format(parser)
    parser.set_defaults(run=run_data)


def run_data(arguments: argparse.Namespace) -> int:
    """Tell everything that would keep the training from beginning."""
    if (arguments.config is None) == (arguments.train is None):
        raise UsageError("train data: name either a CONFIG or, with --train, the manifest of a training set")
    if arguments.config is not None and (arguments.validation is not None or arguments.sample_rate is not None):
        raise UsageError("train data: --validation and --sample-rate stand beside --train; a CONFIG states its own")
    if arguments.sample_rate is not None and arguments.sample_rate < 1:
        raise UsageError(f"--sample-rate: found {arguments.sample_rate}; expected 1 or more")
    from helix_tts_policy.check_data import (  # noqa: PLC0415 - after the arguments are right
        SAMPLE_RATE,
        check_dataset,
        check_training_data,
    )
    from helix_tts_policy.cli.progress import ByteProgress  # noqa: PLC0415 - as above

    with ByteProgress("listening", " recordings") as progress:
        if arguments.config is not None:
            report = check_training_data(arguments.config, progress=progress)
        else:
            rate = SAMPLE_RATE if arguments.sample_rate is None else arguments.sample_rate
            report = check_dataset(arguments.train, arguments.validation, sample_rate=rate, progress=progress)
    show([report], arguments.format)
    return exit_code([report])
