"""YAML, strictly: a text in which all readers see the same tree, with the place of every value.

PyYAML's parser decides what is YAML. Its constructors, which make objects and turn words into other things, are never asked.

Rules kept here:

1. Refused is what lets two readers see two things in one text, or makes a small text large: repeated keys, anchors and
   aliases, merge keys, tags, directives, a second document, a carriage return that ends no line, characters that nobody
   sees, deep nesting.
2. A scalar keeps its text beside what YAML 1.1 takes it for, since ``no`` is false to one reader and a word to the next.
3. All problems are told with line and column; those of the syntax end the reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from helix_tts_policy.document import (
    MAX_DEPTH,
    MAX_PROBLEMS,
    UNSAFE_TEXT,
    Scan,
    line_and_column,
    more_problems,
    place_within,
    pointer_token,
    unsafe_message,
)
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.finding import printable, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAX_YAML_LENGTH = 128 * 1024
"""Characters of one YAML text: PyYAML reads the worst of that size in two seconds. The front matter of a voice's model card
has some hundreds, that of the largest known cards (a model with results for a thousand tasks) about as many as fit."""

_CHECK_TEXT = "check the text against https://yaml.org/spec/1.1/"
_LONE_RETURN = re.compile(r"\r(?!\n)")
_MERGE = "tag:yaml.org,2002:merge"


class YamlMeaning(StrEnum):
    """What YAML 1.1 takes a scalar for, in the words of a message."""

    TEXT = "text"
    NULL = "null"
    TRUE = "true"
    FALSE = "false"
    NUMBER = "a number"
    DATE = "a date"


_MEANINGS = {
    "tag:yaml.org,2002:null": YamlMeaning.NULL,
    "tag:yaml.org,2002:int": YamlMeaning.NUMBER,
    "tag:yaml.org,2002:float": YamlMeaning.NUMBER,
    "tag:yaml.org,2002:timestamp": YamlMeaning.DATE,
}
_BOOLEAN = "tag:yaml.org,2002:bool"
_TRUE_WORDS = frozenset({"yes", "true", "on"})


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """A value without parts: where it begins, its text without quotes and escapes, and what it is taken for."""

    offset: int
    text: str
    meaning: YamlMeaning


@dataclass(frozen=True, slots=True)
class YamlList:
    """A list: where it begins, and its items."""

    offset: int
    items: tuple[YamlNode, ...]


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """A mapping: where it begins, its members by the text of their keys, and where each key stands."""

    offset: int
    members: Mapping[str, YamlNode]
    keys: Mapping[str, int]


YamlNode: TypeAlias = YamlScalar | YamlList | YamlMapping


def compose_yaml(
    text: str, source: str, *, start: int = 0, end: int | None = None, begin: tuple[int, int] = (1, 1)
) -> YamlNode | None:
    """The tree of the YAML between two offsets of a text, or None where nothing stands; offsets count in the whole text.

    Args:
        text: the document.
        source: what it is called.
        start: where the YAML begins.
        end: where it ends; None for the end of the text.
        begin: the line and column at which the text begins, where it stands within another one.

    Raises:
        MalformedInput: too long, no YAML, or YAML that is refused; with all problems.
    """
    stop = len(text) if end is None else end
    if stop - start > MAX_YAML_LENGTH:
        message = f"holds {stop - start} characters of YAML; expected at most {MAX_YAML_LENGTH}"
        problems = _Problems(text, begin)
        problems.add(ProblemKind.SYNTAX, message, "check that this is the document you meant", "", start)
        raise MalformedInput(source, problems.told())
    problems = _unseen(text, start, stop, begin)
    tree = None
    if not problems.count:
        tree = _Tree(text[start:stop], start, problems).root()
    if problems.count:
        raise MalformedInput(source, problems.told())
    return tree


def check_seen(text: str, source: str) -> None:
    """Do nothing for a text in which a reader sees all that stands there; a carriage return may only end a line.

    Raises:
        MalformedInput: it holds characters that nobody sees; with all places.
    """
    problems = _unseen(text, 0, len(text), (1, 1))
    if problems.count:
        raise MalformedInput(source, problems.told())


def _unseen(text: str, start: int, stop: int, begin: tuple[int, int]) -> _Problems:
    problems = _Problems(text, begin)
    for unsafe in UNSAFE_TEXT.finditer(text, start, stop):
        problems.add(
            ProblemKind.UNSAFE_TEXT, unsafe_message(unsafe[0]), "write the text without it", "", unsafe.start()
        )
    for lone in _LONE_RETURN.finditer(text, start, stop):
        message = "holds a carriage return that ends no line; some readers begin a line there"
        problems.add(ProblemKind.UNSAFE_TEXT, message, "end lines with a line feed", "", lone.start())
    return problems


def yaml_places(root: YamlNode | None, wanted: Collection[str]) -> Scan:
    """Where the wanted values and keys of a tree stand, by JSON pointer."""
    found = Scan()
    for pointer in wanted:
        node, key = root, None
        for token in pointer.split("/")[1:]:
            step = token.replace("~1", "/").replace("~0", "~")
            node, key = _below(node, step)
        if node is not None:
            found.values[pointer] = node.offset
        if key is not None:
            found.keys[pointer] = key
    return found


def _below(node: YamlNode | None, step: str) -> tuple[YamlNode | None, int | None]:
    if isinstance(node, YamlMapping):
        return node.members.get(step), node.keys.get(step)
    if isinstance(node, YamlList) and step.isdecimal() and len(step) <= len(str(MAX_YAML_LENGTH)):
        return next(iter(node.items[int(step) :]), None), None
    return None, None


class _Problems:
    """The first problems, each in full, and the number of all: a text can have one at every character."""

    def __init__(self, text: str, begin: tuple[int, int]) -> None:
        self.text = text
        self.begin = begin
        self.count = 0
        self._first: list[Problem] = []

    def add(self, kind: ProblemKind, message: str, tip: str, path: str, offset: int) -> None:
        self.count += 1
        if self.count <= MAX_PROBLEMS:
            line, column = self.place(offset)
            self._first.append(Problem(kind=kind, message=message, tip=tip, path=path, line=line, column=column))

    def place(self, offset: int) -> tuple[int, int]:
        return place_within(line_and_column(self.text, offset), self.begin)

    def told(self) -> tuple[Problem, ...]:
        return (*self._first, *more_problems(self._first, self.count))


@dataclass(slots=True)
class _Open:
    """A list or mapping of which not all parts were read."""

    offset: int
    is_mapping: bool
    items: list[YamlNode] = field(default_factory=list)
    members: dict[str, YamlNode] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    key: str | None = None

    @property
    def step(self) -> str:
        """The last step of the pointer to the part that is read next; empty for a key."""
        if not self.is_mapping:
            return f"/{len(self.items)}"
        return "" if self.key is None else f"/{pointer_token(self.key)}"

    def closed(self) -> YamlNode:
        if self.is_mapping:
            return YamlMapping(self.offset, self.members, self.keys)
        return YamlList(self.offset, tuple(self.items))


class _Tree:
    """One pass over the events of a text."""

    def __init__(self, text: str, start: int, problems: _Problems) -> None:
        import yaml  # noqa: PLC0415 - only a process that has such a text pays for it

        self.yaml = yaml
        self.loader: Any = yaml.SafeLoader(text)
        self.resolver: Any = yaml.resolver.Resolver()  # not the loader's, to which any package may have added words
        self.start = start
        self.problems = problems
        self.open: list[_Open] = []
        self.tree: YamlNode | None = None

    def root(self) -> YamlNode | None:
        loader, yaml = self.loader, self.yaml
        try:
            while loader.check_event() and self._take(loader.get_event()):
                pass
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = loader.index if mark is None else mark.index
            reason = (error.problem or "it breaks off").replace(r"'\x00'", "the end")
            self._refuse(f"is no YAML: {printable(reason)[:200]}", _CHECK_TEXT, place)
        except (ValueError, OverflowError):  # PyYAML converts the digits of an escape or a version without looking
            self._refuse("is no YAML: it holds a number that is out of range", _CHECK_TEXT, loader.index)
        return self.tree

    def _take(self, event: Any) -> bool:
        """Take one event into the tree; False where no more should be read."""
        yaml, place = self.yaml, event.start_mark.index
        if isinstance(event, yaml.DocumentStartEvent):
            if event.version or event.tags:
                self._refuse("found a directive; expected plain values", "remove it", place)
            if self.tree is not None:
                self._refuse("a second document begins; expected one", "keep the one that is meant", place)
                return False
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(f"found the alias {shown(event.anchor)}; expected a value", "write the value itself", place)
            self._place(YamlScalar(self.start + place, "", YamlMeaning.NULL))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._place(self.open.pop().closed())
        elif isinstance(event, yaml.NodeEvent):
            for what, name in (("anchor", event.anchor), ("tag", event.tag)):
                if name is not None:
                    message = f"found the {what} {shown(name)}; expected a plain value"
                    self._refuse(message, f"write the value without the {what}", place)
            if isinstance(event, yaml.ScalarEvent):
                self._take_scalar(
                    event.value, self.resolver.resolve(yaml.ScalarNode, event.value, event.implicit), place
                )
            else:
                return self._open(place, is_mapping=isinstance(event, yaml.MappingStartEvent))
        return True

    def _take_scalar(self, text: str, tag: str, place: int) -> None:
        if unsafe := UNSAFE_TEXT.search(text):  # written as an escape, since the text of the document has none
            self._refuse(unsafe_message(unsafe[0]), "write the text without it", place, ProblemKind.UNSAFE_TEXT)
        if tag == _MERGE and self._awaits_key():
            self._refuse("found a merge key; expected a plain key", "write the members themselves", place)
        self._place(YamlScalar(self.start + place, text, _meaning(tag, text)))

    def _open(self, place: int, *, is_mapping: bool) -> bool:
        if self._awaits_key():
            self._refuse("found a list or mapping as a key; expected a text", "write a plain key", place)
        if len(self.open) == MAX_DEPTH:
            self._refuse(f"nests deeper than {MAX_DEPTH} levels", "check that this is the document you meant", place)
            return False
        self.open.append(_Open(self.start + place, is_mapping))
        return True

    def _awaits_key(self) -> bool:
        return bool(self.open) and self.open[-1].is_mapping and self.open[-1].key is None

    def _place(self, node: YamlNode) -> None:
        """Put a finished part where it belongs."""
        if not self.open:
            self.tree = node
            return
        owner = self.open[-1]
        if not owner.is_mapping:
            owner.items.append(node)
        elif owner.key is not None:
            owner.members[owner.key] = node
            owner.key = None
        else:
            owner.key = node.text if isinstance(node, YamlScalar) else ""
            first = owner.keys.setdefault(owner.key, node.offset)
            if first != node.offset:
                line, column = self.problems.place(first)
                message = (
                    f"the key stands twice in one object, first at {line}:{column}; readers disagree which value counts"
                )
                tip = "keep the one value that is true"
                self._refuse(message, tip, node.offset - self.start, ProblemKind.DUPLICATE_KEY)

    def _refuse(self, message: str, tip: str, place: int, kind: ProblemKind = ProblemKind.SYNTAX) -> None:
        pointer = "".join(each.step for each in self.open)
        self.problems.add(kind, message, tip, pointer, self.start + place)


def _meaning(tag: str, text: str) -> YamlMeaning:
    if tag == _BOOLEAN:
        return YamlMeaning.TRUE if text.lower() in _TRUE_WORDS else YamlMeaning.FALSE
    return _MEANINGS.get(tag, YamlMeaning.TEXT)
