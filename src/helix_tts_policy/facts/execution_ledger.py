"""What an execution ledger says, with the line of every fact: tables, report blocks, checklist, policy, baseline.

A ledger is a Markdown file that people and programs write; no two have the same columns. Rules kept here:

1. The reader is lenient about form and never about content: it finds facts by their names, and judges none.
2. What is not understood is listed, not dropped: columns, keys, tables, lists and blocks that state something unknown.
   Headings and paragraphs are for people, but for the few that are known.
3. The template of a report block is no block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.document import bounded, decode
from helix_tts_policy.facts.ledger_block import BlockReader, bulleted, pair_in, repeated_key
from helix_tts_policy.facts.ledger_markdown import Bullets, Fence, Heading, Paragraph, Stated, Table, parts_of
from helix_tts_policy.facts.ledger_records import (
    ChecklistItem,
    ExecutionLedger,
    LedgerEntry,
    NotUnderstood,
    PolicyLine,
)
from helix_tts_policy.facts.ledger_words import (
    FIELDS,
    LIST_FIELDS,
    field_of,
    is_none,
    is_placeholder,
    prompt_in_heading,
    prompt_of,
    resembles_field,
    without_remark,
)
from helix_tts_policy.yaml_document import check_seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helix_tts_policy.facts.ledger_block import Block, Pair
    from helix_tts_policy.facts.ledger_markdown import Item, Part

MAX_LEDGER_BYTES: Final = 16 * 1024 * 1024
"""Bound of one ledger: 10,000 prompts with a report block each are about 10 MB."""

_YAML = frozenset({"", "yaml", "yml"})
"""What stands behind the fence of a report block."""

_FOR_PEOPLE = frozenset({"objective", "notes"})
"""Fields that no rule looks at; in a text they are words like any other."""


def read_execution_ledger(data: bytes, source: str) -> ExecutionLedger:
    """What the bytes of a ledger say.

    Raises:
        MalformedInput: too large, no UTF-8, empty, characters that nobody sees, or more parts than a reader can take.
    """
    text = decode(bounded(data, source=source, limit=MAX_LEDGER_BYTES), source, kind="ledger")
    check_seen(text, source)
    reading = _Reading(source)
    for part in parts_of(text.replace("\r\n", "\n"), source):
        reading.take(part)
    return reading.ledger()


class _Reading:
    """What was found so far."""

    def __init__(self, source: str) -> None:
        self.blocks_of = BlockReader(source)
        self.title: Stated | None = None
        self.baseline: Stated | None = None
        self.scope: list[Stated] = []
        self.rows: list[LedgerEntry] = []
        self.blocks: list[LedgerEntry] = []
        self.templates: list[Stated] = []
        self.checklist: list[ChecklistItem] = []
        self.policy: list[PolicyLine] = []
        self.not_understood: list[NotUnderstood] = []
        self.tables: list[tuple[str | None, ...]] = []
        self.heading: Stated | None = None
        self.lead = ""  # the heading or paragraph that stands directly above

    def ledger(self) -> ExecutionLedger:
        return ExecutionLedger(
            title=self.title,
            baseline=self.baseline,
            scope=tuple(self.scope),
            tables=tuple(self.tables),
            rows=tuple(self.rows),
            blocks=tuple(self.blocks),
            templates=tuple(self.templates),
            checklist=tuple(self.checklist),
            policy=tuple(self.policy),
            not_understood=tuple(self.not_understood),
        )

    def take(self, part: Part) -> None:
        if isinstance(part, Heading):
            if part.level == 1 and self.title is None:
                self.title = part.stated
            self.heading = part.stated
            self.lead = part.stated.text
        elif isinstance(part, Paragraph):
            for line in _lines_of(part.stated):
                self._prose(line)
            self.lead = part.stated.text
        elif isinstance(part, Table):
            self._table(part)
        elif isinstance(part, Fence):
            self._fence(part)
        elif isinstance(part, Bullets):
            self._list(part.items, self.heading)
        else:
            self._odd(part.stated, part.what, evidence=_speaks_of_prompts(part.text))

    def _odd(self, stated: Stated, what: str, *, evidence: bool) -> None:
        self.not_understood.append(NotUnderstood(stated, what, evidence))

    # --- tables

    def _table(self, table: Table) -> None:
        names: list[str | None] = []
        for cell in table.head:
            name = field_of(cell.text)
            names.append(None if name in names else name)
        if "prompt_id" not in names or not {"status", "commit_sha"} & set(names):
            head = table.head[0]._replace(text=" | ".join(cell.text for cell in table.head))
            self._odd(head, "a table without columns for prompt and status", evidence=False)
            return
        for name, cell in zip(names, table.head, strict=True):
            if name is None:
                self._odd(cell, "the column", evidence=field_of(cell.text) is not None or resembles_field(cell.text))
        for row in table.rows:
            fields = {name: cell for name, cell in zip(names, row, strict=True) if name is not None}
            prompt = prompt_of(fields["prompt_id"].text)
            if prompt is not None:
                self.rows.append(LedgerEntry(stated=row[0], prompt=prompt, fields=fields, table=len(self.tables)))
            elif any(cell.text for cell in row):
                told = row[0]._replace(text=" | ".join(cell.text for cell in row))
                self._odd(told, "a row that names no prompt", evidence=True)
        for rest in table.surplus:
            self._odd(rest, "what stands behind the last column", evidence=True)
        self.tables.append(tuple(names))

    # --- blocks

    def _fence(self, fence: Fence) -> None:
        kind = fence.info.split(" ")[0].casefold()
        if not fence.closed:
            self._odd(fence.stated._replace(text=f"```{fence.info}"), "a fence that nothing closes", evidence=True)
        blocks = self.blocks_of.fenced(fence) if kind in _YAML else []
        left = [block for block in blocks if not self._block(block, self.heading)]
        if len(left) < len(blocks):
            for block in left:
                keys = Stated(", ".join(pair.key.text for pair in block.pairs), block.line, block.column)
                self._odd(keys, "a part of a fenced block", evidence=False)
        else:
            first = fence.stated._replace(text=fence.stated.text.strip().partition("\n")[0])
            evidence = _speaks_of_prompts(fence.stated.text)
            self._odd(first, f"a fenced block of {kind}" if kind else "a fenced block", evidence=evidence)

    def _block(self, block: Block, heading: Stated | None) -> bool:
        """Take a block in; False where it has no field of a report."""
        fields: dict[str, Stated] = {}
        lists: dict[str, tuple[Stated, ...]] = {}
        odd: list[NotUnderstood] = []
        keys: dict[str, Stated] = {}
        problems = [*block.problems]
        for pair in block.pairs:
            name = field_of(pair.key.text)
            if name is None:
                odd.append(NotUnderstood(pair.key, "the key", resembles_field(pair.key.text)))
            elif name in keys:
                problems.append(repeated_key(keys[name], pair.key))
            elif name in LIST_FIELDS:
                lists[name] = _items_of(name, pair)
            elif pair.items:
                odd.append(NotUnderstood(pair.key, "a list in the place of one value", evidence=True))
            else:
                fields[name] = pair.value
            keys.setdefault(name or "", pair.key)
        known = (fields.keys() | lists.keys()) - _FOR_PEOPLE
        if not known:
            return False
        odd += [NotUnderstood(line, "a line that is no part of a pair", evidence=True) for line in block.strange]
        odd += [NotUnderstood(comment, "a comment", evidence=False) for comment in block.comments]
        place = Stated(", ".join(name for name in FIELDS if name in known), block.line, block.column)
        values = [*fields.values(), *(item for items in lists.values() for item in items)]
        stated_id = fields.get("prompt_id")
        if stated_id is not None and is_placeholder(stated_id.text) and all(is_none(value.text) for value in values):
            self.templates.append(place)
            self.not_understood += [each for each in odd if each.evidence]
            return True
        self.not_understood += odd
        named = None if heading is None else prompt_in_heading(heading.text)
        prompt = (None if stated_id is None else prompt_of(stated_id.text)) or named
        if prompt is None:
            self._odd(place, "a report block that names no prompt", evidence=len(known) > 1)
            return True
        self.blocks.append(
            LedgerEntry(
                stated=place,
                prompt=prompt,
                fields=fields,
                lists=lists,
                heading=heading if named is not None else None,
                problems=tuple(problems),
            )
        )
        return True

    # --- lists

    def _list(self, items: Sequence[Item], heading: Stated | None) -> None:
        lead = self.lead.casefold()
        for group in _groups(items):
            names = {field_of(pair[0]) for item in group for pair in _pairs_of(item)} - {None}
            named = heading is not None and prompt_in_heading(heading.text) is not None
            if ("prompt_id" in names or (named and len(names - _FOR_PEOPLE) > 1)) and len(names) > 1:
                self._block(bulleted(group), heading)
                continue
            for item in group:
                self._item(item, lead, heading)

    def _item(self, item: Item, lead: str, heading: Stated | None) -> None:
        stated = item.stated
        if item.checked is not None:
            self.checklist.append(ChecklistItem(stated, item.checked))
        elif "blocker" in lead and "policy" in lead:
            pair = pair_in(stated.text)
            self.policy.append(PolicyLine(stated, pair[0] if pair is not None and " " not in pair[0] else None))
        elif not self._is_baseline(stated):
            for line in _lines_of(stated):
                self._prose(line)
            if lead.startswith("scope"):
                self.scope += [stated, *_all_below(item)]
                return
        if item.items:
            names_prompt = prompt_in_heading(stated.text) is not None
            self._list(item.items, stated if names_prompt else heading)

    # --- prose

    def _prose(self, line: Stated) -> None:
        if self._is_baseline(line):
            return
        if line.text.startswith("|"):
            self._odd(line, "a line like one of a table", evidence=True)
        elif (pair := pair_in(line.text)) is not None:
            name = field_of(pair[0])
            if name is not None and name not in _FOR_PEOPLE:
                self._odd(line, f"a value for {name} outside of table and blocks", evidence=name == "prompt_id")

    def _is_baseline(self, line: Stated) -> bool:
        pair = pair_in(line.text)
        if self.baseline is not None or pair is None or not pair[0].casefold().startswith("baseline"):
            return False
        self.baseline = line._replace(text=without_remark(pair[1].strip(" .")))
        return True


def _lines_of(stated: Stated) -> Iterator[Stated]:
    for index, line in enumerate(stated.text.split("\n")):
        yield stated._replace(text=line.strip(" "), line=stated.line + index)


def _pairs_of(item: Item) -> Iterator[tuple[str, str, int]]:
    return (pair for line in item.stated.text.split("\n") if (pair := pair_in(line)) is not None)


def _groups(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items of a list, cut in front of each that begins another report block."""
    begin = 0
    for index, item in enumerate(items):
        first = next(_pairs_of(item), None)
        if index > begin and first is not None and field_of(first[0]) == "prompt_id":
            yield items[begin:index]
            begin = index
    yield items[begin:]


def _all_below(item: Item) -> Iterator[Stated]:
    for inner in item.items:
        yield inner.stated
        yield from _all_below(inner)


def _items_of(name: str, pair: Pair) -> tuple[Stated, ...]:
    """The items of a list field, which may also stand in one line; only files are cut apart there."""
    items = pair.items
    if items is None and name == "files_changed":
        items = tuple(pair.value._replace(text=part.strip(" ")) for part in pair.value.text.split(", "))
    elif items is None:
        items = (pair.value,)
    return tuple(item for item in items if is_placeholder(item.text) or not is_none(item.text))


def _speaks_of_prompts(text: str) -> bool:
    """Whether a text that is not read may be a report block or a table in another dress."""
    return "prompt_id" in text or "casimir_" in text
