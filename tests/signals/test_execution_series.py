"""Series made from executions: as a slow computation makes them, as known, and after an undo."""

import itertools
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import insert, text

from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from runlore.kernel.errors import NotFound
from runlore.signals.actions.execution_series import renew_execution_series
from runlore.signals.actions.forecasting import SeriesName, find_series, forecast_series
from runlore.signals.queries import read_points
from runlore.store import partitions, schema
from runlore.store.engine import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=40)
HOUR = timedelta(hours=1)
COUNT, RATE, P95 = "executions_per_hour", "failure_rate", "duration_p95_seconds"


def some_executions(number: int, days: float, seed: int = 0) -> pd.DataFrame:
    """Most outcomes are known at their end, some days later, and some are corrected."""
    random = np.random.default_rng(seed)
    submitted = START + pd.to_timedelta(
        np.sort(random.integers(0, int(days * 86_400), number)), "s"
    )
    started = submitted + pd.to_timedelta(random.integers(0, 600, number), "s")
    finished = started + pd.to_timedelta(random.integers(30, 9_000, number), "s")
    late = pd.to_timedelta(np.where(random.random(number) < 0.1, 30 * 3_600, 0), "s")
    first = pd.DataFrame(
        {
            "source": "ci",
            "source_id": [f"{seed}-{row}" for row in range(number)],
            "submitted": submitted,
            "revision": 0,
            "actor": random.choice(["ann", "bob"], number),
            "kind": random.choice(["build", "deploy", 'te"st'], number, p=[0.6, 0.35, 0.05]),
            "scope": random.choice(["prod", "dev"], number),
            "started": started,
            "finished": finished,
            "status": random.choice(
                ["succeeded", "failed", "cancelled"], number, p=[0.7, 0.2, 0.1]
            ),
            "submission_known_at": submitted,
            "known_at": finished + late,
        }
    )
    fixed = first[random.random(number) < 0.05].copy()
    fixed["revision"] = 1
    fixed["status"] = "failed"
    fixed["finished"] += timedelta(hours=2)
    fixed["known_at"] += timedelta(hours=50)
    return pd.concat([first, fixed], ignore_index=True).assign(digest=0)


def record(store: Store, facts: pd.DataFrame, ingest_id: int | None = None) -> None:
    with store.connect() as connection:
        first, last = facts["submitted"].min(), facts["submitted"].max()
        partitions.ensure_months(connection, "executions", first, last)
    rows = facts.assign(ingest_id=ingest_id).astype({"ingest_id": object})
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows.to_dict("records"))


def members(facts: pd.DataFrame, group: dict[str, str]) -> pd.DataFrame:
    for field, label in group.items():
        facts = facts[facts[field] == label]
    return facts


def slow(facts: pd.DataFrame, at: datetime, group: dict[str, str]) -> pd.DataFrame:
    """The three series by hour, from what was known at the end of an hour."""
    known = facts[
        np.where(facts["revision"] > 0, facts["known_at"], facts["submission_known_at"]) <= at
    ]
    last = known.sort_values("revision").groupby("source_id").last()
    mine = members(last, group)
    counts = mine.groupby(mine["submitted"].dt.floor("h")).size()
    ended = facts[facts["known_at"] <= at].sort_values("revision").groupby("source_id").last()
    ended = members(ended, group)
    hour = ended["finished"].dt.floor("h")
    judged = ended[ended["status"] != "cancelled"]
    rate = (judged["status"] == "failed").groupby(hour[judged.index]).mean()
    seconds = (ended["finished"] - ended["started"]).dt.total_seconds()
    return pd.DataFrame({COUNT: counts, RATE: rate, P95: seconds.groupby(hour).quantile(0.95)})


def stored(store: Store, name: str, scope: str, at: datetime) -> pd.Series:
    series = find_series(store, SeriesName(name, scope, "executions"))
    with store.connect() as connection:
        points = read_points(connection, series, at, 50_000)
    return pd.Series(points.value, pd.to_datetime(points.at, unit="us", utc=True))


def assert_same(
    store: Store, facts: pd.DataFrame, at: datetime, remaining: pd.DataFrame | None = None
) -> None:
    """remaining: what later undos leave; an hour without any of it has no points at all."""
    for group, suffix, scope in (
        ({}, "", ""),
        ({"kind": "build"}, '{kind="build"}', ""),
        ({"scope": "prod"}, '{scope="prod"}', "prod"),
    ):
        expected = slow(facts, at, group)
        for measure in (COUNT, RATE, P95):
            points = stored(store, measure + suffix, scope, at)
            wanted = expected[measure].dropna()
            wanted = wanted[wanted.index < points.index.max() + HOUR]
            if remaining is not None:
                left = slow(remaining, NOW, group)[measure].dropna()
                wanted, points = (part[part.index.isin(left.index)] for part in (wanted, points))
            assert len(wanted) > 100
            seen = points[points != 0] if measure == COUNT else points
            pd.testing.assert_series_equal(
                seen, wanted, check_names=False, check_freq=False, check_dtype=False
            )


def test_points_are_what_was_known_at_each_hour(store: Store) -> None:
    facts = some_executions(3_000, 20)
    record(store, facts)
    renewed = renew_execution_series(store, NOW)
    assert renewed is not None
    assert renewed.points > 10_000
    for days in (8, 12.5, 40):
        assert_same(store, facts, START + timedelta(days=days))


KILLED = """
import os, signal, sys
from datetime import datetime
from runlore.signals.actions.execution_series import renew_execution_series
from runlore.signals.queries import execution_series
from runlore.store.engine import connect
execution_series.write_cursor = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
renew_execution_series(connect(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
"""


def kill_a_renewal(store: Store) -> None:
    """A process of its own, that dies when all points are written and nothing is committed."""
    before = all_points(store)
    command = [sys.executable, "-c", KILLED, store.url, NOW.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert all_points(store) == before


def renew_after_kill(store: Store) -> None:
    """PostgreSQL notices within moments that who held the lock is gone."""
    until = time.monotonic() + 60
    while renew_execution_series(store, NOW) is None:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_renewals_in_parts_give_the_points_of_one(store: Store) -> None:
    """Late outcomes and corrections change hours of before; a part twice changes nothing.

    Two of the renewals are killed, and begin anew.
    """
    facts = some_executions(3_000, 20)
    in_order = facts.sort_values("known_at")
    for first, last in itertools.pairwise([0, 1_200, 2_000, 2_001, 2_900, len(facts)]):
        record(store, in_order.iloc[first:last])
        if first in (0, 1_200):
            kill_a_renewal(store)
        renew_after_kill(store)
        again = renew_execution_series(store, NOW)
        assert again is not None
        assert again.points == 0
    in_parts = all_points(store)
    with store.begin() as connection:
        for table in ("metrics", "execution_groups", "execution_series_cursor"):
            connection.execute(text(f"DELETE FROM runlore.{table}"))
    renew_execution_series(store, NOW)
    assert in_parts == all_points(store)


def all_points(store: Store) -> list[tuple[object, ...]]:
    query = (
        "SELECT name, scope, at, revision, value, known_at FROM runlore.metrics ORDER BY 1,2,3,4"
    )
    with store.connect() as connection:
        return connection.execute(query).fetchall()


def test_an_undo_takes_its_executions_out_from_then_on(store: Store) -> None:
    good, bad = some_executions(2_500, 20), some_executions(1_000, 20, seed=1)
    record(store, good)
    with store.begin() as connection:
        query = insert(schema.ingests).values(
            source="ci", path="bad.csv", records="executions", mapping_digest="", prefix_digest=""
        )
        ingest = connection.execute(query.returning(schema.ingests.c.id)).scalar_one()
    record(store, bad, ingest)
    renew_execution_series(store, NOW)
    both = pd.concat([good, bad])
    assert_same(store, both, NOW)

    done = undo_ingest(store, UndoTarget(ingest_id=ingest), UndoReason("ada", "twice"))

    assert_same(store, good, done.withdrawal.known_at)
    assert_same(store, both, done.withdrawal.known_at - timedelta(seconds=1), good)
    with pytest.raises(NotFound, match="no facts of it"):
        undo_ingest(store, UndoTarget(source="executions"), UndoReason("ada", "points"))


def test_few_executions_make_no_series_and_a_series_can_be_forecast(store: Store) -> None:
    record(store, some_executions(90, 20))
    assert renew_execution_series(store, NOW).groups == 0
    record(store, some_executions(4_000, 20, seed=1))
    renew_execution_series(store, NOW)
    made = forecast_series(store, SeriesName('executions_per_hour{kind="build"}'), NOW)
    assert made.series.source == "executions"
    assert len(made.ahead.value) == 24
