"""What rules over the formats of files look at: the inspected files, each with the place that names it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helix_tts_policy.facts.formats.inspected import FileFormat, FormatProblemKind
from helix_tts_policy.rules.format_names import UNLISTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.formats.inspected import FormatProblem, InspectedFile

_TEXT_NAMES = ("license", "licence", "copying", "copyright", "notice", "readme", "attribution")
_NOT_READ = frozenset({FormatProblemKind.UNREADABLE, FormatProblemKind.CHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSubject:
    """The inspected files of one release, each with the JSON pointer to the place in the document that names it."""

    files: tuple[tuple[str, InspectedFile], ...]

    @property
    def read(self) -> Iterator[tuple[str, InspectedFile]]:
        """The files whose bytes were seen and held still."""
        for pointer, file in self.files:
            if not any(problem.kind in _NOT_READ for problem in file.problems):
                yield pointer, file

    def problems(self, kind: FormatProblemKind) -> Iterator[tuple[str, InspectedFile, FormatProblem]]:
        """Every problem of a kind."""
        for pointer, file in self.files:
            for problem in file.problems:
                if problem.kind is kind:
                    yield pointer, file, problem


def suffix_of(file: InspectedFile) -> str:
    """The suffix of a file's name in lower case; empty for a name without, and for a text whose name announces one.

    Voices come with files such as ``LICENSE_mei_normal.htsvoice``, which is the licence of that voice.
    """
    name = posixpath.basename(file.name).lower()
    is_text = file.format is FileFormat.TEXT and name.startswith(_TEXT_NAMES)
    return "" if is_text else posixpath.splitext(name)[1]


def is_unlisted(file: InspectedFile) -> bool:
    """Whether the file is an archive whose members could not be listed, so that nobody knows what it holds."""
    return file.format in UNLISTED and not file.members and bool(file.problems)
