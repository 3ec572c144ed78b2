"""One line of a training log: what is progress, what only looks so, and that nothing else comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import Progress, parse_progress

STEPS = st.integers(0, 10**19 - 1)


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


def test_a_long_line_is_answered_at_once() -> None:
    assert parse_progress("\x1b[" * 1_000_000 + "PROGRESS 5 10") is None
    assert parse_progress("PROGRESS " + "1" * 1_000_000) is None
    assert parse_progress("PROGRESS 5" + " " * 1_000_000 + "x") is None
