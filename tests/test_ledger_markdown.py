"""Markdown in parts: what each part says, where it stands, and what is told of everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import MalformedInput
from helix_tts_policy.facts import ledger_markdown
from helix_tts_policy.facts.ledger_markdown import (
    Bullets,
    Fence,
    Heading,
    Item,
    Paragraph,
    Stated,
    Table,
    Unread,
    cell_spans,
    parts_of,
)


def parts(text: str) -> list[ledger_markdown.Part]:
    return list(parts_of(text, "ledger.md"))


def shape(items: list[Item]) -> list[tuple[str, int, int, bool | None, object]]:
    return [(*item.stated, item.checked, shape(item.items)) for item in items]


def test_headings_and_paragraphs() -> None:
    assert parts("# A `b`\n\ntext *c*\nmore\n\nTitle\n=====\n") == [
        Heading(Stated("A b", 1, 3), 1),
        Paragraph(Stated("text c\nmore", 3, 1)),
        Heading(Stated("Title", 6, 1), 1),
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("`done`", "done"),
        ("**done**", "done"),
        ("[463434b](https://example.org/463434b)", "463434b"),
        ("<https://example.org>", "https://example.org"),
        ("casimir\\_verdict", "casimir_verdict"),
        ("a &lt; b", "a < b"),
        ("<path> `x`", "<path> x"),
        ("![a voice](voice.png)", "a voice"),
        ("tests/__init__.py", "tests/__init__.py"),
        ("tests/__init__.py `x`", "tests/__init__.py x"),
        ("_done_ `x`", "_done_ x"),
    ],
)
def test_a_text_is_what_is_shown_of_it_but_for_underscores(written: str, shown: str) -> None:
    assert parts(f"x {written}\n") == [Paragraph(Stated(f"x {shown}", 1, 1))]


def test_lists_with_boxes_and_lists_in_them() -> None:
    text = "- [ ] one\n- [x] `two`\n  - deeper\n- [X] three\n- [y] four\n\n1. five\n"
    first, second = parts(text)
    assert isinstance(first, Bullets)
    assert isinstance(second, Bullets)
    assert shape([*first.items]) == [
        ("one", 1, 3, False, []),
        ("two", 2, 3, True, [("deeper", 3, 5, None, [])]),
        ("three", 4, 3, True, []),
        ("[y] four", 5, 3, None, []),
    ]
    assert shape([*second.items]) == [("five", 7, 4, None, [])]


def test_an_item_without_text_and_one_with_two_paragraphs() -> None:
    found = parts("- ```\n  a\n  ```\n- b\n\n  c\n- <path>\n  <!-- d -->\n\n  <e>\n-\n")
    assert found[0] == Fence(Stated("a\n", 1, 1), "", [2], closed=True)
    assert found[1] == Paragraph(Stated("c", 6, 3))
    assert found[2] == Unread(Stated("<e>", 10, 3), "HTML", "<e>\n")
    assert isinstance(found[3], Bullets)
    assert shape([*found[3].items]) == [
        ("", 1, 1, None, []),
        ("b", 4, 3, None, []),
        ("<path>\n<!-- d -->", 7, 1, None, []),
        ("", 11, 1, None, []),
    ]


def test_fences_open_closed_empty_and_indented() -> None:
    assert parts("```yaml\na: 1\n\n```\n") == [Fence(Stated("a: 1\n\n", 1, 1), "yaml", [0, 0], closed=True)]
    assert parts("~~~\n~~~\n") == [Fence(Stated("", 1, 1), "", [], closed=True)]
    assert parts("  ``` yaml x\n  a\n") == [Fence(Stated("a\n", 1, 3), "yaml x", [2], closed=False)]
    assert parts("> ```\n> a\n\nb\n") == [
        Fence(Stated("a\n", 1, 1), "", [2], closed=False),
        Paragraph(Stated("b", 4, 1)),
    ]


def test_tables_know_the_column_of_every_cell() -> None:
    (table,) = parts("| a | `b` |\n|---|---|\n| c \\| d |  e |\n| | f |\n|g|\nh | i\n")
    assert table == Table(
        (Stated("a", 1, 3), Stated("b", 1, 7)),
        (
            (Stated("c | d", 3, 3), Stated("e", 3, 13)),
            (Stated("", 4, 3), Stated("f", 4, 5)),
            (Stated("g", 5, 2), Stated("", 5, 4)),
            (Stated("h", 6, 1), Stated("i", 6, 5)),
        ),
        (),
    )


def test_tables_in_quotes_and_lists() -> None:
    (table,) = parts("> | a | b |\n> |---|---|\n> | c | d |\n")
    assert isinstance(table, Table)
    assert table.rows == ((Stated("c", 3, 5), Stated("d", 3, 9)),)
    table, _ = parts("- | a | b |\n  |---|---|\n  | c | d |\n")
    assert isinstance(table, Table)
    assert table.head == (Stated("a", 1, 5), Stated("b", 1, 9))
    assert table.rows == ((Stated("c", 3, 5), Stated("d", 3, 9)),)


def test_cells_behind_the_last_column_are_told() -> None:
    (table,) = parts("| a |\n|---|\n| b | c | d |\n| e | |\n")
    assert isinstance(table, Table)
    assert [row[0].text for row in table.rows] == ["b", "e"]
    assert table.surplus == (Stated("c | d", 3, 6),)


@given(st.lists(st.sampled_from(["a", "a b ", " `c`", "\\|", "a\\|b", "*d*", "\\\\x"]), min_size=1, max_size=5))
def test_spans_are_the_cells_that_the_parser_sees(cells: list[str]) -> None:
    written = [f"x{cell}" for cell in cells]
    line = f"|{'|'.join(written)}|"
    assert [line[begin:end] for begin, end in cell_spans(line)] == written
    (table,) = parts(f"{line}\n|{'-|' * len(written)}\n")
    assert isinstance(table, Table)
    assert len(table.head) == len(written)


def test_what_is_none_of_these_is_told() -> None:
    text = "<div>\nx\n</div>\n\n    code\n    more\n\n[a]: b\n[a]: c\n\n***\n"
    assert parts(text) == [
        Unread(Stated("<div>", 1, 1), "HTML", "<div>\nx\n</div>\n"),
        Unread(Stated("code", 5, 5), "an indented block", "code\nmore\n"),
        Unread(Stated("[a]: b", 8, 1), "the definition of a link", "[a]: b"),
        Unread(Stated("[a]: c", 9, 1), "the definition of a link", "[a]: c"),
    ]


@pytest.mark.parametrize("opening", ["> ", "- "])
def test_what_nests_too_deep_is_told_and_not_lost(opening: str) -> None:
    found = parts(f"{opening * 30}deep\n")
    assert [part.what for part in found if isinstance(part, Unread)] == ["what nests deeper than 10 lists"]
    assert "deep" not in str([part for part in found if not isinstance(part, Unread)])


def test_too_many_lines_parts_and_marks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_markdown, "MAX_LINES", 10)
    monkeypatch.setattr(ledger_markdown, "MAX_PARTS", 20)
    monkeypatch.setattr(ledger_markdown, "MAX_MARKED", 30)
    monkeypatch.setattr(ledger_markdown, "MAX_MARKED_LINE", 20)
    tip = "check that this is the document you meant, or begin a new one for the next wave"
    for text, message in {
        "\n" * 11: "holds 11 lines; expected at most 10",
        "- a\n" * 10: "holds more than 20 pieces of Markdown; expected at most 20",
        "`a`\n\n" * 5
        + "`abcdefghijklmnop`": "holds more than 30 characters in lines with inline Markdown; expected at most 30",
    }.items():
        with pytest.raises(MalformedInput) as caught:
            parts(text)
        assert [(problem.message, problem.tip) for problem in caught.value.problems] == [(message, tip)]
    assert parts("`a`\n\n" * 3) == [Paragraph(Stated("a", line, 1)) for line in (1, 3, 5)]
    assert parts(f"`{'a' * 30}`\n") == [Paragraph(Stated(f"`{'a' * 30}`", 1, 1))]


@given(st.text(st.sampled_from("ab|-`~>#*[]()<!&\\:.1 \t\n"), max_size=80))
def test_any_text_is_read_and_every_place_lies_in_it(text: str) -> None:
    lines = text.split("\n")
    for part in parts(text):
        for stated in all_stated(part):
            assert 1 <= stated.line <= len(lines)
            assert 1 <= stated.column <= len(lines[stated.line - 1]) + 1


def all_stated(part: ledger_markdown.Part) -> list[Stated]:
    if isinstance(part, Table):
        return [*part.head, *(cell for row in part.rows for cell in row), *part.surplus]
    if isinstance(part, Bullets):
        waiting, found = [*part.items], []
        while waiting:
            item = waiting.pop()
            found.append(item.stated)
            waiting += item.items
        return found
    return [part.stated]
