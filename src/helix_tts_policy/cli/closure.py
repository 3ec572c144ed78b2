"""``--report FILE``: the closure report of a decision, which is written after it and changes nothing about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helix_tts_policy.cli import UsageError
from helix_tts_policy.cli.whole_file import check_new, write_new

if TYPE_CHECKING:
    import argparse

    from helix_tts_policy.promotion import Promotion

OPTION = "--report"


def add_report(parser: argparse.ArgumentParser) -> None:
    """``--report``."""
    parser.add_argument(
        OPTION,
        metavar="FILE",
        type=Path,
        help="new file for the closure report, for people: .md or .html (needs the extra helix-tts-policy[report])",
    )


def check_report(arguments: argparse.Namespace) -> None:
    """Make sure, before any work is done, that the report can be written.

    Raises:
        UsageError: its suffix is of no form, the file exists, its folder does not, or a module is not installed.
    """
    if arguments.report is None:
        return
    from helix_tts_policy.render.closure import FORMS, ExtraMissing, check_form  # noqa: PLC0415 - only with the option

    form = FORMS.get(arguments.report.suffix.lower())
    if form is None:
        raise UsageError(f"{OPTION}: found {arguments.report.name!a}; expected a name that ends in .md or .html")
    try:
        check_form(form)
    except ExtraMissing as error:
        raise UsageError(f"{OPTION}: {error}") from None
    check_new(arguments.report, OPTION)


def write_report(arguments: argparse.Namespace, promotion: Promotion) -> None:
    """Write the report that was asked for, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    if arguments.report is None:
        return
    from helix_tts_policy.render.closure import FORMS, render  # noqa: PLC0415 - only with the option

    write_new(arguments.report, render(promotion, FORMS[arguments.report.suffix.lower()]), OPTION)
