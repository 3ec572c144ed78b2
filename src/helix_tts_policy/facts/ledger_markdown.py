"""The parts of a Markdown text in the order in which they stand, each with its line and column.

markdown-it decides what is Markdown (CommonMark, with the tables of GitHub); nothing is rendered. A part that is no heading,
paragraph, list, table or fenced block is told as `Unread`, and so is what the parser itself would leave out: the surplus
cells of a row, and what nests too deep.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_LINES: Final = 400_000
"""Lines of one text: 10,000 prompts with a report block each have about 250,000."""

MAX_PARTS: Final = 1_500_000
"""Parts of one text as the parser counts them: 10,000 prompts whose blocks are bulleted have about 1,000,000."""

MAX_MARKED: Final = 2_000_000
"""Characters of a text that stand in lines with emphasis, code spans or links and have to be taken apart one by one."""

MAX_MARKED_LINE: Final = 2_000
"""Characters of one such piece; a longer one is taken as it is written."""

MAX_NESTING: Final = 20
"""How deep the parser follows lists and quotes; that of its CommonMark preset."""

_MARKS = frozenset("\\`*[<&")
"""What begins a piece of inline Markdown that is shown without it; a text without them is plain."""

_PIPE = re.compile(r"(?<!\\)\|")
_FIRST_PIPE = re.compile(r"[ \t>]*(?:[-+*]|[0-9]{1,9}[.)])?[ \t]*\|")
"""The pipe in front of the first cell, and what a quote or a list may have put in front of it."""


class Stated(NamedTuple):
    """A piece of text as it is written, without Markdown's dress, and where it begins."""

    text: str
    line: int
    column: int


class Heading(NamedTuple):
    """A heading."""

    stated: Stated
    level: int


class Paragraph(NamedTuple):
    """A paragraph outside of lists, or a later one of a list's item."""

    stated: Stated


class Fence(NamedTuple):
    """A fenced block: where its fence opens, what stands behind it, the text, and how far the text is indented."""

    stated: Stated
    info: str
    columns: Sequence[int]
    closed: bool


class Table(NamedTuple):
    """A table of GitHub's Markdown, and what stands in its rows behind the last column, where nobody sees it."""

    head: tuple[Stated, ...]
    rows: tuple[tuple[Stated, ...], ...]
    surplus: tuple[Stated, ...]


@dataclass(slots=True)
class Item:
    """One item of a list: its text, its box where it has one (checked or not), and the items of the lists in it."""

    stated: Stated
    checked: bool | None = None
    items: list[Item] = field(default_factory=list)
    filled: bool = False


class Bullets(NamedTuple):
    """A list with all lists in it."""

    items: Sequence[Item]


class Unread(NamedTuple):
    """What is none of these: in the words of a message, with its first line, and all of its text."""

    stated: Stated
    what: str
    text: str


Part: TypeAlias = Heading | Paragraph | Fence | Table | Bullets | Unread


def parts_of(text: str, source: str) -> Iterator[Part]:
    """Every part of a text whose lines end with LF; a list comes when all of it was read.

    Raises:
        MalformedInput: more lines or parts than a reader can take.
    """
    if (lines := text.count("\n")) > MAX_LINES:
        raise _too_much(source, f"{lines} lines", MAX_LINES)
    tokens = _Tokens(source)
    environment: dict[str, Any] = {}
    _parser().block.parse(text, _parser(), environment, tokens)
    return _Walk(text, source, tokens, environment).parts()


def _too_much(source: str, found: str, most: int) -> MalformedInput:
    message = f"holds {found}; expected at most {most}"
    tip = "check that this is the document you meant, or begin a new one for the next wave"
    return MalformedInput(source, (Problem(kind=ProblemKind.SYNTAX, message=message, tip=tip, line=1, column=1),))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only a process that has such a text pays for it

    return MarkdownIt("commonmark").enable("table")


class _Tokens(list["Token"]):
    """The parser's own list, with a bound: a byte of text can make a kilobyte of tokens."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source

    def append(self, token: Token) -> None:
        if len(self) == MAX_PARTS:
            raise _too_much(self.source, f"more than {MAX_PARTS} pieces of Markdown", MAX_PARTS)
        super().append(token)


def cell_spans(line: str) -> list[tuple[int, int]]:
    """Where the cells of a table's row begin and end, blanks included; a pipe behind a backslash is part of a cell."""
    opening = _FIRST_PIPE.match(line)
    begin = opening.end() if opening else 0
    bounds = [pipe.start() for pipe in _PIPE.finditer(line, begin)]
    ends = bounds if bounds and not line[bounds[-1] + 1 :].strip() else [*bounds, len(line)]
    return [*zip((begin, *(end + 1 for end in ends)), ends, strict=False)]


class _Walk:
    """One pass over the parser's tokens."""

    def __init__(self, text: str, source: str, tokens: _Tokens, environment: dict[str, Any]) -> None:
        self.lines = text.split("\n")
        self.source = source
        self.tokens = tokens
        self.environment = environment
        self.marked = 0
        self.lists: list[list[Item]] = []
        self.open: list[Item] = []

    def parts(self) -> Iterator[Part]:
        for position, token in enumerate(self.tokens, 1):
            kind = token.type
            if kind in {"list_item_open", "blockquote_open"} and token.level + 1 >= MAX_NESTING:
                begin = self._begin(token)
                yield Unread(begin, f"what nests deeper than {MAX_NESTING // 2} lists", begin.text)
            if kind == "list_item_open":
                self.open.append(Item(self._begin(token)._replace(text="")))
                self.lists[-1].append(self.open[-1])
            elif kind == "list_item_close":
                self.open.pop()
            elif kind in {"bullet_list_open", "ordered_list_open"}:
                self.lists.append([])
            elif kind in {"bullet_list_close", "ordered_list_close"}:
                items = self.lists.pop()
                if self.open:
                    self.open[-1].items += items
                else:
                    yield Bullets(items)
            elif kind == "table_open":
                yield self._table(position)
            elif kind == "fence":
                yield self._fence(token)
            elif kind == "heading_open":
                yield Heading(self._inline(self.tokens[position]), int(token.tag[1:]))
            elif kind == "paragraph_open":
                yield from self._paragraph(self.tokens[position])
            elif kind == "html_block":
                yield from self._html(token)
            elif kind == "code_block":
                yield Unread(self._begin(token), "an indented block", token.content)
        yield from self._definitions()

    def _paragraph(self, token: Token) -> Iterator[Part]:
        if not self.open or self.open[-1].filled:
            yield Paragraph(self._inline(token))
            return
        item = self.open[-1]
        item.filled = True
        item.stated = self._inline(token)
        box = token.content[:4]
        if box[:1] == "[" and box[2:] in {"] ", "]\n"} and box[1] in " xX":
            item.checked = box[1] != " "
            item.stated = item.stated._replace(text=item.stated.text[4:].lstrip(" "))

    def _html(self, token: Token) -> Iterator[Part]:
        """``<path>`` alone in a line is HTML to Markdown, and the item of a template to its author."""
        if self.open and not self.open[-1].filled:
            self.open[-1].filled = True
            self.open[-1].stated = self._begin(token)._replace(text=token.content.strip())
        else:
            yield Unread(self._begin(token), "HTML", token.content)

    def _fence(self, token: Token) -> Fence:
        first, end = token.map or (0, 0)
        content = token.content.removesuffix("\n").split("\n") if token.content else []
        # A block in a list is indented, and the parser takes the indentation away.
        columns = [len(self.lines[first + 1 + index]) - len(line) for index, line in enumerate(content)]
        begin = self._begin(token)
        return Fence(begin._replace(text=token.content), token.info.strip(), columns, end - first == len(content) + 2)

    def _table(self, position: int) -> Table:
        rows: list[tuple[Stated, ...]] = []
        surplus: list[Stated] = []
        while (token := self.tokens[position]).type != "table_close":
            position += 1
            if token.type == "tr_open":
                number = (token.map or (0, 0))[0]
                line = self.lines[number]
                row: list[Stated] = []
                spans = cell_spans(line)
                while (token := self.tokens[position]).type != "tr_close":
                    if token.type == "inline":
                        begin, end = spans[len(row)] if len(row) < len(spans) else (len(line), len(line))
                        begin += len(line[begin:end]) - len(line[begin:end].lstrip())
                        row.append(Stated(self._plain(token.content), number + 1, begin + 1))
                    position += 1
                rows.append(tuple(row))
                rest = line[spans[len(row)][0] :].strip("| \t") if len(spans) > len(row) else ""
                if rest:
                    surplus.append(Stated(rest, number + 1, spans[len(row)][0] + 1))
        return Table(rows[0], tuple(rows[1:]), tuple(surplus))

    def _inline(self, token: Token) -> Stated:
        number = (token.map or (0, 0))[0]
        first = token.content.partition("\n")[0]
        column = max(self.lines[number].find(first), 0) + 1
        return Stated(self._plain(token.content), number + 1, column)

    def _begin(self, token: Token) -> Stated:
        """Where a part begins, with its first line."""
        number = (token.map or (0, 0))[0]
        line = self.lines[number]
        return Stated(line.strip(), number + 1, len(line) - len(line.lstrip()) + 1)

    def _definitions(self) -> Iterator[Part]:
        """``[name]: target`` is taken by the parser and shown to nobody."""
        known = self.environment.get("references", {}).values()
        for definition in (*known, *self.environment.get("duplicate_refs", ())):
            number = definition["map"][0]
            line = self.lines[number].strip()
            yield Unread(Stated(line, number + 1, 1), "the definition of a link", line)

    def _plain(self, content: str) -> str:
        """The text that is shown of inline Markdown; what is no text stands as it is written."""
        if len(content) > MAX_MARKED_LINE or _MARKS.isdisjoint(content):
            return content
        self.marked += len(content)
        if self.marked > MAX_MARKED:
            raise _too_much(self.source, f"more than {MAX_MARKED} characters in lines with inline Markdown", MAX_MARKED)
        return "".join(_texts(_parser().inline.parse(content, _parser(), {}, []) or []))


def _texts(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in {"softbreak", "hardbreak"}:
            yield "\n"
        elif token.markup.startswith("_") and not token.content:
            yield token.markup  # of tests/__init__.py, which nobody means to stress
        else:
            yield token.content
