"""Runs as they were known at an instant: how many of which status, and the newest of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from runlore.kernel.errors import Stalled
from runlore.records.execution import Scalar
from runlore.serving.queries import outcomes
from runlore.serving.queries.execution_search import SOURCES
from runlore.store.engine import Store

TIMEOUT_S = 6
LIMIT_TIME: LiteralString = "SET LOCAL statement_timeout = '6s'"
NEWEST: LiteralString = """
SELECT DISTINCT ON (source, source_id, submitted)
    seq, source, source_id, submitted, actor, kind, scope, inputs, status, started, finished,
    outcome, known_at
FROM runlore.executions_as_of(%(as_of)s)
WHERE (%(since)s::timestamptz IS NULL OR submitted >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR submitted < %(until)s)
    AND (%(sources)s::text[] IS NULL OR source = ANY(%(sources)s))
    AND (%(id)s::text IS NULL OR source_id = %(id)s)
    AND (%(actor)s::text IS NULL OR actor = %(actor)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(scope)s::text IS NULL OR scope = %(scope)s)
ORDER BY source, source_id, submitted, revision DESC
"""  # each execution by its newest fact
COUNTS: LiteralString = f"""
WITH came AS ({NEWEST}), run AS (SELECT status, {outcomes.SECONDS} AS run_s FROM came)
SELECT count(*) AS total,
    count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status IN ('cancelled', 'partial')) AS others,
    count(*) FILTER (WHERE %(status)s::text IS NULL OR status = %(status)s) AS matching,
    count(run_s) FILTER (WHERE status = 'succeeded') AS measured,
    percentile_cont(0.05) WITHIN GROUP (ORDER BY run_s) FILTER (WHERE status = 'succeeded') AS low,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY run_s) FILTER (WHERE status = 'succeeded')
        AS median,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY run_s) FILTER (WHERE status = 'succeeded') AS high
FROM run
"""  # noqa: S608  (constants of ours)
LIST: LiteralString = f"""
WITH came AS ({NEWEST})
SELECT *, {outcomes.SECONDS} AS run_s FROM came
WHERE %(status)s::text IS NULL OR status = %(status)s
ORDER BY submitted DESC, seq DESC LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608  (constants of ours)


@dataclass(frozen=True)
class RunQuery:
    """Selects runs as known at `as_of`; None matches all. since, until: of `submitted`."""

    as_of: datetime
    id: str | None = None
    source: str | None = None
    actor: str | None = None
    kind: str | None = None
    scope: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    status: str | None = None


@dataclass(frozen=True)
class RunCounts:
    """others: cancelled or partial. matching: of the query's status. measured: succeeded runs with
    a length; low, median, high: of them in seconds, at 5, 50 and 95 %."""

    total: int
    succeeded: int
    failed: int
    others: int
    matching: int
    measured: int
    low: float | None
    median: float | None
    high: float | None

    @classmethod
    def unknown(cls) -> "RunCounts":
        """Of runs that could not be counted: nothing is said of any."""
        return cls(0, 0, 0, 0, 0, 0, None, None, None)

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.others


@dataclass(frozen=True)
class RunRow:
    seq: int
    source: str
    source_id: str
    submitted: datetime
    actor: str
    kind: str
    scope: str
    inputs: Mapping[str, Scalar]
    status: str
    started: datetime | None
    finished: datetime | None
    outcome: Mapping[str, Scalar]
    known_at: datetime
    run_s: float | None


def count_runs(store: Store, query: RunQuery) -> RunCounts:
    """Count all statuses, whichever the query has.

    Raises Stalled after some seconds; a shorter time of `since` and `until` is read faster.
    """
    with store.connect() as connection, _in_time(connection):
        cursor = connection.cursor(row_factory=class_row(RunCounts))
        [found] = cursor.execute(COUNTS, _values(connection, query)).fetchall()
    return found


def list_runs(store: Store, query: RunQuery, limit: int, offset: int = 0) -> list[RunRow]:
    """The newest submitted first. Raises Stalled as `count_runs`."""
    with store.connect() as connection, _in_time(connection):
        values = _values(connection, query) | {"limit": limit, "offset": offset}
        cursor = connection.cursor(row_factory=class_row(RunRow))
        return cursor.execute(LIST, values).fetchall()


def _values(connection: psycopg.Connection[Any], query: RunQuery) -> dict[str, Any]:
    """An id alone is looked up with all sources, as the index has it."""
    sources = None if query.source is None else [query.source]
    if query.id is not None and sources is None:
        sources = [source for (source,) in connection.execute(SOURCES)]
    return {**vars(query), "sources": sources}


@contextmanager
def _in_time(connection: psycopg.Connection[Any]) -> Iterator[None]:
    connection.execute(LIMIT_TIME)
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise Stalled(
            f"these runs cannot be read within {TIMEOUT_S} s; name a shorter time (since, until)"
        ) from error
