"""What a series will do, and when it reaches a value."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from runlore.assistant.actions.context import ToolContext
from runlore.assistant.rules.arguments import ForecastArguments, now_unless
from runlore.assistant.rules.figures import Figure, ToolAnswer, cut_note
from runlore.assistant.rules.log_text import quote
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.readable import readable_quantity, readable_share
from runlore.signals.actions.forecasting import SeriesName, forecast_series, list_series
from runlore.signals.actions.limits import SeriesLimit, forecast_limit
from runlore.signals.actions.series_calendars import CalendarChoice
from runlore.signals.limit_views import LimitView, show_limit
from runlore.signals.views import ForecastPoint, ForecastView, show_forecast

MOST_POINTS, MOST_SERIES = 24, 50
LEVEL = 0.9


def forecast(context: ToolContext, asked: ForecastArguments) -> ToolAnswer:
    """Without a series, list those there are. Raises NotFound, BadInput, and Refused where no
    honest forecast is possible."""
    if asked.series is None:
        return _listing(context, asked)
    as_of = now_unless(asked.as_of, context.now)
    name = SeriesName(asked.series, asked.scope, asked.source)
    if asked.reaches is not None:
        limit = SeriesLimit(asked.reaches, asked.side)
        days = asked.hours * HOUR_S / DAY_S if "hours" in asked.model_fields_set else None
        made = forecast_limit(context.store, context.series_specs, name, as_of, limit, days)
        return _limit_answer(show_limit(made), as_of)
    calendars = CalendarChoice(context.series_specs)
    horizon_s = asked.hours * HOUR_S
    ahead = forecast_series(context.store, name, as_of, horizon_s, LEVEL, calendars)
    return _answer(show_forecast(ahead), as_of)


def _answer(view: ForecastView, as_of: Any) -> ToolAnswer:  # noqa: ANN401
    last = view.points[-1]
    shown = [view.points[place] for place in _spread(len(view.points))]
    name = _name(view.series, view.scope)
    figures = (
        Figure(
            f"value at {last.at:%Y-%m-%d %H:%M} UTC",
            last.value,
            "",
            as_of,
            last.low,
            last.high,
            view.origins,
        ),
        Figure(
            "share of past values inside the band", view.coverage, "share", as_of, n=view.origins
        ),
        Figure("mean absolute error on the past", view.error, "", as_of, n=view.origins),
        Figure("the same of the last season again", view.baseline_error, "", as_of, n=view.origins),
    )
    text = (
        f"{name} will be {readable_quantity(last.value, '')}"
        f" ({readable_quantity(last.low, '')} to {readable_quantity(last.high, '')}) at"
        f" {last.at:%Y-%m-%d %H:%M} UTC. {readable_share(view.gain)} less error than the last"
        f" season again, on {view.origins} forecasts of the past. {view.note}"
    ).strip()
    notes = cut_note(
        "steps", len(shown), len(view.points), "ask for fewer hours to see each of them"
    )
    return ToolAnswer(text, as_of, figures, [_point(one) for one in shown], notes)


def _spread(count: int) -> Sequence[int]:
    """At most so many places, evenly spread, the first and the last among them."""
    if count <= MOST_POINTS:
        return range(count)
    step = (count - 1) / (MOST_POINTS - 1)
    return [math.floor(step * place + 0.5) for place in range(MOST_POINTS)]


def _point(one: ForecastPoint) -> Mapping[str, Any]:
    return {"at": one.at, "value": one.value, "low": one.low, "high": one.high}


def _limit_answer(view: LimitView, as_of: Any) -> ToolAnswer:  # noqa: ANN401
    row = {
        "state": view.state,
        "early": view.early_at,
        "median": view.median_at,
        "late": view.late_at,
        "horizon_days": view.horizon_days,
        "last_value": view.last_value,
        "last_point": view.last_point_at,
    }
    figures = (
        Figure("probability within the horizon", view.probability, "probability", as_of),
        Figure(
            "growth per day",
            view.growth_per_day,
            view.unit,
            as_of,
            view.growth_low,
            view.growth_high,
        ),
    )
    text = f"{_name(view.series, view.scope)}: {quote(view.finding, 300)}"
    return ToolAnswer(text, as_of, figures, [row])


def _listing(context: ToolContext, asked: ForecastArguments) -> ToolAnswer:
    found = [
        one
        for one in list_series(context.store)
        if asked.scope in {None, one.scope} and asked.source in {None, one.source}
    ]
    rows = [
        {
            "series": quote(one.name),
            "scope": quote(one.scope),
            "source": quote(one.source),
            "last_at": one.last_at,
            "last_value": one.last_value,
            "unit": one.unit,
        }
        for one in found[:MOST_SERIES]
    ]
    text = f"{len(found):,} series have points; name one to forecast it."
    if not found:
        text = "No series has points here; bring some in by `runlore ingest metrics`."
    notes = cut_note("series", len(rows), len(found), "ask with scope or source")
    return ToolAnswer(text, context.now, (), rows, notes)


def _name(series: str, scope: str) -> str:
    return f"{quote(series)} of {quote(scope)}" if scope else quote(series)
