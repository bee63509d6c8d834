"""A score over time, which shows a model that gets worse."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.durations import DAY_US
from runlore.models.score_names import display
from runlore.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Measure = Callable[[Floats, Floats], float]

WEEK_US = 7 * DAY_US
MONDAY_US = -3 * DAY_US
LEAST_ROWS = 20
BESIDE = np.timedelta64(5, "D")


@dataclass(frozen=True)
class WeeklyValues:
    """A score by week. starts_us: (w,) Mondays, UTC. values: (w,), NaN for too few executions."""

    starts_us: Ints
    values: Floats
    counts: Ints


def weekly(as_of_us: Ints, actual: Floats, predicted: Floats, measure: Measure) -> WeeklyValues:
    """A score of each week from the first to the last; `measure(actual, predicted)`."""
    weeks = (as_of_us - MONDAY_US) // WEEK_US
    numbers = np.arange(weeks.min(), weeks.max() + 1) if len(weeks) else weeks
    values = np.full(len(numbers), np.nan)
    counts = np.zeros(len(numbers), dtype=np.int64)
    for at, week in enumerate(numbers):
        rows = weeks == week
        counts[at] = rows.sum()
        if counts[at] >= LEAST_ROWS:
            values[at] = measure(actual[rows], predicted[rows])
    return WeeklyValues(numbers * WEEK_US + MONDAY_US, values, counts)


def over_time(
    ours: WeeklyValues, score: str, *, higher_is_better: bool, baseline: WeeklyValues | None = None
) -> "Figure":
    """The score week by week, with the numbers of executions."""
    score = display(score)
    if not np.isfinite(ours.values).any():
        return style.empty(
            f"{score} over time is unknown", f"No week has {LEAST_ROWS} executions or more."
        )
    made, (above, below) = style.figure(
        _finding(ours, score, baseline, higher_is_better=higher_is_better),
        f"By week of submission, in the test part; weeks with fewer than {LEAST_ROWS} executions "
        "are left out.",
        height_in=5.6,
        heights=(2.6, 1.0),
    )
    at = ours.starts_us.astype("datetime64[us]")
    _lines(above, at, ours, baseline)
    above.set_ylabel(f"{score}, {'higher' if higher_is_better else 'lower'} is better")
    below.bar(at, ours.counts, width=5.5, color=style.SKY)
    below.set_ylabel("executions")
    below.set_xlabel("week, from its Monday (UTC)")
    style.as_count(below.yaxis)
    _dates(above, below, (at[0] - BESIDE, at[-1] + BESIDE))
    return made


def _finding(
    ours: WeeklyValues, score: str, baseline: WeeklyValues | None, *, higher_is_better: bool
) -> str:
    known = np.isfinite(ours.values)
    if baseline is None:
        low, high = np.nanmin(ours.values), np.nanmax(ours.values)
        return f"{score} lies between {style.number(low)} and {style.number(high)}"
    both = known & np.isfinite(baseline.values)
    gains = (ours.values - baseline.values)[both]
    won = int(((gains if higher_is_better else -gains) > 0).sum())
    return f"{score} beats the baseline in {won} of {len(gains)} weeks"


def _lines(
    axes: "Axes", at: "NDArray[np.datetime64]", ours: WeeklyValues, baseline: WeeklyValues | None
) -> None:
    axes.plot(
        at, ours.values, "o-", color=style.BLUE, linewidth=2, markersize=6, label="this model"
    )
    if baseline is not None:
        axes.plot(
            at,
            baseline.values,
            "s--",
            color=style.VERMILION,
            linewidth=1.4,
            markersize=4.5,
            label="baseline",
        )
    style.legend(axes)


def _dates(above: "Axes", below: "Axes", ends: tuple[np.datetime64, np.datetime64]) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    for axes in (above, below):
        axes.set_xlim(*ends)  # type: ignore[arg-type]
        locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(formatter)
    above.tick_params(labelbottom=False)
    above.xaxis.get_offset_text().set_visible(False)
