"""One line of a training log: what is a signal, what only looks so, and that nothing else comes out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import Artifact, Malformed, MalformedReason, Progress, Stats, parse_progress, parse_signal

if TYPE_CHECKING:
    from typing import Any

STEPS = st.integers(0, 10**19 - 1)
NUMBERS = st.integers(-(10**19) + 1, 10**19 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
PATHS = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)
    .map(lambda path: path.strip(" \t"))
    .filter(bool)
)


@pytest.mark.parametrize(
    ("line", "current", "total"),
    [
        ("PROGRESS 5 10", 5, 10),
        ("PROGRESS 5 10\n", 5, 10),
        ("PROGRESS 5 10\r\n", 5, 10),
        (b"PROGRESS 5 10\n", 5, 10),
        ("PROGRESS 0 0", 0, 0),
        ("PROGRESS 10 10", 10, 10),
        ("PROGRESS\t5 \t10 ", 5, 10),
        ("PROGRESS 005 10", 5, 10),
        ("PROGRESS 9999999999999999999 9999999999999999999", 10**19 - 1, 10**19 - 1),
        ("Epoch 1:  50%|#####     |\rPROGRESS 5 10", 5, 10),
        ("\x1b[2K\x1b[1GPROGRESS 5 10\x1b[0m", 5, 10),
        (b"Epoch \xe5\xa3 50%\rPROGRESS 5 10", 5, 10),
        (b"\xff\xfe\rPROGRESS 5 10\r\n", 5, 10),
    ],
)
def test_progress(line: str | bytes, current: int, total: int) -> None:
    assert parse_progress(line) == Progress(current=current, total=total)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "loss 0.25",
        'STATS {"loss": 0.25}',
        "ARTIFACT runs/PROGRESS 5 10",
        "PROGRESS",
        "PROGRESS 5",
        "PROGRESS 5 10 15",
        "PROGRESSIVE 5 10",
        "PROGRESS5 10",
        "progress 5 10",
        " PROGRESS 5 10",
        "PROGRESS 11 10",
        "PROGRESS -1 10",
        "PROGRESS +1 10",
        "PROGRESS 1.0 10",
        "PROGRESS 1_0 10",
        "PROGRESS 0x1 10",
        "PROGRESS 1/10",
        "PROGRESS \u0665 10",
        "PROGRESS \uff15 10",
        "PROGRESS 5\u00a010",
        "PROGRESS 5 10000000000000000000",
        "PROGRESS 5 10\n\n",
        "PROGRESS 5 10\nPROGRESS 6 10\n",
        "PROGRESS 5 10\rdone",
        "PROGRESS 5 10\r\r\n",
        b"PROGRESS 5 \xff10",
        "\x1b[PROGRESS 5 10",
        "x\x1b[0mPROGRESS 5 10",
    ],
)
def test_no_progress(line: str | bytes) -> None:
    assert parse_progress(line) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (None, "line: expected str or bytes, found NoneType"),
        (5, "line: expected str or bytes, found int"),
        (bytearray(b"PROGRESS 5 10"), "line: expected str or bytes, found bytearray"),
    ],
)
def test_misuse(line: object, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        parse_progress(line)  # type: ignore[arg-type]
    assert str(caught.value) == message


@given(STEPS, STEPS, st.sampled_from(["", "\n", "\r\n"]))
def test_what_is_formatted_is_parsed(first: int, second: int, end: str) -> None:
    current, total = sorted((first, second))
    line = f"PROGRESS {current} {total}{end}"

    assert parse_progress(line) == parse_progress(line.encode()) == (current, total)
    assert (parse_progress(f"PROGRESS {total} {current}{end}") is None) == (current != total)


@given(st.text() | st.binary() | st.text("PROGES 0123456789\r\n\x1b[mK").map("PROGRESS ".__add__))
def test_no_line_raises_and_every_progress_is_in_order(line: str | bytes) -> None:
    found = parse_progress(line)

    assert found is None or 0 <= found.current <= found.total < 10**19


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        ("PROGRESS 5 10", Progress(5, 10)),
        (b'STATS {"loss": 0.25}\r\n', Stats({"loss": 0.25})),
        (' 50%|###  |\rSTATS {"loss": 1e-3, "event": "train"}\n', Stats({"loss": 0.001, "event": "train"})),
        ("ARTIFACT out/voice 2.nemo \n", Artifact("out/voice 2.nemo")),
        ("ARTIFACT \u97f3/\u58f0.nemo", Artifact("\u97f3/\u58f0.nemo")),
        ("PROGRESSIVE 1 2", None),
        ("loss 0.25", None),
        ("", None),
        ("PROGRESS 5", Malformed(MalformedReason.PROGRESS_FIELDS, "PROGRESS", "PROGRESS 5")),
        ("PROGRESS 5 4", Malformed(MalformedReason.PROGRESS_RANGE, "PROGRESS", "PROGRESS 5 4")),
        ("STATS {", Malformed(MalformedReason.STATS_SYNTAX, "STATS", "STATS {")),
        ("STATS [1]", Malformed(MalformedReason.STATS_NOT_OBJECT, "STATS", "STATS [1]")),
        ('STATS {"a": NaN}', Malformed(MalformedReason.STATS_NOT_FINITE, "STATS", 'STATS {"a": NaN}')),
        ('STATS {"a": 1, "a": 1}', Malformed(MalformedReason.STATS_DUPLICATE_KEY, "STATS", 'STATS {"a": 1, "a": 1}')),
        ("STATS {\n}", Malformed(MalformedReason.LINE_BREAK, "STATS", "STATS {\n}")),
        ("ARTIFACT \udcff", Malformed(MalformedReason.ENCODING, "ARTIFACT", "ARTIFACT \ufffd\ufffd\ufffd")),
        (b"ARTIFACT \xff", Malformed(MalformedReason.ENCODING, "ARTIFACT", "ARTIFACT \ufffd")),
        ("ARTIFACT " + "a" * 5000, Malformed(MalformedReason.LINE_TOO_LONG, "ARTIFACT", "ARTIFACT " + "a" * 111)),
    ],
)
def test_signal(line: str | bytes, signal: object) -> None:
    found = parse_signal(line)

    assert found == signal
    assert type(found) is type(signal)


def test_misuse_of_parse_signal() -> None:
    with pytest.raises(TypeError) as caught:
        parse_signal(5)  # type: ignore[arg-type]
    assert str(caught.value) == "line: expected str or bytes, found int"


@given(
    st.builds(lambda first, second: Progress(*sorted((first, second))), STEPS, STEPS)
    | st.builds(Stats, st.dictionaries(TEXT, VALUES, max_size=6))
    | st.builds(Artifact, PATHS)
)
def test_what_an_event_states_is_read_back(event: Progress | Stats | Artifact) -> None:
    line = format(event)

    if len(line.encode()) <= 4096:
        assert parse_signal(line) == parse_signal(line.encode()) == event
        assert parse_progress(line) == (event if isinstance(event, Progress) else None)


@given(
    st.text()
    | st.binary()
    | st.text('PROGESTAIFC 0123456789\r\n\x1b[m{}":,.eE-NaN').map("PROGRESS ".__add__)
    | st.text('0123456789{}[]":,.eE-NaNInfinity \\u').map('STATS {"a": '.__add__)
    | st.binary().map(b"ARTIFACT ".__add__)
)
def test_no_line_raises_and_every_signal_keeps_its_promise(line: str | bytes) -> None:
    found = parse_signal(line)

    assert parse_progress(line) == (found if isinstance(found, Progress) else None)
    if isinstance(found, Malformed):
        assert len(found.text) <= 120
    elif found is not None:
        assert not isinstance(found, Stats) or all(map(math.isfinite, numbers(found.values)))
        assert parse_signal(str(found)) == found


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for member in value.values() for number in numbers(member)]
    if isinstance(value, list):
        return [number for member in value for number in numbers(member)]
    return [value] if isinstance(value, int | float) else []


def test_a_long_line_is_answered_at_once() -> None:
    assert parse_signal("STATS " + "[" * 1_000_000) is not None
    assert parse_signal('STATS {"a": ' + "9" * 1_000_000 + "}") is not None
    assert parse_signal("\x1b[0" * 300_000 + "PROGRESS 5 10") is None
    assert parse_progress("\x1b[" * 1_000_000 + "PROGRESS 5 10") is None
    assert parse_progress("PROGRESS " + "1" * 1_000_000) is None
    assert parse_progress("PROGRESS 5" + " " * 1_000_000 + "x") is None
