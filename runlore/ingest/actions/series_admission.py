"""Enter the series of a batch in the catalog, as far as there is room."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from runlore.ingest.queries import series_catalog
from runlore.ingest.queries.series_catalog import Connection, KnownSeries
from runlore.ingest.rules.points.batch import PointBatch, SeriesIdentity, SeriesKey
from runlore.store.engine import Store

SeriesCache = dict[SeriesKey, KnownSeries]
MOST_CACHED = 200_000  # series of a source, per process
_caches: WeakKeyDictionary[Store, dict[str, SeriesCache]] = WeakKeyDictionary()


@dataclass(frozen=True)
class AdmittedBatch:
    """points: those of series in the catalog. new_series: how many were not there before.

    found: what the catalog says of those that the cache did not know.
    """

    points: PointBatch
    new_series: int
    found: Mapping[SeriesKey, KnownSeries]


def cache_of(store: Store, source: str) -> SeriesCache:
    """What this process has read of the catalog. Others may have changed it since."""
    return _caches.setdefault(store, {}).setdefault(source, {})


def remember(cache: SeriesCache, found: Mapping[SeriesKey, KnownSeries]) -> None:
    """Once they are committed."""
    if len(cache) + len(found) > MOST_CACHED:
        cache.clear()
    cache.update(found)


def admit(
    connection: Connection,
    source: str,
    batch: PointBatch,
    max_series: int,
    cache: Mapping[SeriesKey, KnownSeries],
) -> AdmittedBatch:
    """Enter new series as far as there is room, and what is news about known ones.

    The source must be locked. Points of series without room are refused.
    """
    series = {one.key: one for one in map(batch.series.__getitem__, np.unique(batch.number))}
    known = _still_known(connection, {key: cache[key] for key in series.keys() & cache.keys()})
    unknown = [one for key, one in series.items() if key not in known]
    found = dict(series_catalog.find_known(connection, source, unknown)) if unknown else {}
    new = [one for one in unknown if one.key not in found]
    if new:
        room = max(max_series - series_catalog.count_series(connection, is_locked=True), 0)
        batch, new = _without(batch, new[room:], max_series), new[:room]
    written = [*new, *_renewed(series, known | found)]
    if written:
        found |= series_catalog.describe(connection, source, written)
    return AdmittedBatch(batch, len(new), found)


def _still_known(connection: Connection, remembered: SeriesCache) -> SeriesCache:
    """What is remembered, or nothing where others have changed or forgotten a part of it."""
    fingerprints = [one.fingerprint for one in remembered.values()]
    if fingerprints and series_catalog.count_same(connection, fingerprints) == len(fingerprints):
        return remembered
    return {}


def _without(batch: PointBatch, refused: list[SeriesIdentity], max_series: int) -> PointBatch:
    keys = {one.key for one in refused}
    is_refused = np.array([one.key in keys for one in batch.series])
    return batch.without(
        is_refused[batch.number],
        f"series: {max_series:,} are there already, the most there may be"
        " (RUNLORE_MAX_SERIES); send fewer labels",
    )


def _renewed(
    series: Mapping[SeriesKey, SeriesIdentity], known: Mapping[SeriesKey, KnownSeries]
) -> list[SeriesIdentity]:
    """Known series of which the sender now says more, or something else."""
    renewed = []
    for key, stored in known.items():
        one = series[key]
        kind, unit = one.kind or stored.kind, one.unit or stored.unit
        is_news = (kind, unit) != (stored.kind, stored.unit)
        if is_news or (stored.is_bare and one.labels):
            renewed.append(replace(one, kind=kind, unit=unit))
    return renewed
