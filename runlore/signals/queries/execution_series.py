"""Points made from executions: which groups have series, which steps changed, their new points."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from runlore.kernel.errors import Unavailable
from runlore.records.metric_points import EXECUTION_SOURCE
from runlore.signals.queries.execution_series_sql import (
    CATALOG,
    CHANGED,
    CHOOSE,
    CONCLUDE,
    DELETE_POINTS,
    FACTS,
    INSERT_POINTS,
    KEYS,
    POINTS,
    STEPS,
)
from runlore.signals.rules.series.execution_series import measures_of, series_suffix

Connection = psycopg.Connection[Any]

CURSOR: LiteralString = """
SELECT seq, heard_at, chosen_at FROM runlore.execution_series_cursor
"""
GROUPS: LiteralString = """
SELECT dimension, label, first_at FROM runlore.execution_groups ORDER BY dimension, label
"""
WITHOUT_JIT: LiteralString = "SET LOCAL jit = off"  # compiling costs more than it saves
NUMBER: LiteralString = "SELECT nextval('runlore.fact_seq')"
# Writers of facts number them before they commit; this waits until all lower numbers have.
WAIT_FOR_WRITERS: LiteralString = "LOCK TABLE runlore.executions IN SHARE MODE"
NEWS: LiteralString = """
SELECT count(*) AS facts, max(least(known_at, greatest(submitted, finished))) AS heard_at,
    (SELECT count(*) FROM runlore.withdrawals WHERE seq > %(after)s AND seq <= %(until)s) AS undos
FROM runlore.executions WHERE seq > %(after)s AND seq <= %(until)s AND known_at <= %(now)s
"""
HAS_ENOUGH: LiteralString = """
SELECT count(*) FROM (
    SELECT FROM runlore.executions WHERE submitted >= %(since)s AND revision = 0 LIMIT %(least)s
) AS first_ones
"""
WORTH_A_LOOK: LiteralString = """
SELECT EXISTS (SELECT FROM runlore.execution_groups) OR EXISTS (
    SELECT FROM runlore.executions WHERE revision = 0 OFFSET %(least)s - 1)
"""


@dataclass(frozen=True, slots=True)
class SeriesCursor:
    """seq: facts up to here are in the points. heard_at: when the newest of them happened.

    chosen_at: heard_at when the groups were chosen.
    """

    seq: int
    heard_at: datetime
    chosen_at: datetime


@dataclass(frozen=True, slots=True)
class LogNews:
    """heard_at: when the newest of these facts happened; None without facts."""

    facts: int
    undos: int
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExecutionGroup:
    """Executions of one kind, scope or actor. dimension: empty: all executions."""

    dimension: str
    label: str
    first_at: datetime


@dataclass(frozen=True, slots=True)
class GroupRule:
    """Which groups are worth series: those with `least` executions submitted since an instant."""

    since: datetime
    first_at: datetime
    least: int
    most: int


def read_cursor(connection: Connection) -> SeriesCursor | None:
    with connection.cursor(row_factory=class_row(SeriesCursor)) as cursor:
        return cursor.execute(CURSOR).fetchone()


def write_cursor(connection: Connection, cursor: SeriesCursor) -> None:
    values = {"seq": cursor.seq, "heard_at": cursor.heard_at, "chosen_at": cursor.chosen_at}
    connection.execute(CONCLUDE, values)


def newest_number(connection: Connection, patience_ms: int) -> int:
    """A number below which every fact is committed. Raises Unavailable after patience_ms."""
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{patience_ms}ms",))
    try:
        connection.execute(WAIT_FOR_WRITERS)
    except psycopg.errors.LockNotAvailable as error:
        raise Unavailable("the log: facts are being added; renew the series later") from error
    row = connection.execute(NUMBER).fetchone()
    assert row is not None  # noqa: S101  (a SELECT without FROM)
    return int(row[0])


def read_news(connection: Connection, after: int, until: int, now: datetime) -> LogNews:
    """What was recorded and undone with the numbers in (after, until]."""
    values = {"after": after, "until": until, "now": now}
    with connection.cursor(row_factory=class_row(LogNews)) as cursor:
        row = cursor.execute(NEWS, values).fetchone()
    assert row is not None  # noqa: S101  (an aggregate)
    return row


def is_worth_a_look(connection: Connection, least: int) -> bool:
    """Whether there are groups, or so many executions that there could be."""
    row = connection.execute(WORTH_A_LOOK, {"least": least}).fetchone()
    return bool(row and row[0])


def has_enough(connection: Connection, rule: GroupRule) -> bool:
    """Whether all executions together are worth series."""
    row = connection.execute(HAS_ENOUGH, {"since": rule.since, "least": rule.least}).fetchone()
    return bool(row and row[0] >= rule.least)


def read_groups(connection: Connection) -> list[ExecutionGroup]:
    with connection.cursor(row_factory=class_row(ExecutionGroup)) as cursor:
        return cursor.execute(GROUPS).fetchall()


def choose_groups(connection: Connection, rule: GroupRule) -> None:
    """Keep the groups that are worth series, and forget the others; their points stay."""
    values = {
        "since": rule.since,
        "first_at": rule.first_at,
        "least": rule.least,
        "most": rule.most,
    }
    connection.execute(CHOOSE, values)


def changed_steps(
    connection: Connection, after: int, until: int, step: timedelta, since: datetime
) -> list[datetime]:
    """The beginnings of the steps whose executions these facts or undos changed, ascending."""
    values = {"after": after, "until": until, "step": step, "since": since}
    for statement in CHANGED:
        connection.execute(statement, values)
    return [row[0] for row in connection.execute(STEPS, values).fetchall()]


def load_facts(
    connection: Connection, since: datetime, until: datetime, groups: Sequence[ExecutionGroup]
) -> None:
    """Take in all facts of the executions of these days, [since, until), for `renew_points`."""
    values = {
        "since": since,
        "until": until,
        "dimensions": [group.dimension for group in groups],
        "labels": [group.label for group in groups],
    }
    connection.execute(WITHOUT_JIT)
    connection.execute("DROP TABLE IF EXISTS pg_temp.run_keys, pg_temp.run_facts")
    connection.execute(KEYS, values)
    connection.execute("ANALYZE pg_temp.run_keys")
    row = connection.execute("SELECT min(submitted), max(submitted) FROM pg_temp.run_keys")
    first, last = row.fetchone() or (None, None)
    connection.execute(FACTS, values | {"first": first, "last": last})
    connection.execute("ANALYZE pg_temp.run_facts (execution, is_outcome)")


def renew_points(
    connection: Connection,
    steps: Sequence[datetime],
    step: timedelta,
    groups: Sequence[ExecutionGroup],
) -> int:
    """Compute the points of these steps anew from the facts and groups loaded last.

    steps: ascending; all are over. Returns how many rows changed.
    """
    values = {
        "since": steps[0],
        "until": steps[-1] + step,
        "steps": list(steps),
        "step": step,
        "source": EXECUTION_SOURCE,
        "firsts": [group.first_at for group in groups],
    } | _series(measures_of(step), groups)
    connection.execute("DROP TABLE IF EXISTS pg_temp.run_points")
    connection.execute(POINTS, values)
    connection.execute(CATALOG, values)
    gone = connection.execute(DELETE_POINTS, values).rowcount
    return gone + connection.execute(INSERT_POINTS, values).rowcount


def _series(measures: dict[str, str], groups: Sequence[ExecutionGroup]) -> dict[str, Any]:
    """Names, scopes and labels by measure and group; the place before the first of a measure."""
    in_order = sorted(measures, key=lambda measure: measures[measure])
    suffixes = [series_suffix(group.dimension, group.label) for group in groups]
    scopes = [group.label if group.dimension == "scope" else "" for group in groups]
    labels = [
        json.dumps({group.dimension: group.label} if group.dimension else {}) for group in groups
    ]
    return {
        "names": [measures[measure] + suffix for measure in in_order for suffix in suffixes],
        "scopes": scopes * len(in_order),
        "label_sets": labels * len(in_order),
    } | {measure: number * len(groups) for number, measure in enumerate(in_order)}
