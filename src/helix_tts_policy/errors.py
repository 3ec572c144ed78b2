"""What is raised when an input cannot be taken as it is.

Two different things stay apart: a caller who uses the library wrongly gets `TypeError` or `ValueError`; an input that
is wrong gets `MalformedInput` with every problem found in it. Only `check.py` and its siblings `check_…` turn it into
findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProblemKind(StrEnum):
    """In which way a document failed to be read; each kind is one rule of `rules/reading.py`."""

    UNREADABLE = "input-unreadable"
    ENCODING = "input-encoding"
    SYNTAX = "input-syntax"
    DUPLICATE_KEY = "input-duplicate-key"
    UNSAFE_TEXT = "input-unsafe-text"
    SHAPE = "manifest-shape"
    POLICY = "policy-shape"
    CARD = "card-shape"
    STATUS = "status-shape"
    VERIFICATION = "verification-shape"
    RELEASE = "release-shape"
    DECISION = "decision-shape"
    BUNDLE = "bundle-shape"
    NO_BUNDLE = "bundle-manifest-missing"
    TRAINING_CONFIG = "training-config-shape"
    DATASET = "dataset-row-shape"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One defect of a document: where it stands (JSON pointer, line and column from 1), what it is, what to do."""

    kind: ProblemKind
    message: str
    tip: str
    path: str = ""
    line: int | None = None
    column: int | None = None


class MalformedInput(Exception):  # noqa: N818 - the name other programs catch, fixed by the contract
    """A document that could not be read as what it should be, with all of its problems.

    Attributes:
        source: what was read, as the caller named it.
        problems: every problem, in the order of the document; never empty.
    """

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(source, problems)
        self.source = source
        self.problems = problems

    def __str__(self) -> str:
        first = self.problems[0]
        place = f"{self.source}:{first.line}:{first.column}" if first.line else self.source
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"{place}: {first.message}{more}"


class PolicyError(Exception):
    """A report was asked to vouch for weights that are not GO; raised by ``raise_for_verdict()`` alone."""
