"""``export``: a decision in the words of in-toto, CycloneDX or SPDX, each held against that format's own library."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_NO_GO, UsageError, output
from helix_tts_policy.cli.gate import add_evidence_options, policy_for_release
from helix_tts_policy.cli.options import add_now, exit_code, now_of, show
from helix_tts_policy.cli.repository import look_up_of
from helix_tts_policy.cli.whole_file import check_new, write_new

if TYPE_CHECKING:
    import argparse

_MODULES = {"in-toto": "in_toto", "cyclonedx": "cyclonedx", "spdx": "spdx"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``export``."""
    parser.add_argument(
        "form",
        choices=tuple(_MODULES),
        metavar="FORM",
        help="in-toto (a statement to sign, for GO only), cyclonedx or spdx (needs the extra helix-tts-policy[interop])",
    )
    parser.add_argument("release", metavar="RELEASE", help="release file (TOML) that names the evidence")
    parser.add_argument("--output", metavar="FILE", type=Path, help="new file to write (default: standard output)")
    add_evidence_options(parser)
    add_now(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Decide, and write the document; the exit code is that of the decision."""
    from helix_tts_policy.interop.described import InteropMissing, NotExportable, need  # noqa: PLC0415 - after the arguments

    form = import_module(f"helix_tts_policy.interop.{_MODULES[arguments.form]}")
    try:
        need(form.MODULE)
    except InteropMissing as error:
        raise UsageError(f"export {arguments.form}: {error}") from None
    if arguments.output is not None:
        check_new(arguments.output)
    now, commits = now_of(arguments), look_up_of(arguments)
    policy, about = policy_for_release(arguments, now)
    if policy is None and about is not None:
        show([about], "text")
        return exit_code([about])
    from helix_tts_policy.check_promotion import examine_release  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.cli.progress import ByteProgress  # noqa: PLC0415 - as above

    with ByteProgress() as progress:
        promotion = examine_release(arguments.release, policy=policy, now=now, commits=commits, progress=progress)
    try:
        text = form.document(promotion)
    except NotExportable as error:
        print(f"export {arguments.form}: {error}", file=sys.stderr)
        return exit_code([promotion]) or EXIT_NO_GO
    if arguments.output is None:
        output(text)
    else:
        write_new(arguments.output, text)
    return exit_code([promotion])
