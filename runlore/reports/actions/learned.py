"""Figures of what Runlore has learned from, and how good its models are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runlore.advice.actions.track_record import KindRecord, track_record
from runlore.planning.actions.recommendations import (
    GroupOutcome,
    list_recommendations,
    outcomes,
)
from runlore.reports.actions import overview
from runlore.reports.actions.overview import SpecOverview, SpecWatch
from runlore.reports.queries import totals
from runlore.reports.queries.month_scores import MonthScore, read_month_scores
from runlore.reports.queries.totals import LogTotals
from runlore.store.engine import Store

SCORED = timedelta(days=731)  # two years of months


@dataclass(frozen=True)
class AdviceTotals:
    """Recommendations to projects. followed, others: their runs 90 days before and after."""

    issued: int
    dismissed: int
    followed: GroupOutcome
    others: GroupOutcome


@dataclass(frozen=True)
class LearnedModels:
    """at: when it was counted. models: each with what serves and what it scored.

    advice_kinds: of advice to actors, kinds and hosts.
    """

    at: datetime
    totals: LogTotals
    models: tuple[tuple[SpecOverview, SpecWatch], ...]
    months: tuple[MonthScore, ...]
    advice: AdviceTotals
    advice_kinds: tuple[KindRecord, ...]


def learned(store: Store, specs: Sequence[str], at: datetime) -> LearnedModels:
    """Count what is in the database, and collect version, scores and drift of each spec."""
    standings = overview.standing(store, specs)
    return LearnedModels(
        at,
        totals.totals(store),
        tuple((standing, overview.watched(store, standing.spec)) for standing in standings),
        tuple(read_month_scores(store, at, at - SCORED)),
        advice_totals(store, at),
        tuple(track_record(store, at)),
    )


def advice_totals(store: Store, at: datetime) -> AdviceTotals:
    """Count the ledger of recommendations to projects, and what came of it."""
    listed = list_recommendations(store, at)
    followed, others = outcomes(store, at)
    dismissed = sum(one.decision == "dismiss" for one in listed)
    return AdviceTotals(len(listed), dismissed, followed, others)
