"""Search the series by parts of their names, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from runlore.signals.actions.forecasting import MOST_SERIES, list_series
from runlore.signals.queries import StoredSeries
from runlore.store.engine import Store


@dataclass(frozen=True)
class SeriesSearch:
    """Parts of the name, the scope and the source, in any case; None: any."""

    name: str | None = None
    scope: str | None = None
    source: str | None = None

    def fits(self, series: StoredSeries) -> bool:
        pairs = (
            (self.name, series.name),
            (self.scope, series.scope),
            (self.source, series.source),
        )
        return all(part is None or part.lower() in whole.lower() for part, whole in pairs)


@dataclass(frozen=True)
class SeriesSlice:
    """count: of all that fit. is_cut: the store has more series than were searched."""

    rows: Sequence[StoredSeries]
    count: int
    is_cut: bool


def search_series(store: Store, search: SeriesSearch, skip: int, limit: int) -> SeriesSlice:
    """By name, scope and source, from the row number `skip` on."""
    listed = list_series(store)
    fitting = [series for series in listed if search.fits(series)]
    return SeriesSlice(fitting[skip : skip + limit], len(fitting), len(listed) == MOST_SERIES)
