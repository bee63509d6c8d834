"""The events of units: each is counted once, and added up per unit as it comes in.

What is known is looked up key by key (LATERAL), so that taking a batch costs the same however many
events there were; a join would be free to read all of them.

An analysis reads `ab_outcomes`, a row per unit and kind of event, whatever the number of events.
Events from before a unit had its variant are added up apart: they say what the unit is like.

A unit's variant is written down when the unit is first seen, and never changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from runlore.experiments.queries.experiments import AbTest

ADD = text("""
INSERT INTO runlore.ab_units (test_id, unit, variant, exposed_at)
SELECT :test, unit, variant, at FROM (
    SELECT DISTINCT ON (unit) unit, variant, at
    FROM unnest(CAST(:units AS text[]), CAST(:variants AS text[]), CAST(:ats AS timestamptz[]))
        WITH ORDINALITY AS given (unit, variant, at, place)
    ORDER BY unit, place
) AS first
ON CONFLICT DO NOTHING
""")
READ = text("""
SELECT unit, variant, exposed_at FROM runlore.ab_units
WHERE test_id = :test AND unit = ANY (CAST(:units AS text[]))
""")
CROSS = text("""
UPDATE runlore.ab_units AS units SET crossed_at = seen.at
FROM (
    SELECT unit, variant, min(at) AS at
    FROM unnest(CAST(:units AS text[]), CAST(:variants AS text[]), CAST(:ats AS timestamptz[]))
        AS given (unit, variant, at)
    GROUP BY unit, variant
) AS seen
WHERE units.test_id = :test AND units.unit = seen.unit AND units.variant <> seen.variant
    AND (units.crossed_at IS NULL OR units.crossed_at > seen.at)
""")
COUNT_CROSSED = text("""
SELECT variant, count(*) AS units FROM runlore.ab_units
WHERE test_id = :test AND crossed_at IS NOT NULL GROUP BY variant
""")
COUNT = text("""
SELECT variant, count(*) AS units FROM runlore.ab_units WHERE test_id = :test GROUP BY variant
""")

MOST_SHOWN = 100

GIVEN = """
given AS (
    SELECT place - 1 AS place, id, unit, event, coalesce(value, 1.0) AS value,
        coalesce(at, CAST(:at AS timestamptz)) AS at, at IS NOT NULL AS is_at_given
    FROM ROWS FROM (
        jsonb_to_recordset(CAST(:body AS jsonb))
        AS (id text, unit text, event text, value float8, at timestamptz)
    ) WITH ORDINALITY AS sent (id, unit, event, value, at, place)
)"""

TAKE = """
first AS (SELECT DISTINCT ON (id) * FROM given ORDER BY id, place),
judged AS (
    SELECT first.*, units.exposed_at, known.id IS NOT NULL AS is_known, CASE
        WHEN units.unit IS NULL THEN 'unit: was not assigned in this test'
        WHEN first.at > CAST(:latest AS timestamptz) THEN 'at: is in the future'
        WHEN first.at > CAST(:ended AS timestamptz) THEN 'at: is after the end of the test'
        WHEN first.at > units.exposed_at + make_interval(secs => CAST(:window_s AS float8))
            THEN 'at: is after the unit''s time in the test'
        WHEN known.id IS NOT NULL AND (known.unit, known.event, known.value, known.at)
            IS DISTINCT FROM (first.unit, first.event, first.value,
                coalesce(CASE WHEN is_at_given THEN first.at END, known.at))
            THEN 'id: was used for another event'
        END AS fault
    FROM first
    LEFT JOIN LATERAL (
        SELECT unit, exposed_at FROM runlore.ab_units
        WHERE test_id = :test AND unit = first.unit LIMIT 1
    ) AS units ON true
    LEFT JOIN LATERAL (
        SELECT id, unit, event, value, at FROM runlore.ab_events
        WHERE test_id = :test AND id = first.id LIMIT 1
    ) AS known ON true
),
added AS (
    INSERT INTO runlore.ab_events (test_id, id, unit, event, value, at, known_at)
    SELECT :test, id, unit, event, value, at, CAST(:at AS timestamptz)
    FROM judged WHERE fault IS NULL AND NOT is_known ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id, unit, event, value, at
),
folded AS (
    INSERT INTO runlore.ab_outcomes AS old
        (test_id, event, is_before, unit, n, total, least, most, last, last_at)
    SELECT :test, event, is_before, unit, count(*), sum(value), min(value), max(value),
        (array_agg(value ORDER BY at DESC, id DESC))[1], max(at)
    FROM (
        SELECT added.*, added.at < units.exposed_at AS is_before FROM added
        JOIN runlore.ab_units AS units ON units.test_id = :test AND units.unit = added.unit
    ) AS placed
    GROUP BY event, is_before, unit ORDER BY event, is_before, unit
    ON CONFLICT (test_id, event, is_before, unit) DO UPDATE SET
        n = old.n + excluded.n,
        total = old.total + excluded.total,
        least = least(old.least, excluded.least),
        most = greatest(old.most, excluded.most),
        last = CASE WHEN excluded.last_at >= old.last_at THEN excluded.last ELSE old.last END,
        last_at = greatest(old.last_at, excluded.last_at)
)
SELECT
    (SELECT count(*) FROM given) AS given,
    (SELECT count(*) FROM added) AS added,
    (SELECT coalesce(jsonb_object_agg(fault, units), '{}') FROM (
        SELECT fault, count(*) AS units FROM judged WHERE fault IS NOT NULL GROUP BY fault
    ) AS counted) AS faults,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(place, id, fault)), '[]') FROM (
        SELECT place, id, fault FROM judged WHERE fault IS NOT NULL ORDER BY place LIMIT :shown
    ) AS shown) AS rejects
"""
RECORD = text(f"WITH {GIVEN}, {TAKE}")
TOTALS = text("""
SELECT units.variant, outcomes.event, CAST(sum(n) AS bigint), count(*), sum(total)
FROM runlore.ab_outcomes AS outcomes
JOIN runlore.ab_units AS units USING (test_id, unit)
WHERE test_id = :test AND NOT is_before GROUP BY units.variant, outcomes.event
ORDER BY units.variant, outcomes.event
""")


@dataclass(frozen=True)
class ExposedUnit:
    """A unit that got its variant at this instant."""

    unit: str
    variant: str
    at: datetime


def add(
    connection: Connection, test_id: int, exposed: Sequence[ExposedUnit]
) -> dict[str, ExposedUnit]:
    """Store units that are new, and mark those that have another variant already.

    Returns what is stored of all these units.
    """
    units = [unit.unit for unit in exposed]
    values = {
        "test": test_id,
        "units": units,
        "variants": [unit.variant for unit in exposed],
        "ats": [unit.at for unit in exposed],
    }
    connection.execute(ADD, values)
    connection.execute(CROSS, values)
    return read(connection, test_id, units)


def read(connection: Connection, test_id: int, units: Sequence[str]) -> dict[str, ExposedUnit]:
    rows = connection.execute(READ, {"test": test_id, "units": list(units)})
    return {row.unit: ExposedUnit(*row) for row in rows}


def count(connection: Connection, test_id: int) -> dict[str, int]:
    """Count the units of each variant."""
    rows = connection.execute(COUNT, {"test": test_id})
    return {row.variant: row.units for row in rows}


def count_crossed(connection: Connection, test_id: int) -> dict[str, int]:
    """Count the units of each variant that met another one as well."""
    rows = connection.execute(COUNT_CROSSED, {"test": test_id})
    return {row.variant: row.units for row in rows}


@dataclass(frozen=True)
class Reject:
    """place: in the batch, from 0. reason: begins with the field."""

    place: int
    id: str
    reason: str


@dataclass(frozen=True)
class Intake:
    """The result of taking in a batch. faults: reason -> events; rejects: the first of them."""

    given: int
    added: int
    faults: Mapping[str, int]
    rejects: tuple[Reject, ...]

    @property
    def rejected(self) -> int:
        return sum(self.faults.values())

    @property
    def duplicates(self) -> int:
        """Those that were known before, and repeats inside the batch."""
        return self.given - self.added - self.rejected


@dataclass(frozen=True)
class EventTotal:
    """The total of one kind of event in one variant. units: those with such an event."""

    variant: str
    event: str
    events: int
    units: int
    total: float


def record(
    connection: Connection, test: AbTest, body: str, at: datetime, latest: datetime
) -> Intake:
    """body: a JSON array of checked events. latest: what happens later has not happened yet."""
    return take(connection, RECORD, test, {"body": body, "at": at, "latest": latest})


def totals(connection: Connection, test: AbTest) -> list[EventTotal]:
    return [EventTotal(*row) for row in connection.execute(TOTALS, {"test": test.id})]


def statement(source: str) -> TextClause:
    """source: a common table expression `given`, with the columns of GIVEN."""
    return text(f"WITH {source}, {TAKE}")


def take(
    connection: Connection, query: TextClause, test: AbTest, values: Mapping[str, Any]
) -> Intake:
    """query: a `statement`. values: its own, and :at and :latest."""
    fixed = {
        "test": test.id,
        "ended": test.ended_at,
        "window_s": test.plan["window_s"],
        "shown": MOST_SHOWN,
    }
    row = connection.execute(query, {**fixed, **values}).one()
    return Intake(
        row.given, row.added, row.faults, tuple(Reject(*reject) for reject in row.rejects)
    )
