"""Forecasts on the ledger: issue them regularly, and score each when its time has come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from runlore.kernel.calendars import find_holidays, find_zone
from runlore.kernel.errors import BadInput, Refused
from runlore.kernel.instants import from_us, to_us
from runlore.signals import queries
from runlore.signals.actions import forecasting
from runlore.signals.actions.forecasting import ForecastRequest
from runlore.signals.queries import StoredSeries, forecast_ledger
from runlore.signals.queries.forecast_ledger import (
    DueForecast,
    ForecastScore,
    IssuedForecast,
    SeriesSkill,
)
from runlore.signals.rules.calendar_grid import Calendar
from runlore.signals.rules.forecasting import Bounds
from runlore.signals.rules.grid import SECOND_US, Floats
from runlore.signals.rules.scoring import compare
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

ISSUED_ANEW = 0.25  # of a horizon after the last one
MOST_STEPS = 1_000  # of a horizon; finer series are averaged over longer steps
SCORED_AT_ONCE = 200
MOST_SKILLS = 10_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IssueOutcome:
    """What came of a spec: its series, the forecasts made and refused, and those still new."""

    spec: str
    series: int
    issued: int
    refused: int
    fresh: int


def issue(
    store: Store,
    specs: Sequence[SeriesSpec],
    at: datetime,
    progress: Progress | None = None,
) -> list[IssueOutcome]:
    """Forecast every series of the specs from what was known at an instant.

    A horizon whose last forecast is younger than a quarter of it is left alone. Each series is
    committed by itself, so that a run that is killed is completed by the next one. progress: is
    told how many series of how many are done.
    """
    wanted = [(spec, _series_of(store, spec)) for spec in specs]
    total, done = sum(len(series) for _, series in wanted), 0
    outcomes = []
    for spec, listed in wanted:
        with store.connect() as connection:
            newest = forecast_ledger.newest_issued(connection, spec.name)
        made: list[IssuedForecast] = []
        for series in listed:
            made += _issue_one(store, spec, series, at, newest)
            done += 1
            if progress:
                progress(done, total)
        refused = sum(not one.value for one in made)
        fresh = len(listed) * len(spec.horizons_s) - len(made)
        outcomes.append(IssueOutcome(spec.name, len(listed), len(made) - refused, refused, fresh))
    return outcomes


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


def _series_of(store: Store, spec: SeriesSpec) -> list[StoredSeries]:
    taken = (
        series
        for series in forecasting.list_series(store)
        if spec.takes(series.name, series.scope, series.source)
    )
    return [series for series, _ in zip(taken, range(spec.most_series), strict=False)]


def _issue_one(
    store: Store,
    spec: SeriesSpec,
    series: StoredSeries,
    at: datetime,
    newest: dict[tuple[str, str, str, float], datetime],
) -> list[IssuedForecast]:
    key = (series.source, series.name, series.scope)
    horizons = [
        horizon_s
        for horizon_s in spec.horizons_s
        if _is_due(newest.get((*key, horizon_s)), horizon_s, at)
    ]
    if not horizons:
        return []
    made = list(_forecasts(store, spec, series, at, horizons))
    with store.connect() as connection:
        forecast_ledger.add_forecasts(connection, made, ISSUED_ANEW)
    return made


def _is_due(last: datetime | None, horizon_s: float, at: datetime) -> bool:
    return last is None or at - last >= timedelta(seconds=ISSUED_ANEW * horizon_s)


def _forecasts(
    store: Store, spec: SeriesSpec, series: StoredSeries, at: datetime, horizons: Sequence[float]
) -> Iterator[IssuedForecast]:
    points = forecasting.read_points(store, series, at)
    for horizon_s in horizons:
        named = (spec.name, series.source, series.name, series.scope, horizon_s, at)
        try:
            request = request_of(spec, horizon_s)
            ahead = forecasting.forecast_stored(store, series, at, request, points).ahead
        except (Refused, BadInput) as refused:
            yield IssuedForecast(*named, at, at, 0, spec.level, note=str(refused))
            continue
        length_us = len(ahead.value) * ahead.step_s * SECOND_US
        yield IssuedForecast(
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
