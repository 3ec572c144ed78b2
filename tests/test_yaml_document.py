"""YAML: what is refused and where, what each word means, and that what is accepted is what PyYAML itself makes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from helix_tts_policy.document import UNSAFE_TEXT, line_and_column, pointer_token
from helix_tts_policy.errors import MalformedInput, Problem
from helix_tts_policy.yaml_document import (
    MAX_YAML_LENGTH,
    YamlList,
    YamlMapping,
    YamlMeaning,
    YamlNode,
    YamlScalar,
    compose_yaml,
    yaml_places,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def told(text: str, **span: int) -> list[str]:
    """The problems of a text that is refused."""
    with pytest.raises(MalformedInput) as caught:
        compose_yaml(text, "x.yaml", **span)  # type: ignore[arg-type]
    return [
        f"{problem.line}:{problem.column} {problem.path} {problem.kind.value}: {problem.message}; {problem.tip}"
        for problem in caught.value.problems
    ]


CHECK = "check the text against https://yaml.org/spec/1.1/"
DEEP = "input-syntax: nests deeper than 64 levels; check that this is the document you meant"
HIDDEN = "which makes the text look other than it is; expected visible characters; write the text without it"
REFUSED = [
    ("a: &x [1]\nb: *x\n", [
        '1:4 /a input-syntax: found the anchor "x"; expected a plain value; write the value without the anchor',
        '2:4 /b input-syntax: found the alias "x"; expected a value; write the value itself',
    ]),
    ("a: {b: 1}\n<<: {c: 2}\n", [
        "2:1  input-syntax: found a merge key; expected a plain key; write the members themselves",
    ]),
    ("a:\n- b: !!python/object/apply:os.system [x]\n- ! c\n", [
        '2:6 /a/0/b input-syntax: found the tag "tag:yaml.org,2002:python/object/apply:os.system"; expected a plain value; write the value without the tag',
        '3:3 /a/1 input-syntax: found the tag "!"; expected a plain value; write the value without the tag',
    ]),
    ("a: !x!y z\n", [f"1:4 /a input-syntax: is no YAML: found undefined tag handle '!x!'; {CHECK}"]),
    ("a: 1\nb: 2\n'a': 3\n\"\\u0061\": 4\n", [
        "3:1 /a input-duplicate-key: the key stands twice in one object, first at 1:1; readers disagree which value counts; keep the one value that is true",
        "4:1 /a input-duplicate-key: the key stands twice in one object, first at 1:1; readers disagree which value counts; keep the one value that is true",
    ]),
    ("a/b~c:\n  d: 1\n  d: 2\n", [
        "3:3 /a~1b~0c/d input-duplicate-key: the key stands twice in one object, first at 2:3; readers disagree which value counts; keep the one value that is true",
    ]),
    ("--- a\n--- b\n", ["2:1  input-syntax: a second document begins; expected one; keep the one that is meant"]),
    ("a: 1\n...\n---\nb: 2\n", ["3:1  input-syntax: a second document begins; expected one; keep the one that is meant"]),
    ("%YAML 1.1\n---\na: 1\n", ["1:1  input-syntax: found a directive; expected plain values; remove it"]),
    ("%TAG !e! tag:acme.dev,2026:\n---\na: 1\n", ["1:1  input-syntax: found a directive; expected plain values; remove it"]),
    (f"%YAML 1.{'9' * 5000}\n---\na: 1\n", [f"1:9  input-syntax: is no YAML: it holds a number that is out of range; {CHECK}"]),
    ("? [a]\n: 1\n", ["1:3  input-syntax: found a list or mapping as a key; expected a text; write a plain key"]),
    ("[" * 66, [f"1:65 {'/0' * 64} {DEEP}"]),
    ("- " * 1000 + "a", [f"1:129 {'/0' * 64} {DEEP}"]),
    ("{a: " * 100_00, [f"1:257 {'/a' * 64} {DEEP}"]),
    ("a:\n\t- b\n", [f"2:1 /a input-syntax: is no YAML: found character '\\t' that cannot start any token; {CHECK}"]),
    ("a: 'b", [f"1:6 /a input-syntax: is no YAML: found unexpected end of stream; {CHECK}"]),
    ("a: *", [f"1:5 /a input-syntax: is no YAML: expected alphabetic or numeric character, but found the end; {CHECK}"]),
    ("a: b: c", [f"1:5  input-syntax: is no YAML: mapping values are not allowed here; {CHECK}"]),
    ("&x &y a", [
        '1:1  input-syntax: found the anchor "x"; expected a plain value; write the value without the anchor',
        f"1:4  input-syntax: is no YAML: expected '<document start>', but found '<anchor>'; {CHECK}",
    ]),
    ('a: "\\UFFFFFFFF"', [f"1:7 /a input-syntax: is no YAML: it holds a number that is out of range; {CHECK}"]),
    ('a: "\\U00110000"', [f"1:7 /a input-syntax: is no YAML: it holds a number that is out of range; {CHECK}"]),
    ('"\\e": ["\\u202e", "\\ud800"]', [
        f"1:1  input-unsafe-text: holds U+001B, {HIDDEN}",
        f"1:8 /\x1b/0 input-unsafe-text: holds U+202E, {HIDDEN}",
        f"1:18 /\x1b/1 input-unsafe-text: holds U+D800, {HIDDEN}",
    ]),
    ("a: b # \u202e\nc: \u200bd\n", [
        f"1:8  input-unsafe-text: holds U+202E, {HIDDEN}",
        f"2:4  input-unsafe-text: holds U+200B, {HIDDEN}",
    ]),
    ("a: 1 # b\rc: 2\r\n", [
        "1:9  input-unsafe-text: holds a carriage return that ends no line; some readers begin a line there; end lines with a line feed",
    ]),
    ("a" * (MAX_YAML_LENGTH + 1), [
        "1:1  input-syntax: holds 131073 characters of YAML; expected at most 131072; check that this is the document you meant",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problems"), REFUSED, ids=lambda value: repr(value)[:30])
def test_what_is_refused_is_told_with_its_place(text: str, problems: list[str]) -> None:
    assert told(text) == problems


def test_an_alias_bomb_is_refused_before_it_is_large() -> None:
    levels = [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]" for level in range(1, 40)]
    problems = told("\n".join(["l0: &l0 [lol]", *levels]))

    assert len(problems) == 101
    assert problems[0].startswith('1:5 /l0 input-syntax: found the anchor "l0"')
    assert problems[-1].endswith("291 more problems of this kind; mend the first ones")


def test_ten_thousand_problems_are_counted() -> None:
    problems = told("a: 1\n" * 20_000)

    assert len(problems) == 101
    assert problems[-1] == "101:1 /a input-duplicate-key: 19899 more problems of this kind; mend the first ones"


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        *((word, YamlMeaning.FALSE) for word in ("no", "No", "NO", "off", "false", "False")),
        *((word, YamlMeaning.TRUE) for word in ("yes", "YES", "on", "On", "true", "TRUE")),
        *((word, YamlMeaning.NULL) for word in ("", "~", "null", "Null", "NULL")),
        *((word, YamlMeaning.NUMBER) for word in ("2.0", "0x1F", "1_000", "12:30:45", "-.inf", ".NaN", "017", "+1")),
        *((word, YamlMeaning.DATE) for word in ("2026-11-24", "2026-11-24T10:30:00Z")),
        *((word, YamlMeaning.TEXT) for word in ("nei", "n", "nO", "2.0.1", "cc-by-4.0", "1e3", "0o17", "=", "<<", "nil")),
        *((word, YamlMeaning.TEXT) for word in ("'no'", '"2.0"', "|\n  no", ">\n  2026-11-24", '""')),
    ],
)  # fmt: skip
def test_a_word_keeps_its_text_beside_what_it_is_taken_for(written: str, meaning: YamlMeaning) -> None:
    tree = compose_yaml(f"a: {written}\n", "x.yaml")

    assert isinstance(tree, YamlMapping)
    value = tree.members["a"]
    assert isinstance(value, YamlScalar)
    assert value.meaning is meaning
    assert value.text.strip() == written.lstrip("|>").strip().strip("'\"")


def test_nothing_is_no_tree() -> None:
    assert compose_yaml("", "x.yaml") is None
    assert compose_yaml(" # a remark\n\n", "x.yaml") is None


def test_a_text_of_the_greatest_length_is_read() -> None:
    tree = compose_yaml("a: " + "b" * (MAX_YAML_LENGTH - 3), "x.yaml")

    assert isinstance(tree, YamlMapping)


def test_words_that_another_package_adds_to_pyyaml_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    added = {
        **yaml.SafeLoader.yaml_implicit_resolvers,
        "m": [("!licence", yaml.resolver.Resolver.yaml_implicit_resolvers["n"][0][1])],
    }
    monkeypatch.setattr(yaml.SafeLoader, "yaml_implicit_resolvers", added)

    assert compose_yaml("mit", "x.yaml") == YamlScalar(0, "mit", YamlMeaning.TEXT)


def test_places_are_those_of_keys_and_values() -> None:
    text = "a:\n- b: 1\n- {c/d~: [x, 'y']}\n\"e\": |\n  z\n"
    tree = compose_yaml(text, "x.yaml")
    wanted = [
        "",
        "/a",
        "/a/0",
        "/a/0/b",
        "/a/1/c~1d~0/1",
        "/e",
        "/f",
        "/a/2",
        "/a/x",
        "/a/0/b/0",
        "/a/99999999999999999999",
        "/a/-1",
    ]
    found = yaml_places(tree, wanted)

    assert {pointer: line_and_column(text, offset) for pointer, offset in found.values.items()} == {
        "": (1, 1),
        "/a": (2, 1),
        "/a/0": (2, 3),
        "/a/0/b": (2, 6),
        "/a/1/c~1d~0/1": (3, 14),
        "/e": (4, 6),
    }
    assert {pointer: text[offset] for pointer, offset in found.keys.items()} == {"/a": "a", "/a/0/b": "b", "/e": '"'}
    assert yaml_places(None, [""]).values == {}


# What PyYAML says of the same text.


def built(node: YamlNode | None) -> Any:
    """The objects that PyYAML makes of the scalars of a tree."""
    if isinstance(node, YamlMapping):
        return {key: built(value) for key, value in node.members.items()}
    if isinstance(node, YamlList):
        return [built(item) for item in node.items]
    if node is None:
        return None
    return node.text if node.meaning is YamlMeaning.TEXT else str(yaml.safe_load(node.text))


def as_text(value: Any) -> Any:
    """The same objects, with everything that is no text, list or mapping in words."""
    if isinstance(value, dict):
        return {key: as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_text(inner) for inner in value]
    return value if isinstance(value, str) else str(value)


SAFE_TEXT = st.text(st.characters(codec="utf-8")).filter(lambda text: "\r" not in text and not UNSAFE_TEXT.search(text))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.dates() | SAFE_TEXT
    | st.sampled_from(["no", "yes", "~", "2.0", "2026-11-24", "<<", "=", "- a", "a: b", "#", "a\nb", "---", "..."]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE_TEXT, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES, st.sampled_from([None, True, False]), st.integers(20, 100))
def test_what_pyyaml_writes_is_read_as_it_was(value: Any, flow: bool | None, width: int) -> None:  # noqa: FBT001 - drawn
    text = yaml.dump(value, Dumper=_Plain, default_flow_style=flow, width=width, allow_unicode=True)

    tree = compose_yaml(text, "x.yaml")
    assert built(tree) == as_text(value)


class _Plain(yaml.SafeDumper):
    """Writes no anchors where one object stands at two places."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


@given(VALUES, st.text("# \n", max_size=5), st.text(max_size=5))
def test_a_part_of_a_text_is_read_as_if_it_stood_alone(value: Any, before: str, behind: str) -> None:
    text = yaml.dump(value, Dumper=_Plain, allow_unicode=True)
    alone = compose_yaml(text, "x.yaml")
    part = compose_yaml(f"{before}{text}{behind}", "x.yaml", start=len(before), end=len(before) + len(text))

    assert built(part) == built(alone)
    assert [offset - len(before) for offset in offsets(part)] == [*offsets(alone)]


def offsets(node: YamlNode | None) -> Iterator[int]:
    if node is None:
        return
    yield node.offset
    if isinstance(node, YamlMapping):
        yield from node.keys.values()
    inner = node.members.values() if isinstance(node, YamlMapping) else node.items if isinstance(node, YamlList) else ()
    for each in inner:
        yield from offsets(each)


@given(st.recursive(SAFE_TEXT, lambda inner: st.lists(inner) | st.dictionaries(SAFE_TEXT, inner), max_leaves=12))
def test_at_its_place_stands_the_value(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    tree = compose_yaml(text, "x.yaml")
    leaves = [*pointers(value)]
    found = yaml_places(tree, [pointer for pointer, _ in leaves]).values

    for pointer, leaf in leaves:
        assert text.startswith(json.dumps(leaf, ensure_ascii=False), found[pointer])


def pointers(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    yield pointer, value
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield from pointers(inner, f"{pointer}/{pointer_token(key)}")


PIECES = st.lists(
    st.sampled_from(
        ["a", "no", "1", "'", '"', ": ", ":", "- ", "-", "? ", "\n", "  ", " ", "\t", "[", "]", "{", "}", ", ", "&x ",
         "*x", "!t ", "!!str ", "<<", "|", ">", "#", "%", "---", "...", "\\", "\\x", "\\U", "0", "@", "`", "~", "=", "\r\n"]
    ),
    max_size=30,
)  # fmt: skip


@given(PIECES.map("".join) | st.text(max_size=50))
@example("? ")
@example("- ? a")
def test_any_text_is_refused_or_read_as_pyyaml_reads_it(text: str) -> None:
    tree: YamlNode | None = None
    problems: tuple[Problem, ...] = ()
    try:
        tree = compose_yaml(text, "x.yaml")
    except MalformedInput as error:
        problems = error.problems
    assert all(problem.message.isprintable() and problem.line and problem.column for problem in problems)
    if tree is not None:
        assert _texts(tree) == yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes nothing but text


def _texts(node: YamlNode) -> Any:
    if isinstance(node, YamlMapping):
        return {key: _texts(value) for key, value in node.members.items()}
    if isinstance(node, YamlList):
        return [_texts(item) for item in node.items]
    return node.text
