"""``--repo``: the Git repository in which the commits of a ledger are looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.cli import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

    from helix_tts_policy.check_ledger import LookUp
    from helix_tts_policy.facts.commit_history import CommitHistory


def add_repo(parser: argparse.ArgumentParser) -> None:
    """``--repo``."""
    parser.add_argument(
        "--repo", metavar="DIR", help="top folder of a Git repository, in which the commits of the ledger are looked up"
    )


def look_up_of(arguments: argparse.Namespace) -> LookUp | None:
    """What asks the repository; None where none is given. It raises `UsageError` for a folder that cannot be asked."""
    if arguments.repo is None:
        return None
    from helix_tts_policy.git_repository import GitRepository, RepositoryUnusable  # noqa: PLC0415 - only with --repo

    try:
        repository = GitRepository(arguments.repo)
    except RepositoryUnusable as error:
        raise UsageError(f"--repo: {error}") from None

    def look_up(names: Collection[str]) -> CommitHistory:
        try:
            return repository.look_up(names)
        except RepositoryUnusable as error:
            raise UsageError(f"--repo: {error}") from None

    return look_up
