"""Commits: what keeps a stated revision from being one, and the one that a URL names."""

from __future__ import annotations

import re
from functools import lru_cache

from helix_tts_policy.digest import repetition
from helix_tts_policy.finding import shown

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A full Git commit: SHA-1 or SHA-256."""

_COMMIT_IN_URL = re.compile(
    r"(?:/(?:tree|blob|resolve|raw|edit|commit|src)|//raw\.githubusercontent\.com/[^/]+/[^/]+)"
    r"/([0-9a-f]{40}|[0-9a-f]{64})(?=/|\Z)"
)
"""Where code hosts and model hubs write the commit of a file or a folder."""

COMMIT_TIP = "write the full commit, 40 or 64 hexadecimal digits in lower case"


def commit_fault(revision: str) -> str | None:
    """What was found and expected of a revision that is no full commit; None for one that can be a commit."""
    if not _COMMIT.fullmatch(revision):
        return f"found the revision {shown(revision)}; expected an immutable commit"
    reason = repetition(revision)
    return None if reason is None else f"found the revision {shown(revision)}: {reason}; expected a real commit"


@lru_cache(maxsize=4096)
def commit_in(url: str) -> str | None:
    """The full commit that the path of a URL names where code hosts write it; None where it names none."""
    path = re.split("[?#]", url, maxsplit=1)[0]
    commit = _COMMIT_IN_URL.search(path)
    return None if commit is None or commit_fault(commit[1]) else commit[1]
