"""``evidence``: the digest by which a manifest or a policy records the text that somebody read.

The digest is that of the bytes as they are. Whether they are the text at all nobody here can know; what gives away that they
are not is told on standard error.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.cli import EXIT_GO, UsageError, output
from helix_tts_policy.cli.options import PLAIN_FORMATS, add_format

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

HEAD_BYTES = 1024
"""How far a file is looked into: to where a page has said that it is HTML; a Git LFS pointer has about 130 bytes."""

STDIN = "-"


class _Text(NamedTuple):
    name: str
    size: int
    hex: str
    head: bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``evidence digest``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    digest = actions.add_parser(
        "digest",
        help="compute the SHA-256 of a text that was read",
        description="Print `<sha256>  <path>` of every file, as sha256sum does, and how to record the digest.",
        allow_abbrev=False,
    )
    digest.add_argument("files", nargs="+", metavar="FILE", help="copy of a text that was read; - for standard input")
    add_format(digest, PLAIN_FORMATS)
    digest.set_defaults(run=run_digest)


def run_digest(arguments: argparse.Namespace) -> int:
    """Print the digests, or one line that tells of every file that has none."""
    from helix_tts_policy.finding import printable, shown  # noqa: PLC0415 - after the arguments are right

    texts = _read(arguments.files)
    if arguments.format == "json":
        from helix_tts_policy.render import json_v1  # noqa: PLC0415 - only the format that was asked for

        rows = [{"path": text.name, "bytes": text.size, "sha256": text.hex} for text in texts]
        output(json_v1.document({"schema": "helix-tts-policy/evidence-digest/1", "files": rows}))
    else:
        output("".join(f"{text.hex}  {printable(text.name)}\n" for text in texts))
        for text in texts:
            print(f"to record {shown(text.name)}, once it has been read:", file=sys.stderr)
            print(f'  in the evidence of a manifest:   "sha256": "{text.hex}"', file=sys.stderr)
            print(f'  in a clarification of a policy:  sha256 = "{text.hex}"', file=sys.stderr)
    for text in texts:
        if doubt := _doubt(text):
            print(f"warning: {shown(text.name)} {doubt}", file=sys.stderr)
    return EXIT_GO


def _read(names: Sequence[str]) -> list[_Text]:
    from helix_tts_policy.digest import FileChanged, NotARegularFile  # noqa: PLC0415 - after the arguments are right

    texts, problems = [], []
    for name in names:
        try:
            texts.append(_from_standard_input() if name == STDIN else _from_file(name))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no file can have such a name"
            problems.append(f"{name!a} cannot be read: {reason}")
        except (FileChanged, NotARegularFile) as error:
            problems.append(f"{name!a}: {error}")
    if problems:
        raise UsageError(f"evidence digest: {'; '.join(problems)}; expected files that hold still")
    return texts


def _from_file(name: str) -> _Text:
    from helix_tts_policy.digest import hash_file  # noqa: PLC0415 - as above

    hashed = hash_file(name, follow_links=True)
    with open(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY), "rb") as stream:  # noqa: PTH123 - a descriptor
        return _Text(name, hashed.size, hashed.hex, stream.read(HEAD_BYTES))


def _from_standard_input() -> _Text:
    import hashlib  # noqa: PLC0415 - only for this source

    from helix_tts_policy.digest import CHUNK_SIZE  # noqa: PLC0415 - as above

    if sys.stdin is None:
        raise UsageError("-: standard input is closed; expected a text there")
    digest, size, head = hashlib.sha256(), 0, b""
    while chunk := sys.stdin.buffer.read(CHUNK_SIZE):
        digest.update(chunk)
        size += len(chunk)
        head = head or chunk[:HEAD_BYTES]
    return _Text(STDIN, size, digest.hexdigest(), head)


def _doubt(text: _Text) -> str | None:
    """Why the bytes are hardly the text that somebody read; None where nothing gives that away."""
    head = text.head.lower()
    if not text.size:
        return "is empty; expected the text that was read"
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "is a Git LFS pointer instead of the text; fetch it with: git lfs pull"
    if b"<html" in head or b"<!doctype html" in head:
        return "looks like an HTML page, whose bytes can differ at every visit; save the plain text where there is one"
    return None
