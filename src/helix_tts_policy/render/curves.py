"""The figures of a training run as people read them: a row of numbers, a line of blocks, and a plot.

Rules kept here:

1. What is drawn is finite; what is not drawn is counted, and the count is told.
2. No name from a log enters a plot, where it could be read as mathematics; it stands in the text around the plot.
3. The same points give the same SVG, whatever a matplotlibrc says. Its colours are those of the page.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from helix_tts_policy.rules.training_subject import is_loss, main_losses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helix_tts_policy.facts.lane_run import LaneRun

MOST_PLOTS: Final = 12
"""Figures that get a plot of their own, losses first; every figure has its row."""

MOST_ROWS: Final = 50
"""Rows of the table beside a plot: a choice with even gaps, the first and the last value among them."""

MOST_DRAWN: Final = 1e100
"""Beyond it an axis overflows."""

_MARKED: Final = 40
"""Up to so many points each is marked, so that a run with one value is not an empty plot."""

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_COLUMNS: Final = 32

_LINE, _GRID, _INK = "#010203", "#040506", "#070809"
"""Colours that stand for those of the page; nothing else in a plot has them."""

_COLOURS: Final = {
    _LINE: "var(--curve, currentColor)",
    _GRID: "var(--rule, currentColor)",
    _INK: "currentColor",
    "#000000": "currentColor",
}

Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One figure of a run over its steps.

    Attributes:
        name: as the log names it.
        points: step and value of everything that can be drawn, in the order of the log.
        left_out: values that cannot: they are not finite, or too large for an axis.
    """

    name: str
    points: Points
    left_out: int

    @property
    def values(self) -> tuple[float, ...]:
        """The values alone."""
        return tuple(value for _, value in self.points)

    @property
    def rows(self) -> Points:
        """The points that the table beside a plot lists."""
        last = len(self.points) - 1
        if last < MOST_ROWS:
            return self.points
        return tuple(self.points[round(index * last / (MOST_ROWS - 1))] for index in range(MOST_ROWS))

    @property
    def blocks(self) -> str:
        """The curve as a line of blocks, the lowest value the lowest block."""
        values = self.values
        if not values:
            return ""
        columns = min(_COLUMNS, len(values))
        shown = [values[round(index * (len(values) - 1) / max(columns - 1, 1))] for index in range(columns)]
        low, high = min(shown), max(shown)
        scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
        return "".join(_BLOCKS[round((value - low) * scale)] for value in shown)

    @property
    def told(self) -> str:
        """The curve in one sentence, for somebody who does not see it."""
        if not self.points:
            return "no value that can be drawn"
        (first, begin), (last, end) = self.points[0], self.points[-1]
        low, high = min(self.values), max(self.values)
        if len(self.points) == 1:
            return f"one value, {figure(begin)} at step {first}"
        return (
            f"{len(self.points)} values, from {figure(begin)} at step {first} to {figure(end)} at step {last}; "
            f"the lowest is {figure(low)}, the highest {figure(high)}"
        )


def curves(run: LaneRun) -> tuple[Curve, ...]:
    """Every figure of the run that has numbers: the main losses, then other losses, then the rest by name."""
    main = main_losses(run.stats)
    history = run.history
    names = sorted(history, key=lambda name: (name not in main, not is_loss(name), name))
    return tuple(_curve(name, history[name]) for name in names)


def _curve(name: str, points: Points) -> Curve:
    drawn = tuple(point for point in points if all(map(_is_drawn, point)))
    return Curve(name=name, points=drawn, left_out=len(points) - len(drawn))


def _is_drawn(value: float) -> bool:
    # Compared before it is made a float: an int may have no float at all. NaN compares with nothing.
    return -MOST_DRAWN <= value <= MOST_DRAWN


def figure(value: float) -> str:
    """A number to six digits."""
    return f"{value:.6g}"


def plot(curve: Curve, name: str) -> str:
    """The curve as an SVG element for a page, whose ids begin with the name.

    The page gives it ``--curve`` and ``--rule``, a name with the id ``NAME-title`` and a description with ``NAME-told``. While it
    is drawn the settings of matplotlib are others, so that no other thread should draw.

    Raises:
        ModuleNotFoundError: there is no matplotlib.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and half a second
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - as above

    with mpl.rc_context():
        mpl.rcdefaults()  # not what a matplotlibrc of this machine says
        mpl.rcParams.update(
            {
                "svg.hashsalt": name,
                "svg.fonttype": "none",
                "font.size": 12,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.edgecolor": _INK,
                "axes.labelcolor": _INK,
                "xtick.color": _INK,
                "ytick.color": _INK,
                "text.color": _INK,
                "path.simplify": False,
            }
        )
        drawing = Figure(figsize=(6.4, 2.4), layout="constrained")
        axes = drawing.add_subplot()
        axes.plot(
            [step for step, _ in curve.points],
            curve.values,
            color=_LINE,
            linewidth=1.8,
            marker="o" if len(curve.points) <= _MARKED else "",
            markersize=3.5,
        )
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color=_GRID, linewidth=0.6)
        stream = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        drawing.savefig(stream, format="svg", transparent=True, metadata=nothing)
    return _element(stream.getvalue(), name)


_PROLOGUE = re.compile(r"\A.*?(?=<svg\b)", re.DOTALL)
_STYLE = re.compile(r"\s*<defs>\s*<style\b.*?</style>\s*</defs>", re.DOTALL)
_START = re.compile(r"<svg\b[^>]*?\bviewBox=\"([^\"]*)\"[^>]*>")
_FONT = re.compile(r" font-family: [^;\"]*;?| ?font: (\d+px) [^;\"]*;")
_ID = re.compile(r"(\bid=\"|url\(#|href=\"#)")


def _element(document: str, name: str) -> str:
    """The document as a part of a page: ids that are its own, colours and font of the page, no style for the whole page."""
    text = _STYLE.sub("", _PROLOGUE.sub("", document), count=1)
    text = _ID.sub(rf"\g<1>{name}-", text)
    text = _FONT.sub(lambda found: f" font-size: {found[1]};" if found[1] else "", text)
    for stands_for, colour in _COLOURS.items():
        text = text.replace(stands_for, colour)
    start = rf'<svg viewBox="\g<1>" role="img" aria-labelledby="{name}-title" aria-describedby="{name}-told" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    return _START.sub(start, text, count=1).strip()


def plots(curves: Sequence[Curve]) -> Mapping[str, str]:
    """The plots of the first figures that can be drawn, by their names."""
    drawn = [curve for curve in curves if curve.points][:MOST_PLOTS]
    return {curve.name: plot(curve, f"plot-{number}") for number, curve in enumerate(drawn, 1)}
