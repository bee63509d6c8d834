"""The histograms of counted slices, one row for each column."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy import Connection

from runlore.monitoring.queries.drift_slices import Counter
from runlore.monitoring.rules.histogram import Bins, Histogram, Profile, ValueMoments
from runlore.store.schema import SCHEMA

COLUMNS = (
    *("spec", "version", "length_us", "starts_at", "column_name", "counts", "sums", "missing"),
    *("known", "mean", "deviations", "low", "high"),
)
FOUND = sql.SQL("""
SELECT starts_at, column_name, counts, sums, missing, known, mean, deviations, low, high
FROM {table} WHERE spec = %s AND version = %s AND length_us = %s AND starts_at = ANY(%s)
AND column_name = ANY(%s)
""").format(table=sql.Identifier(SCHEMA, "drift_histograms"))


def add(
    connection: Connection,
    counter: Counter,
    profiles: Mapping[datetime, Profile],
) -> None:
    """Write the profile of each slice, which must be there and have none yet."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(SCHEMA, "drift_histograms"),
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
    )
    slice_of = (counter.spec, counter.version, counter.length_us)
    with _driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        for starts_at, profile in profiles.items():
            for column in profile.columns:
                copy.write_row((*slice_of, starts_at, column.name, *_values(column)))


def read(
    connection: Connection,
    counter: Counter,
    bins: Sequence[Bins],
    starts: Sequence[datetime],
) -> dict[datetime, Profile]:
    """The profile of each slice, in columns of these bins, by when it starts."""
    by_name = {column.name: column for column in bins}
    parameters = (counter.spec, counter.version, counter.length_us, list(starts), list(by_name))
    histograms: dict[datetime, dict[str, Histogram]] = {start: {} for start in starts}
    with _driver(connection).cursor(binary=True, row_factory=dict_row) as cursor:
        for row in cursor.execute(FOUND, parameters):
            name = row["column_name"]
            histograms[row["starts_at"]][name] = _histogram(by_name[name], row)
    return {
        start: Profile(tuple(columns[column.name] for column in bins))
        for start, columns in histograms.items()
        if columns
    }


def _values(column: Histogram) -> tuple[object, ...]:
    moments = column.moments
    return (
        _array(column.counts.tolist()),
        _array(column.sums.tolist()),
        column.missing,
        *(moments.n, moments.mean, moments.deviations, moments.low, moments.high),
    )


def _array(values: Sequence[float]) -> str:
    """As PostgreSQL writes it, with every bit: much faster than to adapt each number."""
    return f"{{{','.join(map(str, values))}}}"


def _histogram(bins: Bins, row: Mapping[str, object]) -> Histogram:
    moments = (row[name] for name in ("known", "mean", "deviations", "low", "high"))
    return Histogram(
        bins,
        np.array(row["counts"], dtype=np.int64),
        np.array(row["sums"], dtype=np.float64),
        int(row["missing"]),  # type: ignore[call-overload]
        ValueMoments(*moments),  # type: ignore[arg-type]
    )


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    """psycopg's own connection, in the same transaction: it knows COPY and binary rows."""
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return driver
