"""Plot how far each column was from the training data, window by window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Instants = NDArray[np.datetime64]

MOST_COLUMNS = 14
MOST_DATES = 7
FAR = 2.0  # times the threshold; colours get no darker beyond it


@dataclass(frozen=True, eq=False)
class ColumnOverTime:
    """excess: (w,) PSI in multiples of its threshold, NaN where it was not compared.

    is_drifted: (w,).
    """

    name: str
    excess: Floats
    is_drifted: Bools


def drift_over_time(
    ends: Instants,
    shares: Floats,
    threshold: float,
    columns: Sequence[ColumnOverTime],
    is_drift: Bools,
) -> "Figure":
    """Windows from the oldest to the newest, (w,) each.

    shares: of the features that drifted, by weight; threshold: from which that makes a drift.
    columns: of which the first are drawn. is_drift: the verdict on each window.
    """
    if not ends.size:
        return style.empty("No window has been judged yet", "`runlore monitor` judges one.")
    shown = columns[:MOST_COLUMNS]
    made, (above, below) = style.figure(
        _finding(ends, is_drift),
        "Each window beside what the champion of its time was trained on. Below, PSI as a multiple "
        "of what counts as a large change in that column; a dot where the column has drifted.",
        height_in=2.4 + 0.28 * max(len(shown), 2),
        heights=(1.6, 0.28 * max(len(shown), 2)),
    )
    _shares(above, shares, threshold, is_drift)
    _columns(below, shown)
    places = np.arange(ends.size - 1, -1, -ends.size // MOST_DATES)[::-1]
    above.set_xlim(-0.6, ends.size - 0.4)
    above.set_xticks(places, [""] * places.size)
    below.set_xticks(places, [str(end.astype("datetime64[D]")) for end in ends[places]])
    below.tick_params(axis="x", labelsize=8.5)
    below.set_xlabel("end of the window (UTC)")
    return made


def _finding(ends: Instants, is_drift: Bools) -> str:
    windows = "window" if ends.size == 1 else "windows"
    newest = "the newest among them" if is_drift[-1] else "not the newest"
    if not is_drift.any():
        return f"None of {ends.size} {windows} drifted"
    return f"{int(is_drift.sum())} of {ends.size} {windows} drifted, {newest}"


def _shares(axes: "Axes", shares: Floats, threshold: float, is_drift: Bools) -> None:
    at = np.arange(shares.size)
    for chosen, colour, label in (
        (~is_drift, style.SKY, "no drift"),
        (is_drift, style.VERMILION, "drift"),
    ):
        axes.bar(at[chosen], shares[chosen], width=0.8, color=colour, label=label)
        axes.plot(at[chosen], np.zeros(int(chosen.sum())), "o", color=colour, markersize=4)
    axes.axhline(threshold, color=style.INK, linestyle=style.DASHES, linewidth=1)
    axes.set_ylim(0, max(float(shares.max()), threshold) * 1.15)
    axes.set_ylabel("features drifted,\nby weight")
    style.as_percent(axes.yaxis)
    style.legend(axes)


def _columns(axes: "Axes", columns: Sequence[ColumnOverTime]) -> None:
    values = np.array([column.excess for column in columns])
    axes.imshow(np.clip(values, 0, FAR), cmap=style.shades(), vmin=0, vmax=FAR, aspect="auto")
    rows, windows = np.nonzero([column.is_drifted for column in columns])
    axes.plot(windows, rows, "o", color=style.VERMILION, markersize=4)
    axes.set_yticks(np.arange(len(columns)), [column.name for column in columns])
    axes.tick_params(axis="y", labelsize=8.5)
    axes.grid(visible=False)
