"""Finished tasks, written for tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert

from runlore.planning.actions.pools import set_pools
from runlore.planning.rules.pools.pool import Pool
from runlore.store import partitions, schema
from runlore.store.engine import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = START + timedelta(days=400)


def described(number: int, seed: int = 0, noise: float = 0.3) -> tuple[list[dict], np.ndarray]:
    """Amounts follow size and tool, up to a factor of e^noise."""
    random = np.random.default_rng(seed)
    sizes, tools = random.lognormal(3, 1, number), random.choice(["java", "go"], number)
    amounts = 2 * sizes * np.where(tools == "go", 0.5, 1) * np.exp(random.normal(0, noise, number))
    pairs = zip(sizes.tolist(), tools.tolist(), strict=True)
    return [{"size": size, "tool": tool} for size, tool in pairs], amounts


def write_tasks(
    store: Store,
    tasks: list[dict],
    amounts: np.ndarray,
    *,
    kind: str = "build",
    start: datetime = START,
) -> None:
    """One an hour; each outcome is known when it ends, with its cost."""
    submitted = [start + HOUR * number for number in range(len(tasks))]
    rows = [
        {
            "source": "ci",
            "source_id": f"{kind}-{number}",
            "submitted": at,
            "revision": 0,
            "actor": "ann",
            "kind": kind,
            "scope": "web",
            "inputs": task,
            "started": at,
            "finished": at + timedelta(seconds=float(amount)),
            "status": "succeeded",
            "outcome": {"cost": float(amount) / 10},
            "submission_known_at": at,
            "known_at": at + timedelta(seconds=float(amount)),
            "digest": number,
        }
        for number, (at, task, amount) in enumerate(zip(submitted, tasks, amounts, strict=True))
    ]
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", submitted[0], submitted[-1])
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)


def write_growth(store: Store, days: int = 40, start: datetime = START) -> None:
    """A build an hour that takes half of it, and 1.5 % more each day; a pool for them, and one
    without tasks."""
    rng = np.random.default_rng(1)
    day = np.arange(24 * days) / 24
    amounts = 2_000 * (1 + 0.015 * day) * np.exp(0.2 * rng.normal(size=len(day)))
    write_tasks(store, [{"slots": 2}] * len(day), amounts, start=start)
    set_pools(store, [Pool("builders", 1, ("build",)), Pool("idle", 1, ("x",))], "ann", START)


def write_steady(store: Store, until: datetime, days: int = 30) -> None:
    """An export an hour that takes a quarter of it, until now, and a pool for them."""
    start = until - timedelta(days=days)
    amounts = np.full(24 * days, 900.0)
    write_tasks(store, [{}] * (24 * days), amounts, kind="export", start=start)
    pool = Pool("exporters", 1, ("export",), cost_per_hour=2.0, budget_per_month=2_000.0)
    set_pools(store, [pool], "ann", start)
