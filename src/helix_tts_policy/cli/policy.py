"""``policy``: check a policy file, and the policy that the other verbs decide under."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from helix_tts_policy.cli import UsageError
from helix_tts_policy.cli.options import add_format, add_now, exit_code, now_of, show

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.policy_report import PolicyReport

POLICY_NAME = "helix-tts-policy.toml"
"""Read from the working directory where no ``--policy`` says otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``policy check``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="check a policy file",
        description="Check a policy file and the local copies of texts that it names.",
        allow_abbrev=False,
    )
    check.add_argument("file", nargs="?", default=POLICY_NAME, metavar="FILE", help=f"default: {POLICY_NAME}")
    add_format(check)
    add_now(check)
    check.set_defaults(run=run_check)


def run_check(arguments: argparse.Namespace) -> int:
    """Tell everything that is wrong with a policy file."""
    from helix_tts_policy.check_policy import verify_policy  # noqa: PLC0415 - after the arguments are right

    report = verify_policy(arguments.file, now=now_of(arguments))
    show([report], arguments.format)
    return exit_code([report])


def usable_policy(arguments: argparse.Namespace, now: datetime) -> LicensePolicy:
    """The policy to decide under, for a verb that has no report on it.

    Raises:
        UsageError: its file cannot be used.
    """
    policy, report = policy_of(arguments, now)
    if policy is None:
        name = arguments.policy if report is None else report.source
        raise UsageError(f"{name}: the policy cannot be used; helix-tts-policy policy check tells why")
    return policy


def remarks(about: PolicyReport | None) -> list[PolicyReport]:
    """What is to be shown of the policy: the report on its file, where that says something."""
    return [about] if about is not None and about.findings else []


def policy_of(arguments: argparse.Namespace, now: datetime) -> tuple[LicensePolicy | None, PolicyReport | None]:
    """The policy to decide under, and the report on its file; None and the report where it cannot be used."""
    given: str | None = arguments.policy
    if given is None and not os.path.lexists(POLICY_NAME):
        from helix_tts_policy.facts.license_policy import default_policy  # noqa: PLC0415 - after the arguments

        return default_policy(), None
    from helix_tts_policy.check_policy import verify_policy  # noqa: PLC0415 - only with a policy file

    report = verify_policy(given if given is not None else POLICY_NAME, now=now)
    return report.policy, report
