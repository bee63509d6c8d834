"""Logs of executions and answers for the tests of reports, written by SQL, and their oracle."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import text

from runlore.reports.rules.period import ReportPeriod
from runlore.reports.rules.request import ReportPrices, ReportRequest, WorkFilter
from runlore.serving.queries.ledger import new_id
from runlore.store import partitions
from runlore.store.engine import Store
from runlore.store.schema import executions, ledger

DAY = timedelta(days=1)
STATUSES = ("succeeded", "failed", "cancelled", "partial", "running", "unknown")
INSTANTS = ("submitted", "started", "finished", "known_at", "submission_known_at")


def simulated(first: datetime, days: int, a_day: int, seed: int = 0, rate: float = 0.2):
    """A frame of executions: columns as in the table. Weekends have half of the work."""
    rng = np.random.default_rng(seed)
    per_day = [a_day if (first + n * DAY).weekday() < 5 else a_day // 2 for n in range(days)]
    start = np.repeat([first + n * DAY for n in range(days)], per_day)
    n = len(start)
    submitted = pd.to_datetime(start) + pd.to_timedelta(rng.integers(0, 86_399, n), unit="s")
    run_s = np.round(rng.exponential(1800, n)) + 1
    ends = rng.choice(["failed", "cancelled"], n, p=[0.8, 0.2])
    status = np.where(rng.random(n) < rate, ends, "succeeded")
    frame = pd.DataFrame(
        {
            "source": "log",
            "source_id": [f"e{seed}-{at}" for at in range(n)],
            "submitted": submitted,
            "actor": rng.choice(["ann", "bob", "=cmd"], n),
            "kind": rng.choice(["build", "<b>test</b>"], n),
            "scope": rng.choice(["web", "db", ""], n),
            "status": status,
            "started": submitted + pd.Timedelta(seconds=60),
            "finished": submitted + pd.to_timedelta(60 + run_s, unit="s"),
            "outcome": [{"cost": float(round(c, 2))} for c in rng.random(n) * 10],
        }
    )
    return frame.assign(known_at=frame["finished"], submission_known_at=frame["submitted"])


def write(store: Store, frame: pd.DataFrame) -> None:
    """Insert executions as first facts, or as later ones where the frame says `revision`."""
    rows = frame.assign(digest=0, inputs=[{}] * len(frame))
    if "revision" not in rows:
        rows = rows.assign(revision=0)
    records = rows.astype(object).where(rows.notna(), None).to_dict("records")
    for record in records:
        for name in INSTANTS:
            if record[name] is not None:
                record[name] = pd.Timestamp(record[name]).to_pydatetime()
    with store.connect() as connection:
        first, last = frame["submitted"].min(), frame["submitted"].max()
        partitions.ensure_months(
            connection, "executions", first.to_pydatetime(), last.to_pydatetime()
        )
    with store.begin() as connection:
        connection.execute(executions.insert(), records)


def answer(
    store: Store, frame: pd.DataFrame, risk: np.ndarray, delay: timedelta = timedelta(), **fields
) -> None:
    """An answer of failure-risk to each execution, as of its submission."""
    rows = [
        {
            "at": at.to_pydatetime() + delay,
            "id": new_id(at.to_pydatetime()),
            "as_of": at.to_pydatetime(),
            "spec": "failure-risk",
            "version": "1",
            "arm": "champion",
            "status": 200,
            "source": source,
            "source_id": source_id,
            "request": {"actor": actor, "kind": kind, "scope": scope},
            "prediction": float(value),
            **fields,
        }
        for at, source, source_id, actor, kind, scope, value in zip(
            frame["submitted"], frame["source"], frame["source_id"], frame["actor"],
            frame["kind"], frame["scope"], risk, strict=True,
        )
    ]  # fmt: skip
    first, last = min(row["at"] for row in rows), max(row["at"] for row in rows)
    with store.connect() as connection:
        partitions.ensure_months(connection, "ledger", first, last)
    with store.begin() as connection:
        connection.execute(ledger.insert(), rows)


def announce(store: Store, at: datetime, version: str = "1") -> None:
    """Version 1 of failure-risk passed its gates at an instant."""
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO runlore.alias_changes (id, at, spec, alias, version, actor, reason,"
                " evidence, action, hash) VALUES (1, :at, 'failure-risk', 'champion', :version,"
                " 'ann', 'passed', '{}', 'announce', 'x')"
            ),
            {"at": at, "version": version},
        )


def request(
    period: ReportPeriod,
    known_at: datetime | None = None,
    prices: ReportPrices | None = None,
    **work: str,
) -> ReportRequest:
    return ReportRequest(
        period, known_at or period.ends_at + DAY, WorkFilter(**work), prices or ReportPrices()
    )
