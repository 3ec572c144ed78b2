"""What reports that stand on their findings alone have in common: an error among the findings is NO-GO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.errors import PolicyError
from helix_tts_policy.finding import Severity, Verdict, printable
from helix_tts_policy.rules.registry import UNREADABLE_RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helix_tts_policy.finding import Finding


class FindingsReport:
    """The outcome of a check of one document.

    Attributes:
        source: what was checked, as the caller named it.
        findings: everything that was found: errors first, then as the document reads.
    """

    __slots__ = ("findings", "source")

    source: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """GO where no error was found."""
        faulty = any(finding.severity is Severity.ERROR for finding in self.findings)
        return Verdict.NO_GO if faulty else Verdict.GO

    @property
    def readable(self) -> bool:
        """Whether there was a document to speak of; the command line exits with 2 where there was none."""
        return not any(finding.rule in UNREADABLE_RULES for finding in self.findings)

    def raise_for_verdict(self) -> None:
        """Do nothing for GO.

        Raises:
            PolicyError: for NO-GO, with the first finding in its message.
        """
        raise_unless_go(self.verdict, self.source, self.findings)


def raise_unless_go(verdict: Verdict, source: str, findings: Sequence[Finding]) -> None:
    """Raise `PolicyError` for NO-GO, with the first finding in its message."""
    if verdict is Verdict.NO_GO:
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise PolicyError(f"NO-GO: {printable(source)}: {first.rule}: {first.message}{more}")
