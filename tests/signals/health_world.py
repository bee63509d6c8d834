"""Half a year of executions and alerts of one scope, in which incidents precede failures or not."""

from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert

from runlore.store import partitions, schema
from runlore.store.engine import Store

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
DAYS = 182
DAY = timedelta(days=1)
A_DAY = 20
QUIET, TROUBLED = 0.05, 0.4


def incident_days(random: np.random.Generator) -> np.ndarray:
    """Whether one is open at the end of each day; the first day first."""
    days = np.zeros(DAYS, dtype=bool)
    day = 3
    while day < DAYS - 1:
        length = 1 + int(random.integers(0, 3))
        days[day : day + length] = True
        day += length + 2 + int(random.exponential(7))
    days[-1] = True
    return days


def failure_rates(is_open: np.ndarray, *, precedes: bool) -> np.ndarray:
    """Of each day: the day after an open incident fails more, or no day does."""
    before = np.append(False, is_open[:-1])
    return np.where(before & precedes, TROUBLED, QUIET)


def write_world(
    store: Store, *, precedes: bool, scope: str = "prod", now: datetime = NOW, seed: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Returns whether an incident was open at the end of each day, and each day's failure rate."""
    random = np.random.default_rng(seed)
    is_open = incident_days(random)
    rates = failure_rates(is_open, precedes=precedes)
    write_executions(store, rates, scope, random, now)
    starts = np.flatnonzero(is_open & ~np.append(False, is_open[:-1]))
    ends = np.flatnonzero(is_open & ~np.append(is_open[1:], False))
    rows = [
        alert("incident", scope, ended_at(int(start), now) - DAY / 12, resolved(int(end), now))
        for start, end in zip(starts, ends, strict=True)
    ]
    with store.begin() as connection:
        connection.execute(insert(schema.anomalies), rows)
    return is_open, rates


def write_executions(
    store: Store, rates: np.ndarray, scope: str, random: np.random.Generator, now: datetime = NOW
) -> None:
    day = np.repeat(np.arange(len(rates)), A_DAY)
    at = ended_at(0, now) - DAY + (day + random.random(len(day))) * DAY
    is_failed = random.random(len(day)) < rates[day]
    rows = [
        {
            "source": f"ci-{scope}",
            "source_id": str(number),
            "submitted": finished - timedelta(minutes=10),
            "actor": "ann",
            "kind": "build",
            "scope": scope,
            "started": finished - timedelta(minutes=9),
            "finished": finished,
            "status": "failed" if failed else "succeeded",
            "submission_known_at": finished - timedelta(minutes=10),
            "known_at": finished,
            "digest": number,
        }
        for number, (finished, failed) in enumerate(zip(at, is_failed, strict=True))
    ]
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", min(at) - DAY, max(at))
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)


def alert(kind: str, subject: str, opened: datetime, ended: datetime | None) -> dict[str, object]:
    return {
        "kind": kind,
        "subject": subject,
        "severity": "warning",
        "evidence": {"scope": subject},
        "opened_at": opened,
        "since": opened,
        "resolved_at": ended,
        "what": f"{kind} of {subject}",
    }


def ended_at(day: int, now: datetime) -> datetime:
    """When a day, counted from the first one, is over."""
    return now - (DAYS - 1 - day) * DAY


def resolved(day: int, now: datetime) -> datetime | None:
    return None if day == DAYS - 1 else ended_at(day, now) + DAY / 12
