"""The figures of a run: in which order they are told, what is drawn of them, and what is counted instead."""

from __future__ import annotations

import dataclasses
import math

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sample_promotions import training

from helix_tts_policy.facts.lane_run import Sample
from helix_tts_policy.render.curves import MOST_PLOTS, MOST_ROWS, Curve, curves, plot, plots


def curve(*values: float, name: str = "loss") -> Curve:
    return Curve(name=name, points=tuple(enumerate(values, 1)), left_out=0)


def test_losses_are_told_first() -> None:
    told = {"lr": [1.0], "a_loss": [1.0], "val_loss": [1.0], "loss": [1.0], "accuracy": [1.0]}
    run = training(told).run

    assert run is not None
    assert [each.name for each in curves(run)] == ["loss", "val_loss", "a_loss", "accuracy", "lr"]


def test_what_cannot_be_drawn_is_counted() -> None:
    run = training({"loss": [1.0]}).run
    values = (1.0, math.nan, math.inf, -math.inf, 1e300, 10**400, -(10**99), 2)

    assert run is not None
    samples = tuple(Sample(step, {"loss": value}) for step, value in enumerate(values))
    assert curves(dataclasses.replace(run, samples=samples)) == (
        Curve(name="loss", points=((0, 1.0), (6, -(10**99)), (7, 2)), left_out=5),
    )


@pytest.mark.parametrize(
    ("values", "blocks", "sentence"),
    [
        ((), "", "no value that can be drawn"),
        ((2.0,), "▁", "one value, 2 at step 1"),
        ((1.0, 1.0), "▁▁", "2 values, from 1 at step 1 to 1 at step 2; the lowest is 1, the highest 1"),
        ((8.0, 4.5, 1.0), "█▅▁", "3 values, from 8 at step 1 to 1 at step 3; the lowest is 1, the highest 8"),
        (
            (-1e99, 1e99),
            "▁█",
            "2 values, from -1e+99 at step 1 to 1e+99 at step 2; the lowest is -1e+99, the highest 1e+99",
        ),
    ],
)
def test_a_curve_in_blocks_and_in_a_sentence(values: tuple[float, ...], blocks: str, sentence: str) -> None:
    told = curve(*values)

    assert told.blocks == blocks
    assert told.told == sentence


def test_of_a_long_curve_a_table_lists_an_even_choice_with_both_ends() -> None:
    told = curve(*range(500))

    assert len(told.rows) == MOST_ROWS
    assert (told.rows[0], told.rows[-1]) == (told.points[0], told.points[-1])
    assert {after[0] - before[0] for before, after in zip(told.rows, told.rows[1:], strict=False)} == {10, 11}
    assert len(told.blocks) == 32


def test_only_so_many_figures_are_drawn_and_none_that_is_empty() -> None:
    many = [curve(1.0, name=f"loss {number}") for number in range(MOST_PLOTS + 3)]

    assert list(plots([curve(name="none"), *many])) == [each.name for each in many[:MOST_PLOTS]]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**63), st.floats(-1e100, 1e100)), min_size=1, max_size=5))
def test_whatever_is_drawn_is_a_well_formed_picture(points: list[tuple[int, float]]) -> None:
    drawing = plot(Curve(name="loss", points=tuple(points), left_out=0), "plot-1")

    assert drawing == plot(Curve(name="loss", points=tuple(points), left_out=0), "plot-1")
    html5lib.HTMLParser(strict=True).parseFragment(drawing)


def test_a_plot_has_no_name_of_a_log_no_colour_and_no_date_of_its_own() -> None:
    drawing = plot(curve(3.0, 2.0, name="$\\frac{loss}$ <script>"), "plot-7")

    assert drawing.startswith('<svg viewBox="')
    assert drawing.endswith("</svg>")
    for foreign in (
        "frac",
        "script",
        "style type",
        "DejaVu",
        "<metadata",
        "2026",
        "#000000",
        "#0102",
        "#0405",
        "#0708",
    ):
        assert foreign not in drawing
    assert "stroke: var(--curve, currentColor)" in drawing
    assert drawing.count('id="') == drawing.count('id="plot-7-')
    assert drawing.count("url(#") == drawing.count("url(#plot-7-")
    assert drawing.count('href="#') == drawing.count('href="#plot-7-')
