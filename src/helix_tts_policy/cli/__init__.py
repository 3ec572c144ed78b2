"""The command line: one module for each verb, which parses its arguments, calls one function and renders.

Exit codes: 0 for GO, 1 for NO-GO or findings, 2 for usage, unreadable input or output that cannot be written.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_GO, EXIT_NO_GO, EXIT_USAGE = 0, 1, 2

EXIT_INTERRUPTED = 130
"""What shells report for SIGINT: 128 + 2."""

GARBAGE_THRESHOLD = 100_000
"""New objects before garbage is looked for; all imports of a verification together leave about 45,000."""

VERBS = {
    "verify": "verify weights manifests",
    "license": "explain one licence decision",
    "policy": "check a policy file",
    "rules": "list the rules, or explain one",
    "schema": "print a published JSON Schema",
    "manifest": "write a manifest from real files, or compute digests",
    "evidence": "compute the digest of a text that was read",
    "lane": "check a training log, or follow one",
    "ledger": "audit an execution ledger, or write one",
    "bundle": "verify a voice bundle, build one, or promote one",
    "train": "check training data, and train a voice",
    "gate": "decide on a promotion over all evidence of a release",
    "export": "tell a decision in the words of in-toto, CycloneDX or SPDX",
}


class UsageError(Exception):
    """The command was called wrongly; the message is one line that says how to call it."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see {self.prog} --help")


def build_parser(verbs: Sequence[str] = tuple(VERBS)) -> argparse.ArgumentParser:
    """The parser with the arguments of the given verbs; the others are only named, so that they need not be loaded."""
    import helix_tts_policy  # noqa: PLC0415 - for the version alone

    parser = _Parser(
        prog="helix-tts-policy",
        description="May these weights go to production, and what proves it?",
        epilog="Exit codes: 0 GO, 1 NO-GO or findings, 2 usage or unreadable input.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {helix_tts_policy.__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, summary in VERBS.items():
        subparser = subparsers.add_parser(
            verb, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
        )
        if verb in verbs:
            import_module(f"{__name__}.{verb}").add_arguments(subparser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; everything that goes wrong is one line on standard error."""
    verb = next((word for word in argv if not word.startswith("-")), None)
    try:
        arguments = build_parser([verb] if verb in VERBS else []).parse_args(argv)
        code: int = arguments.run(arguments)
    except UsageError as error:
        _complain(str(error))
        return EXIT_USAGE
    except KeyboardInterrupt:
        _complain("helix-tts-policy: interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output is gone; a second error at interpreter exit would tell nobody anything.
        _drop_output()
        return EXIT_USAGE
    return code


def output(text: str) -> None:
    """Write to standard output, and notice here rather than at the interpreter's exit when that fails.

    Raises:
        UsageError: it cannot be written; a full disk, mostly.
        BrokenPipeError: nobody reads it any more.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise UsageError(f"helix-tts-policy: the output cannot be written: {error.strerror}") from None


def _complain(message: str) -> None:
    from helix_tts_policy.finding import printable  # noqa: PLC0415 - only when something went wrong

    print(printable(message), file=sys.stderr)


def _drop_output() -> None:
    """Let the interpreter flush into nothing what it could not write, instead of failing again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> NoReturn:
    """The installed command."""
    # A plugin of pydantic would have a say in what any record accepts, and looking for one takes time.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    if sys.stderr is None:  # closed by the caller; print() would turn to standard output
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the process ends
    if sys.stdout is None:  # closed by the caller as well
        _complain("helix-tts-policy: standard output is closed; expected one to write to")
        sys.exit(EXIT_USAGE)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    # Imports make many objects and no garbage. Not looking for any, also not at the exit, saves a tenth of a verification;
    # what a large manifest makes is still looked at.
    gc.set_threshold(GARBAGE_THRESHOLD)
    code = main(sys.argv[1:])
    gc.freeze()
    sys.exit(code)
