"""The pairs of a report block: ``key: value`` and ``key:`` with a list below, from fenced YAML or from the items of a list.

Rules kept here:

1. A block whose every line is plain is read line by line, a hundred times faster than YAML, and says what YAML says; a test
   holds both against each other. Every other block is read as strict YAML.
2. A block that is no YAML is told with its problems, and read line by line nevertheless, so that what it says can be compared.
3. No line and no pair is dropped: what is neither is told.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.ledger_markdown import Stated
from helix_tts_policy.yaml_document import YamlList, YamlMapping, YamlMeaning, YamlScalar, compose_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from helix_tts_policy.facts.ledger_markdown import Fence, Item
    from helix_tts_policy.yaml_document import YamlNode

MAX_SLOW: Final = 2 * 1024 * 1024
"""Characters of a ledger that are read as YAML: some ten seconds. Blocks of plain lines do not count."""

_PLAIN = r"[A-Za-z0-9_./<(~+^](?:[^:#\n\r\t]|:(?=[^ \n\r\t])|(?<! )#)*"
_QUOTED = r"\"[^\"\\\n\r\t]*\"|'[^'\n\r\t]*'"
_PLAIN_PAIR = re.compile(rf"([A-Za-z_][A-Za-z0-9_]{{0,99}}):(?: +({_QUOTED}|{_PLAIN}))? *")
_PLAIN_ITEM = re.compile(rf"( *)- +({_QUOTED}|{_PLAIN}) *")
"""Lines that mean the same to every reader of YAML; a blank, a colon or a number sign elsewhere may not."""

_PLAIN_VALUE = re.compile(_PLAIN)


def is_plain_value(text: str) -> bool:
    """Whether a value stands in a block without quotes, and every reader sees the same text."""
    return _PLAIN_VALUE.fullmatch(text) is not None and not text.endswith(" ")


class Pair(NamedTuple):
    """A key with its value or, where ``items`` is no None, with the list that stands below it."""

    key: Stated
    value: Stated
    items: tuple[Stated, ...] | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """The pairs of one block, what kept it from being YAML, the lines that are no part of any pair, and comments."""

    line: int
    column: int
    pairs: tuple[Pair, ...]
    problems: tuple[Problem, ...] = ()
    strange: tuple[Stated, ...] = ()
    comments: tuple[Stated, ...] = ()


@dataclass(slots=True)
class BlockReader:
    """Reads the blocks of one ledger, with a bound over all that has to be read as YAML."""

    source: str
    left: int = field(default=MAX_SLOW)

    def fenced(self, fence: Fence) -> list[Block]:
        """The blocks in a fenced text: one, or those of a list of mappings; none where it holds no pairs.

        Raises:
            MalformedInput: more YAML in the whole ledger than a reader can take.
        """
        lines = _Lines(fence)
        if (pairs := _plain_pairs(lines)) is not None:
            return [_block(pairs)] if pairs else []
        self.left -= len(lines.text)
        if self.left < 0:
            message = f"holds more than {MAX_SLOW} characters of YAML that is not plain; expected less"
            tip = "write the values of the blocks without quotes and escapes, or begin a new ledger"
            raise MalformedInput(
                self.source,
                (Problem(kind=ProblemKind.SYNTAX, message=message, tip=tip, line=lines.first, column=1),),
            )
        try:
            tree = compose_yaml(lines.text, self.source, begin=(lines.first, 1))
        except MalformedInput as error:
            return [_by_line(lines, error.problems)]
        roots = tree.items if isinstance(tree, YamlList) else () if tree is None else (tree,)
        blocks = [_of_mapping(root, lines) for root in roots if isinstance(root, YamlMapping)]
        rest = tuple(_of_node(root, lines) for root in roots if not isinstance(root, YamlMapping))
        return [*blocks[:-1], replace(blocks[-1], strange=(*blocks[-1].strange, *rest))] if blocks else []


class _Lines:
    """The lines of a fenced block, and where each stands in the document."""

    def __init__(self, fence: Fence) -> None:
        self.text = fence.stated.text
        self.first = fence.stated.line + 1
        self.columns = fence.columns
        self.lines = self.text.removesuffix("\n").split("\n")
        self._starts: list[int] = []

    def stated(self, text: str, index: int, column: int) -> Stated:
        return Stated(text, self.first + index, max(self.columns[index], 0) + column + 1)

    def at(self, text: str, offset: int) -> Stated:
        """A text that begins at an offset of the block."""
        if not self._starts:
            total = 0
            for line in self.lines:
                self._starts.append(total)
                total += len(line) + 1
        index = bisect_right(self._starts, offset) - 1
        return self.stated(text, index, offset - self._starts[index])

    def rest_of_line(self, offset: int) -> str:
        """What stands from an offset to the end of its line, as it is written."""
        end = self.text.find("\n", offset)
        return self.text[offset : end if end >= 0 else None].rstrip(" ")


def _block(pairs: Sequence[Pair]) -> Block:
    key = pairs[0].key
    return Block(key.line, key.column, tuple(pairs))


# --- plain lines ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """A pair of which not all lines were read."""

    key: Stated
    value: Stated
    written: bool
    items: list[Stated] | None = None
    more: list[str] = field(default_factory=list)

    def begin_item(self, stated: Stated) -> None:
        self._end_line()
        self.items = self.items or []
        self.items.append(stated)

    def continue_with(self, text: str) -> None:
        """A value that goes on in the next line, as a plain one of YAML does."""
        self.more.append(text)

    def pair(self) -> Pair:
        self._end_line()
        return Pair(self.key, self.value, None if self.items is None else tuple(self.items))

    def _end_line(self) -> None:
        if self.more and self.items:
            self.items[-1] = self.items[-1]._replace(text=" ".join([self.items[-1].text, *self.more]).strip(" "))
        elif self.more:
            self.value = self.value._replace(text=" ".join([self.value.text, *self.more]).strip(" "))
        self.more = []


def _plain_pairs(lines: _Lines) -> list[Pair] | None:
    """The pairs of a block whose every line is plain; None for any other."""
    drafts: dict[str, _Draft] = {}
    last, indent = None, None
    for index, line in enumerate(lines.lines):
        if found := _PLAIN_PAIR.fullmatch(line):
            key, value = found[1], found[2]
            if key in drafts:
                return None
            column = len(line) if value is None else found.start(2)
            stated = lines.stated(_bare(value or ""), index, column)
            last = drafts[key] = _Draft(lines.stated(key, index, 0), stated, value is not None)
            indent = None
        elif found := _PLAIN_ITEM.fullmatch(line):
            if last is None or last.written or indent not in {None, found[1]}:
                return None
            indent = found[1]
            last.begin_item(lines.stated(_bare(found[2]), index, found.start(2)))
        elif line.strip(" "):
            return None
    return [draft.pair() for draft in drafts.values()]


def _bare(value: str) -> str:
    """A value without its quotes; ``"true"`` keeps them, since integrity is a boolean and not a word."""
    value = value.strip(" ")
    inner = value[1:-1]
    if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] and value[0] not in inner:
        return value if inner == "true" else inner
    return value


# --- YAML -------------------------------------------------------------------------------------------------------------


def _of_mapping(root: YamlMapping, lines: _Lines) -> Block:
    pairs, strange = [], []
    for name, node in root.members.items():
        key = lines.at(name, root.keys[name])
        if isinstance(node, YamlList):
            strange += [
                lines.at(lines.rest_of_line(item.offset), item.offset) for item in node.items if _spread(item, lines)
            ]
            items = tuple(_of_node(item, lines) for item in node.items)
            pairs.append(Pair(key, lines.at("", node.offset), items))
            continue
        value = _of_node(node, lines)
        if isinstance(node, YamlMapping):
            strange.append(value)
        pairs.append(Pair(key, value))
    place = lines.at("", root.offset)
    return Block(place.line, place.column, tuple(pairs), strange=tuple(strange), comments=tuple(_comments(root, lines)))


_COMMENT_BEHIND = re.compile(r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|(?![\"'])(?:(?! #).)*) +(#.*)")
"""A value, in quotes or plain, and the comment that follows it in its line."""


def _comments(root: YamlMapping, lines: _Lines) -> Iterator[Stated]:
    """What YAML leaves out and a person reads: lines of their own that begin with ``#``, and what follows a value."""
    for index, line in enumerate(lines.lines):
        if line.lstrip(" ").startswith("#"):
            yield lines.stated(line.strip(" "), index, len(line) - len(line.lstrip(" ")))
    seen = set()
    waiting: list[YamlNode] = [root]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, YamlScalar):
            waiting += node.items if isinstance(node, YamlList) else node.members.values()
        elif (found := _COMMENT_BEHIND.match(lines.rest_of_line(node.offset))) is not None:
            place = node.offset + found.start(1)
            if place not in seen:
                seen.add(place)
                yield lines.at(found[1], place)


def _of_node(node: YamlNode, lines: _Lines) -> Stated:
    """A value; ``curl -H "Accept: json"`` is a mapping to YAML and a command to whoever wrote it."""
    if not isinstance(node, YamlScalar):
        return lines.at(lines.rest_of_line(node.offset), node.offset)
    text = '"true"' if node.text == "true" and node.meaning is YamlMeaning.TEXT else node.text
    return lines.at(text, node.offset)


def _spread(node: YamlNode, lines: _Lines) -> bool:
    """Whether a list or mapping stands in more lines than its first."""
    end = node.offset + len(lines.rest_of_line(node.offset))
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if node.offset > end:
            return True
        if not isinstance(node, YamlScalar):
            waiting += node.items if isinstance(node, YamlList) else node.members.values()
    return False


# --- line by line -----------------------------------------------------------------------------------------------------

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]{0,99}")


def pair_in(line: str) -> tuple[str, str, int] | None:
    """Key, value and where the value begins in a line ``key: value``; None for any other line."""
    key, colon, value = line.partition(":")
    if not colon or not _KEY.fullmatch(key) or value[:1] not in {"", " ", "\t"}:
        return None
    return key.strip(" "), _bare(value.strip(" \t")), len(line) - len(value.lstrip(" \t"))


def _by_line(lines: _Lines, problems: Iterable[Problem]) -> Block:
    """What a block that is no YAML says to somebody who reads it line by line."""
    told = [_moved(problem, lines) for problem in problems]
    known = {problem.line for problem in told if problem.kind is ProblemKind.DUPLICATE_KEY}
    drafts: dict[str, _Draft] = {}
    strange: list[Stated] = []
    comments: list[Stated] = []
    last = None
    for index, line in enumerate(lines.lines):
        text = line.strip(" \t")
        start = len(line) - len(line.lstrip(" \t"))
        if not text:
            continue
        if text.startswith("#"):
            comments.append(lines.stated(text, index, start))
        elif start == 0 and (found := pair_in(line)) is not None:
            key, value, column = found
            last = _Draft(lines.stated(key, index, 0), lines.stated(value, index, column), bool(value))
            if (first := drafts.setdefault(key, last)) is not last and last.key.line not in known:
                told.append(repeated_key(first.key, last.key))
        elif last is not None and text[:2] in {"-", "- "}:
            last.begin_item(lines.stated(_bare(text[2:]), index, start + 2))
        elif last is not None and start:
            last.continue_with(text)
        else:
            strange.append(lines.stated(text, index, start))
    pairs = tuple(draft.pair() for draft in drafts.values())
    begin = lines.stated("", 0, 0)
    return Block(begin.line, begin.column, pairs, tuple(told), tuple(strange), tuple(comments))


def _moved(problem: Problem, lines: _Lines) -> Problem:
    """A problem of the block, whose lines are those of the document, with the indentation of the block."""
    index = (problem.line or lines.first) - lines.first
    place = lines.stated("", min(index, len(lines.lines) - 1), (problem.column or 1) - 1)
    return replace(problem, line=place.line, column=place.column)


def repeated_key(first: Stated, again: Stated) -> Problem:
    """What is said of a key that stands twice in one block, or of another name for the same field."""
    place = f"{first.line}:{first.column}"
    return Problem(
        kind=ProblemKind.DUPLICATE_KEY,
        message=f"the key stands twice in one block, first at {place}; readers disagree which value counts",
        tip="keep the one value that is true",
        line=again.line,
        column=again.column,
    )


# --- lists ------------------------------------------------------------------------------------------------------------


def bulleted(items: Sequence[Item]) -> Block:
    """The pairs in the items of a list; an item may hold several, each in a line of its own."""
    drafts: dict[str, _Draft] = {}
    problems: list[Problem] = []
    strange: list[Stated] = []
    for item in items:
        last = None
        for index, line in enumerate(item.stated.text.split("\n")):
            place = item.stated._replace(text=line, line=item.stated.line + index)
            if (found := pair_in(line)) is not None:
                key, value, column = found
                last = _Draft(
                    place._replace(text=key), place._replace(text=value, column=place.column + column), bool(value)
                )
                if (first := drafts.setdefault(key, last)) is not last:
                    problems.append(repeated_key(first.key, last.key))
            elif last is not None:
                last.continue_with(line.strip(" "))
            else:
                strange.append(place)
        below = [inner.stated._replace(text=_bare(inner.stated.text.replace("\n", " "))) for inner in item.items]
        if last is not None and below:
            last.items = below
        strange += [inner.stated for inner in item.items if last is None]
        strange += [deeper.stated for inner in item.items for deeper in inner.items]
    first_item = items[0].stated
    pairs = tuple(draft.pair() for draft in drafts.values())
    return Block(first_item.line, first_item.column, pairs, tuple(problems), tuple(strange))
