"""``verify``: weights manifests in, verdicts out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.cli import UsageError
from helix_tts_policy.cli.options import (
    STDIN_NAME,
    add_format,
    add_now,
    add_policy,
    exit_code,
    now_of,
    show,
    standard_input,
)
from helix_tts_policy.cli.policy import policy_of, remarks

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.policy_report import PolicyReport
    from helix_tts_policy.report import ManifestReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``verify``."""
    parser.add_argument(
        "manifests", nargs="+", metavar="MANIFEST", help="weights manifest (JSON); - for standard input"
    )
    parser.add_argument(
        "--root",
        metavar="PATH",
        help="folder of the weights, or the one weights file; sizes and digests are checked there",
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="files hashed at once (default: the usable cores, at most 8)"
    )
    add_policy(parser)
    add_format(parser)
    add_now(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Verify every manifest; the worst outcome gives the exit code."""
    if arguments.root is not None and len(arguments.manifests) > 1:
        raise UsageError("--root: found several manifests; expected one, since every folder has a manifest of its own")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs: found {arguments.jobs}; expected 1 or more")
    now = now_of(arguments)
    policy, about = policy_of(arguments, now)
    reports: list[ManifestReport | PolicyReport] = [*remarks(about)]
    if policy is not None:
        reports += [_verify(manifest, arguments, policy, now) for manifest in arguments.manifests]
    show(reports, arguments.format)
    return exit_code(reports)


def _verify(manifest: str, arguments: argparse.Namespace, policy: LicensePolicy, now: datetime) -> ManifestReport:
    from helix_tts_policy.check import verify_manifest  # noqa: PLC0415 - after the arguments are known to be right
    from helix_tts_policy.cli.progress import ByteProgress  # noqa: PLC0415 - as above
    from helix_tts_policy.document import MAX_DOCUMENT_BYTES  # noqa: PLC0415 - as above

    source = manifest if manifest != "-" else standard_input("manifest", MAX_DOCUMENT_BYTES)
    name = None if manifest != "-" else STDIN_NAME
    with ByteProgress() as progress:
        return verify_manifest(
            source,
            policy=policy,
            root=arguments.root,
            now=now,
            name=name,
            jobs=arguments.jobs,
            progress=progress,
        )
