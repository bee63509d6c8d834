"""Candidates against the baseline, and features against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runlore.models.explain import GroupImportance
from runlore.models.score_names import display
from runlore.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_FEATURES = 20
MOST_GROUPS = 5
LONGEST_NAME = 44
ROW_IN = 0.36


@dataclass(frozen=True)
class CandidateScore:
    """A candidate's score. low, high: its interval; None where none was measured."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def candidates(
    scores: Sequence[CandidateScore],
    score: str,
    *,
    chosen: str,
    higher_is_better: bool,
    baseline: str = "baseline",
) -> "Figure":
    """Each candidate's score on the test part, best on top, and the line that it has to pass."""
    score = display(score)
    known = [candidate for candidate in scores if np.isfinite(candidate.value)]
    known.sort(key=lambda candidate: candidate.value, reverse=not higher_is_better)
    values = {candidate.name: candidate.value for candidate in known}
    if chosen not in values:
        return style.empty(f"{chosen}: {score} is unknown", "It could not be measured.")
    better = "higher is better" if higher_is_better else "lower is better"
    made, (axes,) = style.figure(
        _finding(values, score, chosen, baseline, higher_is_better=higher_is_better),
        f"On the test part, which no candidate saw; {better}. Bars: 95 % intervals, by block "
        "bootstrap.",
        height_in=0.9 + ROW_IN * 1.2 * len(known),
    )
    _dots(axes, known, chosen, baseline)
    axes.set_xlabel(f"{score}, {better}")
    return made


def _finding(
    values: dict[str, float], score: str, chosen: str, baseline: str, *, higher_is_better: bool
) -> str:
    own = f"{chosen}: {score} {style.score(values[chosen])}"
    if baseline not in values or chosen == baseline:
        return own
    gain = values[chosen] - values[baseline]
    if not higher_is_better:
        gain = -gain
    side = "better" if gain >= 0 else "worse"
    return f"{own}, {style.number(abs(gain))} {side} than the baseline"


def _dots(axes: "Axes", scores: list[CandidateScore], chosen: str, baseline: str) -> None:
    for at, candidate in enumerate(scores):
        colour = {chosen: style.BLUE, baseline: style.VERMILION}.get(candidate.name, style.GREY)
        if candidate.low is not None and candidate.high is not None:
            axes.plot(
                [candidate.low, candidate.high], [at, at], color=colour, linewidth=4, alpha=0.35
            )
        axes.plot([candidate.value], [at], "o", color=colour, markersize=8)
        axes.annotate(
            style.score(candidate.value),
            (candidate.value, at),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=9.5,
            color=style.INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )
        if candidate.name == baseline:
            axes.axvline(candidate.value, color=colour, linewidth=1.2, linestyle=style.DASHES)
    axes.set_yticks(range(len(scores)), [candidate.name for candidate in scores])
    axes.set_ylim(-0.6, len(scores) - 0.2)
    axes.margins(x=0.08)
    axes.grid(visible=False, axis="y")
    for label in axes.get_yticklabels():
        if label.get_text() == chosen:
            label.set_fontweight("bold")


def importance(
    names: Sequence[str],
    drops: Sequence[float],
    spreads: Sequence[float],
    score: str,
    groups: Sequence[GroupImportance] = (),
) -> "Figure":
    """The loss of score when a feature's values are shuffled, for the twenty largest.

    drops: the loss of each feature, above 0 is worse. spreads: standard deviations over repeats.
    groups: of features that say the same, shuffled together; the largest are shown above.
    """
    score = display(score)
    if not names:
        return style.empty("No feature matters", "There are no features.")
    order = sorted(range(len(names)), key=lambda at: -drops[at])
    top, rest = order[:MOST_FEATURES], order[MOST_FEATURES:]
    together = [group for group in groups[:MOST_GROUPS] if group.mean > 0]
    made, (axes,) = style.figure(
        _most(names[top[0]], drops[top[0]], score),
        f"By how much {score} on the test part gets worse when a feature's values are shuffled. "
        + _remainder([drops[at] for at in rest], has_groups=bool(together)),
        height_in=0.9 + ROW_IN * 0.85 * (len(top) + len(together)),
    )
    places = range(len(top) + len(together))[::-1]
    axes.barh(
        places,
        [*(group.mean for group in together), *(drops[at] for at in top)],
        xerr=[*(group.sd for group in together), *(spreads[at] for at in top)],
        height=0.62,
        color=[style.GREEN] * len(together) + [style.SKY] * len(top),
        error_kw={"ecolor": style.BLUE, "elinewidth": 1.6},
    )
    axes.axvline(0, color=style.GREY, linewidth=1)
    labels = [*(group.label for group in together), *(names[at] for at in top)]
    axes.set_yticks(places, [_short(label) for label in labels])
    axes.set_ylim(-0.7, len(places) - 0.3)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"{score} gets worse by")
    return made


def _most(name: str, drop: float, score: str) -> str:
    if drop <= 0:
        return f"No feature by itself makes {score} better"
    return f"{_short(name)} matters most: {score} {style.number(drop)} worse without it"


def _remainder(drops: Sequence[float], *, has_groups: bool) -> str:
    together = "Green: features that say the same, shuffled together. " if has_groups else ""
    if not drops:
        return together or "Features that say the same share their importance."
    more = f"{len(drops)} more features matter at most {style.number(max(drops))} each."
    return together + more


def _short(name: str) -> str:
    """Shorten a name in the middle: its start names the history and its end the feature."""
    if len(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
