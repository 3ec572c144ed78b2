"""From complaints to findings: where in the text each of them stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.document import MAX_POINTER_LENGTH, line_and_column
from helix_tts_policy.finding import Finding, Location
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import TypeAlias

    from helix_tts_policy.document import Scan
    from helix_tts_policy.errors import MalformedInput, Problem
    from helix_tts_policy.rules.rule import Rule, RuleComplaint

    Place: TypeAlias = Callable[[str, str], Location]


def placed(found: Iterable[RuleComplaint], place: Place) -> list[Finding]:
    """The findings, each where ``place`` puts it by its pointer and message."""
    return [
        Finding(rule=rule, severity=severity, message=message, at=place(path, message), tip=tip)
        for rule, severity, (path, message, tip) in found
    ]


def reading_findings(rules: Iterable[Rule[MalformedInput]], malformed: MalformedInput, source: str) -> list[Finding]:
    """Every problem of a document that could not be read, under the rules over such documents."""
    found = complaints(rules, malformed, most=len(malformed.problems))
    return placed(found, places_of_problems(malformed, source))


def places_of_problems(malformed: MalformedInput, source: str) -> Place:
    """A reader's problems know where they stand."""
    problems: dict[tuple[str, str], list[Problem]] = {}
    for problem in malformed.problems:
        problems.setdefault((problem.path, problem.message), []).append(problem)

    def place(path: str, message: str) -> Location:
        problem = problems[path, message].pop(0)  # equal words at two places are told in the order of both
        return Location(source=source, path=_shortened(path), line=problem.line, column=problem.column)

    return place


def places_in_text(
    found: Iterable[RuleComplaint], source: str, text: str, scan: Callable[[str, Collection[str]], Scan]
) -> Place:
    """A rule's pointer is looked up in the text; an empty text has no lines."""
    paths = {complaint.path for _, _, complaint in found} if text else set()
    owners = {path: [path.rsplit("/", steps)[0] for steps in range(path.count("/") + 1)] for path in paths}
    offsets = scan(text, {owner for path in paths for owner in owners[path]}).values if paths else {}

    def place(path: str, _: str) -> Location:
        # A complaint about a value that is not there stands at the object that should hold it.
        nearest = next((offsets[owner] for owner in owners.get(path, ()) if owner in offsets), None)
        line, column = (None, None) if nearest is None else line_and_column(text, nearest)
        return Location(source=source, path=_shortened(path), line=line, column=column)

    return place


def _shortened(pointer: str) -> str:
    """The pointer, or that of the nearest object around it that is short enough to be printed."""
    while len(pointer) > MAX_POINTER_LENGTH:
        pointer = pointer.rpartition("/")[0]
    return pointer
