"""Half a year of an actor with habits, and of others without, written for tests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert

from runlore.store import partitions, schema
from runlore.store.engine import Store

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
DAYS = 120
NOW = START + timedelta(days=DAYS + 1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def write_habits(store: Store) -> None:
    """ann: a nightly backup of web-3 at 02:10 in Berlin, that fails on most Mondays; builds by day,
    each followed by a test. Two others, at any hour of the day."""
    rows = [*_backups(), *_builds(), *_others()]
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", START, NOW)
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)


def _backups() -> Iterator[dict[str, Any]]:
    from zoneinfo import ZoneInfo

    random = np.random.default_rng(1)
    for day in range(DAYS):
        date = START + DAY * day
        local = datetime(date.year, date.month, date.day, 2, 10, tzinfo=ZoneInfo("Europe/Berlin"))
        at = local.astimezone(UTC) + timedelta(minutes=float(random.normal(0, 3)))
        fails = date.weekday() == 0 and random.random() < 0.8
        yield run(f"backup-{day}", "ann", "backup", "web-3", at, is_failed=bool(fails))


def _builds() -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(2)
    for day in range(DAYS):
        for number in range(int(random.poisson(2))):
            at = START + DAY * day + HOUR * float(random.uniform(6, 20))
            yield run(f"build-{day}-{number}", "ann", "build", "shop", at)
            if random.random() < 0.8:
                after = at + timedelta(seconds=60 + float(random.exponential(100)))
                yield run(f"test-{day}-{number}", "ann", "test", "shop", after)


def _others() -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(3)
    for actor in ("bob", "cy"):
        for number, day in enumerate(np.sort(random.uniform(0, DAYS, 300))):
            failed = bool(random.random() < 0.1)
            at = START + DAY * float(day)
            yield run(f"{actor}-{number}", actor, "deploy", "shop", at, is_failed=failed)


def run(
    name: str, actor: str, kind: str, scope: str, at: datetime, *, is_failed: bool = False
) -> dict[str, Any]:
    end = at + timedelta(seconds=60)
    return {
        "source": "ci",
        "source_id": name,
        "submitted": at,
        "revision": 0,
        "actor": actor,
        "kind": kind,
        "scope": scope,
        "inputs": {"size": 1},
        "started": at,
        "finished": end,
        "status": "failed" if is_failed else "succeeded",
        "outcome": {},
        "submission_known_at": at,
        "known_at": end,
        "digest": 1,
    }
