"""One look for all figures. Colours by Okabe and Ito, which colour-blind people tell apart."""

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

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
LINE = 96
Z_95 = 1.959964


def figure(
    title: str, subtitle: str, height_in: float = 5.0, heights: tuple[float, ...] = (1.0,)
) -> "tuple[Figure, list[Axes]]":
    """A figure with one panel per height, below each other, and its finding on top."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(WIDTH_IN, height_in), facecolor="white", layout="constrained")
    made.get_layout_engine().set(w_pad=0.12, h_pad=0.08)  # type: ignore[union-attr]
    lines = wrap(subtitle, LINE)
    made.suptitle(title, x=0.015, ha="left", fontsize=13, fontweight="bold", color=INK)
    panels = made.subplots(len(heights), 1, squeeze=False, height_ratios=heights)
    axes = [row[0] for row in panels]
    for each in axes:
        _dress(each)
    axes[0].set_title("\n".join(lines), loc="left", fontsize=10, color=GREY)
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


def legend(axes: "Axes", place: str = "best", **more: Any) -> None:
    """Nothing when nothing is named."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc=place, frameon=False, fontsize=10, labelcolor=INK, **more)


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
    made, (axes,) = figure(title, reason, height_in=2.2)
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
