"""Keep series that are made from executions up to date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runlore.kernel.errors import Unavailable
from runlore.signals.queries import execution_series
from runlore.signals.queries.execution_series import (
    Connection,
    ExecutionGroup,
    GroupRule,
    SeriesCursor,
)
from runlore.signals.rules.series.execution_series import DAY, HOUR, floor_step, step_runs
from runlore.store import advisory
from runlore.store.engine import Store
from runlore.store.partitions import ensure_months

RENEWING = "runlore.renewal of execution series"  # one process at a time
HISTORY = timedelta(days=182)  # older steps get no points
CHOICE_SPAN = timedelta(days=28)
LEAST_EXECUTIONS = 100  # of a group in CHOICE_SPAN
MOST_GROUPS = 20  # of kinds, of scopes and of actors
PATIENCE_MS = 100  # writers of facts wait behind one who waits for them
DAYS_AT_ONCE = 31


@dataclass(frozen=True)
class RenewedSeries:
    """groups: all executions, kinds, scopes and actors with series. points: rows that changed.

    heard_at: when the newest execution in the points happened; None: too few for any series.
    """

    groups: int
    points: int
    heard_at: datetime | None


def renew_execution_series(store: Store, now: datetime) -> RenewedSeries | None:
    """Compute the points of the steps whose executions changed since the last time.

    One transaction: when it is cut off, everything is as before. None: another process is at it.
    Raises Unavailable while a transaction that adds facts is open for longer than PATIENCE_MS.
    """
    if not _is_worth_a_look(store):
        return RenewedSeries(0, 0, None)
    with advisory.attempt(store.url, RENEWING) as is_ours:
        if not is_ours:
            return None
        until_seq = _newest_number(store)
        with store.connect() as connection:
            cursor = execution_series.read_cursor(connection)
            news = execution_series.read_news(
                connection, cursor.seq if cursor else 0, until_seq, now
            )
            heard_at = _latest(news.heard_at, cursor)
            if heard_at is None or not (news.facts or news.undos):
                groups = execution_series.read_groups(connection)
                return RenewedSeries(len(groups), 0, heard_at)
            if execution_series.has_enough(connection, _rule(heard_at)):
                ensure_months(connection, "metrics", _first_at(heard_at), heard_at)
        with store.connect() as connection:
            return _renew(connection, cursor, until_seq, heard_at)


def _is_worth_a_look(store: Store) -> bool:
    with store.connect() as connection:
        return execution_series.is_worth_a_look(connection, LEAST_EXECUTIONS)


def _latest(heard_at: datetime | None, cursor: SeriesCursor | None) -> datetime | None:
    return max((at for at in (heard_at, cursor and cursor.heard_at) if at), default=None)


def renew_when_possible(store: Store, now: datetime) -> RenewedSeries | None:
    """The same; None also while facts are being added: a later renewal makes up for it."""
    try:
        return renew_execution_series(store, now)
    except Unavailable:
        return None


def _newest_number(store: Store) -> int:
    with store.connect() as connection:
        return execution_series.newest_number(connection, PATIENCE_MS)


def _renew(
    connection: Connection, cursor: SeriesCursor | None, until_seq: int, heard_at: datetime
) -> RenewedSeries:
    before = execution_series.read_groups(connection)
    chosen_at = cursor.chosen_at if cursor else None
    if chosen_at is None or floor_step(chosen_at, DAY) < floor_step(heard_at, DAY) or not before:
        execution_series.choose_groups(connection, _rule(heard_at))
        chosen_at = heard_at
    groups = execution_series.read_groups(connection)
    known = {(group.dimension, group.label) for group in before}
    new = [group for group in groups if (group.dimension, group.label) not in known]
    old = [group for group in groups if (group.dimension, group.label) in known]
    points = 0
    if old and cursor:
        hours = _changed(connection, cursor, until_seq, heard_at)
        points += _renew_steps(connection, hours, heard_at, old)
    if new:
        hours = _range(min(group.first_at for group in new), heard_at)
        points += _renew_steps(connection, hours, heard_at, new)
    execution_series.write_cursor(connection, SeriesCursor(until_seq, heard_at, chosen_at))
    return RenewedSeries(len(groups), points, heard_at)


def _rule(heard_at: datetime) -> GroupRule:
    return GroupRule(heard_at - CHOICE_SPAN, _first_at(heard_at), LEAST_EXECUTIONS, MOST_GROUPS)


def _first_at(heard_at: datetime) -> datetime:
    return floor_step(heard_at - HISTORY, DAY)


def _changed(
    connection: Connection, cursor: SeriesCursor, until_seq: int, heard_at: datetime
) -> list[datetime]:
    """Hours that facts changed, and those that have ended since the last time."""
    since = _first_at(heard_at)
    changed = execution_series.changed_steps(connection, cursor.seq, until_seq, HOUR, since)
    return sorted({*changed, *_range(max(floor_step(cursor.heard_at, HOUR), since), heard_at)})


def _range(since: datetime, until: datetime) -> list[datetime]:
    return [since + number * HOUR for number in range(int((until - since) / HOUR) + 1)]


def _renew_steps(
    connection: Connection,
    hours: Sequence[datetime],
    heard_at: datetime,
    groups: Sequence[ExecutionGroup],
) -> int:
    """Compute these hours and their days, both from the facts of some days at once."""
    days = sorted({floor_step(hour, DAY) for hour in hours})
    points = 0
    for since, until in step_runs(days, DAY, DAYS_AT_ONCE):
        execution_series.load_facts(connection, since, until, groups)
        for steps, step in ((hours, HOUR), (days, DAY)):
            over = [at for at in steps if since <= at < until and at + step <= heard_at]
            if over:
                points += execution_series.renew_points(connection, over, step, groups)
    return points
