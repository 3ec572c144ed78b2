"""``manifest``: write a weights manifest from real files, and compute the digests that stand in one.

Digests, sizes and paths come from the files; everything else is a fact that somebody has to state. Nothing is guessed, a
licence least of all: what is neither given nor answered at the prompt is a usage error that names all of it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helix_tts_policy.cli import EXIT_GO, UsageError
from helix_tts_policy.cli.options import add_format, add_now, now_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from helix_tts_policy.facts.weights_file import ObservedFile

BOOLEANS = {"yes": True, "true": True, "no": False, "false": False}

QUESTIONS = {
    "model_id": "Name of the release",
    "source_url": "https URL that the weights come from",
    "code_license": "SPDX expression of the code's licence",
    "weights_license": "SPDX expression of the weights' licence",
    "commercial_use_allowed": "Is commercial use of the weights allowed? yes or no",
    "attribution_required": "Does the weights' licence ask for attribution? yes or no",
    "evidence_links": "https URL of the text that proves the licence",
}
"""The required facts that no file can tell, in the order of the manifest."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``manifest new`` and ``manifest digest``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    new = actions.add_parser("new", help="write a manifest from real files", description=__doc__, allow_abbrev=False)
    _add_files(new)
    new.add_argument("--output", metavar="FILE", help="where to write; standard output without it; never overwrites")
    new.add_argument("--facts", metavar="FILE", help="JSON object with fields of the manifest, components among them")
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
    new.add_argument("--attribution", metavar="TEXT", help="the attribution text to ship")
    add_now(new)
    new.set_defaults(run=run_new)

    digest = actions.add_parser(
        "digest",
        help="compute the digests of weights files",
        description="Print `<sha256>  <path>` of every file, as sha256sum does, and the checksum of a manifest for them.",
        allow_abbrev=False,
    )
    _add_files(digest)
    add_format(digest)
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
    from helix_tts_policy.digest import tree_checksum  # noqa: PLC0415 - as above

    now = now_of(arguments)
    output = Path(arguments.output) if arguments.output is not None else None
    if output is not None and os.path.lexists(output):
        raise UsageError(f"--output: {str(output)!a} exists; name a new file, or remove the old one first")
    stated = _stated(arguments)
    root, files = _hash(arguments, leave_out=output)
    fields = {
        "schema_version": "weights-manifest/1",
        **stated,
        "files": [{"path": file.path, "bytes": file.size, "sha256": file.hex} for file in files],
        "checksum": "sha256:" + tree_checksum((file.path, file.hex or "") for file in files),
        "created_at": now.isoformat().replace("+00:00", "Z"),
    }
    report = verify_manifest(fields, root=root, now=now, name=str(output or "the new manifest"))
    if report.manifest is None:
        raise UsageError(f"manifest new: {'; '.join(f'{item.at.path} {item.message}' for item in report.findings)}")
    order = ["schema_version", *type(report.manifest).model_fields]
    text = json.dumps(dict(sorted(fields.items(), key=lambda item: order.index(item[0]))), indent=2, ensure_ascii=False)
    if output is None:
        sys.stdout.write(f"{text}\n")
    else:
        _write_new(output, f"{text}\n")
        print(f"wrote {str(output)!a}", file=sys.stderr)
    for finding in report.findings:
        print(f"{finding.severity.value}[{finding.rule}] {finding.at.path} {finding.message}", file=sys.stderr)
    print(f"verdict: {report.verdict.value}", file=sys.stderr)
    return EXIT_GO


def run_digest(arguments: argparse.Namespace) -> int:
    """Print digests and the checksum over them."""
    from helix_tts_policy.digest import tree_checksum  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.finding import printable  # noqa: PLC0415 - as above

    _, files = _hash(arguments, leave_out=None)
    checksum = "sha256:" + tree_checksum((file.path, file.hex or "") for file in files)
    if arguments.format == "json":
        from helix_tts_policy.render import json_v1  # noqa: PLC0415 - only the format that was asked for

        rows = [{"path": file.path, "bytes": file.size, "sha256": file.hex} for file in files]
        sys.stdout.write(json_v1.document({"schema": "helix-tts-policy/digest/1", "files": rows, "checksum": checksum}))
    else:
        for file in files:
            print(f"{file.hex}  {printable(file.path)}")
        print(f"checksum of these {len(files)} listed files: {checksum}", file=sys.stderr)
    return EXIT_GO


def _stated(arguments: argparse.Namespace) -> dict[str, Any]:
    """The facts from the file, over them those from the options, and at a terminal the answers to what is left."""
    from helix_tts_policy.facts.weights_manifest import WeightsManifest  # noqa: PLC0415 - after the arguments are right

    stated = _facts_file(arguments.facts) if arguments.facts is not None else {}
    options = {name: getattr(arguments, name, None) for name in WeightsManifest.model_fields}
    stated |= {
        name: BOOLEANS.get(value, value) if isinstance(value, str) and name in BOOLEAN_FIELDS else value
        for name, value in options.items()
        if value is not None and name != "evidence"
    }
    if arguments.evidence:
        stated["evidence"] = [*stated.get("evidence", ()), *map(_evidence, arguments.evidence)]
    missing = [name for name in QUESTIONS if name not in stated]
    if missing and not sys.stdin.isatty():
        flags = ", ".join(
            "--" + name.removesuffix("s" if name == "evidence_links" else "").replace("_", "-") for name in missing
        )
        raise UsageError(f"manifest new: missing {flags}; state each, since no file can tell it")
    for name in missing:
        answer = _ask(name)
        stated[name] = [answer] if name == "evidence_links" else answer
    return stated


BOOLEAN_FIELDS = frozenset({"commercial_use_allowed", "attribution_required"})


def _facts_file(path: str) -> dict[str, Any]:
    from helix_tts_policy.document import check_json, read_bytes  # noqa: PLC0415 - only when there is such a file
    from helix_tts_policy.errors import MalformedInput  # noqa: PLC0415 - as above

    try:
        facts = json.loads(check_json(read_bytes(path), path))
    except MalformedInput as error:
        raise UsageError(f"--facts: {error}") from None
    if not isinstance(facts, dict):
        raise UsageError(f"--facts: {path!a} holds no JSON object; expected one with fields of the manifest")
    computed = sorted(facts.keys() & {"files", "checksum", "created_at"})
    if computed:
        raise UsageError(f"--facts: {path!a} states {', '.join(computed)}; leave out what is computed from the files")
    return facts


def _evidence(words: Sequence[str]) -> dict[str, str]:
    from helix_tts_policy.digest import FileChanged, NotARegularFile, hash_file  # noqa: PLC0415 - only with evidence

    kind, url, copy = words
    try:
        return {"url": url, "kind": kind, "sha256": hash_file(copy, follow_links=True).hex}
    except OSError as error:
        raise UsageError(f"--evidence: {copy!a} cannot be read: {error.strerror}") from None
    except (FileChanged, NotARegularFile) as error:
        raise UsageError(f"--evidence: {copy!a}: {error}") from None


def _ask(name: str) -> str | bool:
    """The answer to one question; it is asked again until there is one that can be one."""
    while True:
        print(f"{QUESTIONS[name]}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise UsageError(f"manifest new: the input ended before {name} was answered")
        answer = line.strip()
        if name not in BOOLEAN_FIELDS and answer:
            return answer
        if answer.lower() in BOOLEANS:
            return BOOLEANS[answer.lower()]


def _hash(arguments: argparse.Namespace, *, leave_out: Path | None) -> tuple[Path, list[ObservedFile]]:
    """The root and every weights file below it, hashed."""
    from helix_tts_policy.cli.progress import ByteProgress  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.facts.weights_file import FileKind, observe_weights  # noqa: PLC0415 - as above
    from helix_tts_policy.finding import shown  # noqa: PLC0415 - as above

    given = [Path(os.path.abspath(path)) for path in arguments.weights]  # noqa: PTH100 - resolve() would follow links
    for path in given:
        if not path.exists():
            raise UsageError(f"WEIGHTS: {str(path)!a} does not exist; name files or folders of weights")
    if arguments.root is not None:
        root = Path(os.path.abspath(arguments.root))  # noqa: PTH100 - as above
    else:
        root = (
            given[0]
            if len(given) == 1 and given[0].is_dir()
            else Path(os.path.commonpath([path.parent for path in given]))
        )
    wanted: set[str] = set()
    with ByteProgress() as progress:
        sizes: dict[str, int] = {}
        listing = observe_weights(root, expected={})
        if listing.root_problem is not None or listing.truncated is not None:
            raise UsageError(f"--root: {str(root)!a} cannot be used: {listing.root_problem or listing.truncated}")
        below = {}
        for path in given:
            if not path.is_relative_to(root):
                raise UsageError(f"WEIGHTS: {str(path)!a} does not lie below the root {str(root)!a}")
            relative = path.relative_to(root).as_posix()
            below = {
                file.path: file
                for file in listing.files
                if relative in (".", file.path) or file.path.startswith(f"{relative}/")
            }
            wanted |= below.keys()
        if leave_out is not None:
            wanted.discard(os.path.relpath(os.path.abspath(leave_out), root))  # noqa: PTH100 - as above
        sizes = {file.path: file.size for file in listing.files if file.path in wanted}
        observed = observe_weights(root, expected=sizes, progress=progress)
    files = [file for file in observed.files if file.path in wanted]
    for file in files:
        if file.hex is None:
            reason = file.detail if file.problem is not None else f"is a {file.kind}"
            hint = "" if file.kind is FileKind.FILE else "; expected regular files only"
            raise UsageError(f"WEIGHTS: {shown(file.path)} was not hashed: {reason}{hint}")
    if not files:
        raise UsageError("WEIGHTS: found no file there; name files or folders of weights")
    return root, files


def _write_new(path: Path, text: str) -> None:
    """Write a file that did not exist, whole or not at all."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor, not a path
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o644)  # noqa: PTH101 - mkstemp makes files for one user, a manifest is for all
            os.link(temporary, path)  # fails where the name was taken meanwhile, which a rename would not
        finally:
            os.unlink(temporary)  # noqa: PTH108 - the counterpart of mkstemp
    except OSError as error:
        raise UsageError(f"--output: {str(path)!a} cannot be written: {error.strerror}") from None
