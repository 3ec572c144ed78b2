"""``manifest``: write a weights manifest from real files, and compute the digests that stand in one.

Digests, sizes and paths come from the files; everything else is a fact that somebody has to state. Nothing is guessed, a
licence least of all: what is neither given nor answered at the prompt is a usage error that names all of it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helix_tts_policy.cli import EXIT_GO, UsageError, output
from helix_tts_policy.cli.options import PLAIN_FORMATS, add_format, add_now, add_policy, now_of
from helix_tts_policy.cli.policy import policy_of
from helix_tts_policy.cli.stated import BOOLEANS, QUESTIONS, stated_facts
from helix_tts_policy.cli.whole_file import check_new, write_new

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from helix_tts_policy.facts.weights_file import ObservedFile

_SAFE_NAME = re.compile(r"[^\\\n\r]+")
"""Names that ``sha256sum`` prints as they are, so that its output and the checksum of a manifest agree."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``manifest new`` and ``manifest digest``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    new = actions.add_parser(
        "new",
        help="write a manifest from real files",
        description="Write a weights manifest from real files. Digests, sizes and paths come from the files; everything else is a "
        "fact that somebody has to state. Nothing is guessed, a licence least of all: what is neither given nor answered at the "
        "prompt is a usage error that names all of it.",
        allow_abbrev=False,
    )
    _add_files(new)
    new.add_argument("--output", metavar="FILE", help="where to write; standard output without it; never overwrites")
    new.add_argument("--facts", metavar="FILE", help="JSON object with fields of the manifest, components among them")
    new.add_argument(
        "--from-model-card",
        metavar="FILE",
        help="model card (README.md) whose claims are shown to be confirmed, and compared with what is stated",
    )
    new.add_argument("--model-id", metavar="NAME", help=QUESTIONS["model_id"])
    new.add_argument("--source-url", metavar="URL", help=QUESTIONS["source_url"])
    new.add_argument("--revision", metavar="COMMIT", help="immutable commit of the source")
    new.add_argument("--code-license", metavar="EXPRESSION", help=QUESTIONS["code_license"])
    new.add_argument("--weights-license", metavar="EXPRESSION", help=QUESTIONS["weights_license"])
    new.add_argument("--commercial-use-allowed", choices=BOOLEANS, help=QUESTIONS["commercial_use_allowed"])
    new.add_argument("--attribution-required", choices=BOOLEANS, help=QUESTIONS["attribution_required"])
    new.add_argument(
        "--evidence-link", action="append", metavar="URL", dest="evidence_links", help=QUESTIONS["evidence_links"]
    )
    new.add_argument(
        "--evidence",
        action="append",
        nargs=3,
        metavar=("KIND", "URL", "FILE"),
        help="a text that was read: what it proves, where it stands, and a copy whose SHA-256 is recorded",
    )
    new.add_argument("--retrieved-on", metavar="DAY", help="day on which the texts of --evidence were read, YYYY-MM-DD")
    new.add_argument("--attribution", metavar="TEXT", help="the attribution text to ship")
    add_policy(new)
    add_now(new)
    new.set_defaults(run=run_new)

    digest = actions.add_parser(
        "digest",
        help="compute the digests of weights files",
        description="Print `<sha256>  <path>` of every file, as sha256sum does, and the checksum of a manifest for them.",
        allow_abbrev=False,
    )
    _add_files(digest)
    add_format(digest, PLAIN_FORMATS)
    digest.set_defaults(run=run_digest)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "weights", nargs="+", metavar="WEIGHTS", help="weights file, or a folder with all files below it"
    )
    parser.add_argument(
        "--root", metavar="DIR", help="folder that paths are relative to (default: that of the weights)"
    )


def run_new(arguments: argparse.Namespace) -> int:
    """Write a manifest, and say on standard error how it would be judged."""
    from helix_tts_policy.check import verify_manifest  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.facts.weights_manifest import WeightsManifest  # noqa: PLC0415 - as above

    now = now_of(arguments)
    target = None if arguments.output is None else Path(arguments.output)
    if target is not None:
        check_new(target)
    policy, about = policy_of(arguments, now)
    if about is not None and policy is None:
        first = about.findings[0]
        check = f"helix-tts-policy policy check {shlex.quote(about.source)}"
        raise UsageError(f"--policy: {about.source!a} cannot be used: {first.rule}: {first.message}; see: {check}")
    root = _root_of(arguments)
    stated = {"schema_version": "weights-manifest/1", **stated_facts(arguments)}
    computed: dict[str, Any] = {"checksum": "-", "created_at": now.isoformat().replace("+00:00", "Z")}
    # Facts of the wrong shape are told before hours of hashing, not after them.
    draft = verify_manifest({**stated, **computed}, now=now)
    if draft.manifest is None:
        problems = "; ".join(f"{finding.at.path} {finding.message}" for finding in draft.findings)
        raise UsageError(f"manifest new: {problems}")
    files = _hashed(arguments, root)
    computed |= {"checksum": _checksum(files), "files": _rows(files)}
    known = {**stated, **computed}
    fields = {name: known[name] for name in ("schema_version", *WeightsManifest.model_fields) if name in known}
    text = json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    if target is None:
        output(text)
    else:
        write_new(target, text)
        print(f"wrote {str(target)!a}", file=sys.stderr)
    report = verify_manifest(text.encode(), policy=policy, now=now, name=str(target or "the new manifest"))
    for finding in report.findings:
        print(f"{finding.severity.value}[{finding.rule}] {finding.at.path} {finding.message}", file=sys.stderr)
    under = "" if about is None else f" under {about.source!a}"
    print(f"verdict: {report.verdict.value}{under}", file=sys.stderr)
    return EXIT_GO


def run_digest(arguments: argparse.Namespace) -> int:
    """Print digests and the checksum over them."""
    files = _hashed(arguments, _root_of(arguments))
    checksum = _checksum(files)
    if arguments.format == "json":
        from helix_tts_policy.render import json_v1  # noqa: PLC0415 - only the format that was asked for

        output(json_v1.document({"schema": "helix-tts-policy/digest/1", "files": _rows(files), "checksum": checksum}))
        return EXIT_GO
    from helix_tts_policy.finding import printable  # noqa: PLC0415 - only where names are shown

    output("".join(f"{file.hex}  {printable(file.path)}\n" for file in files))
    print(f'checksum of a manifest that lists these under "files": {checksum}', file=sys.stderr)
    if len(files) == 1:
        print(f'checksum of a manifest without "files": sha256:{files[0].hex}', file=sys.stderr)
    return EXIT_GO


def _rows(files: Sequence[ObservedFile]) -> list[dict[str, Any]]:
    return [{"path": file.path, "bytes": file.size, "sha256": file.hex} for file in files]


def _checksum(files: Sequence[ObservedFile]) -> str:
    from helix_tts_policy.digest import tree_checksum  # noqa: PLC0415 - after the arguments are right

    return "sha256:" + tree_checksum((file.path, file.hex or "") for file in files)


def _root_of(arguments: argparse.Namespace) -> Path:
    """The folder that paths are relative to: as given, or the one in which all weights lie."""
    for given in arguments.weights:
        if not os.path.exists(given):  # noqa: PTH110 - the text as given, which Path would change
            raise UsageError(f"WEIGHTS: {given!a} does not exist; name files or folders of weights")
    if arguments.root is not None:
        if not os.path.isdir(arguments.root):  # noqa: PTH112 - as above
            raise UsageError(f"--root: {arguments.root!a} is no folder; expected the one that all weights lie in")
        return _absolute(arguments.root)
    given_paths = [_absolute(given) for given in arguments.weights]
    if len(given_paths) == 1 and given_paths[0].is_dir():
        return given_paths[0]
    return Path(os.path.commonpath([path.parent for path in given_paths]))


def _absolute(given: str) -> Path:
    return Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would follow links


def _hashed(arguments: argparse.Namespace, root: Path) -> list[ObservedFile]:
    """Every weights file below the root that was asked for, with its digest."""
    from helix_tts_policy.cli.progress import ByteProgress  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.facts.weights_file import observe_weights  # noqa: PLC0415 - as above
    from helix_tts_policy.finding import shown  # noqa: PLC0415 - as above

    listing = observe_weights(root, expected={})
    if trouble := listing.root_problem or listing.truncated:
        raise UsageError(f"WEIGHTS: {str(root)!a} cannot be listed: {trouble}")
    wanted: set[str] = set()
    for given in arguments.weights:
        path = _absolute(given)
        if not path.is_relative_to(root):
            raise UsageError(f"WEIGHTS: {given!a} does not lie below {arguments.root!a}; expected weights below --root")
        below = path.relative_to(root).as_posix()
        wanted |= {
            file.path for file in listing.files if below in {".", file.path} or file.path.startswith(f"{below}/")
        }
    if not wanted:
        raise UsageError("WEIGHTS: found no file there; name files or folders of weights")
    sizes = {file.path: file.size for file in listing.files if file.path in wanted}
    with ByteProgress() as progress:
        observed = observe_weights(root, expected=sizes, progress=progress)
    files = [file for file in observed.files if file.path in wanted]
    for file in files:
        if file.hex is None:
            reason = file.detail or f"it is a {file.kind}"
            raise UsageError(f"WEIGHTS: {shown(file.path)} was not hashed: {reason}; expected regular files only")
        if not _SAFE_NAME.fullmatch(file.path):
            raise UsageError(
                f"WEIGHTS: {shown(file.path)} holds a backslash or a line break; expected a name that needs no escape"
            )
    return files
