"""Options that several verbs share, and what a terminal is."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from helix_tts_policy.cli import EXIT_GO, EXIT_NO_GO, EXIT_USAGE, UsageError, output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from helix_tts_policy.findings_report import FindingsReport
    from helix_tts_policy.promotion import Promotion
    from helix_tts_policy.render.summary import Report
    from helix_tts_policy.report import ManifestReport

STDIN_NAME = "<stdin>"
"""What findings call a document from standard input."""

PLAIN_FORMATS = ("text", "json")
"""Forms of what is no report: tables, digests."""

_RENDERERS = {"json": "json_v1", "sarif": "sarif", "github": "github", "junit": "junit"}
"""The module of each form but text, which alone knows colours."""

FORMATS = ("text", *_RENDERERS)
"""Forms of reports."""


def add_format(parser: argparse.ArgumentParser, forms: Sequence[str] = FORMATS) -> None:
    """``--format``."""
    parser.add_argument("--format", choices=forms, default="text", help="form of the output (default: text)")


def add_policy(parser: argparse.ArgumentParser) -> None:
    """``--policy``."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="policy to decide under (default: helix-tts-policy.toml in the working directory, else the built-in one)",
    )


def show(reports: Sequence[Report], form: str) -> None:
    """Write reports of any kind to standard output."""
    if form in _RENDERERS:
        output(import_module(f"helix_tts_policy.render.{_RENDERERS[form]}").render(reports))
    else:
        from helix_tts_policy.render import text  # noqa: PLC0415 - only the format that was asked for

        output(text.render(reports, color=wants_color()))


def exit_code(reports: Sequence[ManifestReport | FindingsReport | Promotion]) -> int:
    """2 when an input could not be read, 1 when one is NO-GO, else 0."""
    from helix_tts_policy.finding import Verdict  # noqa: PLC0415 - loaded with the reports already

    if not all(report.readable for report in reports):
        return EXIT_USAGE
    return EXIT_GO if all(report.verdict is Verdict.GO for report in reports) else EXIT_NO_GO


def file_digest(option: str, file: str, expected: str = "") -> str:
    """SHA-256 of the file that an option names; links are followed.

    Raises:
        UsageError: it cannot be read, or does not hold still; with what was expected.
    """
    from helix_tts_policy.digest import FileChanged, NotARegularFile, hash_file  # noqa: PLC0415 - only with such a file

    tail = f"; {expected}" if expected else ""
    try:
        return hash_file(file, follow_links=True).hex
    except OSError as error:
        raise UsageError(f"{option}: {file!a} cannot be read: {error.strerror}{tail}") from None
    except (FileChanged, NotARegularFile) as error:
        raise UsageError(f"{option}: {file!a}: {error}{tail}{' that holds still' if expected else ''}") from None


def add_now(parser: argparse.ArgumentParser) -> None:
    """``--now``."""
    parser.add_argument(
        "--now",
        metavar="TIME",
        help="time of the check, RFC 3339 with offset (default: the clock), to replay a decision",
    )


def now_of(arguments: argparse.Namespace) -> datetime:
    """The time that ``--now`` states, or the clock's, to the second."""
    if arguments.now is None:
        return datetime.now(UTC).replace(microsecond=0)
    from helix_tts_policy.rules.moment import date_time  # noqa: PLC0415 - only when a time is given

    now = date_time(arguments.now)
    if now is None:
        raise UsageError(f"--now: found {arguments.now!a}; expected a time such as 2026-11-23T10:30:00Z")
    return now


def standard_input(what: str, limit: int) -> bytes:
    """What stands on standard input, up to one byte more than a document may have, so that its reader can say so.

    Raises:
        UsageError: it is closed, or cannot be read.
    """
    if sys.stdin is None:
        raise UsageError(f"-: standard input is closed; expected a {what} there")
    try:
        return sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise UsageError(f"-: standard input cannot be read: {error.strerror}; expected a {what} there") from None


def is_terminal(stream: TextIO) -> bool:
    """Whether colours and progress bars make sense: a terminal that is not dumb."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def wants_color() -> bool:
    """Whether standard output is a terminal and nobody asked for plain text (https://no-color.org)."""
    return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
