"""The words of a ledger: what columns and keys are called, and the ways in which an id, a state or a hash is written."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS: Final = (
    "prompt_id",
    "files_changed",
    "behavior_delta",
    "tests_or_checks_run",
    "casimir_verdict",
    "casimir_firstFail",
    "casimir_certificateHash",
    "casimir_integrityOk",
    "casimir_traceId",
    "casimir_runId",
    "commit_sha",
    "status",
    "blocker_reason",
)
"""The fields of a report block, in the order of its template."""

LIST_FIELDS: Final = frozenset({"files_changed", "tests_or_checks_run"})

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt_id": ("prompt", "promptno", "promptnumber"),
    "files_changed": ("files", "changedfiles"),
    "behavior_delta": ("behaviourdelta", "delta"),
    "tests_or_checks_run": ("checks", "tests", "checksrun", "testsrun"),
    "casimir_verdict": ("verdict", "casimir"),
    "casimir_firstFail": ("firstfail",),
    "casimir_certificateHash": ("certificatehash", "certificate", "casimircertificate"),
    "casimir_integrityOk": ("integrityok", "integrity", "casimirintegrity"),
    "casimir_traceId": ("traceid", "trace"),
    "casimir_runId": ("runid", "run"),
    "commit_sha": ("commit", "commithash", "commitid", "sha"),
    "status": ("state",),
    "blocker_reason": ("blocker", "blockers", "reason"),
    "objective": ("scope", "task", "goal", "title", "description"),
    "notes": ("note", "remark", "remarks", "comment", "comments"),
}
"""Other names of each field, in lower case and without blanks, hyphens and underscores."""


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


_FIELD_OF: Final[Mapping[str, str]] = MappingProxyType(
    {alias: field for field, aliases in ALIASES.items() for alias in (_plain(field), *aliases)}
)


@lru_cache(maxsize=1024)
def resembles_field(name: str) -> bool:
    """Whether a name that is none of a field looks like one: misspelt, or with letters of another alphabet."""
    return not name.isascii() or bool(get_close_matches(_plain(name), _FIELD_OF, n=1, cutoff=RESEMBLANCE))


@lru_cache(maxsize=1024)
def field_of(name: str) -> str | None:
    """The field that a column or a key names, by its own name or another one; None for any other name."""
    return _FIELD_OF.get(_plain(name))


_PLACEHOLDER = re.compile(r"<[^<>\n]*>")
_REMARK = re.compile(r"[ \t]*\([^()\n]*\)[ \t.]*\Z")
_NONE = frozenset({"", "none", "null", "~", "-", "\u2013", "\u2014", "n/a", "nil"})
_PROMPT = re.compile(r"(?:prompt)?[ \t_#-]*0*([0-9]{1,9})", re.IGNORECASE)
_PROMPT_HEADING = re.compile(r"prompt[ \t_#-]*([0-9]{1,9})(?![\w.])", re.IGNORECASE)
_SHORTENED = re.compile(r"(?:\.{2,}|\u2026)\Z")
_HEX = re.compile(r"[0-9a-f]+")
_STATE_JOINTS = re.compile(r"[ _-]+")

RESEMBLANCE: Final = 0.85
"""How alike two names are (as difflib counts) of which one is taken for the other misspelt: one letter in six or seven."""

SHORTEST_COMMIT: Final = 7
"""Digits of an abbreviated commit, as Git writes it; shorter ones count only where dots say that they were cut."""

LONGEST_HASH: Final = 128


def is_placeholder(text: str) -> bool:
    """Whether a text is one of a template: ``<sha>``, ``prompt-<N>``."""
    return "<" in text and _PLACEHOLDER.search(text) is not None


def without_remark(text: str) -> str:
    """A value without the remark in parentheses that may follow it: ``done (closure)``."""
    return _REMARK.sub("", text).strip(" \t") if text.endswith((")", ").")) else text.strip(" \t")


def is_none(text: str) -> bool:
    """Whether a value says that there is nothing: ``none``, ``null``, a dash, or what a template left."""
    return without_remark(text).casefold() in _NONE or is_placeholder(text)


def prompt_of(text: str) -> str | None:
    """The prompt that an id names: ``3`` for ``3``, ``prompt-3`` and ``Prompt 3``; another id as it is; None for none."""
    bare = without_remark(text)
    if is_none(text):
        return None
    found = _PROMPT.fullmatch(bare)
    return found[1] if found else bare.casefold()


def prompt_in_heading(text: str) -> str | None:
    """The prompt that a heading begins with: ``Prompt 3: the trainer``."""
    found = _PROMPT_HEADING.match(text)
    return None if found is None else str(int(found[1]))


def state_word(text: str) -> str:
    """A status without remark, in lower case, its words joined by single hyphens: ``In progress`` is ``in-progress``."""
    return _STATE_JOINTS.sub("-", without_remark(text).casefold())


def hash_digits(text: str, *, shortest: int = SHORTEST_COMMIT) -> str | None:
    """The hexadecimal digits of a commit or digest, which may be abbreviated (``6e84f...``); None for any other text."""
    bare = without_remark(text).casefold().removeprefix("sha256:")
    digits = _SHORTENED.sub("", bare)
    least = shortest if digits == bare else 4
    if not least <= len(digits) <= LONGEST_HASH or not _HEX.fullmatch(digits):
        return None
    return digits


def same_digits(one: str, other: str) -> bool:
    """Whether two hashes, either of which may be abbreviated, can be the same."""
    return one.startswith(other) or other.startswith(one)
