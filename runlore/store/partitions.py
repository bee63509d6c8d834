"""Monthly partitions: made before rows are written, never while they are."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import sqlalchemy

from runlore.kernel.errors import BadInput, Refused
from runlore.store.schema import PARTITIONED, SCHEMA, with_statistics

Connection = sqlalchemy.Connection | psycopg.Connection[Any]
MOST_MONTHS = 2400
PATIENCE_MS = 500  # How long dropping months waits for readers; predictions may wait as long

PRESENT = """
SELECT child.relname FROM pg_inherits
JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = %s::regclass AND child.relname = ANY(%s::text[])
"""
ALL = """
SELECT child.relname FROM pg_inherits
JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = %s::regclass ORDER BY child.relname
"""
LOCK = "SELECT pg_advisory_xact_lock(hashtext('runlore.partitions'), hashtext(%s))"
MAKE = """
CREATE TABLE {schema}.{name} (LIKE {schema}.{table} INCLUDING ALL);
{statistics}
ALTER TABLE {schema}.{table} ATTACH PARTITION {schema}.{name}
FOR VALUES FROM ('{start}') TO ('{end}');
"""


def ensure_months(connection: Connection, table: str, first: datetime, last: datetime) -> None:
    """Make the months from `first` to `last`, both included, that are missing.

    Others who miss a month of the same table wait until the connection's transaction ends, so
    call it in a short one of its own. Rows may be written to and read from the table meanwhile.
    """
    wanted = {_name(table, month): month for month in _range(table, first, last)}
    parent = f"{SCHEMA}.{table}"
    if len(_names(connection, PRESENT, (parent, list(wanted)))) == len(wanted):
        return
    _execute(connection, LOCK, (table,))
    present = _names(connection, PRESENT, (parent, list(wanted)))
    for name, month in wanted.items():
        if name not in present:
            _execute(connection, _make(table, name, month))


def months(connection: Connection, table: str) -> list[datetime]:
    """The first instants of the existing months, in order."""
    _check_table(table)
    names = _names(connection, ALL, (f"{SCHEMA}.{table}",))
    matches = (re.fullmatch(rf"{table}_(\d{{4}})_(\d{{2}})", name) for name in names)
    return sorted(datetime(int(m[1]), int(m[2]), 1, tzinfo=UTC) for m in matches if m)


def drop_before(connection: Connection, table: str, before: datetime) -> list[str]:
    """Drop the months that ended at `before` or earlier, with their rows; returns their names.

    Raises Refused when somebody reads the table for long: writers would wait behind the dropping.
    """
    limit = _month(before, "before")
    gone = [m for m in months(connection, table) if _month(m, "month") < limit]
    names = [_name(table, _month(month, "month")) for month in gone]
    _execute(connection, f"SET LOCAL lock_timeout = {PATIENCE_MS}")
    try:
        for name in names:
            _execute(connection, f"DROP TABLE {SCHEMA}.{name}")
    except psycopg.errors.LockNotAvailable as error:
        raise Refused(f"{table}: it is being read; drop what is too old later") from error
    return names


def _range(table: str, first: datetime, last: datetime) -> range:
    """Months as numbers: year × 12 + month - 1, in UTC."""
    _check_table(table)
    span = range(_month(first, "first"), _month(last, "last") + 1)
    if not span:
        raise BadInput(f"last: {last.isoformat()} is before first: {first.isoformat()}", "last")
    if len(span) > MOST_MONTHS:
        raise BadInput(
            f"{PARTITIONED[table]}: {first.isoformat()} to {last.isoformat()} are {len(span)} "
            f"months, {MOST_MONTHS} at most; is one of them a wrong year?",
            PARTITIONED[table],
        )
    return span


def _check_table(table: str) -> None:
    if table not in PARTITIONED:
        raise BadInput(f"table: {table!r} is not one of {', '.join(PARTITIONED)}", "table")


def _month(instant: datetime, field: str) -> int:
    if instant.tzinfo is None:
        raise BadInput(f"{field}: {instant.isoformat()} has no time zone", field)
    utc = instant.astimezone(UTC)
    return utc.year * 12 + utc.month - 1


def _name(table: str, month: int) -> str:
    return f"{table}_{month // 12:04d}_{month % 12 + 1:02d}"


def _start(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}-01 00:00:00+00"


def _make(table: str, name: str, month: int) -> str:
    actions = with_statistics(table)
    return MAKE.format(
        schema=SCHEMA,
        table=table,
        name=name,
        statistics=f"ALTER TABLE {SCHEMA}.{name} {actions};" if actions else "",
        start=_start(month),
        end=_start(month + 1),
    )


def _names(connection: Connection, query: str, parameters: tuple[object, ...]) -> set[str]:
    return {row[0] for row in _execute(connection, query, parameters)}


def _execute(
    connection: Connection, statement: str, parameters: tuple[object, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    if isinstance(connection, psycopg.Connection):
        return iter(connection.execute(statement.encode(), parameters or None))
    result = connection.exec_driver_sql(statement, parameters)
    return (tuple(row) for row in result) if result.returns_rows else iter(())
