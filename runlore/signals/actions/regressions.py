"""Find the regressions of series in the store, and keep an alert open for each that stands."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery, Standing
from runlore.alerts.rules.finding import LONGEST_SUBJECT, AlertFinding, Severity, line
from runlore.alerts.rules.state import AlertEpisode
from runlore.kernel.errors import BadInput, NotFound
from runlore.kernel.instants import from_us
from runlore.kernel.readable import readable_number, readable_share
from runlore.signals import queries
from runlore.signals.queries import Connection, StoredSeries
from runlore.signals.rules.regressions.bad_direction import BadDirection, bad_direction
from runlore.signals.rules.regressions.regression import LevelChange, RegressionRules, find_changes
from runlore.signals.rules.regressions.standing import is_bad, standing_change
from runlore.signals.rules.series.cycles import without_cycles
from runlore.signals.rules.series.grid import SECOND_US, SeriesGrid, to_grid
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

KIND = "regression"
SOURCE = "executions"  # the source whose series are all watched
LEAST = 0.1
MOST_SERIES = 10_000
MOST_POINTS = 2_000


@dataclass(frozen=True)
class RegressionQuery:
    """least: share of the level before. since: of the starts. None: any, or by the name."""

    name: str | None = None
    scope: str | None = None
    source: str | None = None
    least: float = LEAST
    since: datetime | None = None
    bad: BadDirection | None = None


@dataclass(frozen=True)
class SeriesRegression:
    """A lasting change of a series for the worse. is_standing: it has not been undone."""

    series: StoredSeries
    started_at: datetime
    seen_at: datetime
    change: LevelChange
    is_standing: bool


@dataclass(frozen=True)
class SeriesLevels:
    """values of the grid: without cycles. changes: in both directions, the oldest first."""

    series: StoredSeries
    grid: SeriesGrid
    changes: tuple[LevelChange, ...]
    standing: LevelChange | None
    bad: BadDirection

    def at(self, index: int) -> datetime:
        return from_us(self.grid.start_us + index * self.grid.step_s * SECOND_US)


def find_regressions(
    store: Store, query: RegressionQuery, as_of: datetime
) -> list[SeriesRegression]:
    """The regressions of the series that are meant, as known at an instant, the newest first.

    Raises BadInput for a share that is none, and NotFound for a name that no series has.
    """
    found = [
        _regression(levels, change)
        for levels in read_levels(store, query, as_of)
        for change in levels.changes
        if is_bad(change, levels.bad)
    ]
    taken = [one for one in found if query.since is None or one.started_at >= query.since]
    return sorted(taken, key=lambda one: one.started_at, reverse=True)


def read_levels(store: Store, query: RegressionQuery, as_of: datetime) -> list[SeriesLevels]:
    """The levels of each series that is meant and has points."""
    if not 0.01 <= query.least <= 10:
        raise BadInput(f"least: {query.least:.0%} is not from 1 % to 1000 %", "least")
    with store.connect() as connection:
        listed = queries.list_series(connection, MOST_SERIES, query.name)
        fitting = [
            one
            for one in listed
            if query.scope in {None, one.scope} and query.source in {None, one.source}
        ]
        if query.name is not None and not fitting:
            raise NotFound(f"there is no series {query.name!r} like that: runlore signals list")
    return read_each(store, fitting, query, as_of)


def read_each(
    store: Store, series: Sequence[StoredSeries], query: RegressionQuery, as_of: datetime
) -> list[SeriesLevels]:
    """The levels of those of these series that have points; the query's names play no part."""
    with store.connect() as connection:
        read = [_levels(connection, one, query, as_of) for one in series]
    return [levels for levels in read if levels is not None]


def read_alerts(store: Store, standing: Standing, limit: int) -> list[AlertEpisode]:
    """The alerts about regressions, the newest first."""
    with store.begin() as connection:
        return alerts.read(connection, AlertQuery(standing, KIND, limit=limit))


def watch_regressions(
    store: Store, at: datetime, specs: Sequence[SeriesSpec] = ()
) -> list[SeriesRegression]:
    """Raise an alert for each watched series with a standing regression; resolve those that ended.

    Watched are the series that are made from executions, and those that a spec takes.
    """

    def is_watched(one: StoredSeries) -> bool:
        taken = (spec.takes(one.name, one.scope, one.source) for spec in specs)
        return one.source == SOURCE or any(taken)

    with store.connect() as reading:
        watched = [one for one in queries.list_series(reading, MOST_SERIES) if is_watched(one)]
    judged = read_each(store, watched, RegressionQuery(), at)
    with store.begin() as connection:
        for levels in sorted(judged, key=lambda one: subject_of(one.series)):
            if levels.standing is None:
                resolve_alert(connection, KIND, subject_of(levels.series), at)
            else:
                raise_alert(connection, _finding(_regression(levels, levels.standing)), at)
    return [
        _regression(levels, levels.standing) for levels in judged if levels.standing is not None
    ]


def subject_of(series: StoredSeries) -> str:
    """What an alert of a series is about; one that is too long ends with a digest."""
    full = f"{series.name} of {series.scope}" if series.scope else series.name
    short = line(full, LONGEST_SUBJECT)
    if short == full:
        return full
    digest = hashlib.sha256(full.encode()).hexdigest()[:8]
    return f"{line(full, LONGEST_SUBJECT - 9)} {digest}"


def conclude_regression(one: SeriesRegression) -> str:
    """What happened, in a sentence."""
    change = one.change
    way = "up" if change.size > 0 else "down"
    sizes = sorted(abs(size) for size in (change.low, change.high))
    return (
        f"{way} {readable_share(abs(change.size))} ({readable_share(sizes[0])} to"
        f" {readable_share(sizes[1])}) since {one.started_at:%Y-%m-%d %H:%M} UTC:"
        f" {readable_number(change.before)} → {readable_number(change.after)}"
    )


def _levels(
    connection: Connection, series: StoredSeries, query: RegressionQuery, as_of: datetime
) -> SeriesLevels | None:
    points = queries.read_points(connection, series, as_of, MOST_POINTS)
    if len(points.at) < 2:
        return None
    grid = to_grid(points.at, points.value)
    rest = SeriesGrid(grid.start_us, grid.step_s, without_cycles(grid.values, grid.step_s))
    changes = find_changes(rest.values, RegressionRules(least=query.least))
    bad = query.bad or bad_direction(series.name)
    standing = standing_change(changes, bad, query.least)
    return SeriesLevels(series, rest, tuple(changes), standing, bad)


def _regression(levels: SeriesLevels, change: LevelChange) -> SeriesRegression:
    return SeriesRegression(
        levels.series,
        levels.at(change.start),
        levels.at(change.seen),
        change,
        change is levels.standing,
    )


def _finding(one: SeriesRegression) -> AlertFinding:
    change = one.change
    return AlertFinding(
        KIND,
        subject_of(one.series),
        Severity.WARNING,
        conclude_regression(one),
        "a sequential test that allows for autocorrelation; the interval holds 95 %",
        "find what changed then: a release, a dependency, the load; a level that is back ends this"
        " alert; to see it: runlore signals regressions",
        since=one.started_at,
        evidence={
            "source": one.series.source,
            "series": one.series.name,
            "scope": one.series.scope,
            "change": change.size,
            "low": change.low,
            "high": change.high,
            "before": change.before,
            "after": change.after,
        },
    )
