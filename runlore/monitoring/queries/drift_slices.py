"""Slices of time that have been counted, each as its facts were known at its end.

A slice says up to which fact it has looked. Facts that came in later and had become known before
the slice's end make it stale, and no other slice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, delete, select, text, update
from sqlalchemy.dialects import postgresql

from runlore.monitoring.rules.sample import Sample
from runlore.store import schema

RECENT_FACTS = 1_000_000  # facts with a number this far back may not be committed yet

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")
NEWS = text("""
SELECT
  (SELECT count(*) FROM runlore.executions
   WHERE seq > CAST(:until_seq AS bigint) - :recent AND seq <= :until_seq) AS facts,
  (SELECT min(CASE WHEN revision = 0 THEN least(submission_known_at, known_at) ELSE known_at END)
   FROM runlore.executions WHERE seq > :until_seq) AS known_at
""")


CURRENT = text("""
SELECT last.seq, (SELECT count(*) FROM runlore.executions
                  WHERE seq > last.seq - CAST(:recent AS bigint) AND seq <= last.seq) AS facts
FROM (
    SELECT greatest(
        (SELECT coalesce(max(seq), 0) FROM runlore.executions),
        (SELECT coalesce(max(seq), 0) FROM runlore.withdrawals)
    ) AS seq
) AS last
""")


@dataclass(frozen=True)
class Counter:
    """The key of counted slices: one length, one version, bins of this digest."""

    spec: str
    version: str
    length_us: int
    bins: str


@dataclass(frozen=True)
class Watermark:
    """The last fact that was seen, and how many of the RECENT_FACTS up to it there were."""

    until_seq: int
    facts: int


@dataclass(frozen=True, eq=False)
class Slice:
    """sample: of its rows; None where nobody draws them."""

    starts_at: datetime
    rows: int
    sample: Sample | None = None


def watermark(seq: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Watermark:
    """Return the watermark of facts that were all read at once."""
    last = int(seq.max(initial=0))
    return Watermark(last, int((seq > last - RECENT_FACTS).sum()))


def current(connection: Connection) -> Watermark:
    """Of all facts that there are now. A withdrawal counts: what is known after it is newer."""
    row = connection.execute(CURRENT, {"recent": RECENT_FACTS}).one()
    return Watermark(row.seq, row.facts)


def has_news(connection: Connection, seen: Watermark, until: datetime) -> bool:
    """Whether facts that had become known by an instant have come in since a watermark."""
    news = _news(connection, seen.until_seq)
    is_late = news.known_at is not None and news.known_at <= until
    return news.facts != seen.facts or is_late


def is_whole(connection: Connection, seen: Watermark) -> bool:
    """Return whether no facts have come in beside those that were seen."""
    news = _news(connection, seen.until_seq)
    return news.facts == seen.facts and news.known_at is None


def lock(connection: Connection, counter: Counter) -> None:
    """Lock a version's slices until the transaction ends."""
    connection.execute(LOCK, {"subject": f"slices of {counter.spec} {counter.version}"})


@dataclass(frozen=True)
class StoredSlice:
    rows: int
    has_sample: bool


def present(connection: Connection, counter: Counter) -> dict[datetime, StoredSlice]:
    """Read the stored slices by their start."""
    has_sample = schema.drift_slices.c.sample.is_not(None)
    statement = select(
        schema.drift_slices.c.starts_at, schema.drift_slices.c.rows, has_sample
    ).where(*_of(counter))
    return {starts_at: StoredSlice(*values) for starts_at, *values in connection.execute(statement)}


def drop_stale(connection: Connection, counter: Counter) -> int:
    """Remove the slices that newer facts would change; returns their number."""
    same = _any_bins(counter)
    gone = connection.execute(
        delete(schema.drift_slices).where(*same, schema.drift_slices.c.bins != counter.bins)
    ).rowcount
    seen = (
        select(schema.drift_slices.c.until_seq, schema.drift_slices.c.facts).where(*same).distinct()
    )
    for until_seq, facts in connection.execute(seen).all():
        news = _news(connection, until_seq)
        looked = (*same, schema.drift_slices.c.until_seq == until_seq)
        if news.facts != facts:
            gone += connection.execute(delete(schema.drift_slices).where(*looked)).rowcount
        elif news.known_at is not None:
            # A slice holds its end, but not its start.
            starts = news.known_at - timedelta(microseconds=counter.length_us)
            late = delete(schema.drift_slices).where(
                *looked, schema.drift_slices.c.starts_at >= starts
            )
            gone += connection.execute(late).rowcount
    return gone


def add(
    connection: Connection,
    counter: Counter,
    seen: Watermark,
    slices: Sequence[Slice],
    at: datetime,
) -> None:
    """Replace slices; the histograms of the old ones are removed with them."""
    if not slices:
        return
    starts = [counted.starts_at for counted in slices]
    same = _any_bins(counter)
    connection.execute(
        delete(schema.drift_slices).where(*same, schema.drift_slices.c.starts_at.in_(starts))
    )
    shared = {**vars(counter), **vars(seen), "counted_at": at}
    connection.execute(
        postgresql.insert(schema.drift_slices),
        [{**shared, **_values(counted)} for counted in slices],
    )


def advance(connection: Connection, counter: Counter, seen: Watermark) -> None:
    """Mark all remaining slices as up to date with this fact."""
    connection.execute(update(schema.drift_slices).where(*_of(counter)).values(**vars(seen)))


def samples(
    connection: Connection, counter: Counter, starts: Sequence[datetime], width: int
) -> list[Sample]:
    """The rows to draw of each slice, in order of time; slices without a sample are left out."""
    result = connection.execute(
        select(
            schema.drift_slices.c.rows,
            schema.drift_slices.c.sample_at_us,
            schema.drift_slices.c.sample,
        )
        .where(
            *_of(counter),
            schema.drift_slices.c.starts_at.in_(starts),
            schema.drift_slices.c.sample.is_not(None),
        )
        .order_by(schema.drift_slices.c.starts_at)
    )
    return [
        Sample(
            np.frombuffer(sample, dtype="<f4").reshape(-1, width),
            rows,
            np.array(at_us, dtype=np.int64),
        )
        for rows, at_us, sample in result
    ]


def forget_samples(connection: Connection, counter: Counter, before: datetime) -> None:
    """Remove the samples of slices that a window no longer holds."""
    old = (
        *_of(counter),
        schema.drift_slices.c.starts_at < before,
        schema.drift_slices.c.sample.is_not(None),
    )
    connection.execute(
        update(schema.drift_slices).where(*old).values(sample=None, sample_at_us=None)
    )


def drop_others(connection: Connection, counter: Counter, before: datetime) -> int:
    """Remove the slices of other versions that were last counted before an instant."""
    other = (
        schema.drift_slices.c.spec == counter.spec,
        schema.drift_slices.c.version != counter.version,
    )
    return connection.execute(
        delete(schema.drift_slices).where(*other, schema.drift_slices.c.counted_at < before)
    ).rowcount


def _news(connection: Connection, until_seq: int) -> "Row[tuple[int, datetime | None]]":
    """facts: of the recent ones up to a fact. known_at: when the first after it became known."""
    news = {"until_seq": until_seq, "recent": RECENT_FACTS}
    return connection.execute(NEWS, news).one()


def _any_bins(counter: Counter) -> list[ColumnElement[bool]]:
    named = {name: value for name, value in vars(counter).items() if name != "bins"}
    return [schema.drift_slices.c[name] == value for name, value in named.items()]


def _of(counter: Counter) -> list[ColumnElement[bool]]:
    return [*_any_bins(counter), schema.drift_slices.c.bins == counter.bins]


def _values(counted: Slice) -> dict[str, object]:
    drawn = counted.sample
    at_us = None if drawn is None or drawn.at_us is None else drawn.at_us.tolist()
    rows = None if drawn is None else np.ascontiguousarray(drawn.values, dtype="<f4").tobytes()
    return {
        "starts_at": counted.starts_at,
        "rows": counted.rows,
        "sample_at_us": at_us,
        "sample": rows,
    }
