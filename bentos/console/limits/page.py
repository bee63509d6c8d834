"""When series reach their limits: all that declare one, and one with what may come."""

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, text_filter
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.kernel.instants import from_us, to_us
from runlore.kernel.readable import readable_duration
from runlore.signals.actions.forecasting import SeriesName, find_series
from runlore.signals.actions.limits import (
    LimitForecast,
    declared_limit,
    forecast_limit,
    forecast_limits,
    read_limit,
)
from runlore.signals.limit_views import LimitView, explain_growth, show_limit
from runlore.signals.rules.series.grid import SECOND_US

PATH, ONE_PATH = "/console/limits", "/console/limits/series"
ROWS = 50


def show_limits(request: PageRequest) -> Shown:
    made = forecast_limits(request.store, request.product.series_specs, request.at, ROWS + 1)
    views = [show_limit(one) for one in made[:ROWS]]
    values = {
        "rows": [(view, _link(view)) for view in views],
        "due": sum(view.is_due for view in views),
        "is_cut": len(made) > ROWS,
    }
    return Shown("limits/limits.html", values)


def show_one(request: PageRequest) -> Shown:
    wanted = SeriesName(
        text_filter(request.query, "name") or "",
        request.query.get("scope"),
        request.query.get("source"),
    )
    specs, side = request.product.series_specs, request.query.get("side") or "above"
    given = text_filter(request.query, "at")
    series = find_series(request.store, wanted)
    limit = read_limit(given, side) if given else declared_limit(specs, series)
    exact = SeriesName(series.name, series.scope, series.source)
    values: dict[str, object] = {"series": series, "limit": limit, "view": None, "chart": None}
    if limit is not None:
        made = forecast_limit(request.store, specs, exact, request.at, limit)
        view = show_limit(made)
        values |= {
            "view": view,
            "growth": explain_growth(view),
            "horizon": readable_duration(made.horizon_s),
            "chart": _chart(made),
        }
    return Shown("limits/limit.html", values)


def _link(view: LimitView) -> str:
    return address(ONE_PATH, {"name": view.series, "scope": view.scope, "source": view.source})


def _chart(made: LimitForecast) -> Chart:
    past, step_us = made.past.values, made.past.step_s * SECOND_US
    first_us = to_us(made.first_at)
    before = [from_us(first_us - back * step_us) for back in range(len(past), 0, -1)]
    series = [ChartSeries("points", before, past.tolist(), style="curve", colour=2)]
    ends, fan = before, made.crossing.fan
    if fan is not None:
        ahead = [from_us(first_us + step * step_us) for step in range(fan.shape[1])]
        low, middle, high = (row.tolist() for row in fan)
        series.append(
            ChartSeries("to come, 90 % of paths", ahead, middle, low, high, style="curve")
        )
        ends = [*before, *ahead]
    limit = made.limit.limit
    series.append(ChartSeries("limit", [ends[0], ends[-1]], [limit] * 2, style="dashes", colour=6))
    return Chart("When is the limit reached?", "time (UTC)", made.series.name, tuple(series))


PAGE = ConsolePage(
    "Limits",
    68,
    PATH,
    (PageRoute("GET", PATH, show_limits), PageRoute("GET", ONE_PATH, show_one)),
    group="Signals",
)
