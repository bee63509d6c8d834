"""Forecasts on the ledger: issue them regularly, and score each when its time has come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from runlore.kernel.calendars import find_holidays, find_zone
from runlore.kernel.errors import BadInput, Refused
from runlore.kernel.instants import from_us, to_us
from runlore.signals import queries
from runlore.signals.actions import forecasting
from runlore.signals.actions.forecasting import ForecastRequest, SeriesForecast
from runlore.signals.actions.series_champions import NO_CHAMPIONS, SeriesChampion
from runlore.signals.queries import Points, StoredSeries, forecast_ledger
from runlore.signals.queries.forecast_ledger import (
    DueForecast,
    ForecastScore,
    IssuedForecast,
    SeriesSkill,
)
from runlore.signals.rules.forecasts.calendar_grid import Calendar
from runlore.signals.rules.forecasts.forecasting import Bounds, Forecast
from runlore.signals.rules.forecasts.scoring import compare
from runlore.signals.rules.series.grid import SECOND_US, Floats
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

ISSUED_ANEW = 0.25  # of a horizon after the last one
MOST_STEPS = 1_000  # of a horizon; finer series are averaged over longer steps
SCORED_AT_ONCE = 200
MOST_SKILLS = 10_000
ON_REQUEST = "on request"  # stands where the ledger has a spec; no spec can have this name

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IssueOutcome:
    """What came of a spec: its series, the forecasts made and refused, and those still new."""

    spec: str
    series: int
    issued: int
    refused: int
    fresh: int


@dataclass(frozen=True)
class IssueRun:
    """What all series of a spec share."""

    store: Store
    spec: SeriesSpec
    at: datetime
    champion: SeriesChampion | None


def issue(
    store: Store,
    specs: Sequence[SeriesSpec],
    at: datetime,
    progress: Progress | None = None,
    champions: Mapping[str, SeriesChampion] = NO_CHAMPIONS,
) -> list[IssueOutcome]:
    """Forecast every series of the specs from what was known at an instant.

    champions: by spec; what they have learned is not searched again.

    A horizon whose last forecast is younger than a quarter of it is left alone. Each series is
    committed by itself, so that a run that is killed is completed by the next one. progress: is
    told how many series of how many are done.
    """
    wanted = [(spec, series_of(store, spec)) for spec in specs]
    total, done = sum(len(series) for _, series in wanted), 0
    outcomes = []
    for spec, listed in wanted:
        with store.connect() as connection:
            newest = forecast_ledger.newest_issued(connection, spec.name)
        made: list[IssuedForecast] = []
        for series in listed:
            made += _issue_one(IssueRun(store, spec, at, champions.get(spec.name)), series, newest)
            done += 1
            if progress:
                progress(done, total)
        refused = sum(not one.value for one in made)
        fresh = len(listed) * len(spec.horizons_s) - len(made)
        outcomes.append(IssueOutcome(spec.name, len(listed), len(made) - refused, refused, fresh))
    return outcomes


def record(store: Store, made: SeriesForecast, horizon_s: float, at: datetime) -> None:
    """Put a forecast that somebody asked for on the ledger, to be scored as the others.

    at: what was known then was used. One of the same instant is written once.
    """
    series = made.series
    named = (ON_REQUEST, series.source, series.name, series.scope, horizon_s, at)
    with store.connect() as connection:
        forecast_ledger.add_forecasts(connection, [as_issued(named, made.ahead)], 0.0)


def score(store: Store, at: datetime) -> int:
    """Score each forecast whose last step has passed, from the points known at an instant.

    Returns how many. One whose series is late by more than the series' step waits for a quarter of
    its horizon, then it is scored by what there is.
    """
    count, after = 0, None
    while True:
        with store.connect() as connection:
            due = forecast_ledger.hold_due(connection, at, SCORED_AT_ONCE, after)
            scores = [one for one in (_score_one(connection, each, at) for each in due) if one]
            forecast_ledger.write_scores(connection, scores)
        count += len(scores)
        if len(due) < SCORED_AT_ONCE:
            return count
        after = due[-1]  # those that wait for points stop nobody behind them


def read_skill(store: Store, name: str | None = None) -> list[SeriesSkill]:
    """How right the issued forecasts were, by spec, series and horizon."""
    with store.connect() as connection:
        return forecast_ledger.read_skill(connection, MOST_SKILLS, name)


def series_of(store: Store, spec: SeriesSpec) -> list[StoredSeries]:
    """The series that a spec takes, at most as many as it says."""
    taken = (
        series
        for series in forecasting.list_series(store)
        if spec.takes(series.name, series.scope, series.source)
    )
    return [series for series, _ in zip(taken, range(spec.most_series), strict=False)]


def _issue_one(
    run: IssueRun,
    series: StoredSeries,
    newest: dict[tuple[str, str, str, float], datetime],
) -> list[IssuedForecast]:
    key = (series.source, series.name, series.scope)
    horizons = [
        horizon_s
        for horizon_s in run.spec.horizons_s
        if _is_due(newest.get((*key, horizon_s)), horizon_s, run.at)
    ]
    if not horizons:
        return []
    points = forecasting.read_points(run.store, series, run.at)
    made = [_forecast(run, series, horizon_s, points) for horizon_s in horizons]
    with run.store.connect() as connection:
        forecast_ledger.add_forecasts(connection, made, ISSUED_ANEW)
    return made


def _is_due(last: datetime | None, horizon_s: float, at: datetime) -> bool:
    return last is None or at - last >= timedelta(seconds=ISSUED_ANEW * horizon_s)


def _forecast(
    run: IssueRun, series: StoredSeries, horizon_s: float, points: Points
) -> IssuedForecast:
    spec, champion = run.spec, run.champion
    named = (spec.name, series.source, series.name, series.scope, horizon_s, run.at)
    learned = champion.find(series, horizon_s) if champion else None
    try:
        made = forecasting.forecast_stored(
            run.store, series, run.at, request_of(spec, horizon_s), points, learned
        )
    except (Refused, BadInput) as refused:
        return IssuedForecast(*named, run.at, run.at, 0, spec.level, note=str(refused))
    version = champion.version if champion and made.is_learned else ""
    return as_issued(named, made.ahead, version)


def as_issued(
    named: tuple[str, str, str, str, float, datetime], ahead: Forecast, version: str = ""
) -> IssuedForecast:
    """A forecast as a row. named: spec, source, name, scope, horizon_s and issued_at."""
    length_us = len(ahead.value) * ahead.step_s * SECOND_US
    return IssuedForecast(
        *named,
        from_us(ahead.start_us),
        from_us(ahead.start_us + length_us),
        ahead.step_s,
        ahead.level,
        ahead.value.tolist(),
        ahead.low.tolist(),
        ahead.high.tolist(),
        ahead.baseline.tolist(),
        dict(ahead.weights),
        ahead.note,
        version,
    )


def request_of(spec: SeriesSpec, horizon_s: float) -> ForecastRequest:
    """What a spec wants of a forecast that far ahead."""
    bounds = Bounds(spec.lower, spec.upper)
    calendar = Calendar(find_zone(spec.zone), find_holidays(spec.holidays))
    return ForecastRequest(horizon_s, spec.level, bounds, MOST_STEPS, calendar)


def _score_one(
    connection: queries.Connection, due: DueForecast, at: datetime
) -> ForecastScore | None:
    """None: points may still come."""
    actual, is_complete = _actual(connection, due, at)
    patience = timedelta(seconds=ISSUED_ANEW * due.horizon_s)
    if not is_complete and at < due.ends_at + patience:
        return None
    value, low, high, baseline = (
        np.asarray(each) for each in (due.value, due.low, due.high, due.baseline)
    )
    found = compare(actual, value, low, high, baseline)
    return ForecastScore(due.id, at, found.points, found.error, found.baseline_error, found.inside)


def _actual(connection: queries.Connection, due: DueForecast, at: datetime) -> tuple[Floats, bool]:
    """The mean of the points of each step, NaN without any; and whether the last step has some."""
    points = queries.read_points(connection, due.series, at, forecasting.MOST_POINTS, due.starts_at)
    steps = (points.at - to_us(due.starts_at)) // (due.step_s * SECOND_US)
    taken = steps < len(due.value)
    counts = np.bincount(steps[taken], minlength=len(due.value))
    with np.errstate(invalid="ignore"):
        means = np.bincount(steps[taken], points.value[taken], len(due.value)) / counts
    return means, bool(counts[-1])
