"""What every stage speaks: a finding, where it stands, how grave it is, and the verdict over all of them.

A finding's message is one line that says what was found and what was expected; its tip says what to do. Text from an
input enters a message only through `shown`, so that no value can move a terminal's cursor or start a CI command.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHOWN_LENGTH = 120
"""Characters of a foreign value that a message quotes: enough for a SHA-512, little enough for one line."""


class Verdict(StrEnum):
    """The answer: may these weights be promoted?"""

    GO = "GO"
    NO_GO = "NO-GO"


class Severity(StrEnum):
    """How grave a finding is: an error is NO-GO, a warning wants a look, a note says what was not checked."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_GRAVITY = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a finding stands.

    Attributes:
        source: the document, as the caller named it.
        path: the RFC 6901 JSON pointer into it; empty for the whole document.
        line: line of the value, from 1; None where the input has no text (a mapping).
        column: column of the value in code points, from 1.
    """

    source: str
    path: str = ""
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or worth knowing, with the rule that found it."""

    rule: str
    severity: Severity
    message: str
    at: Location
    tip: str

    def sort_key(self) -> tuple[int, int, int, str, str, str]:
        """Errors first, then as the document reads, then by rule: the same findings always stand in one order."""
        at = self.at
        return (_GRAVITY[self.severity], at.line or 0, at.column or 0, at.path, self.rule, self.message)

    def to_dict(self) -> dict[str, object]:
        """The finding as plain JSON values."""
        at = self.at
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "message": self.message,
            "at": {"source": at.source, "path": at.path, "line": at.line, "column": at.column},
            "tip": self.tip,
        }


def shown(value: object, *, limit: int = SHOWN_LENGTH) -> str:
    """A foreign value as one printable, bounded, quoted piece of a message.

    Control characters, line breaks, surrogates and everything else that Unicode calls unprintable (bidirectional
    overrides among them) stand as escapes; a long text is cut and says how long it was. Of a value that is no text
    only the kind is told.
    """
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else type(value).__name__
    if len(value) > limit:
        return f'"{printable(value[:limit])}..." ({len(value)} characters)'
    return f'"{printable(value)}"'


def printable(text: str) -> str:
    """The text with every unprintable character escaped; printable text, spaces included, comes back as it is."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
