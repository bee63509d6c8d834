"""Adding facts about executions and metrics; a fact that is stored already adds nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from psycopg import sql

from runlore.ingest.queries import series_catalog
from runlore.kernel.digests import content_digests, value_digests
from runlore.kernel.instants import from_us, to_us
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.records.metric_points import METRIC_COLUMNS
from runlore.records.revisions import FactDigests, NewFacts, StoredFacts, news
from runlore.store.copying import copy_in, copy_out, instants, payload
from runlore.store.engine import Store
from runlore.store.partitions import ensure_months
from runlore.store.schema import PARTITIONED, SCHEMA

Table = Literal["executions", "metrics"]
INSTANTS = ("submitted", "started", "finished", "submission_known_at", "known_at", "at")
COLUMNS: dict[Table, tuple[str, ...]] = {
    "executions": (*EXECUTION_COLUMNS, "digest", "ingest_id"),
    "metrics": (*METRIC_COLUMNS, "ingest_id"),
}
# The columns that identify what a fact is about, with their types.
NAMES: dict[Table, dict[str, str]] = {
    "executions": {"source": "text", "source_id": "text", "submitted": "timestamptz"},
    "metrics": {"source": "text", "name": "text", "scope": "text", "at": "timestamptz"},
}

STORED_DIGEST: dict[Table, str] = {"executions": "digest", "metrics": "value"}
MOST_TRIES = 3


@dataclass(frozen=True)
class AddedFacts:
    """Counts of facts. refused: positions of facts that would exceed the largest revision."""

    new: int
    known: int
    refused: "np.ndarray[tuple[int], np.dtype[np.int64]]" = field(
        default_factory=lambda: np.zeros(0, dtype=np.int64)
    )


@dataclass(frozen=True)
class CopyBatch:
    """Facts made ready for COPY, away from any connection.

    columns: as COPY takes them, instants as timestamps. digest: (N,), of each fact's content.
    is_cataloged: the series of the points are in the catalog.
    """

    table: Table
    columns: pa.Table
    digest: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    rows: memoryview
    is_cataloged: bool = False

    def __len__(self) -> int:
        return int(self.columns.num_rows)


def batch(table: Table, facts: pa.Table, ingest_id: int | None = None) -> CopyBatch:
    """Prepare facts with EXECUTION_COLUMNS or METRIC_COLUMNS: instants int64 µs or null.

    ingest_id: of the ingest that brings them in; None: it is not known.
    """
    if table == "executions":
        digest = content_digests(facts)
        facts = facts.append_column("digest", pa.array(digest))
    else:
        digest = value_digests(facts["value"])
    came_from = pa.repeat(pa.scalar(ingest_id, pa.int64()), len(facts))
    facts = facts.append_column("ingest_id", came_from)
    columns = facts.select(COLUMNS[table]).combine_chunks()
    for name in columns.column_names:
        if name in INSTANTS:
            at = columns.column_names.index(name)
            columns = columns.set_column(at, name, instants(columns[name]))
    return CopyBatch(table, columns, digest, payload(columns.columns))


def ensure_partitions(store: Store, facts: CopyBatch) -> None:
    """Make the partitions of the months that the facts fall into, before they are added."""
    if not len(facts):
        return
    months = pc.unique(facts.columns[PARTITIONED[facts.table]].cast(pa.timestamp("us")))
    months = np.unique(months.to_numpy(zero_copy_only=False).astype("datetime64[M]"))
    runs = np.split(months, np.flatnonzero(np.diff(months.astype(np.int64)) > 1) + 1)
    with store.connect() as connection:
        for run in runs:
            ensure_months(connection, facts.table, _start(run[0]), _start(run[-1]))


def add(
    connection: psycopg.Connection[Any],
    facts: CopyBatch,
    at: datetime,
    max_revisions: int | None = None,
) -> AddedFacts:
    """Add the facts that are new. When all are, which is usual, this is one COPY.

    at: the instant at which corrections among them become known. max_revisions: the largest
    revision of an execution; None: no limit.
    """
    if not len(facts):
        return AddedFacts(0, 0)
    _lock(connection, facts)
    try:
        with connection.transaction():
            copy_in(connection, facts.table, COLUMNS[facts.table], facts.rows)
            _enter_series(connection, facts, facts.columns)
        return AddedFacts(len(facts), 0)
    except psycopg.errors.UniqueViolation:
        return _add_news(connection, facts, at, max_revisions)


def _add_news(
    connection: psycopg.Connection[Any], facts: CopyBatch, at: datetime, max_revisions: int | None
) -> AddedFacts:
    """Add new facts; try again when a writer without our lock has added the same meanwhile."""
    for attempt in range(1, MOST_TRIES + 1):
        try:
            with connection.transaction():
                news = _news(connection, facts, at)
                taken, refused = news.divided(max_revisions)
                _insert(connection, facts, taken)
        except psycopg.errors.UniqueViolation:
            if attempt == MOST_TRIES:
                raise
        else:
            break
    return AddedFacts(taken.rows.size, len(facts) - news.rows.size, refused)


def _insert(connection: psycopg.Connection[Any], facts: CopyBatch, news: NewFacts) -> None:
    if not news.rows.size:
        return
    rows = facts.columns.take(pa.array(news.rows))
    at = rows.column_names.index("known_at")
    rows = rows.set_column(at, "known_at", instants(pa.array(news.known_at_us)))
    rows = rows.append_column("revision", pa.array(news.revision))
    copy_in(connection, facts.table, rows.column_names, payload(rows.columns))
    _enter_series(connection, facts, rows)


def _enter_series(connection: psycopg.Connection[Any], facts: CopyBatch, added: pa.Table) -> None:
    if facts.table == "metrics" and not facts.is_cataloged:
        series_catalog.enter(connection, added)


def _news(connection: psycopg.Connection[Any], facts: CopyBatch, at: datetime) -> NewFacts:
    names = facts.columns.select(list(NAMES[facts.table]))
    number = names.to_pandas().groupby(names.column_names, sort=False).ngroup().to_numpy(np.int64)
    first = np.flatnonzero(~pd.Series(number).duplicated().to_numpy())
    stored = _stored(connection, facts.table, names.take(pa.array(first)), number[first])
    known_at = facts.columns["known_at"].cast(pa.int64()).to_numpy()
    return news(FactDigests(number, facts.digest, known_at), stored, to_us(at))


def _stored(
    connection: psycopg.Connection[Any],
    table: Table,
    names: pa.Table,
    number: Any,  # noqa: ANN401
) -> StoredFacts:
    """The stored facts about these names, looked up by the primary key in their months."""
    typed = NAMES[table]
    connection.execute("DROP TABLE IF EXISTS pg_temp.incoming")
    definition = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in typed.items()
    )
    connection.execute(
        sql.SQL("CREATE TEMP TABLE incoming (number bigint, {}) ON COMMIT DROP").format(definition)
    )
    columns = [pa.array(number), *names.columns]
    copy_in(connection, "pg_temp.incoming", ["number", *typed], payload(columns))
    connection.execute("ANALYZE pg_temp.incoming")
    when = names[PARTITIONED[table]].cast(pa.int64())
    span = [from_us(pc.min(when).as_py()), from_us(pc.max(when).as_py())]
    query = sql.SQL(STORED_QUERY).format(
        digest=sql.Identifier("fact", STORED_DIGEST[table]),
        table=sql.Identifier(SCHEMA, table),
        names=sql.SQL(", ").join(map(sql.Identifier, typed)),
        when=sql.Identifier(PARTITIONED[table]),
        first=sql.Literal(span[0]),
        last=sql.Literal(span[1]),
    )
    return _read_stored(table, bytes(copy_out(connection, query)))


STORED_QUERY = """
SELECT number, revision, (extract(epoch FROM known_at) * 1000000)::bigint, {digest}
FROM pg_temp.incoming JOIN {table} AS fact USING ({names})
WHERE {when} BETWEEN {first} AND {last}
"""


def _read_stored(table: Table, rows: bytes) -> StoredFacts:
    kind = pa.int64() if table == "executions" else pa.float64()
    types = {"number": pa.int64(), "revision": pa.int64(), "known_at": pa.int64(), "digest": kind}
    if not rows:
        stored = pa.table({name: pa.array([], column_type) for name, column_type in types.items()})
    else:
        stored = pa_csv.read_csv(
            pa.py_buffer(rows),
            pa_csv.ReadOptions(column_names=list(types), block_size=len(rows) + 1),
            convert_options=pa_csv.ConvertOptions(column_types=types),
        )
    digest = stored["digest"]
    digests = digest.to_numpy() if table == "executions" else value_digests(digest)
    fact_digests = FactDigests(stored["number"].to_numpy(), digests, stored["known_at"].to_numpy())
    return StoredFacts(fact_digests, stored["revision"].to_numpy())


def _lock(connection: psycopg.Connection[Any], facts: CopyBatch) -> None:
    """One writer at a time for each source, so that revisions are counted once."""
    for source in sorted(pc.unique(facts.columns["source"]).to_pylist()):
        lock_source(connection, facts.table, source)


def lock_source(connection: psycopg.Connection[Any], table: Table, source: str) -> None:
    """Keep other writers of a source out until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", (table, source))


def _start(month: "np.datetime64") -> datetime:
    return from_us(int(month.astype("datetime64[us]").astype(np.int64)))
