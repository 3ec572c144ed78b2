"""Report blocks in pairs: read by lines, as YAML or from a list, and saying the same in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helix_tts_policy import MalformedInput
from helix_tts_policy.document import UNSAFE_TEXT
from helix_tts_policy.facts import ledger_block
from helix_tts_policy.facts.ledger_block import Block, BlockReader, Pair, bulleted, is_plain_value, pair_in
from helix_tts_policy.facts.ledger_markdown import Bullets, Fence, Stated, parts_of
from helix_tts_policy.yaml_document import YamlMapping, compose_yaml

if TYPE_CHECKING:
    from helix_tts_policy.errors import Problem


def fence(text: str) -> Fence:
    lines = text.removesuffix("\n").split("\n")
    return Fence(Stated(text, 10, 1), "yaml", [0] * len(lines), closed=True)


def read(text: str) -> list[Block]:
    return BlockReader("ledger.md").fenced(fence(text))


def one(text: str) -> Block:
    (block,) = read(text)
    return block


def said(block: Block) -> dict[str, object]:
    """Keys with the texts of their values or items."""
    return {
        pair.key.text: pair.value.text if pair.items is None else [item.text for item in pair.items]
        for pair in block.pairs
    }


def told(problems: tuple[Problem, ...]) -> list[str]:
    return [f"{problem.line}:{problem.column} {problem.kind.value}: {problem.message}" for problem in problems]


@pytest.fixture
def _no_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_block, "compose_yaml", None)


@pytest.mark.usefixtures("_no_yaml")
def test_a_plain_block_is_read_without_yaml() -> None:
    text = (
        "prompt_id: 3\nfiles_changed:\n  - a b.py\n  - 'it: is # quoted'\nreason:\n\n"
        'casimir_runId: "7"\ncasimir_integrityOk: "true"\ncommit_sha: HEAD (prompt-7 commit)\nurl: http://a:1/#b\nx: <0..7>\n'
    )
    assert one(text) == Block(
        11,
        1,
        (
            Pair(Stated("prompt_id", 11, 1), Stated("3", 11, 12)),
            Pair(
                Stated("files_changed", 12, 1),
                Stated("", 12, 15),
                (Stated("a b.py", 13, 5), Stated("it: is # quoted", 14, 5)),
            ),
            Pair(Stated("reason", 15, 1), Stated("", 15, 8)),
            Pair(Stated("casimir_runId", 17, 1), Stated("7", 17, 16)),
            Pair(Stated("casimir_integrityOk", 18, 1), Stated('"true"', 18, 22)),
            Pair(Stated("commit_sha", 19, 1), Stated("HEAD (prompt-7 commit)", 19, 13)),
            Pair(Stated("url", 20, 1), Stated("http://a:1/#b", 20, 6)),
            Pair(Stated("x", 21, 1), Stated("<0..7>", 21, 4)),
        ),
    )
    assert read("\n") == []


YAML_LINES = st.sampled_from(
    [
        "a: 1",
        "b:",
        "c:   x y  ",
        "a: again",
        "- one",
        "  - two",
        "    - three",
        "  -  four: five",
        "  - 'six'",
        '  - "seven: eight"',
        '  - "nine',
        "  ten",
        "d: 'eleven'  ",
        'e: "true"',
        "f: true",
        "g: ~",
        "h: a: b",
        "i: a #b",
        "j: a#b",
        "k: [a]",
        "l: |",
        "m: *a",
        "n: http://x:1/",
        "o: ends:",
        "# only a comment",
        "",
        "   ",
        "---",
        "p:q",
        "r: <<",
        "s: ''",
        "  - ''",
        "t: it's",
        "\tu: 1",
        "y: no",
        "...",
        "v: .",
        "w: 2026-02-24",
    ]
)


@given(st.lists(YAML_LINES, min_size=1, max_size=8).map("\n".join))
@example("a: 1\n  - two")
@example("b:\n  - two\n    - three")
@example("b:\n- one\na: 1")
def test_plain_lines_say_what_yaml_says(text: str) -> None:
    check_that_lines_and_yaml_agree(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(lambda text: not UNSAFE_TEXT.search(text)))
def test_a_plain_value_is_what_yaml_says(value: str) -> None:
    check_that_lines_and_yaml_agree(f"key: {value}\nlist:\n  - {value}\n")
    if is_plain_value(value):
        assert said(one(f"key: {value}\nlist:\n  - {value}\n")) == {"key": value, "list": [value]}


def check_that_lines_and_yaml_agree(text: str) -> None:
    lines = ledger_block._Lines(fence(text))
    by_line = ledger_block._plain_pairs(lines)
    if not by_line:
        return
    tree = compose_yaml(text, "ledger.md")
    assert isinstance(tree, YamlMapping)
    as_yaml = ledger_block._of_mapping(tree, lines)
    plain = Block(11, 1, tuple(by_line))
    assert said(as_yaml) == said(plain)
    assert as_yaml.strange == ()
    assert [pair.key for pair in as_yaml.pairs] == [pair.key for pair in plain.pairs]
    assert [pair.items for pair in as_yaml.pairs] == [pair.items for pair in plain.pairs]


def test_what_is_no_plain_line_is_read_as_yaml() -> None:
    block = one(
        'a: [b, "c"]\nd: "e\\tf"\ng: {h: i}\nj:\n  - "k": l\n  - m\n  -\n    n: o\n    p: q\nr: "true"\ns: []\n'
    )
    assert said(block) == {
        "a": ["b", "c"],
        "d": "e\tf",
        "g": "{h: i}",
        "j": ['"k": l', "m", "n: o"],
        "r": '"true"',
        "s": [],
    }
    assert block.pairs[3].items == (Stated('"k": l', 15, 5), Stated("m", 16, 5), Stated("n: o", 18, 5))
    assert block.strange == (Stated("{h: i}", 13, 4), Stated("n: o", 18, 5))


def test_a_command_with_a_colon_is_a_command() -> None:
    assert said(one('checks:\n  - curl -H "Accept: json" http://x\n  - npm test # all\n')) == {
        "checks": ['curl -H "Accept: json" http://x', "npm test"]
    }


def test_comments_are_told_since_people_read_them() -> None:
    text = "a: b # c\n# d\ne: 'f # g' # h\ni: \"j\\\" # k\"\nl: [m, n#o] # p\nq: # r\ns: 't'\n"
    block = one(text)
    assert said(block) == {"a": "b", "e": "f # g", "i": 'j" # k', "l": ["m", "n#o"], "q": "", "s": "t"}
    assert sorted(block.comments, key=lambda stated: stated.line) == [
        Stated("# c", 11, 6),
        Stated("# d", 12, 1),
        Stated("# h", 13, 12),
        Stated("# p", 15, 13),
        Stated("# r", 16, 4),
    ]


def test_a_list_of_mappings_holds_several_blocks() -> None:
    first, second = read("- a: 1\n  b: 2\n- a: 3\n- text\n")
    assert (said(first), first.line, first.column) == ({"a": "1", "b": "2"}, 11, 3)
    assert (said(second), second.line) == ({"a": "3"}, 13)


@pytest.mark.parametrize("text", ["just words\n", "- a\n", "# nothing\n", "[]\n"])
def test_what_holds_no_pairs_is_no_block(text: str) -> None:
    assert read(text) == []


def test_what_is_no_yaml_is_told_and_read_line_by_line() -> None:
    text = "a: b: c\n# note\nd: \"e\n  more\"\n\nf:\n\t- g\n  - 'h'\n  i\n-\n? j\nk l: m\nd: n\na: o\n"
    block = one(text)
    assert said(block) == {"a": "b: c", "d": '"e more"', "f": ["g", "h i", ""], "k l": "m"}
    assert block.strange == (Stated("? j", 21, 1),)
    assert told(block.problems) == [
        "11:5 input-syntax: is no YAML: mapping values are not allowed here",
        "23:1 input-duplicate-key: the key stands twice in one block, first at 13:1; readers disagree which value counts",
        "24:1 input-duplicate-key: the key stands twice in one block, first at 11:1; readers disagree which value counts",
    ]
    assert (block.line, block.column) == (11, 1)


def test_a_key_that_yaml_tells_of_is_told_once() -> None:
    block = one("a: 1\na: 2\n")
    assert said(block) == {"a": "1"}
    assert told(block.problems) == [
        "12:1 input-duplicate-key: the key stands twice in one object, first at 11:1; readers disagree which value counts"
    ]


def test_aliases_make_nothing_large() -> None:
    levels = "".join(f"a{level + 1}: &a{level + 1} [{', '.join([f'*a{level}'] * 9)}]\n" for level in range(9))
    block = one(f"a0: &a0 [lol]\n{levels}")
    assert len(block.pairs) == 10
    assert {problem.kind.value for problem in block.problems} == {"input-syntax"}


def test_all_yaml_of_a_ledger_has_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = BlockReader("ledger.md", left=12)
    assert len(reader.fenced(fence("a: [b]\n"))) == 1
    assert len(reader.fenced(fence("a: plain\n" * 1))) == 1
    with pytest.raises(MalformedInput) as caught:
        reader.fenced(fence("a: [b]\n"))
    (problem,) = caught.value.problems
    assert told((problem,)) == [
        "11:1 input-syntax: holds more than 2097152 characters of YAML that is not plain; expected less"
    ]
    assert problem.tip == "write the values of the blocks without quotes and escapes, or begin a new ledger"


def test_an_indented_fence_tells_its_places_in_the_document() -> None:
    fence_, _ = parts_of("- x\n\n  ```yaml\n  a: 1\n  b: [2]\n  b: 3\n  ```\n", "ledger.md")
    assert isinstance(fence_, Fence)
    (block,) = BlockReader("ledger.md").fenced(fence_)
    assert block.pairs[0].value == Stated("1", 4, 6)
    assert told(block.problems) == [
        "6:3 input-duplicate-key: the key stands twice in one object, first at 5:1; readers disagree which value counts"
    ]


def listed(text: str) -> Block:
    (part,) = parts_of(text, "ledger.md")
    assert isinstance(part, Bullets)
    return bulleted(part.items)


def test_a_list_is_a_block() -> None:
    block = listed(
        "- **prompt_id**: `3`\n- files_changed:\n  - `a.py`\n  - 'b\n    c'\n    - deeper\n- words\n  - below\n"
        "- delta: goes\n  on\n- status: done\n  reason: none\n- status: blocked\n"
    )
    assert said(block) == {
        "prompt_id": "3",
        "files_changed": ["a.py", "b c"],
        "delta": "goes on",
        "status": "done",
        "reason": "none",
    }
    assert block.strange == (Stated("deeper", 6, 7), Stated("words", 7, 3), Stated("below", 8, 5))
    assert told(block.problems) == [
        "13:3 input-duplicate-key: the key stands twice in one block, first at 11:3; readers disagree which value counts"
    ]
    assert block.pairs[-1].value == Stated("none", 12, 11)


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("status: done", ("status", "done", 8)),
        ("prompt id:3", None),
        ("prompt id:", ("prompt id", "", 10)),
        ("key :\tvalue ", ("key", "value", 6)),
        ("no colon", None),
        ("http://x", None),
        ("1: x", None),
        (f"{'k' * 101}: x", None),
    ],
)
def test_pairs_in_lines(line: str, pair: tuple[str, str, int] | None) -> None:
    assert pair_in(line) == pair
