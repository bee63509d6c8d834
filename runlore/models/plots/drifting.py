"""How far each column of a window was from the training, window by window."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.models.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Instants = NDArray[np.datetime64]

MOST_COLUMNS = 14
MOST_DATES = 9
FAR = 2.0
"""Times the threshold: no darker beyond it."""


def drift_over_time(
    ends: Instants, shares: Floats, threshold: float, excess: dict[str, Floats], marked: Bools
) -> "Figure":
    """Windows from the oldest to the newest, (w,) each.

    shares: of the features that drifted, by weight; threshold: from which that makes a drift.
    excess: of each column PSI in multiples of its threshold, NaN where it was not compared; the
    first are drawn. marked: the windows that read as drift.
    """
    if not ends.size:
        return style.empty("No window has been judged yet", "`runlore monitor` judges one.")
    shown = dict(list(excess.items())[:MOST_COLUMNS])
    made, (above, below) = style.figure(
        _finding(ends, marked),
        "Each window beside what the champion of its time was trained on. Below, PSI as a multiple "
        "of what counts as drift in that column; a dot where it is 1 or more.",
        height_in=2.4 + 0.28 * max(len(shown), 2),
        heights=(1.6, 0.28 * max(len(shown), 2)),
    )
    _shares(above, shares, threshold, marked)
    _columns(below, shown)
    places = np.unique(np.linspace(0, ends.size - 1, MOST_DATES).round().astype(np.int64))
    above.set_xlim(-0.6, ends.size - 0.4)
    above.set_xticks(places, [""] * places.size)
    below.set_xticks(places, [str(each.astype("datetime64[D]")) for each in ends[places]])
    below.tick_params(axis="x", labelsize=8.5)
    below.set_xlabel("end of the window (UTC)")
    return made


def _finding(ends: Instants, marked: Bools) -> str:
    windows = "window" if ends.size == 1 else "windows"
    newest = "the newest among them" if marked[-1] else "not the newest"
    if not marked.any():
        return f"None of {ends.size} {windows} drifted"
    return f"{int(marked.sum())} of {ends.size} {windows} drifted, {newest}"


def _shares(axes: "Axes", shares: Floats, threshold: float, marked: Bools) -> None:
    at = np.arange(shares.size)
    for chosen, colour, label in (
        (~marked, style.SKY, "no drift"),
        (marked, style.VERMILION, "drift"),
    ):
        axes.bar(at[chosen], shares[chosen], width=0.8, color=colour, label=label)
        axes.plot(at[chosen], np.zeros(int(chosen.sum())), "o", color=colour, markersize=4)
    axes.axhline(threshold, color=style.INK, linestyle=style.DASHES, linewidth=1)
    axes.set_ylim(0, max(float(shares.max()), threshold) * 1.15)
    axes.set_ylabel("features drifted,\nby weight")
    style.as_percent(axes.yaxis)
    style.legend(axes)


def _columns(axes: "Axes", excess: dict[str, Floats]) -> None:
    values = np.array(list(excess.values()))
    axes.imshow(np.clip(values, 0, FAR), cmap=style.shades(), vmin=0, vmax=FAR, aspect="auto")
    rows, windows = np.nonzero(values >= 1)
    axes.plot(windows, rows, "o", color=style.VERMILION, markersize=4)
    axes.set_yticks(np.arange(len(excess)), list(excess))
    axes.tick_params(axis="y", labelsize=8.5)
    axes.grid(visible=False)
