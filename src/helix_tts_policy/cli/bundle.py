"""``bundle``: verify voice bundles, build one from files, or put one in the place of the one that is served."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from helix_tts_policy.cli import UsageError
from helix_tts_policy.cli.options import add_format, add_now, add_policy, exit_code, file_digest, now_of, show
from helix_tts_policy.cli.policy import policy_of, remarks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from datetime import datetime

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.policy_report import PolicyReport

REFERENCE = ("ID", "WEIGHTS_LICENSE", "CODE_LICENSE", "LICENSE_URL")
"""What an option says of weights that the voice was made from."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``bundle verify``, ``bundle build`` and ``bundle promote``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    verify = actions.add_parser(
        "verify",
        help="verify voice bundles",
        description=(
            "Verify voice bundles: the manifest, the licences that it names, and every file of the folder by name, size, "
            "digest and format."
        ),
        allow_abbrev=False,
    )
    verify.add_argument(
        "directories", nargs="+", metavar="DIR", help="folder with manifest.json and the files it lists"
    )
    verify.add_argument(
        "--jobs", type=int, metavar="N", help="files hashed at once (default: the usable cores, at most 8)"
    )
    _add_common(verify)
    verify.set_defaults(run=run_verify)

    build = actions.add_parser(
        "build",
        help="build a new bundle from files",
        description=(
            "Copy files into a new folder, write the manifest of a prod_tts_voice_bundle/1 or voice_bundle/1 for them, and "
            "verify it. Nothing is written unless the bundle is GO."
        ),
        allow_abbrev=False,
    )
    build.add_argument("--output", required=True, metavar="DIR", help="folder to make; never overwrites")
    build.add_argument(
        "--file",
        action="append",
        required=True,
        metavar="[NAME=]PATH",
        dest="files",
        help="file to put in, under its last name or under NAME",
    )
    build.add_argument(
        "--facts", metavar="FILE", help="JSON or TOML document with fields of the manifest; options add to it"
    )
    build.add_argument("--bundle-version", metavar="NAME", help="prod_tts_voice_bundle/1 or voice_bundle/1")
    build.add_argument("--commit", metavar="COMMIT", help="commit of the code that trained")
    build.add_argument("--config", metavar="FILE", help="configuration of the training, whose SHA-256 is recorded")
    build.add_argument("--dataset", metavar="FILE", help="list of the training data, whose SHA-256 is recorded")
    build.add_argument(
        "--weights-ref",
        action="append",
        nargs=4,
        metavar=REFERENCE,
        dest="weights_refs",
        help="weights that the voice was made from: what they are called, SPDX expressions, where the licence stands",
    )
    build.add_argument("--voice-profile-id", metavar="ID", help="id by which a voice_bundle/1 is asked for")
    build.add_argument("--display-name", metavar="TEXT", help="what people see of a voice_bundle/1")
    _add_common(build)
    build.set_defaults(run=run_build)

    promote = actions.add_parser(
        "promote",
        help="put a verified bundle in the place of the one that is served",
        description=(
            "Verify a bundle, copy it, verify the copy, and put it in place in one step; a voice_bundle/1 is made from a "
            "prod_tts_voice_bundle/1, with a provenance that names its source. The bundle that stood there is removed "
            "when the new one stands. Nothing is changed unless both are GO."
        ),
        allow_abbrev=False,
    )
    promote.add_argument("directory", metavar="DIR", help="bundle to promote")
    promote.add_argument("target", metavar="TARGET", help="folder to put it; a bundle that stands there is replaced")
    promote.add_argument(
        "--voice-profile-id",
        metavar="ID",
        help="id by which the voice is asked for (default: that of the bundle replaced, else the last name of TARGET)",
    )
    promote.add_argument(
        "--display-name", metavar="TEXT", help="what people see (default: that of the bundle replaced, else the id)"
    )
    _add_common(promote)
    promote.set_defaults(run=run_promote)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_policy(parser)
    add_format(parser)
    add_now(parser)


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify every bundle; the worst outcome gives the exit code."""
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs: found {arguments.jobs}; expected 1 or more")
    now = now_of(arguments)
    policy, about = policy_of(arguments, now)
    reports: list[BundleReport | PolicyReport] = [*remarks(about)]
    if policy is not None:
        reports += [_verify(directory, arguments, policy, now) for directory in arguments.directories]
    show(reports, arguments.format)
    return exit_code(reports)


def _verify(directory: str, arguments: argparse.Namespace, policy: LicensePolicy, now: datetime) -> BundleReport:
    from helix_tts_policy.check_bundle import verify_bundle  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.cli.progress import ByteProgress  # noqa: PLC0415 - as above

    with ByteProgress() as progress:
        return verify_bundle(directory, policy=policy, now=now, jobs=arguments.jobs, progress=progress)


def run_build(arguments: argparse.Namespace) -> int:
    """Build a bundle, and tell what was found in it."""
    from helix_tts_policy.voice_bundle_writer import build_bundle  # noqa: PLC0415 - after the arguments are right

    files: dict[str, str] = {}
    for each in arguments.files:
        name, path = _named(each)
        if name in files:
            raise UsageError(f"--file: found {name!a} twice; expected a name of its own for each, as NAME=PATH")
        files[name] = path
    now = now_of(arguments)
    facts = _facts(arguments, now)

    def write(policy: LicensePolicy, progress: Callable[[int, int], None]) -> BundleReport:
        return build_bundle(arguments.output, files, facts, policy=policy, now=now, progress=progress)

    return _written(arguments, arguments.output, now, write)


def run_promote(arguments: argparse.Namespace) -> int:
    """Promote a bundle, and tell what was found in it."""
    from helix_tts_policy.voice_bundle_writer import promote_bundle  # noqa: PLC0415 - after the arguments are right

    now = now_of(arguments)

    def write(policy: LicensePolicy, progress: Callable[[int, int], None]) -> BundleReport:
        return promote_bundle(
            arguments.directory,
            arguments.target,
            voice_profile_id=arguments.voice_profile_id,
            display_name=arguments.display_name,
            policy=policy,
            now=now,
            progress=progress,
        )

    return _written(arguments, arguments.target, now, write)


def _written(
    arguments: argparse.Namespace,
    target: str,
    now: datetime,
    write: Callable[[LicensePolicy, Callable[[int, int], None]], BundleReport],
) -> int:
    """Show the report on what was written, or on why nothing was."""
    from helix_tts_policy.cli.progress import ByteProgress  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.digest import FileChanged, NotARegularFile  # noqa: PLC0415 - as above
    from helix_tts_policy.voice_bundle_writer import BundleRefused  # noqa: PLC0415 - as above

    command = f"bundle {arguments.action}"
    policy, about = policy_of(arguments, now)
    reports: list[BundleReport | PolicyReport] = [*remarks(about)]
    outcome = f"nothing was written to {target!a}"
    if policy is not None:
        try:
            with ByteProgress() as progress:
                reports.append(write(policy, progress))
            outcome = f"wrote {target!a}"
        except BundleRefused as refusal:
            reports.append(refusal.report)
        except BlockingIOError:
            raise UsageError(f"{command}: another run works on {target!a}; wait for it, and try again") from None
        except (FileExistsError, FileChanged, NotARegularFile, ValueError) as error:
            raise UsageError(f"{command}: {error}") from None
        except OSError as error:
            raise UsageError(
                f"{command}: {error.filename or target!a}: {error.strerror}; nothing was written"
            ) from None
    show(reports, arguments.format)
    print(outcome, file=sys.stderr)
    return exit_code(reports)


def _named(text: str) -> tuple[str, str]:
    """The name in the bundle and the path of a file; a path with ``=`` in it needs a name in front."""
    name, equals, path = text.partition("=")
    if equals:
        return name, path
    return text.rstrip("/").rpartition("/")[2], text


def _facts(arguments: argparse.Namespace, now: datetime) -> dict[str, Any]:
    """The fields of the manifest that are stated, in the document and by options, and what follows from them."""
    from helix_tts_policy.facts.voice_bundle import PRODUCTION_BUNDLE, VOICE_BUNDLE  # noqa: PLC0415 - as above

    facts = {} if arguments.facts is None else _facts_file(arguments.facts)
    options: dict[str, Any] = {
        name: getattr(arguments, name) for name in ("bundle_version", "commit", "voice_profile_id", "display_name")
    }
    for name in ("config", "dataset"):
        file = getattr(arguments, name)
        options[f"{name}_sha256"] = None if file is None else file_digest(f"--{name}", file)
    if arguments.weights_refs:
        options["weights_refs"] = [
            dict(zip(map(str.lower, REFERENCE), words, strict=True)) for words in arguments.weights_refs
        ]
    for name, value in options.items():
        if value is not None and facts.get(name, value) != value:
            raise UsageError(f"--facts: {arguments.facts!a} states another {name} than the option does; state it once")
    facts |= {name: value for name, value in options.items() if value is not None}
    facts.setdefault("bundle_version", VOICE_BUNDLE if "voice_profile_id" in facts else PRODUCTION_BUNDLE)
    if facts["bundle_version"] == VOICE_BUNDLE:
        facts.setdefault("created_at", now.isoformat().replace("+00:00", "Z"))
    return facts


def _facts_file(path: str) -> dict[str, Any]:
    import json  # noqa: PLC0415 - only with such a file

    from helix_tts_policy.document import check_json, read_bytes  # noqa: PLC0415 - as above
    from helix_tts_policy.errors import MalformedInput  # noqa: PLC0415 - as above
    from helix_tts_policy.toml_document import read_toml  # noqa: PLC0415 - as above
    from helix_tts_policy.voice_bundle_writer import COMPUTED  # noqa: PLC0415 - as above

    try:
        data = read_bytes(path)
        if path.endswith(".toml"):
            # What TOML has and JSON has not are dates and times.
            text = json.dumps(read_toml(data, path)[0], default=lambda moment: moment.isoformat())
        else:
            text = check_json(data, path)
    except MalformedInput as error:
        raise UsageError(f"--facts: {error}") from None
    facts = json.loads(text)
    if not isinstance(facts, dict):
        raise UsageError(f"--facts: {path!a} holds no JSON object; expected one with fields of the manifest")
    if computed := sorted(COMPUTED & facts.keys()):
        raise UsageError(f"--facts: {path!a} states {', '.join(computed)}; leave out what is computed from the files")
    return facts
