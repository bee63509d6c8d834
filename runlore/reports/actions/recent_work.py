"""How much of recent work failed, and what a week cost: from the newest part of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from runlore.reports.queries import recent_sums
from runlore.reports.queries.recent_sums import WorkSpan
from runlore.reports.rules.week_costs import (
    CostGroup,
    WeekCosts,
    cost_groups,
    cost_measures,
    likely_cost,
    week_costs,
)
from runlore.store.engine import Store

WEEK = timedelta(days=7)


@dataclass(frozen=True, eq=False)
class RecentRuns:
    """frame: by hour (`at_s`), actor, kind and scope the numbers `runs` and `failed`."""

    span: WorkSpan
    frame: pd.DataFrame


@dataclass(frozen=True)
class CostReport:
    """monday: of the week. measure: None: hours of running. measures: what may be chosen."""

    monday: date
    measure: str | None
    measures: Sequence[str]
    week: WeekCosts
    groups: Sequence[CostGroup]


def recent_failures(store: Store, at: datetime, days: int) -> RecentRuns:
    """Runs and failures of the last days that the log has."""
    with store.connect() as connection:
        until = _last(recent_sums.newest_submission(connection), at)
        span = WorkSpan(until - timedelta(days=days), until)
        return RecentRuns(span, recent_sums.read_failures(connection, span))


def cost_report(
    store: Store, at: datetime, measure: str | None = None, monday: date | None = None
) -> CostReport:
    """What a week from Monday to Sunday in UTC cost; None: the last whole week with work.

    measure: of the outcomes; None: the one that looks most like a cost; "": hours of running.
    """
    with store.connect() as connection:
        names = cost_measures(recent_sums.read_measures(connection))
        last = _last(recent_sums.newest_submission(connection), at)
        first = monday or last_monday(last)
        chosen = likely_cost(names) if measure is None else measure
        begin = datetime.combine(first, time(), UTC)
        span = WorkSpan(begin - WEEK, begin + WEEK)
        frame = recent_sums.read_costs(connection, span, chosen or None)
    return CostReport(
        first, chosen or None, names, week_costs(frame, first), cost_groups(frame, first)
    )


def last_monday(at: datetime) -> date:
    """Of the last week that is over.

    >>> last_monday(datetime(2026, 11, 29, 23, tzinfo=UTC))
    datetime.date(2026, 11, 16)
    """
    today = at.astimezone(UTC).date()
    return today - timedelta(days=today.weekday() + 7)


def _last(newest: datetime | None, at: datetime) -> datetime:
    """Now, or the end of a log that ended before."""
    return at if newest is None else min(at, newest + timedelta(seconds=1))
