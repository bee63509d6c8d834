"""The challenger's share and the evidence over time, as a figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore.plots import style
from runlore.rollout.actions.steps import RolloutLook
from runlore.rollout.queries import rollouts
from runlore.rollout.queries.rollouts import RecordedDecision
from runlore.rollout.views.report import headline
from runlore.store.engine import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_METRICS = 3


def write(store: Store, look: RolloutLook, path: Path) -> None:
    """Draw the newest rollout of a spec; the file's ending says which format."""
    rollout = look.state.rollout
    with store.begin() as connection:
        history = rollouts.history(connection, rollout.id, is_brief=False)
    judged = [metric.name for metric in look.state.policy.judged[:MOST_METRICS]]
    figure, (share, *panels) = style.figure(
        headline(look),
        "Intervals hold at every look at once. Below 0 the challenger loses less than is tolerated;"
        " wholly above 0 it is rolled back.",
        height_in=1.8 + 1.5 * len(judged),
        heights=(1.2, *(1.0 for _ in judged)),
    )
    _draw_share(share, history)
    for panel, name in zip(panels, judged, strict=True):
        _draw_metric(panel, name, history)
    _date(share)
    figure.savefig(path)


def _draw_share(axes: "Axes", history: Sequence[RecordedDecision]) -> None:
    axes.xaxis_date()
    axes.step(
        [_place(decision) for decision in history],
        [decision.step / 100 for decision in history],
        where="post",
        color=style.BLUE,
    )
    for decision in history:
        if decision.ordered:
            axes.axvline(_place(decision), color=style.GREY, linestyle=style.DOTS, linewidth=1)
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("share")
    style.as_percent(axes.yaxis)


def _draw_metric(axes: "Axes", name: str, history: Sequence[RecordedDecision]) -> None:
    intervals = [(_place(decision), _beyond(decision, name)) for decision in history]
    known = [(at, ends) for at, ends in intervals if ends is not None]
    axes.axhline(0, color=style.INK, linewidth=1)
    if known:
        at = [point[0] for point in known]
        lows, highs = ([point[1][end] for point in known] for end in (0, 1))
        axes.fill_between(at, lows, highs, color=style.SKY, alpha=0.5, linewidth=0)
        axes.plot(at, lows, color=style.BLUE, linewidth=1)
        axes.plot(at, highs, color=style.BLUE, linewidth=1)
    axes.sharex(axes.figure.axes[0])
    axes.set_ylabel(name)


def _date(axes: "Axes") -> None:
    """For all panels, which share the axis."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _place(entry: RecordedDecision) -> float:
    """Where a decision is on the axis of time."""
    from matplotlib.dates import date2num

    return float(date2num(entry.at))  # type: ignore[no-untyped-call]


def _beyond(entry: RecordedDecision, name: str) -> tuple[float, float] | None:
    metrics: list[dict[str, Any]] = entry.readings.get("metrics") or []
    for metric in metrics:
        ends = metric["beyond"]
        if metric["metric"] == name and ends["low"] is not None and ends["high"] is not None:
            return ends["low"], ends["high"]
    return None
