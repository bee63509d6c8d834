"""One series: its past, what comes next, its anomalies, and how right its forecasts were."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, number_filter, text_filter
from bentos.console.frame.page import PageRequest, Shown
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import Refused
from runlore.kernel.instants import from_us
from runlore.kernel.readable import readable_share
from runlore.signals.actions.anomalies import SeriesAnomaly
from runlore.signals.actions.forecasting import (
    SeriesForecast,
    SeriesName,
    find_series,
    forecast_series,
)
from runlore.signals.actions.series_calendars import CalendarChoice
from runlore.signals.actions.series_story import read_past, tell_series
from runlore.signals.anomaly_views import readable_rarity
from runlore.signals.queries import StoredSeries
from runlore.signals.rules.series.grid import SECOND_US, SeriesGrid
from runlore.signals.views import conclude_forecast, show_forecast

SERIES_PATH, LIMIT_PATH = "/console/signals/series", "/console/limits/series"
HORIZONS = (("24", "24 hours"), ("168", "7 days"), ("720", "30 days"))
LONGEST_HOURS = 8_760
PAST_HORIZONS, PAST_S = 4, 7 * 86_400.0  # that are drawn, at least
LEAST_PAST, MOST_PAST = 50, 2_000  # steps
MOST_SHOWN = 20  # anomalies
KINDS = {
    "point": "unusual value",
    "level": "another level",
    "spread": "restless",
    "flat": "stays at one value",
    "missing": "no points",
}


def show_one(request: PageRequest) -> Shown:
    wanted = SeriesName(
        text_filter(request.query, "name") or "",
        request.query.get("scope"),
        request.query.get("source"),
    )
    hours = number_filter(request.query, "hours", LONGEST_HOURS) or 24
    series = find_series(request.store, wanted)
    names = {"name": series.name, "scope": series.scope, "source": series.source}
    values = {
        "series": series,
        "hours": hours,
        "horizons": [
            (text, label, address(SERIES_PATH, names, hours=text)) for text, label in HORIZONS
        ],
        "limit_link": address(LIMIT_PATH, names),
        "view": None,
        "reason": "",
        "kinds": KINDS,
        "rarity": readable_rarity,
    }
    exact = SeriesName(series.name, series.scope, series.source)
    made = None
    try:
        calendars = CalendarChoice(request.product.series_specs)
        made = forecast_series(
            request.store, exact, request.at, hours * HOUR_S, calendars=calendars
        )
    except Refused as refused:
        values["reason"] = str(refused)
    else:
        view = show_forecast(made)
        values |= {"view": view, "finding": conclude_forecast(view)}
    return Shown("signals/forecast.html", values | _past_of(request, series, made))


def _past_of(
    request: PageRequest, series: StoredSeries, made: SeriesForecast | None
) -> dict[str, object]:
    """The picture, and what is known of the time that it shows."""
    past = read_past(request.store, series, request.at) if made is None else made.past
    drawn = None if past is None else _last(past, 0 if made is None else len(made.ahead.value))
    since = request.at - timedelta(seconds=PAST_S) if drawn is None else from_us(drawn.start_us)
    story = tell_series(request.store, series, since, request.at)
    return {
        "chart": None if drawn is None else _chart(series, drawn, made, story.anomalies),
        "since": since,
        "story": story,
        "anomalies": story.anomalies[:MOST_SHOWN],
    }


def _last(past: SeriesGrid, ahead: int) -> SeriesGrid:
    """The newest part of the past: some horizons and a week."""
    wanted = max(PAST_HORIZONS * ahead, round(PAST_S / past.step_s), LEAST_PAST)
    values = past.values[-min(wanted, MOST_PAST) :]
    start_us = past.end_us - len(values) * past.step_s * SECOND_US
    return SeriesGrid(start_us, past.step_s, values)


def _chart(
    series: StoredSeries,
    past: SeriesGrid,
    made: SeriesForecast | None,
    anomalies: Sequence[SeriesAnomaly],
) -> Chart:
    drawn = [ChartSeries("seen", _times(past), past.values.tolist(), style="curve", colour=2)]
    if made is not None:
        drawn.append(_ahead(made))
    first = from_us(past.start_us)
    marks = [one for one in anomalies if one.since >= first]
    if marks:
        at, seen = [one.since for one in marks], [one.seen for one in marks]
        drawn.append(ChartSeries("anomaly", at, seen, style="points", colour=6))
    y = f"{series.name} ({series.unit})" if series.unit else series.name
    title = "What was seen" if made is None else "What was seen, and what comes next"
    return Chart(title, "time (UTC)", y, tuple(drawn))


def _ahead(made: SeriesForecast) -> ChartSeries:
    view = show_forecast(made)
    return ChartSeries(
        f"forecast, band for {readable_share(view.level)} of values",
        [point.at for point in view.points],
        [point.value for point in view.points],
        [point.low for point in view.points],
        [point.high for point in view.points],
        style="curve",
        colour=1,
    )


def _times(past: SeriesGrid) -> list[datetime]:
    step_us = past.step_s * SECOND_US
    return [from_us(past.start_us + step * step_us) for step in range(len(past.values))]
