"""Forecast a series that is in the store, from what was known at an instant."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.signals import queries
from runlore.signals.actions.series_calendars import BY_UTC, UTC_NAME, CalendarChoice
from runlore.signals.queries import Points, StoredSeries
from runlore.signals.rules.forecasts import forecasting
from runlore.signals.rules.forecasts.calendar_grid import UTC_CALENDAR, Calendar, to_calendar_grid
from runlore.signals.rules.forecasts.forecasting import UNBOUNDED, Bounds, Forecast
from runlore.signals.rules.forecasts.series_model import StoredForecaster
from runlore.signals.rules.series.grid import STEPS_S, SeriesGrid, find_step
from runlore.store.engine import Store

MOST_SERIES = 10_000
MOST_POINTS = 50_000
MOST_STEPS = 10_000
HORIZON_S = 86_400.0
LEVEL = 0.9


@dataclass(frozen=True)
class SeriesName:
    """Which series is meant. scope, source: None: the one there is."""

    name: str
    scope: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class ForecastRequest:
    """horizon_s: how far, in seconds; rounded up to whole steps. level: of the band.

    most_steps: a horizon of more is forecast by longer steps. None: by the series' own.
    """

    horizon_s: float = HORIZON_S
    level: float = LEVEL
    bounds: Bounds = UNBOUNDED
    most_steps: int | None = None
    calendar: Calendar = UTC_CALENDAR


@dataclass(frozen=True)
class SeriesForecast:
    """A forecast of a series, and the grid of the past that it continues.

    is_learned: as a training learned it; else it was chosen anew. zone: whose clocks it follows.
    """

    series: StoredSeries
    past: SeriesGrid
    ahead: Forecast
    is_learned: bool = False
    zone: str = UTC_NAME


def list_series(store: Store, name: str | None = None) -> list[StoredSeries]:
    """The series of a name, or all of them."""
    with store.connect() as connection:
        return queries.list_series(connection, MOST_SERIES, name)


def find_series(store: Store, wanted: SeriesName) -> StoredSeries:
    """The one series that is meant.

    Raises NotFound without one, BadInput where several have the name.
    """
    named = list_series(store, wanted.name)
    fitting = [
        series
        for series in named
        if wanted.scope in {None, series.scope} and wanted.source in {None, series.source}
    ]
    if not fitting:
        raise NotFound(f"there is no series {wanted.name!r}{_where(wanted)}; {_that_exist(named)}")
    if len(fitting) > 1:
        field = "scope" if len({series.scope for series in fitting}) > 1 else "source"
        texts = sorted({str(getattr(series, field)) for series in fitting})
        raise BadInput(
            f"{field}: {len(fitting)} series are named {wanted.name!r}; name one of:"
            f" {', '.join(texts[:10])}",
            field,
        )
    return fitting[0]


def forecast_series(
    store: Store,
    wanted: SeriesName,
    as_of: datetime,
    horizon_s: float = HORIZON_S,
    level: float = LEVEL,
    calendars: CalendarChoice = BY_UTC,
) -> SeriesForecast:
    """Forecast a series from the points that were known at an instant.

    horizon_s: how far, in seconds; rounded up to whole steps. level: the share of values to come
    that the band should hold. calendars: what its rhythm follows. Raises NotFound, BadInput, and
    Refused where no honest forecast is possible, with the reason.
    """
    if not 0.5 <= level <= 0.99:
        raise BadInput(f"level: {level} is not from 0.5 to 0.99", "level")
    series = find_series(store, wanted)
    request = ForecastRequest(horizon_s, level, calendar=calendars.of(series))
    return forecast_stored(store, series, as_of, request)


def forecast_stored(
    store: Store,
    series: StoredSeries,
    as_of: datetime,
    request: ForecastRequest,
    points: Points | None = None,
    learned: StoredForecaster | None = None,
) -> SeriesForecast:
    """The same of a series that was found before, within bounds.

    points: what was known of it then; None reads them. learned: continues the series without a
    search, as long as it fits.
    """
    past, steps = read_past(store, series, as_of, request, points)
    zone = str(request.calendar.zone)
    try:
        if learned is not None and fits(learned, past, steps, request.level):
            with suppress(Refused):
                ahead = forecasting.apply(learned.learned, past, request.bounds)
                return SeriesForecast(series, past.in_utc(), ahead, is_learned=True, zone=zone)
        ahead = forecasting.forecast(past, steps, request.level, request.bounds)
    except Refused as refused:
        raise Refused(f"{series.name}: {refused}") from refused
    return SeriesForecast(series, past.in_utc(), ahead, zone=zone)


def read_points(store: Store, series: StoredSeries, as_of: datetime) -> Points:
    """The newest points of a series that were known at an instant."""
    with store.connect() as connection:
        return queries.read_points(connection, series, as_of, MOST_POINTS)


def fits(learned: StoredForecaster, past: SeriesGrid, steps: int, level: float) -> bool:
    """Whether it was learned for this step, horizon and level."""
    one = learned.learned
    return (learned.step_s, len(one.half), one.level) == (past.step_s, steps, level)


def read_past(
    store: Store,
    series: StoredSeries,
    as_of: datetime,
    request: ForecastRequest,
    points: Points | None = None,
) -> tuple[SeriesGrid, int]:
    """The past of a series on its grid, and the steps of the horizon."""
    past = _grid(series, points or read_points(store, series, as_of), as_of, request)
    return past, _steps(request.horizon_s, past.step_s)


def _grid(
    series: StoredSeries, points: Points, as_of: datetime, request: ForecastRequest
) -> SeriesGrid:
    if len(points.at) < 2:
        raise Refused(
            f"{series.name}: {len(points.at)} points were known at {as_of:%Y-%m-%d %H:%M}"
        )
    own = find_step(points.at)
    least_step_s = request.horizon_s / request.most_steps if request.most_steps else 0.0
    longer = [step_s for step_s in STEPS_S if step_s >= max(own, least_step_s)]
    step_s = longer[0] if longer else own
    return to_calendar_grid(points.at, points.value, step_s, request.calendar)


def _steps(horizon_s: float, step_s: int) -> int:
    steps = -int(-horizon_s // step_s)
    if not 1 <= steps <= MOST_STEPS:
        raise BadInput(
            f"horizon: {horizon_s:g} s are {steps} steps of {step_s} s; from 1 to {MOST_STEPS}"
            " can be forecast",
            "horizon",
        )
    return steps


def _where(wanted: SeriesName) -> str:
    scope = "" if wanted.scope is None else f" of scope {wanted.scope!r}"
    return scope + ("" if wanted.source is None else f" from source {wanted.source!r}")


def _that_exist(named: list[StoredSeries]) -> str:
    if not named:
        return "`runlore signals list` shows those there are"
    places = ", ".join(f"{series.scope or '-'} ({series.source})" for series in named[:5])
    return f"that name is there for: {places}"
