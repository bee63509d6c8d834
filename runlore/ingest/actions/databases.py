"""The rows of a database that is not ours, as executions or metrics."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath

import pyarrow as pa

from runlore.ingest.actions.files import IngestOptions, IngestSummary, ingest_history
from runlore.ingest.actions.formats import START, FilePiece, Progress
from runlore.ingest.actions.opening import CHUNK_ROWS
from runlore.ingest.actions.preview import IngestPreview, preview_pieces
from runlore.ingest.actions.source_names import check_source
from runlore.ingest.queries import foreign_database
from runlore.ingest.queries.foreign_database import Address, RowQuery
from runlore.ingest.queries.ingests import IngestSource, Mark
from runlore.kernel.durations import CLOCK_SKEW_S
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us
from runlore.records.clock_skew import IngestClock
from runlore.records.formats import database_rows, parquet
from runlore.records.formats.columns import Reader
from runlore.records.formats.database_rows import Ordered
from runlore.records.formats.parsed import Parsed
from runlore.records.mapping import ColumnMapping
from runlore.store.engine import Store

OVERLAP_S = 600.0  # of instants: clocks differ, and transactions end in another order


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """Rows of another database to ingest. url may hold a password: never show it.

    password: for a url with a user and no password. overlap: how far below the last value of
    `query.after` rows are read again, in seconds for instants; None: 600 s, and 0 of numbers.
    """

    url: str = field(repr=False)
    query: RowQuery
    source: str | None = None
    mapping: ColumnMapping = field(default_factory=ColumnMapping)
    password: str | None = field(default=None, repr=False)
    overlap: float | None = None
    max_revisions: int | None = None
    clock_tolerance_s: float = CLOCK_SKEW_S
    chunk_rows: int = CHUNK_ROWS


def ingest_database(
    store: Store, source: DatabaseSource, at: datetime, progress: Progress | None = None
) -> IngestSummary:
    """Add the rows of a query or a table; nothing can be written there.

    With `query.after`, later imports read only rows from its last value on. Without, they read and
    compare all of them. `known` counts the rows that were read again. Raises BadInput, which names
    the package when a driver is not installed, and Unavailable.
    """
    subject, rows = _opened(source, at)
    options = IngestOptions(at, source.max_revisions, source.clock_tolerance_s, progress)
    return ingest_history(store, subject, rows, options)


def preview_database(
    source: DatabaseSource, at: datetime, progress: Progress | None = None
) -> IngestPreview:
    """Read all rows as a first ingest would, and write nothing. Raises as the ingest would."""
    subject, rows = _opened(source, at)
    return preview_pieces(subject, rows.pieces(START), at, progress)


@dataclass(frozen=True)
class DatabaseRows:
    """A mark's digest is the last value of the column that only grows."""

    source: DatabaseSource
    url: Address
    name: str
    now_us: int

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """The rows from the mark on, less the overlap, in chunks of which each moves the mark.

        Without a column that only grows they are all rows, and the mark does not move.
        """
        column = self.source.query.after
        last, done = database_rows.read(after.prefix_digest), after.lines_done
        bound = database_rows.lowered(last, self._overlap(last))
        parsed, reader = None, None
        with foreign_database.opened(self.url) as connection:
            for chunk in foreign_database.read_chunks(
                connection, self.source.query, bound, self.source.chunk_rows
            ):
                batch = database_rows.batch_of(chunk.columns)
                reader = reader or self._reader(batch.schema)
                parsed = parquet.parse(batch, done + 1, reader)
                done += chunk.rows
                mark = None
                if column is not None:
                    last = database_rows.last_value(chunk.columns[column]) or last
                    mark = Mark(0, database_rows.written(last), done)
                yield FilePiece(parsed, mark, done, done)
        if column is None and parsed is not None:
            nothing = Parsed(parsed.records.slice(0, 0), parsed.rejects.slice(0, 0))
            yield FilePiece(nothing, START, done, done)

    def _overlap(self, last: Ordered | None) -> float:
        if self.source.overlap is not None:
            return self.source.overlap
        return OVERLAP_S if database_rows.is_instant(last) else 0.0

    def _reader(self, schema: pa.Schema) -> Reader:
        clock = IngestClock(self.now_us, round(self.source.clock_tolerance_s * 1e6))
        reader = parquet.reader(schema, self.name, self.source.mapping, clock)
        if reader.counts_rows and self.source.query.after is not None:
            raise BadInput(
                "after: rows without an id are named by all rows before them; say --map id=COLUMN",
                "after",
            )
        return reader


def _opened(source: DatabaseSource, at: datetime) -> tuple[IngestSource, DatabaseRows]:
    _check(source)
    url = foreign_database.read_address(source.url, source.password)
    path = f"{foreign_database.shown(url)} {source.query.table or 'query'}"
    name = source.source or _name(url, source.query)
    check_source(name)
    subject = IngestSource(name, path, source.mapping.records, _digest(source))
    return subject, DatabaseRows(source, url, name, to_us(at))


def _check(source: DatabaseSource) -> None:
    if (source.query.query is None) == (source.query.table is None):
        raise BadInput("query: name a query or a table, not both", "query")
    if source.overlap is not None and source.overlap < 0:
        raise BadInput(f"overlap: {source.overlap} is negative", "overlap")


def _name(url: Address, query: RowQuery) -> str:
    """The name of a source: that of the table, or else of the database."""
    database = PurePath(url.database or "").stem
    return query.table or database or url.get_backend_name()


def _digest(source: DatabaseSource) -> str:
    """Names how rows are read; read in another way they are another ingest."""
    parts = [source.query.query, source.query.table, source.query.after]
    text = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
    return f"sql.{source.mapping.digest}.{text}"
