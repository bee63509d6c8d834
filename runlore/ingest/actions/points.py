"""Record points of series that come over the network, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from runlore.ingest.queries import facts, series_catalog
from runlore.ingest.queries.series_catalog import Connection, KnownSeries
from runlore.ingest.rules.points.batch import PointBatch, PointReject, SeriesIdentity, judge
from runlore.kernel.instants import to_us
from runlore.settings import Settings
from runlore.store.engine import Store


@dataclass(frozen=True, slots=True)
class PointBounds:
    """max_series: of all sources together. backdating: how old points may be; None: any age."""

    max_series: int
    backdating: timedelta | None = None

    @classmethod
    def of(cls, settings: Settings) -> "PointBounds":
        days = 0 if settings.clock == "record" else settings.max_backdating_days
        return cls(settings.max_series, timedelta(days=days) if days else None)


@dataclass(frozen=True, slots=True)
class RecordedPoints:
    """recorded: new points, and corrections of known ones. known: nothing new about them.

    markers: staleness markers, which are no points. rejects: what was refused, by reason.
    """

    recorded: int
    known: int
    new_series: int
    markers: int
    rejects: tuple[PointReject, ...]

    @property
    def rejected(self) -> int:
        return sum(reject.points for reject in self.rejects)


def record_points(
    store: Store,
    source: str,
    batch: PointBatch,
    now: datetime,
    bounds: PointBounds,
    *,
    is_history: bool = False,
) -> RecordedPoints:
    """Record what can be recorded; the same again adds nothing, another value is a correction.

    now: when the points become known. is_history: they were known when they were measured, as
    another store of metrics had them; corrections of known points become known now. Points may come
    late and in any order.
    """
    oldest_us = None if bounds.backdating is None else to_us(now - bounds.backdating)
    batch = judge(batch, to_us(now), oldest_us)
    if not len(batch):
        return RecordedPoints(0, 0, 0, batch.markers, batch.rejects)
    facts.ensure_partitions(store, _facts(source, batch, now, is_history=is_history))
    with store.connect() as connection:
        facts.lock_source(connection, "metrics", source)
        batch, new_series = _admit(connection, source, batch, bounds.max_series)
        rows = _facts(source, batch, now, is_history=is_history)
        added = facts.add(connection, rows, now)
    return RecordedPoints(added.new, added.known, new_series, batch.markers, batch.rejects)


def count_series(store: Store) -> int:
    """How many series there are, of all sources."""
    with store.connect() as connection:
        return series_catalog.count_series(connection)


def _admit(
    connection: Connection, source: str, batch: PointBatch, max_series: int
) -> tuple[PointBatch, int]:
    """Enter new series as far as there is room, and what is news about known ones."""
    used = np.unique(batch.number).tolist()
    series = [batch.series[place] for place in used]
    known = series_catalog.find_known(connection, source, series)
    new = [place for place in range(len(series)) if place not in known]
    if new:
        room = max(max_series - series_catalog.count_series(connection, is_locked=True), 0)
        refused = np.array([used[place] for place in new[room:]], dtype=np.int64)
        new = new[:room]
        batch = batch.without(
            np.isin(batch.number, refused),
            f"series: {max_series:,} are there already, the most there may be"
            " (RUNLORE_MAX_SERIES); send fewer labels",
        )
    written = [series[place] for place in new] + _renewed(series, known)
    if written:
        series_catalog.describe(connection, source, written)
    return batch, len(new)


def _renewed(
    series: Sequence[SeriesIdentity], known: Mapping[int, KnownSeries]
) -> list[SeriesIdentity]:
    """Known series of which the sender now says more, or something else."""
    renewed = []
    for place, stored in known.items():
        one = series[place]
        kind, unit = one.kind or stored.kind, one.unit or stored.unit
        is_news = (kind, unit) != (stored.kind, stored.unit)
        if is_news or (stored.is_bare and one.labels):
            renewed.append(replace(one, kind=kind, unit=unit))
    return renewed


def _facts(source: str, batch: PointBatch, now: datetime, *, is_history: bool) -> facts.CopyBatch:
    at = pa.array(batch.at_us)
    known_at = at if is_history else pa.repeat(pa.scalar(to_us(now)), len(batch))
    number = pa.array(batch.number)
    table = pa.table(
        {
            "source": pa.repeat(pa.scalar(source), len(batch)),
            "name": pa.array([one.name for one in batch.series], pa.string()).take(number),
            "scope": pa.array([one.scope for one in batch.series], pa.string()).take(number),
            "at": at,
            "value": pa.array(batch.value),
            "known_at": known_at,
        }
    )
    return facts.batch("metrics", table)
