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
FIGURES = ("before", "after", "change", "low", "high")


def show_regressions(request: PageRequest) -> Shown:
    state = request.query.get("state", "") or "open"
    if state not in get_args(Standing):
        raise BadInput(f"state: {state[:80]!r} is none of {', '.join(get_args(Standing))}", "state")
    alerts = read_alerts(request.store, cast("Standing", state), ROWS)
    values = {
        "rows": [(alert, _figures(alert), _link(alert)) for alert in alerts],
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
    """Empty where the evidence does not name the series, as of an alert made by hand."""
    names = [alert.evidence.get(name) for name in ("series", "scope", "source")]
    if not all(isinstance(name, str) for name in names):
        return ""
    series, scope, source = map(str, names)
    return address(LEVELS_PATH, {"scope": scope, "source": source}, name=series)


def _figures(alert: AlertEpisode) -> dict[str, float | None]:
    found = {name: alert.evidence.get(name) for name in FIGURES}
    is_number = {name: type(value) in (int, float) for name, value in found.items()}
    return {name: value if is_number[name] else None for name, value in found.items()}


def _sizes(alerts: Sequence[AlertEpisode]) -> Chart | None:
    """The changes with their intervals, the newest first."""
    rows = [(alert, _figures(alert)) for alert in alerts]
    known = [(alert, row) for alert, row in rows if None not in row.values()]
    if not known:
        return None
    names = [f"{alert.id}: {alert.subject[:40]}" for alert, _ in known]
    sizes, low, high = ([row[name] for _, row in known] for name in ("change", "low", "high"))
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
    group="Signals",
)
