"""Executions of several projects, written for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert

from runlore.store import partitions, schema
from runlore.store.engine import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = START + timedelta(days=60)


@dataclass(frozen=True)
class Run:
    """Takes `seconds` from an hour of its own on; failed: else it succeeded."""

    kind: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 60.0
    failed: bool = False
    actor: str = "ann"


def write_project(store: Store, project: str, runs: Sequence[Run], start: datetime = START) -> None:
    rows = []
    for number, run in enumerate(runs):
        begin = start + HOUR * number
        end = begin + timedelta(seconds=run.seconds)
        rows.append(
            {
                "source": "ci",
                "source_id": f"{project}-{start:%m%d}-{number}",
                "submitted": begin,
                "revision": 0,
                "actor": run.actor,
                "kind": run.kind,
                "scope": project,
                "inputs": dict(run.inputs),
                "started": begin,
                "finished": end,
                "status": "failed" if run.failed else "succeeded",
                "outcome": {"cost": run.seconds / 60},
                "submission_known_at": begin,
                "known_at": end,
                "digest": number,
            }
        )
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", start, start + HOUR * len(runs))
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)


def runs_of_sort(sort: str, number: int, seed: int = 0) -> list[Run]:
    """Two sorts of projects: `site` builds quickly in go, `lab` trains for long in python."""
    random = np.random.default_rng(seed)
    kinds, tool, middle, rate = {
        "site": (("build", "test"), "go", 60.0, 0.1),
        "lab": (("train", "test"), "python", 3_000.0, 0.4),
    }[sort]
    return [
        Run(
            kinds[int(random.random() < 0.3)],
            {"tool": tool, "size": float(random.lognormal(2, 0.5)), "exit_code": 3},
            float(middle * random.lognormal(0, 0.4)),
            bool(random.random() < rate),
        )
        for _ in range(number)
    ]
