"""Incidents: the series of one subject that deviate at one time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, LiteralString

from sqlalchemy import Connection, text

from runlore.records.metric_points import EXECUTION_SOURCE

# Executions of one scope move the series of all executions, of kinds and of actors with them.
BEGIN: LiteralString = """
WITH found AS (
    SELECT series.id, CASE
            WHEN new.of_source IS NOT NULL THEN new.of_source
            WHEN source = %(executions)s AND min(nullif(scope, '')) OVER same_hour
                IS DISTINCT FROM max(scope) OVER same_hour THEN source
            WHEN source = %(executions)s THEN max(scope) OVER same_hour
            WHEN scope = '' THEN name ELSE scope END AS subject,
        new.* FROM unnest(%(ids)s::bigint[], %(sort)s::text[], %(since)s::bigint[],
            %(seen)s::float8[], %(expected)s::float8[], %(low)s::float8[], %(high)s::float8[],
            %(probability)s::float8[],
            %(of_source)s::text[])
        AS new (number, sort, since_us, seen, expected, low, high, probability, of_source)
    JOIN runlore.series_states AS series ON series.id = new.number
    WINDOW same_hour AS (PARTITION BY source, since_us)
), opened AS (
    INSERT INTO runlore.incidents (subject, since, opened_at)
    SELECT subject, to_timestamp(min(since_us) / 1000000.0), %(at)s FROM found GROUP BY subject
    ON CONFLICT (subject) WHERE resolved_at IS NULL
    DO UPDATE SET since = least(incidents.since, excluded.since)
    RETURNING id, subject
), joined AS (
    INSERT INTO runlore.incident_series AS known (
        incident_id, series_id, sort, since, seen, expected, low, high, probability)
    SELECT opened.id, found.id, sort, to_timestamp(since_us / 1000000.0), seen, expected, low, high,
        probability
    FROM found JOIN opened USING (subject)
    ON CONFLICT (incident_id, series_id) DO UPDATE SET ended_at = NULL,
        sort = excluded.sort, seen = excluded.seen, expected = excluded.expected,
        low = excluded.low, high = excluded.high, probability = excluded.probability
)
SELECT id FROM opened
"""
END: LiteralString = """
UPDATE runlore.incident_series SET ended_at = %(at)s
WHERE series_id = ANY(%(ids)s) AND ended_at IS NULL RETURNING incident_id
"""
RESOLVE = text("""
UPDATE runlore.incidents AS incident SET resolved_at = :at
WHERE id = ANY(:ids) AND resolved_at IS NULL AND NOT EXISTS (
    SELECT FROM runlore.incident_series AS moved
    WHERE moved.incident_id = incident.id AND moved.ended_at IS NULL)
RETURNING id
""")
READ = text("""
SELECT id, subject, since, opened_at, CASE WHEN resolved_at <= :until THEN resolved_at END
        AS resolved_at,
    (SELECT count(*) FROM runlore.incident_series WHERE incident_id = incident.id
        AND since <= :until) AS count
FROM runlore.incidents AS incident
WHERE (:all OR resolved_at IS NULL OR resolved_at > :until) AND opened_at <= :until
    AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(:ids))
ORDER BY id DESC LIMIT :limit
""")
MOVED = text("""
SELECT moved.incident_id, series.source, series.name, series.scope, moved.sort, moved.since,
    moved.seen, moved.expected, moved.low, moved.high, moved.probability,
    CASE WHEN moved.ended_at <= :until THEN moved.ended_at END
FROM unnest(CAST(:ids AS bigint[])) AS wanted (id) CROSS JOIN LATERAL (
    SELECT * FROM runlore.incident_series WHERE incident_id = wanted.id AND since <= :until
    ORDER BY since, series_id LIMIT :most
) AS moved JOIN runlore.series_states AS series ON series.id = moved.series_id
ORDER BY moved.incident_id, moved.since, moved.series_id
""")
MOST_SERIES = 20  # of one incident are shown, the first that moved


@dataclass(frozen=True)
class MovedSeries:
    """A series of an incident. sort: value, flat or missing. seen: the first unusual value.

    low, high: what was usual. probability: of a value so far off or further; None: not known.
    """

    source: str
    name: str
    scope: str
    sort: str
    since: datetime
    seen: float
    expected: float
    low: float
    high: float
    probability: float | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Incident:
    """subject: the scope of its series, the name of one without a scope, or `source NAME`.

    count: of its series.

    since: the first unusual point. series: the first MOST_SERIES that moved.
    """

    id: int
    subject: str
    since: datetime
    opened_at: datetime
    resolved_at: datetime | None
    count: int
    series: tuple[MovedSeries, ...] = field(default=())


@dataclass(frozen=True)
class NewDeviations:
    """Columns of one length. since: microseconds; probability: None where it is not known.

    of_source: the subject of series whose source is silent, instead of their scope.
    """

    ids: Sequence[int]
    sort: Sequence[str]
    since: Sequence[int]
    seen: Sequence[float]
    expected: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    probability: Sequence[float | None]
    of_source: Sequence[str | None]


def begin(connection: Connection, new: NewDeviations, at: datetime) -> set[int]:
    """Add series to the open incidents of their subjects, or open them. Returns their ids."""
    values = {name: list(column) for name, column in vars(new).items()} | {
        "at": at,
        "executions": EXECUTION_SOURCE,
    }
    return {row[0] for row in _execute(connection, BEGIN, values).fetchall()}


def end(connection: Connection, ids: Sequence[int], at: datetime) -> set[int]:
    """Note that series are back. Returns the incidents that they were in."""
    values = {"ids": list(ids), "at": at}
    return {row[0] for row in _execute(connection, END, values).fetchall()}


def resolve(connection: Connection, ids: set[int], at: datetime) -> set[int]:
    """Resolve those of these incidents whose series are all back. Returns their ids."""
    return set(connection.scalars(RESOLVE, {"ids": sorted(ids), "at": at}))


def read(
    connection: Connection,
    limit: int,
    *,
    ids: set[int] | None = None,
    is_all: bool = False,
    as_of: datetime | None = None,
) -> list[Incident]:
    """Open incidents, or all of them, the newest first. ids: only these. as_of: open then."""
    until = datetime.max.replace(tzinfo=UTC) if as_of is None else as_of
    values: dict[str, Any] = {"ids": None if ids is None else sorted(ids), "all": is_all}
    values |= {"limit": limit, "until": until}
    rows = connection.execute(READ, values).all()
    moved: dict[int, list[MovedSeries]] = {row.id: [] for row in rows}
    wanted = {"ids": list(moved), "most": MOST_SERIES, "until": until}
    for row in connection.execute(MOVED, wanted):
        moved[row[0]].append(MovedSeries(*row[1:]))
    return [replace(Incident(**row._mapping), series=tuple(moved[row.id])) for row in rows]


def _execute(connection: Connection, query: LiteralString, values: dict[str, Any]) -> Any:  # noqa: ANN401
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101  (it is open)
    return driver.execute(query, values)
