"""A rule, what it yields, and the runner that turns complaints into findings.

A rule is a generator: it guards, then yields a complaint for everything that is wrong. It does no I/O, reads no clock and
knows neither its own id nor its severity: those stand beside it in a table of `registry`. What it asks of a subject that
more than one kind of document can answer is a protocol, so that one rule judges them all.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from typing import Protocol

    from helix_tts_policy.facts.weights_file import ObservedWeights
    from helix_tts_policy.facts.weights_manifest import ManifestFile
    from helix_tts_policy.finding import Severity
    from helix_tts_policy.rules.manifest_subject import LicensedPart
    from helix_tts_policy.rules.url import UrlDefect

    class ListsFiles(Protocol):
        """A document that lists files, and what lies where they should."""

        @property
        def files(self) -> Sequence[ManifestFile] | None:
            """Every file that is listed; None where the document lists none."""

        @property
        def observed(self) -> ObservedWeights | None:
            """What lies under the root; None when no root was given."""

    class StatesDigests(Protocol):
        """A document with digests."""

        @property
        def digest_defects(self) -> Sequence[tuple[str, str, tuple[str, str]]]:
            """Pointer, text and defect of every digest that has one."""

    class StatesLicenses(Protocol):
        """A document with licences."""

        @property
        def licenses(self) -> Sequence[LicensedPart]:
            """Every licence statement with the decision on it."""

    class StatesUrls(Protocol):
        """A document with URLs."""

        @property
        def url_defects(self) -> Sequence[tuple[str, UrlDefect]]:
            """Pointer and defect of every URL that has one."""

    class StatesDates(Protocol):
        """A document with dates."""

        @property
        def now(self) -> datetime:
            """The time of the check, with offset."""

        @property
        def odd_dates(self) -> Sequence[tuple[str, str, datetime | None]]:
            """Pointer, text and moment of every date that is none (moment None) or lies in the future."""


SubjectType_contra = TypeVar("SubjectType_contra", contravariant=True)
"""What a rule judges: one over any document with URLs is one over manifests, too."""

MAX_COMPLAINTS = 50
"""Complaints of one rule that are told one by one; the rest are counted, so that 20,000 bad files stay readable."""


class Complaint(NamedTuple):
    """One thing that a rule found wrong.

    Attributes:
        path: JSON pointer to the value.
        message: one line: what was found, what was expected.
        tip: what to do.
    """

    path: str
    message: str
    tip: str


@dataclass(frozen=True, slots=True)
class Rule(Generic[SubjectType_contra]):
    """A check with its name and weight; the docstring of the check is the rule's page in the documentation."""

    id: str
    severity: Severity
    check: Callable[[SubjectType_contra], Iterable[Complaint]]

    @property
    def sections(self) -> dict[str, str]:
        """The headings of the check's docstring with the text under each; empty where docstrings were stripped."""
        sections: dict[str, str] = {}
        heading = ""
        for line in inspect.cleandoc(self.check.__doc__ or "").splitlines():
            if line and not line.startswith(" "):
                heading = line.removesuffix(":")
                sections[heading] = ""
            else:
                sections[heading] = f"{sections[heading]} {line.strip()}".strip()
        return sections


class RuleComplaint(NamedTuple):
    """A complaint under the id and severity of its rule."""

    rule: str
    severity: Severity
    complaint: Complaint


def complaints(
    rules: Iterable[Rule[SubjectType_contra]], subject: SubjectType_contra, *, most: int = MAX_COMPLAINTS
) -> list[RuleComplaint]:
    """What the rules say of a subject, with no more than ``most`` complaints of one rule told one by one."""
    found: list[RuleComplaint] = []
    for rule in rules:
        count, untold = 0, ""
        for complaint in rule.check(subject):
            count += 1
            if count <= most:
                found.append(RuleComplaint(rule.id, rule.severity, complaint))
            elif count == most + 1:
                untold = complaint.path
        if count > most:
            # It stands where the first untold one does, so that it is read behind those that are told.
            complaint = Complaint(untold, f"{count - most} more of the same kind", "mend the ones that are told first")
            found.append(RuleComplaint(rule.id, rule.severity, complaint))
    return found
