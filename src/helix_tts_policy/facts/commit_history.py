"""What a repository says of the commits that somebody names; who asks it is no matter of this module."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class CommitState(StrEnum):
    """What became of a name that may be a commit's."""

    FOUND = "found"
    MISSING = "missing"
    AMBIGUOUS = "ambiguous"  # an abbreviation with which several commits begin


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCommit:
    """One name, and the commit that it leads to.

    Attributes:
        state: whether it leads to one.
        commit: all its digits; empty unless it was found.
        in_history: whether the head has it among its ancestors.
        paths: the files that it touches, against each of its parents; None where that was not looked at.
    """

    state: CommitState
    commit: str = ""
    in_history: bool = False
    paths: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitHistory:
    """What a repository says of the names that it was asked for.

    Attributes:
        repository: as the caller named it.
        head: the commit that is checked out.
        commits: by the name that was asked for, in lower case; every name has an entry.
    """

    repository: str
    head: str
    commits: Mapping[str, NamedCommit]
