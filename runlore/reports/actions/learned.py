"""Figures of what Runlore has learned from, and how good its models are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.reports.actions import overview
from runlore.reports.actions.overview import SpecOverview, SpecWatch
from runlore.reports.queries import totals
from runlore.reports.queries.totals import LogTotals
from runlore.store.engine import Store


@dataclass(frozen=True)
class LearnedModels:
    """at: when it was counted. models: each with what serves and what it scored."""

    at: datetime
    totals: LogTotals
    models: tuple[tuple[SpecOverview, SpecWatch], ...]


def learned(store: Store, specs: Sequence[str], at: datetime) -> LearnedModels:
    """Count what is in the database, and collect version, scores and drift of each spec."""
    standings = overview.standing(store, specs)
    return LearnedModels(
        at,
        totals.totals(store),
        tuple((standing, overview.watched(store, standing.spec)) for standing in standings),
    )
