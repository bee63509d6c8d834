"""One look for all figures. Colours by Okabe and Ito, which colour-blind people tell apart."""

from textwrap import wrap
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Place = Literal["above", "upper left", "upper right", "lower right"]

BLUE = "#0072B2"
SKY = "#56B4E9"
VERMILION = "#D55E00"
GREEN = "#009E73"
INK = "#1F272D"
GREY = "#6B7780"
PALE = "#D8DEE4"

DASHES = (0, (4, 3))
DOTS = (0, (1, 1.5))

WIDTH_IN = 8.2
TITLE_IN = 0.42
LINE_IN, TITLE_LINE_IN = 0.2, 0.24
EDGE = 0.015
LINE = 100  # characters of a subtitle that fit on a line
TITLE_LINE = 74  # characters of a title that fit on a line

Z_95 = 1.959964


def figure(
    title: str, subtitle: str, height_in: float = 5.0, heights: tuple[float, ...] = (1.0,)
) -> "tuple[Figure, list[Axes]]":
    """A figure with its finding on top and one panel per height below each other.

    height_in: of all panels together.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    titles, lines = wrap(title, TITLE_LINE), wrap(subtitle, LINE)
    title_in = TITLE_IN + TITLE_LINE_IN * (len(titles) - 1)
    head = title_in + LINE_IN * len(lines)
    whole = height_in + head
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.07, rect=(0, 0, 1, height_in / whole))
    made = Figure(figsize=(WIDTH_IN, whole), facecolor="white", layout=layout)
    top = 1 - 0.12 / whole
    shown = "\n".join(titles)
    made.text(EDGE, top, shown, va="top", fontsize=13, fontweight="bold", color=INK)
    below = 1 - title_in / whole
    made.text(EDGE, below, "\n".join(lines), va="top", fontsize=10, color=GREY, linespacing=1.35)
    panels = made.subplots(len(heights), 1, squeeze=False, height_ratios=heights)
    axes = [row[0] for row in panels]
    for each in axes:
        _dress(each)
    return made, axes


def _dress(axes: "Axes") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.grid(color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=10, color=GREY)
    axes.xaxis.label.set(fontsize=10.5, color=INK)
    axes.yaxis.label.set(fontsize=10.5, color=INK)


def legend(axes: "Axes", place: Place = "above", columns: int = 1) -> None:
    if place == "above":
        made = axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=9, borderpad=0)
    else:
        made = axes.legend(loc=place, ncols=columns)
    made.set_frame_on(False)
    for text in made.get_texts():
        text.set(fontsize=10, color=INK)


def date_axis(axes: "Axes") -> None:
    """Short dates: the day, and the month or the year only where it changes."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def shades() -> "Colormap":
    """From few, pale, to many, dark."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shades", ["#DCEBF5", SKY, BLUE, "#00263D"])


def as_percent(*axes: "Axis") -> None:
    from matplotlib.ticker import FuncFormatter

    for axis in axes:
        axis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))


def as_count(*axes: "Axis") -> None:
    """Plain numbers with thousands set apart, on logarithmic axes too."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    for axis in axes:
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axis.set_minor_formatter(NullFormatter())


def empty(title: str, reason: str) -> "Figure":
    """What is shown when there is nothing to draw: the reason."""
    made, (axes,) = figure(title, reason, height_in=0.3)
    axes.set_axis_off()
    return made


def number(value: float) -> str:
    """Three significant digits without an exponent.

    >>> [number(v) for v in (0.90512, 0.00031, 12345.6, 7.0, float("nan"))]
    ['0.905', '0.00031', '12,346', '7', 'unknown']
    """
    if not np.isfinite(value):
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.3g}'):.12g}"


def score(value: float) -> str:
    """Three significant digits with their zeros, so that scores line up.

    >>> [score(v) for v in (0.9, 0.0312, 12345.6, 0.0)]
    ['0.900', '0.0312', '12,346', '0.00']
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def percent(share: float) -> str:
    """A share as people say it.

    >>> [percent(s) for s in (0.3, 0.8964, 0.0042, 1.0)]
    ['30 %', '89.6 %', '0.42 %', '100 %']
    """
    return f"{number(100 * share)} %"


def wilson(hits: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """95 % intervals of a share. Wilson, Probable inference, JASA 1927."""
    share = hits / counts
    spread = Z_95**2 / counts
    middle = (share + spread / 2) / (1 + spread)
    half = np.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def groups(values: Floats, most: int = 10) -> list[NDArray[np.int64]]:
    """Positions of values in up to `most` groups of about equal size, smallest values first.

    Equal values stay together, so there may be fewer groups.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, most + 1)[1:-1]))
    codes = np.searchsorted(edges, values, side="right")
    return [found for code in range(len(edges) + 1) if len(found := np.flatnonzero(codes == code))]
