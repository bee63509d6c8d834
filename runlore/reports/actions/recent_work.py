"""Who fails most beyond chance, and what a week cost: from the newest part of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from runlore.look.rules.findings import Part, StandOut
from runlore.look.rules.standouts import GroupedRuns, stand_outs
from runlore.reports.queries import recent_work as queries
from runlore.reports.queries.recent_work import WorkSpan
from runlore.reports.rules.week_costs import (
    CostGroup,
    WeekCosts,
    cost_groups,
    cost_measures,
    likely_cost,
    week_costs,
)
from runlore.store.engine import Store

PARTS: tuple[Part, ...] = ("actor", "kind", "scope")
MICROSECONDS = 1_000_000
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class FailingGroups:
    """groups: beyond chance, the most failures too many or too few first. compared: how many."""

    span: WorkSpan
    runs: int
    failed: int
    groups: Sequence[StandOut]
    compared: int


@dataclass(frozen=True)
class CostReport:
    """monday: of the week. measure: None: hours of running. measures: what may be chosen."""

    monday: date
    measure: str | None
    measures: Sequence[str]
    week: WeekCosts
    groups: Sequence[CostGroup]


def failing_groups(store: Store, at: datetime, days: int) -> FailingGroups:
    """Compare the groups of the last days that the log has with the rest."""
    with store.connect() as connection:
        until = _last(queries.newest_submission(connection), at)
        span = WorkSpan(until - timedelta(days=days), until)
        frame = queries.read_failures(connection, span)
    runs, failed = frame["runs"].to_numpy(dtype=np.int64), frame["failed"].to_numpy(dtype=np.int64)
    row = np.repeat(np.arange(len(frame)), runs)
    if not row.size:
        return FailingGroups(span, 0, 0, (), 0)
    place = np.arange(row.size) - np.repeat(np.cumsum(runs) - runs, runs)
    grouped = GroupedRuns(
        frame["at_s"].to_numpy(dtype=np.int64)[row] * MICROSECONDS,
        (place < failed[row]).astype(np.float64),
        {part: frame[part].to_numpy(dtype=object)[row] for part in PARTS},
    )
    groups, compared = stand_outs(grouped)
    return FailingGroups(span, int(row.size), int(failed.sum()), groups, compared)


def cost_report(
    store: Store, at: datetime, measure: str | None = None, monday: date | None = None
) -> CostReport:
    """What a week from Monday to Sunday in UTC cost; None: the last whole week with work.

    measure: of the outcomes; None: the one that looks most like a cost; "": hours of running.
    """
    with store.connect() as connection:
        names = cost_measures(queries.read_measures(connection))
        last = _last(queries.newest_submission(connection), at)
        first = monday or last_monday(last)
        chosen = likely_cost(names) if measure is None else measure
        begin = datetime.combine(first, time(), UTC)
        span = WorkSpan(begin - WEEK, begin + WEEK)
        frame = queries.read_costs(connection, span, chosen or None)
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
