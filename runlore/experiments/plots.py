"""Plot a difference with its interval, look by look."""

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
COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.SKY)

ALWAYS = "Intervals hold at all looks at once: the test may be ended at any of them."
ONCE = "Intervals hold at one look, chosen before: only the last one decides."


@dataclass(frozen=True, eq=False)
class IntervalsOverLooks:
    """Of one variant: a difference with its interval at each look, (n,); NaN: not bounded yet.

    hours: since the start. units: of the variant and its control together.
    """

    variant: str
    hours: Floats
    units: Floats
    difference: Floats
    low: Floats
    high: Floats

    @property
    def is_known(self) -> NDArray[np.bool_]:
        return np.isfinite(self.low) & np.isfinite(self.high)


def over_looks(
    metric: str, control: str, courses: Sequence[IntervalsOverLooks], *, hold_always: bool = True
) -> "Figure":
    """Difference from the control over time, with the units behind it below.

    hold_always: intervals are right at every look; else at one that was chosen before.
    """
    if not any(course.is_known.any() for course in courses):
        return style.empty(
            f"{metric}: nothing is known yet", "No look has found enough units in two variants."
        )
    made, (above, below) = style.figure(
        _finding(metric, courses),
        f"Difference from {control} at every look. {ALWAYS if hold_always else ONCE}",
        height_in=5.4,
        heights=(2.8, 1.0),
    )
    for course, colour in zip(courses, _colours(len(courses)), strict=True):
        _draw(above, course, colour)
        below.plot(course.hours, course.units, "o-", color=colour, linewidth=1.4, markersize=3.5)
    above.axhline(0, color=style.INK, linewidth=1)
    above.set_ylabel(f"difference in {metric}")
    above.tick_params(labelbottom=False)
    above.sharex(below)
    style.legend(above)
    below.set_ylabel("units")
    below.set_xlabel("hours since the start")
    below.set_ylim(bottom=0)
    style.as_count(below.yaxis)
    return made


def _finding(metric: str, courses: Sequence[IntervalsOverLooks]) -> str:
    """Of the variant that is furthest from the control in what is sure."""
    sure = {course.variant: _sure(course) for course in courses if course.is_known.any()}
    name = max(sure, key=lambda variant: abs(sure[variant]))
    course = next(course for course in courses if course.variant == name)
    last = int(np.flatnonzero(course.is_known)[-1])
    low, high = style.score(course.low[last]), style.score(course.high[last])
    if not sure[name]:
        return f"{metric}: no difference is shown, {name} lies between {low} and {high}"
    word = "above" if sure[name] > 0 else "below"
    return f"{metric}: {name} lies {word} the control, by {low} to {high}"


def _sure(course: IntervalsOverLooks) -> float:
    """The newest interval's nearer end; 0 when 0 is inside."""
    last = np.flatnonzero(course.is_known)[-1]
    low, high = course.low[last], course.high[last]
    return float(max(low, 0.0) + min(high, 0.0))


def _draw(axes: "Axes", course: IntervalsOverLooks, colour: str) -> None:
    known = course.is_known
    hours = course.hours[known]
    axes.fill_between(hours, course.low[known], course.high[known], color=colour, alpha=0.14)
    for side in (course.low, course.high):
        axes.plot(hours, side[known], color=colour, linewidth=0.9, alpha=0.7)
    axes.plot(
        hours,
        course.difference[known],
        "o-",
        color=colour,
        linewidth=2,
        markersize=4.5,
        label=course.variant,
    )


def _colours(count: int) -> list[str]:
    return [COLOURS[at % len(COLOURS)] for at in range(count)]
