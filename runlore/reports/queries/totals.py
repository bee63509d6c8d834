"""How much is on record, added up in the database: executions, answers, anomalies, metrics."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row

from runlore.store.engine import Store

EXECUTIONS = """
SELECT count(*) AS total,
    count(*) FILTER (WHERE status NOT IN ('submitted', 'running')) AS finished,
    count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
    count(DISTINCT actor) FILTER (WHERE actor <> '') AS actors,
    min(submitted) AS first_at, max(submitted) AS last_at
FROM (
    SELECT DISTINCT ON (source, source_id, submitted) actor, status, submitted
    FROM runlore.executions ORDER BY source, source_id, submitted, revision DESC
) AS newest
"""
ANSWERS = """
SELECT spec, count(*) FILTER (WHERE status = 200) AS answered,
    count(*) FILTER (WHERE status <> 200) AS refused, max(at) AS last_at
FROM runlore.ledger WHERE arm <> 'shadow' GROUP BY spec ORDER BY spec
"""
ANOMALIES = """
SELECT count(*) FILTER (WHERE resolved_at IS NULL) AS active,
    count(*) FILTER (WHERE resolved_at IS NOT NULL) AS resolved, max(seen_at) AS last_at
FROM runlore.anomalies
"""
METRICS = """
SELECT count(*) AS points, count(DISTINCT (source, name, scope)) AS series, max(at) AS last_at
FROM runlore.metrics WHERE revision = 0
"""

T = TypeVar("T")
Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Executions:
    """Totals of executions by their newest facts."""

    total: int
    finished: int
    succeeded: int
    actors: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class PredictionTotals:
    """Predictions of a spec; those of a shadow are not counted."""

    spec: str
    answered: int
    refused: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Anomalies:
    active: int
    resolved: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class MetricTotals:
    points: int
    series: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class LogTotals:
    """All totals, read in one snapshot."""

    executions: Executions
    answers: tuple[PredictionTotals, ...]
    anomalies: Anomalies
    metrics: MetricTotals


def totals(store: Store) -> LogTotals:
    """All rows are looked at: seconds where there are many millions."""
    with store.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return LogTotals(
            executions=_rows(connection, Executions, EXECUTIONS)[0],
            answers=tuple(_rows(connection, PredictionTotals, ANSWERS)),
            anomalies=_rows(connection, Anomalies, ANOMALIES)[0],
            metrics=_rows(connection, MetricTotals, METRICS)[0],
        )


def _rows(connection: Connection, kind: type[T], query: LiteralString) -> list[T]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query).fetchall()
