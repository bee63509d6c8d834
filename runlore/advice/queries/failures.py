"""Ended executions as they were known at an instant, and what was recorded of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from runlore.store.engine import Store

if TYPE_CHECKING:
    import pandas as pd

Connection = psycopg.Connection[Any]
WITHOUT_JIT: LiteralString = "SET LOCAL jit = off"
RUNS: LiteralString = """
CREATE TEMPORARY TABLE cause_runs ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY submitted, source, source_id) - 1 AS n, * FROM (
    SELECT source, source_id, submitted, finished, kind, scope, actor,
        status <> 'succeeded' AS is_failed, inputs
    FROM (
        SELECT DISTINCT ON (source, source_id, submitted) *
        FROM runlore.executions_as_of(%(as_of)s)
        WHERE submitted > %(since)s AND submitted <= %(until)s
            AND (%(kind)s::text IS NULL OR kind = %(kind)s)
            AND (%(scope)s::text IS NULL OR scope = %(scope)s)
        ORDER BY source, source_id, submitted, revision DESC
    ) AS latest
    WHERE status IN ('succeeded', 'failed', 'partial') AND finished IS NOT NULL
    ORDER BY submitted DESC LIMIT %(limit)s
) AS newest
"""
ROWS: LiteralString = """
SELECT source_id, extract(epoch FROM submitted)::float8, extract(epoch FROM finished)::float8,
    kind, scope, actor, is_failed
FROM cause_runs ORDER BY n
"""
# Texts of many words are no values that executions share; they are left out.
INPUTS: LiteralString = r"""
SELECT n, given.key, given.value #>> '{}',
    CASE WHEN jsonb_typeof(given.value) = 'number' THEN (given.value #>> '{}')::float8 END
FROM cause_runs CROSS JOIN LATERAL jsonb_each(inputs) AS given
WHERE jsonb_typeof(given.value) IN ('string', 'boolean', 'number')
    AND length(given.value #>> '{}') BETWEEN 1 AND 80
    AND given.value #>> '{}' !~ '\S+\s+\S+\s+\S+\s+\S'
"""
UPSTREAM: LiteralString = """
SELECT DISTINCT ON (source, source_id, submitted) kind, scope,
    extract(epoch FROM finished)::float8
FROM runlore.executions_as_of(%(as_of)s)
WHERE finished > %(since)s AND finished <= %(until)s AND submitted <= %(until)s
    AND submitted > %(since)s - interval '7 days'
    AND status IN ('failed', 'partial')
ORDER BY source, source_id, submitted, revision DESC
LIMIT %(limit)s
"""
NAMED: LiteralString = """
SELECT
    EXISTS (SELECT FROM runlore.executions WHERE kind = %(name)s AND known_at <= %(as_of)s),
    EXISTS (SELECT FROM runlore.executions WHERE scope = %(name)s AND known_at <= %(as_of)s),
    EXISTS (SELECT FROM runlore.executions WHERE source_id = %(name)s AND known_at <= %(as_of)s)
"""
ONE: LiteralString = """
SELECT DISTINCT ON (submitted) source_id, kind, scope, submitted, finished, status
FROM runlore.executions_as_of(%(as_of)s)
WHERE source_id = %(name)s AND (%(source)s::text IS NULL OR source = %(source)s)
ORDER BY submitted DESC, revision DESC LIMIT 1
"""


@dataclass(frozen=True)
class FailureQuery:
    """as_of: what was known then. since, until: of submissions. kind, scope: None is all."""

    as_of: datetime
    since: datetime
    until: datetime
    kind: str | None
    scope: str | None


@dataclass(frozen=True, slots=True)
class EndedRun:
    """An execution as it was last known."""

    source_id: str
    kind: str
    scope: str
    submitted: datetime
    finished: datetime | None
    status: str


@dataclass(frozen=True, eq=False)
class FailureRows:
    """runs: by submission: id, submitted_s, finished_s, kind, scope, actor, failed.

    inputs: run (a position in runs), name, label, number (NaN for no number).
    upstream: kind, scope, finished_s of what failed, of any kind and scope.
    """

    runs: "pd.DataFrame"
    inputs: "pd.DataFrame"
    upstream: "pd.DataFrame"


def read_failures(store: Store, query: FailureQuery, limit: int) -> FailureRows:
    """The newest `limit` executions, in one transaction."""
    import pandas as pd

    values = {**vars(query), "limit": limit}
    with store.connect() as connection:
        connection.execute(WITHOUT_JIT)
        connection.execute(RUNS, values)
        runs = connection.execute(ROWS).fetchall()
        inputs = connection.execute(INPUTS).fetchall()
        upstream = connection.execute(UPSTREAM, values).fetchall()
    names = ["id", "submitted_s", "finished_s", "kind", "scope", "actor", "failed"]
    return FailureRows(
        pd.DataFrame(runs, columns=names),
        pd.DataFrame(inputs, columns=["run", "name", "label", "number"]),
        pd.DataFrame(upstream, columns=["kind", "scope", "finished_s"]),
    )


def read_named(store: Store, name: str, as_of: datetime) -> tuple[bool, bool, bool]:
    """Whether a kind, a scope and an execution have the name."""
    with store.connect() as connection:
        row = connection.execute(NAMED, {"name": name, "as_of": as_of}).fetchone()
    return row or (False, False, False)


def read_run(
    store: Store, name: str, as_of: datetime, source: str | None = None
) -> EndedRun | None:
    """The execution of that id submitted last."""
    values = {"name": name, "as_of": as_of, "source": source}
    with store.connect() as connection:
        row = connection.execute(ONE, values).fetchone()
    return EndedRun(*row) if row else None
