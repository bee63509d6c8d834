"""Reading executions: the whole log as a frame."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from psycopg import sql

from runlore.features.mapped_arrays import trim
from runlore.log.fact_frame import COLUMNS, FactFrame
from runlore.specs.model_spec import Population
from runlore.store.copying import copy_out_pieces
from runlore.store.engine import Store
from runlore.store.schema import SCHEMA

PIECE_BYTES = 8 << 20  # of the log, as text, that is read and encoded at once
BELONGS = sql.SQL("(%s OR kind = ANY(%s)) AND (%s OR source = ANY(%s))")


def read_facts(
    store: Store,
    *,
    until_seq: int | None = None,
    after_seq: int | None = None,
    since_known_at: datetime | None = None,
    sources: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Facts in sequence: EXECUTION_COLUMNS, `seq` and `revision`.

    Instants are int64 microseconds (NO_INSTANT for none), inputs and outcome JSON text. The log is
    read in pieces; see `FactFrame` for what it takes in memory.
    """
    conditions: list[sql.Composable] = [sql.SQL("true")]
    if until_seq is not None:
        conditions.append(sql.SQL("seq <= {}").format(until_seq))
    if after_seq is not None:
        conditions.append(sql.SQL("seq > {}").format(after_seq))
    if since_known_at is not None:
        conditions.append(sql.SQL("known_at >= {}").format(since_known_at))
    if sources is not None:
        conditions.append(sql.SQL("source = ANY({})").format(list(sources)))
    query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY seq").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        sql.Identifier(SCHEMA, "executions"),
        sql.SQL(" AND ").join(conditions),
    )
    with store.connect() as connection, FactFrame() as facts:
        for rows in copy_out_pieces(connection, query, PIECE_BYTES):
            facts.add(rows)
        frame = facts.finish()
    trim()
    return frame


def read_later_facts(store: Store, early: pd.DataFrame) -> pd.DataFrame:
    """All facts, of which most were read before: `early` itself when there are no others.

    A slow writer may have committed facts of earlier numbers, or an ingest may have been undone;
    then all are read again.
    """
    last = int(early["seq"].max()) if len(early) else 0
    if _sum_of_numbers(store, last) != (len(early), int(early["seq"].sum())):
        return read_facts(store)
    late = read_facts(store, after_seq=last)
    if not len(late):
        return early
    return pd.concat([early, late], ignore_index=True) if len(early) else late


def count_facts(store: Store, until_seq: int) -> int:
    query = sql.SQL("SELECT count(*) FROM {} WHERE seq <= {}")
    with store.connect() as connection:
        table = sql.Identifier(SCHEMA, "executions")
        row = connection.execute(query.format(table, until_seq)).fetchone()
    return int(row[0]) if row else 0


def _sum_of_numbers(store: Store, until_seq: int) -> tuple[int, int]:
    """How many facts there are up to a number, and the sum of their numbers."""
    query = sql.SQL("SELECT count(*), coalesce(sum(seq), 0)::bigint FROM {} WHERE seq <= {}")
    with store.connect() as connection:
        table = sql.Identifier(SCHEMA, "executions")
        row = connection.execute(query.format(table, until_seq)).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def newest_seq(store: Store) -> int:
    """Of the fact that came in last; 0 before the first."""
    query = sql.SQL("SELECT coalesce(max(seq), 0) FROM {}")
    with store.connect() as connection:
        row = connection.execute(query.format(sql.Identifier(SCHEMA, "executions"))).fetchone()
    return int(row[0]) if row else 0


def count_outcomes(store: Store, after_seq: int, members: Population) -> int:
    """How many executions of a population had an outcome that came in after a fact."""
    query = sql.SQL(
        "SELECT count(DISTINCT (source, source_id, submitted)) FROM {} WHERE seq > %s"
        " AND finished IS NOT NULL AND {}"
    ).format(sql.Identifier(SCHEMA, "executions"), BELONGS)
    with store.connect() as connection:
        row = connection.execute(query, (after_seq, *_names(members))).fetchone()
    return int(row[0]) if row else 0


def has_submissions(store: Store, after: datetime, until: datetime, members: Population) -> bool:
    """Whether work of a population was submitted, and that known, in a stretch."""
    query = sql.SQL(
        "SELECT EXISTS (SELECT FROM {} WHERE submitted > %s AND submitted <= %s"
        " AND submission_known_at <= %s AND {})"
    ).format(sql.Identifier(SCHEMA, "executions"), BELONGS)
    with store.connect() as connection:
        row = connection.execute(query, (after, until, until, *_names(members))).fetchone()
    return bool(row and row[0])


def last_submission(store: Store, until: datetime, members: Population) -> datetime | None:
    """When the last submission of a population became known, by an instant."""
    query = sql.SQL(
        "SELECT max(submission_known_at) FROM {} WHERE submission_known_at <= %s AND {}"
    ).format(sql.Identifier(SCHEMA, "executions"), BELONGS)
    with store.connect() as connection:
        row = connection.execute(query, (until, *_names(members))).fetchone()
    return row[0] if row else None


def _names(members: Population) -> tuple[object, ...]:
    """The parameters of BELONGS."""
    kinds, sources = list(members.kinds), list(members.sources)
    return not kinds, kinds, not sources, sources
