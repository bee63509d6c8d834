"""Issued forecasts: written, found when their time has come, and counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runlore.signals.queries import SeriesKey

Connection = psycopg.Connection[Any]

BEGINNING = datetime.min.replace(tzinfo=UTC)

ADD: LiteralString = """
INSERT INTO runlore.series_forecasts (spec, source, name, scope, horizon_s, issued_at, starts_at,
    ends_at, step_s, level, value, low, high, baseline, weights, note, version)
SELECT %(spec)s, %(source)s, %(name)s, %(scope)s, %(horizon_s)s, %(issued_at)s, %(starts_at)s,
    %(ends_at)s, %(step_s)s, %(level)s, %(value)s::float8[], %(low)s::float8[], %(high)s::float8[],
    %(baseline)s::float8[], %(weights)s, %(note)s, %(version)s
WHERE NOT EXISTS (
    SELECT FROM runlore.series_forecasts WHERE (spec, source, name, scope, horizon_s)
        = (%(spec)s, %(source)s, %(name)s, %(scope)s, %(horizon_s)s) AND issued_at > %(fresh)s
)
ON CONFLICT DO NOTHING
"""
# Held until the commit, so that of two runs at once the second one sees what the first has issued.
LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('series_forecasts', 0))"
NEWEST: LiteralString = """
SELECT DISTINCT ON (source, name, scope, horizon_s) source, name, scope, horizon_s, issued_at
FROM runlore.series_forecasts WHERE spec = %(spec)s
ORDER BY source, name, scope, horizon_s, issued_at DESC
"""
# The lock is held until the scores are committed, so that two runs score each once.
DUE: LiteralString = """
SELECT id, source, name, scope, horizon_s, starts_at, ends_at, step_s, value, low, high, baseline
FROM runlore.series_forecasts
WHERE scored_at IS NULL AND cardinality(value) > 0 AND ends_at <= %(at)s
    AND (ends_at, id) > (%(after_at)s, %(after_id)s)
ORDER BY ends_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
SCORE: LiteralString = """
UPDATE runlore.series_forecasts SET scored_at = %(scored_at)s, points = %(points)s,
    error = %(error)s, baseline_error = %(baseline_error)s, inside = %(inside)s
WHERE id = %(id)s
"""
SKILL: LiteralString = """
SELECT spec, source, name, scope, horizon_s, count(*) AS forecasts,
    count(*) FILTER (WHERE points > 0) AS scored,
    sum(points)::bigint AS points, max(level) AS level,
    sum(error * points) / nullif(sum(points), 0) AS error,
    sum(baseline_error * points) / nullif(sum(points), 0) AS baseline_error,
    sum(inside)::float8 / nullif(sum(points), 0) AS coverage,
    max(issued_at) AS newest_at,
    (array_agg(note ORDER BY issued_at DESC))[1] AS note,
    (array_agg(version ORDER BY issued_at DESC))[1] AS version
FROM runlore.series_forecasts
WHERE (%(name)s::text IS NULL OR name = %(name)s)
GROUP BY spec, source, name, scope, horizon_s
ORDER BY spec, name, scope, source, horizon_s LIMIT %(limit)s
"""


@dataclass(frozen=True)
class IssuedForecast:
    """A row to be written. value and the others: one a step; empty: refused, see note.

    version: of the champion that made it; empty: it was chosen anew.
    """

    spec: str
    source: str
    name: str
    scope: str
    horizon_s: float
    issued_at: datetime
    starts_at: datetime
    ends_at: datetime
    step_s: int
    level: float
    value: Sequence[float] = ()
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    baseline: Sequence[float] = ()
    weights: dict[str, float] = field(default_factory=dict)
    note: str = ""
    version: str = ""


@dataclass(frozen=True)
class DueForecast:
    """One whose last step has passed."""

    id: int
    source: str
    name: str
    scope: str
    horizon_s: float
    starts_at: datetime
    ends_at: datetime
    step_s: int
    value: list[float]
    low: list[float]
    high: list[float]
    baseline: list[float]

    @property
    def series(self) -> SeriesKey:
        return SeriesKey(self.source, self.name, self.scope)


@dataclass(frozen=True)
class ForecastScore:
    """Mean absolute errors over the steps that have a value; None without any."""

    id: int
    scored_at: datetime
    points: int
    error: float | None
    baseline_error: float | None
    inside: int


@dataclass(frozen=True)
class SeriesSkill:
    """How right the issued forecasts of a series were. error: mean absolute, by points.

    scored: of the forecasts, those whose time has come and that met values. None: nothing yet.
    coverage: the share of those values that bands held. note: of the newest one. version: of the
    champion that made the newest one; empty: it was chosen anew.
    """

    spec: str
    source: str
    name: str
    scope: str
    horizon_s: float
    forecasts: int
    scored: int
    points: int | None
    level: float
    error: float | None
    baseline_error: float | None
    coverage: float | None
    newest_at: datetime
    note: str
    version: str

    @property
    def gain(self) -> float | None:
        """The share of the baseline's error that is gone."""
        if self.error is None or not self.baseline_error:
            return None
        return 1 - self.error / self.baseline_error


def add_forecasts(
    connection: Connection, issued: Sequence[IssuedForecast], fresh_share: float
) -> None:
    """One is not written where another run has issued a fresh one, or the same.

    fresh_share: of its horizon, how long a forecast is fresh.
    """
    connection.execute(LOCK)
    with connection.cursor() as cursor:
        cursor.executemany(ADD, [_row(one, fresh_share) for one in issued])


def newest_issued(connection: Connection, spec: str) -> dict[tuple[str, str, str, float], datetime]:
    """(source, name, scope, horizon_s) -> when its newest forecast was issued."""
    rows = connection.execute(NEWEST, {"spec": spec}).fetchall()
    return {(source, name, scope, horizon): at for source, name, scope, horizon, at in rows}


def hold_due(
    connection: Connection, at: datetime, limit: int, after: DueForecast | None
) -> list[DueForecast]:
    """Those to be scored after another one, held until the end of the transaction."""
    values = {
        "at": at,
        "limit": limit,
        "after_at": after.ends_at if after else BEGINNING,
        "after_id": after.id if after else 0,
    }
    with connection.cursor(row_factory=class_row(DueForecast)) as cursor:
        return cursor.execute(DUE, values).fetchall()


def write_scores(connection: Connection, scores: Sequence[ForecastScore]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(SCORE, [vars(score) for score in scores])


def read_skill(connection: Connection, limit: int, name: str | None = None) -> list[SeriesSkill]:
    """By spec, series and horizon."""
    with connection.cursor(row_factory=class_row(SeriesSkill)) as cursor:
        return cursor.execute(SKILL, {"name": name, "limit": limit}).fetchall()


def _row(one: IssuedForecast, fresh_share: float) -> dict[str, Any]:
    arrays = {name: list(getattr(one, name)) for name in ("value", "low", "high", "baseline")}
    fresh = one.issued_at - timedelta(seconds=fresh_share * one.horizon_s)
    return vars(one) | arrays | {"weights": Jsonb(one.weights), "fresh": fresh}
