"""Read ledger rows with the outcomes of their executions, and remove old ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from runlore.serving.queries import outcomes
from runlore.store.engine import Store
from runlore.store.partitions import drop_before

ROWS_AT_ONCE = 5_000
COLUMNS = (
    *("at", "id", "spec", "version", "arm", "status", "as_of", "source", "source_id"),
    *("request", "features", "prediction", "low", "high", "reasons", "error", "latency_ms"),
    *("key_id", "support", "quantiles"),
)
OUTCOME = "came.status AS outcome, came.known_at AS outcome_known_at"


@dataclass(frozen=True)
class LedgerQuery:
    """Selects rows; None matches all values. since, until: `at` in [since, until)."""

    spec: str | None = None
    version: str | None = None
    arm: str | None = None
    status: int | None = None
    source_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def rows(store: Store, query: LedgerQuery, limit: int | None = None) -> Iterator[Mapping[str, Any]]:
    """The rows, newest first, with the latest `outcome` of the execution; never all in memory."""
    statement = sql.SQL("SELECT {}, {} FROM runlore.ledger AS l {} WHERE {} {}").format(
        sql.SQL(", ").join(sql.Identifier("l", name) for name in COLUMNS),
        sql.SQL(OUTCOME),
        sql.SQL(outcomes.join("l", "'infinity'")),
        _condition(query),
        sql.SQL("ORDER BY l.at DESC, l.id DESC") + _limit(limit),
    )
    with store.connect() as connection, connection.cursor("ledger", row_factory=dict_row) as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(statement)
        yield from cursor


def count(store: Store, query: LedgerQuery) -> dict[tuple[str, str | None, str, int], int]:
    """Count rows by `(spec, version, arm, status)`."""
    statement = sql.SQL(
        "SELECT l.spec, l.version, l.arm, l.status, count(*) FROM runlore.ledger AS l"
        " WHERE {} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    ).format(_condition(query))
    with store.connect() as connection:
        return {(*name,): n for *name, n in connection.execute(statement)}


def prune(store: Store, before: datetime) -> list[str]:
    """Drop the months that ended before an instant; returns their names."""
    with store.connect() as connection:
        return drop_before(connection, "ledger", before)


def _condition(query: LedgerQuery) -> sql.Composable:
    parts: list[sql.Composable] = [sql.SQL("true")]
    for name in ("spec", "version", "arm", "status", "source_id"):
        value = getattr(query, name)
        if value is not None:
            parts.append(sql.SQL("{} = {}").format(sql.Identifier("l", name), value))
    if query.since is not None:
        parts.append(sql.SQL("l.at >= {}").format(query.since))
    if query.until is not None:
        parts.append(sql.SQL("l.at < {}").format(query.until))
    return sql.SQL(" AND ").join(parts)


def _limit(limit: int | None) -> sql.Composable:
    return sql.SQL("") if limit is None else sql.SQL(" LIMIT {}").format(limit)
