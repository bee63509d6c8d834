"""The series of metrics, and the forecast of one with the past that it continues."""

from datetime import datetime

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, number_filter, text_filter
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import Refused
from runlore.kernel.instants import from_us
from runlore.signals.actions.forecasting import (
    MOST_SERIES,
    SeriesForecast,
    SeriesName,
    find_series,
    forecast_series,
    list_series,
)
from runlore.signals.rules.grid import SECOND_US, SeriesGrid
from runlore.signals.views import ForecastView, conclude_forecast, show_forecast

PATH, SERIES_PATH = "/console/signals", "/console/signals/series"
HORIZONS = (("24", "24 hours"), ("168", "7 days"), ("720", "30 days"))
LONGEST_HOURS = 8_760
ROWS = 200
PAST_HORIZONS, LEAST_PAST = 4, 50  # of the past that are drawn


def show_series(request: PageRequest) -> Shown:
    name = text_filter(request.query, "name")
    series = list_series(request.store, name)
    links = [
        address(SERIES_PATH, {"name": one.name, "scope": one.scope, "source": one.source})
        for one in series[:ROWS]
    ]
    values = {
        "rows": list(zip(series, links, strict=False)),
        "count": len(series),
        "is_cut": len(series) == MOST_SERIES,
        "name": name or "",
    }
    return Shown("signals/series.html", values)


def show_one(request: PageRequest) -> Shown:
    wanted = SeriesName(
        text_filter(request.query, "name") or "",
        request.query.get("scope"),
        request.query.get("source"),
    )
    hours = number_filter(request.query, "hours", LONGEST_HOURS) or 24
    names = {"name": wanted.name, "scope": wanted.scope or "", "source": wanted.source or ""}
    values = {
        "series": find_series(request.store, wanted),
        "hours": hours,
        "horizons": [
            (text, label, address(SERIES_PATH, names, hours=text)) for text, label in HORIZONS
        ],
        "view": None,
        "reason": "",
    }
    try:
        made = forecast_series(request.store, wanted, request.at, hours * HOUR_S)
    except Refused as refused:
        return Shown("signals/forecast.html", values | {"reason": str(refused)})
    view = show_forecast(made)
    values |= {"view": view, "finding": conclude_forecast(view), "chart": _chart(made, view)}
    return Shown("signals/forecast.html", values)


def _chart(made: SeriesForecast, view: ForecastView) -> Chart:
    count = max(PAST_HORIZONS * len(view.points), LEAST_PAST)
    past = made.past.values[-count:]
    ahead = ChartSeries(
        "forecast",
        [point.at for point in view.points],
        [point.value for point in view.points],
        [point.low for point in view.points],
        [point.high for point in view.points],
        colour=1,
    )
    known = ChartSeries("points", _times(made.past, len(past)), past.tolist(), colour=2)
    return Chart("What comes next", "time (UTC)", view.series, (known, ahead))


def _times(past: SeriesGrid, count: int) -> list[datetime]:
    step_us = past.step_s * SECOND_US
    return [from_us(past.end_us - back * step_us) for back in range(count, 0, -1)]


PAGE = ConsolePage(
    "Series",
    65,
    PATH,
    (PageRoute("GET", PATH, show_series), PageRoute("GET", SERIES_PATH, show_one)),
)
