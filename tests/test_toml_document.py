"""Positions in TOML: the second walk finds what ``tomllib`` finds, and at each place stands what it says."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from helix_tts_policy.document import MAX_PROBLEMS, pointer_token
from helix_tts_policy.errors import MalformedInput, ProblemKind
from helix_tts_policy.toml_document import read_toml, scan_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = st.sampled_from(["a", "b-1", "_", '"c d"', "'e.f'", '"g\\"h"', '"i/j~k"', '"#"', '"["', '"\\u0041"', "1"])
BLANK = st.sampled_from(["", " ", "\t", "  "])
GAP = st.sampled_from(["", " ", "\n", ' # ] } , = "\n ', "\r\n\t"])
SCALARS = st.sampled_from(
    ["1", "-0x1F".replace("-", ""), "1.5e3", "true", "inf", "2026-11-24", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z",
     "10:00:00", '""', '"a # ] } ["', '"\\"\\\\"', "'\\'", "''", '"""\n a "" b \\" ] \n"""', '"""x"""""', "'''\n ' '' ]\n'''", "'''x'''''",
     '"=\\t"']
)  # fmt: skip


@st.composite
def keys(draw: st.DrawFn) -> str:
    parts = draw(st.lists(KEYS, min_size=1, max_size=3))
    return f"{draw(BLANK)}.{draw(BLANK)}".join(parts)


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    items = draw(st.lists(inner, max_size=4))
    body = ",".join(f"{draw(GAP)}{item}{draw(GAP)}" for item in items)
    comma = draw(st.sampled_from(["", ","])) if items else ""
    return f"[{body}{comma}{draw(GAP)}]"


@st.composite
def inline_tables(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    pairs = [f"{draw(keys())} = {draw(inner)}" for _ in range(draw(st.integers(0, 3)))]
    return "{ " + ", ".join(pairs) + " }"


VALUES = st.recursive(SCALARS, lambda inner: arrays(inner) | inline_tables(inner), max_leaves=8)


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.integers(0, 5))
        if kind == 0:
            lines.append(f"[{draw(BLANK)}{draw(keys())}{draw(BLANK)}]")
        elif kind == 1:
            lines.append(f"[[{draw(keys())}]] # [x]")
        elif kind == 2:
            lines.append(draw(st.sampled_from(["", "# a = [", "\t"])))
        else:
            lines.append(f"{draw(BLANK)}{draw(keys())}{draw(BLANK)}={draw(BLANK)}{draw(VALUES)}{draw(BLANK)}")
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


def pointers(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    yield pointer, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from pointers(inner, f"{pointer}/{pointer_token(key)}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from pointers(inner, f"{pointer}/{index}")


def read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


@given(documents())
def test_the_walk_finds_every_value_that_tomllib_finds_and_no_other(text: str) -> None:
    value = read(text)
    if value is None:
        return
    wanted = {pointer for pointer, _ in pointers(value)}

    assert scan_toml(text, wanted | {"/no/such/place"}).values.keys() == wanted


@given(documents())
def test_at_its_place_stands_the_value(text: str) -> None:
    value = read(text)
    if value is None:
        return
    found = scan_toml(text, {pointer for pointer, _ in pointers(value)}).values
    for pointer, inner in pointers(value):
        if isinstance(inner, dict | list):
            continue
        rest = text[found[pointer] :]
        note(f"{pointer} at {rest!r}")
        ends = [end for end in range(1, len(rest) + 1) if read(f"x = {rest[:end]}") is not None]
        assert any(str(read(f"x = {rest[:end]}")) == str({"x": inner}) for end in ends)


def test_tables_and_keys_have_places() -> None:
    text = 'a = 1\n[t.u]\nb.c = [\n  2, { d = "x" },\n]\n[[r]]\ne = 3\n[[r]]\n[r.s]\nf = 4\n'
    found = scan_toml(text, {pointer for pointer, _ in pointers(tomllib.loads(text))})

    assert {pointer: text[offset:].partition("\n")[0] for pointer, offset in found.values.items()} == {
        "": "a = 1",
        "/a": "1",
        "/t": "[t.u]",
        "/t/u": "[t.u]",
        "/t/u/b": "b.c = [",
        "/t/u/b/c": "[",
        "/t/u/b/c/0": '2, { d = "x" },',
        "/t/u/b/c/1": '{ d = "x" },',
        "/t/u/b/c/1/d": '"x" },',
        "/r": "[[r]]",
        "/r/0": "[[r]]",
        "/r/0/e": "3",
        "/r/1": "[[r]]",
        "/r/1/s": "[r.s]",
        "/r/1/s/f": "4",
    }
    assert text[found.keys["/t/u/b/c/1/d"] :].startswith("d = ")


def unsafe(text: str) -> list[tuple[str, int | None, int | None]]:
    with pytest.raises(MalformedInput) as caught:
        read_toml(text.encode(), "policy.toml")
    assert {problem.kind for problem in caught.value.problems} == {ProblemKind.UNSAFE_TEXT}
    return [(problem.path, problem.line, problem.column) for problem in caught.value.problems]


def test_an_escape_writes_nothing_that_the_text_does_not_show() -> None:
    assert unsafe('a = 1\nb = "x\\u202ey"\n') == [("/b", 2, 5)]
    assert unsafe('[t]\n"k\\u0007" = [1, "\\u001b[31m"]\n') == [("/t", 2, 1), ("/t/k\x07/1", 2, 17)]
    assert unsafe('a = 1 # \u202e\nb = "x\\u202ey"\n') == [("", 1, 9)]
    value, _ = read_toml(b'a = "one\\ntwo\\tthree \\"four\\""\n', "policy.toml")
    assert value == {"a": 'one\ntwo\tthree "four"'}


def test_of_many_unsafe_characters_the_first_are_told_and_the_rest_counted() -> None:
    with pytest.raises(MalformedInput) as caught:
        read_toml(("# " + "\u202e" * 5000).encode(), "policy.toml")
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert caught.value.problems[-1].message.startswith(f"{5000 - MAX_PROBLEMS} more ")


def test_a_place_with_a_pointer_too_long_is_not_looked_for() -> None:
    name = "n" * 600
    text = f'[{name}]\na = "x\\u0007"\n[[{name}2]]\nb = 1\n[c]\nd = 2\n'
    assert scan_toml(text, {f"/{name}", f"/{name}/a", f"/{name}2", f"/{name}2/0", "/c/d"}).values.keys() == {"", "/c/d"}
    assert unsafe(text) == [("", 1, 1)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"{'a.' * 70}b = 1\n", (None, None)),
        (f"x = 1\n{'a.' * 100_000}b = 1\n", (2, 1)),
        (f"  [{'a . ' * 300}b]\n", (1, 4)),
        (f"x = {{ {'a.' * 300}b = 1 }}\n", (1, 7)),
        (f"{chr(34)}a{chr(34)}.{'a.' * 300}b = 1\n", (1, 1)),
    ],
    ids=["few", "many", "table", "inline", "quoted"],
)
def test_a_key_of_many_parts_is_refused_before_it_costs_anything(
    text: str, place: tuple[int | None, int | None]
) -> None:
    with pytest.raises(MalformedInput) as caught:
        read_toml(text.encode(), "policy.toml")
    assert [(problem.message, problem.line, problem.column) for problem in caught.value.problems] == [
        ("nests deeper than 64 levels", *place)
    ]


def test_dots_in_a_text_are_no_levels() -> None:
    text = "w." * 200
    assert read_toml(f'x = "{text}" # {text}\n'.encode(), "policy.toml")[0] == {"x": text}


def test_a_repeated_key_is_told_as_one() -> None:
    for text in ("a = 1\na = 2\n", "[t]\n[t]\n", "a.b = 1\na = 2\n", "a = {}\na.b = 1\n"):
        with pytest.raises(MalformedInput) as caught:
            read_toml(text.encode(), "policy.toml")
        (problem,) = caught.value.problems
        assert (problem.kind, problem.tip) == (ProblemKind.DUPLICATE_KEY, "keep the one value that is true")
        assert problem.message.startswith("a key or table stands twice: cannot ")
