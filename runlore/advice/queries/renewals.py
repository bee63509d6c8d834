"""Failures of scopes and visits to them, as known at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from runlore.signals.queries.objective_counts import like
from runlore.store.engine import Store

WITHOUT_JIT: LiteralString = "SET LOCAL jit = off"
KNOWN: LiteralString = """
CREATE TEMP TABLE scope_records ON COMMIT DROP AS
SELECT * FROM (
    SELECT DISTINCT ON (source, source_id, submitted) scope, kind, status, submitted,
        coalesce(started, submitted) AS began, coalesce(finished, submitted) AS ended,
        to_jsonb(ARRAY(SELECT inputs ->> name
            FROM unnest(%(inputs)s::text[]) WITH ORDINALITY AS n (name, at) ORDER BY at)) AS inputs
    FROM runlore.executions_as_of(%(as_of)s)
    WHERE scope <> '' AND scope LIKE %(scope)s AND submitted <= %(as_of)s
    ORDER BY source, source_id, submitted, revision DESC
) AS latest WHERE ended <= %(as_of)s
"""
HAS_KINDS: LiteralString = """
SELECT EXISTS (SELECT FROM pg_temp.scope_records WHERE kind = ANY(%(kinds)s))
"""
SCOPES: LiteralString = """
SELECT scope, min(submitted) AS first_at, max(ended) AS last_at, count(*)::int AS records,
    (array_agg(inputs ORDER BY submitted))[1] AS inputs
FROM pg_temp.scope_records GROUP BY scope
HAVING NOT %(only_renewed)s OR bool_or(kind = ANY(%(failures)s)
    OR kind = ANY(%(visits)s) AND status = 'succeeded' OR %(with_failed)s AND status = 'failed')
ORDER BY count(*) FILTER (WHERE kind = ANY(%(failures)s) OR kind = ANY(%(visits)s)) DESC,
    count(*) DESC, scope LIMIT %(most)s
"""
ANY_OF_KIND: LiteralString = """
SELECT EXISTS (SELECT FROM runlore.executions WHERE kind = ANY(%(kinds)s))
"""
RENEWALS: LiteralString = """
SELECT scope, at, is_failure, inputs FROM (
    SELECT scope, inputs, kind <> ALL(%(visits)s) AS is_failure,
        CASE WHEN kind = ANY(%(failures)s) THEN began ELSE ended END AS at
    FROM pg_temp.scope_records
    WHERE kind = ANY(%(failures)s) OR (kind = ANY(%(visits)s) AND status = 'succeeded')
        OR (%(with_failed)s AND status = 'failed' AND kind <> ALL(%(visits)s))
) AS renewed WHERE scope = ANY(%(scopes)s) ORDER BY at DESC LIMIT %(most)s
"""


@dataclass(frozen=True)
class RenewalQuery:
    """failures, visits: kinds. with_failed: failed executions of other kinds are failures, too;
    None: only if no execution is of a failure's kind. inputs: names of covariates. scope: a
    pattern with `*` and `?`. only_renewed: scopes without a failure and visit are left out."""

    as_of: datetime
    failures: Sequence[str]
    visits: Sequence[str]
    with_failed: bool | None
    inputs: Sequence[str]
    most_scopes: int
    most_records: int
    scope: str = "*"
    only_renewed: bool = False


@dataclass(frozen=True)
class ScopeSeen:
    """inputs: of its first record."""

    scope: str
    first_at: datetime
    last_at: datetime
    records: int
    inputs: list[str | None]


@dataclass(frozen=True)
class RenewalRecord:
    """A failure, or a visit."""

    scope: str
    at: datetime
    is_failure: bool
    inputs: list[str | None]


@dataclass(frozen=True, eq=False)
class ScopeRecords:
    """with_failed: whether failed executions count as failures."""

    scopes: list[ScopeSeen]
    renewals: list[RenewalRecord]
    with_failed: bool


def read_renewals(store: Store, query: RenewalQuery) -> ScopeRecords:
    """Scopes with the most records of failures and visits; the newest of their records."""
    values = vars(query) | {"failures": list(query.failures), "visits": list(query.visits)}
    with store.connect() as connection:
        connection.execute(WITHOUT_JIT)
        known = {"as_of": query.as_of, "inputs": list(query.inputs)}
        connection.execute(KNOWN, {**known, "scope": like(query.scope)})
        with_failed = query.with_failed
        if with_failed is None:
            row = connection.execute(HAS_KINDS, {"kinds": list(query.failures)}).fetchone()
            with_failed = not (row and row[0])
        with connection.cursor(row_factory=class_row(ScopeSeen)) as cursor:
            more = {"most": query.most_scopes, "with_failed": with_failed}
            scopes = cursor.execute(SCOPES, values | more).fetchall()
        wanted = {
            "scopes": [one.scope for one in scopes],
            "with_failed": with_failed,
            "most": query.most_records,
        }
        with connection.cursor(row_factory=class_row(RenewalRecord)) as renewals:
            rows = renewals.execute(RENEWALS, values | wanted).fetchall()
    return ScopeRecords(scopes, rows, with_failed)


def has_kinds(store: Store, kinds: Sequence[str]) -> bool:
    """Whether the log has any execution of these kinds, at any time."""
    with store.connect() as connection:
        row = connection.execute(ANY_OF_KIND, {"kinds": list(kinds)}).fetchone()
    return bool(row and row[0])
