"""Record points of series that come over the network, in one transaction."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa

from runlore.ingest.actions.series_admission import SeriesCache, admit, cache_of, remember
from runlore.ingest.actions.source_names import check_source
from runlore.ingest.queries import facts, series_catalog
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
    late and in any order. Raises BadInput for a source that points may not have.
    """
    check_source(source, "metrics")
    cache = cache_of(store, source)
    oldest_us = None if bounds.backdating is None else to_us(now - bounds.backdating)
    batch = judge(batch, to_us(now), oldest_us, partial(_is_known, cache))
    if not len(batch):
        return RecordedPoints(0, 0, 0, batch.markers, batch.rejects)
    rows = _facts(source, batch, now, is_history=is_history)
    facts.ensure_partitions(store, rows)
    with store.connect() as connection:
        facts.lock_source(connection, "metrics", source)
        admitted = admit(connection, source, batch, bounds.max_series, cache)
        if admitted.points is not batch:
            batch = admitted.points
            rows = _facts(source, batch, now, is_history=is_history)
        added = facts.add(connection, rows, now)
    remember(cache, admitted.found)
    return RecordedPoints(added.new, added.known, admitted.new_series, batch.markers, batch.rejects)


def _is_known(cache: SeriesCache, series: SeriesIdentity) -> bool:
    known = cache.get(series.key)
    return known is not None and series.unit in ("", known.unit)


def count_series(store: Store) -> int:
    """How many series there are, of all sources."""
    with store.connect() as connection:
        return series_catalog.count_series(connection)


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
    return replace(facts.batch("metrics", table), is_cataloged=True)
