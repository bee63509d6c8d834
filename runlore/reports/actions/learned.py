"""How much Runlore has learned from, and how good what it learned is: figures for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.reports.actions import overview
from runlore.reports.actions.overview import SpecOverview, Watched
from runlore.reports.queries import totals
from runlore.reports.queries.totals import Totals
from runlore.store.engine import Store


@dataclass(frozen=True)
class Learned:
    """at: when it was counted. models: each with what serves and what it scored."""

    at: datetime
    totals: Totals
    models: tuple[tuple[SpecOverview, Watched], ...]


def learned(store: Store, specs: Sequence[str], at: datetime) -> Learned:
    found = overview.standing(store, specs)
    return Learned(
        at,
        totals.totals(store),
        tuple((each, overview.watched(store, each.spec)) for each in found),
    )
