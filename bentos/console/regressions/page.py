"""Regressions: which series have become lastingly worse, and the levels of one."""

from collections.abc import Sequence
from typing import cast, get_args

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, text_filter
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.alerts.queries.alerts import Standing
from runlore.alerts.rules.state import AlertEpisode
from runlore.kernel.errors import BadInput, NotFound
from runlore.signals.actions.regressions import (
    RegressionQuery,
    SeriesLevels,
    read_alerts,
    read_levels,
)
from runlore.signals.regression_views import signed_share

PATH, LEVELS_PATH = "/console/regressions", "/console/regressions/series"
ROWS, DRAWN, DRAWN_POINTS = 50, 20, 500


def show_regressions(request: PageRequest) -> Shown:
    state = request.query.get("state", "") or "open"
    if state not in get_args(Standing):
        raise BadInput(f"state: {state[:80]!r} is none of {', '.join(get_args(Standing))}", "state")
    alerts = read_alerts(request.store, cast("Standing", state), ROWS)
    values = {
        "rows": [(alert, _link(alert)) for alert in alerts],
        "open": sum(alert.is_open for alert in alerts),
        "is_cut": len(alerts) == ROWS,
        "state": state,
        "states": get_args(Standing),
        "chart": _sizes(alerts[:DRAWN]),
        "signed": signed_share,
    }
    return Shown("regressions/regressions.html", values)


def show_levels(request: PageRequest) -> Shown:
    query = RegressionQuery(
        text_filter(request.query, "name") or "",
        request.query.get("scope"),
        request.query.get("source"),
    )
    found = read_levels(request.store, query, request.at)
    if len(found) != 1:
        raise NotFound(f"{len(found)} series fit: name one, with its scope and source")
    (levels,) = found
    at = levels.at
    changes = [(change, at(change.start), at(change.seen)) for change in levels.changes]
    values = {
        "series": levels.series,
        "changes": changes[::-1],
        "stands": levels.standing is not None,
        "chart": _levels(levels),
        "signed": signed_share,
    }
    return Shown("regressions/levels.html", values)


def _link(alert: AlertEpisode) -> str:
    evidence = alert.evidence
    names = {name: str(evidence[name]) for name in ("scope", "source")}
    return address(LEVELS_PATH, names, name=str(evidence["series"]))


def _sizes(alerts: Sequence[AlertEpisode]) -> Chart | None:
    """The changes with their intervals, the newest first."""
    if not alerts:
        return None
    names = [f"{alert.id}: {alert.subject[:40]}" for alert in alerts]
    sizes, low, high = (
        [float(alert.evidence[name]) for alert in alerts] for name in ("change", "low", "high")
    )
    bars = ChartSeries("change", names, sizes, low, high, style="bars")
    return Chart(
        "By how much?",
        "series",
        "change of level, with 95 % interval",
        (bars,),
        is_percent=True,
        is_lying=True,
    )


def _levels(levels: SeriesLevels) -> Chart:
    values, changes = levels.grid.values, levels.changes
    first = max(len(values) - DRAWN_POINTS, 0)
    times = [levels.at(index) for index in range(first, len(values))]
    series = [ChartSeries("points, without cycles", times, values[first:].tolist(), colour=2)]
    if changes:
        steps = [(0, changes[0].before), *((change.start, change.after) for change in changes)]
        level = [
            next(after for start, after in steps[::-1] if start <= index)
            for index in range(first, len(values))
        ]
        series.append(ChartSeries("level", times, level, style="steps"))
    return Chart("When did it change?", "time (UTC)", levels.series.name, tuple(series))


PAGE = ConsolePage(
    "Regressions",
    67,
    PATH,
    (PageRoute("GET", PATH, show_regressions), PageRoute("GET", LEVELS_PATH, show_levels)),
)
