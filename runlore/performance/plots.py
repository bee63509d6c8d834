"""Plot performance over time: measured scores, estimates, and the maturity line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.durations import DAY_US
from runlore.models.score_names import display
from runlore.performance.rules.floor import Floor
from runlore.performance.rules.maturity import MATURE
from runlore.performance.rules.windows import WindowPerformance
from runlore.plots import style
from runlore.specs.model_spec import HIGHER_IS_BETTER, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Ints = NDArray[np.int64]

DPI = 110


def over_time(
    windows: Sequence[WindowPerformance],
    score: Score,
    unit: str,
    mature_until_us: int | None,
    floor: Floor | None,
) -> "Figure":
    """A score window by window with its interval, the estimate with its band, the floor and the
    maturity line; below, how mature each window is."""
    name = display(score, unit)
    if not any(score in window.realised.scores or score in window.estimated for window in windows):
        return style.empty(f"{name} is not known yet", "No window has enough known outcomes.")
    made, (above, below) = style.figure(
        _finding(windows, score, name),
        "By window of the answer, with 95 % intervals. Bands: to be expected before outcomes come.",
        height_in=5.8,
        heights=(2.6, 1.0),
    )
    at = np.array([(window.first_us + window.last_us) // 2 for window in windows])
    _realised(above, at, windows, score)
    _estimated(above, at, windows, score)
    if floor is not None:
        above.axhline(floor.bound, color=style.VERMILION, linestyle=style.DASHES, label="floor")
    above.set_ylabel(f"{name}, {'higher' if score in HIGHER_IS_BETTER else 'lower'} is better")
    width_days = 0.7 * (windows[0].last_us - windows[0].first_us) / DAY_US
    shares = [window.maturity if np.isfinite(window.maturity) else 0.0 for window in windows]
    below.bar(_dates(at), shares, width=width_days, color=style.SKY)
    below.set_ylim(0, 1.05)
    below.set_ylabel("outcomes known")
    below.set_xlabel("time of the answers (UTC)")
    style.as_percent(below.yaxis)
    _frame(above, below, windows, mature_until_us)
    style.legend(above)
    return made


def _finding(windows: Sequence[WindowPerformance], score: Score, name: str) -> str:
    values = [
        window.realised.scores[score].value for window in windows if score in window.realised.scores
    ]
    if not values:
        return f"{name}: expected only, no window has enough known outcomes"
    return f"{name} lies between {style.number(min(values))} and {style.number(max(values))}"


def _realised(axes: "Axes", at: Ints, windows: Sequence[WindowPerformance], score: Score) -> None:
    known = [place for place, window in enumerate(windows) if score in window.realised.scores]
    if not known:
        return
    scores = [windows[place].realised.scores[score] for place in known]
    value = np.array([interval.value for interval in scores])
    ends = np.abs(np.array([[interval.low, interval.high] for interval in scores]).T - value)
    axes.errorbar(
        _dates(at[known]),
        value,
        yerr=np.nan_to_num(ends),
        color=style.BLUE,
        ecolor=style.SKY,
        marker="o",
        linewidth=2,
        label="realised",
    )


def _estimated(axes: "Axes", at: Ints, windows: Sequence[WindowPerformance], score: Score) -> None:
    known = [place for place, window in enumerate(windows) if score in window.estimated]
    if not known:
        return
    scores = [windows[place].estimated[score] for place in known]
    where = _dates(at[known])
    low, high = ([getattr(interval, end) for interval in scores] for end in ("low", "high"))
    value = [interval.value for interval in scores]
    axes.plot(where, value, "s", color=style.GREEN, label="estimated")
    half = (windows[0].last_us - windows[0].first_us) // 4
    for place, bottom, top in zip(known, low, high, strict=True):
        ends = _dates(np.array([at[place] - half, at[place] + half]))
        axes.fill_between(ends, bottom, top, color=style.GREEN, alpha=0.18, linewidth=0)


def _frame(
    above: "Axes", below: "Axes", windows: Sequence[WindowPerformance], mature_until_us: int | None
) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    ends = _dates(np.array([windows[0].first_us, windows[-1].last_us]))
    for axes in (above, below):
        axes.set_xlim(*ends)
        locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(formatter)
        if mature_until_us is not None:
            label = f"before it {style.percent(MATURE)} are known" if axes is above else None
            line = _dates(np.array([mature_until_us]))[0]
            axes.axvline(line, color=style.GREY, linestyle=style.DOTS, label=label)
    above.tick_params(labelbottom=False)
    above.xaxis.get_offset_text().set_visible(False)


def _dates(at_us: Ints) -> NDArray[np.datetime64]:
    return at_us.astype("datetime64[us]")
