"""What a renewal of the series of executions costs, by how long the log is already.

    python bench/execution_series.py --days 10 40 160

Each log has 1,000 executions a day. After its first renewal an hour with 40 more is recorded and
renewed, some times over. The seconds are CPU's, of the embedded PostgreSQL and Python together.
"""

import argparse
import os
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from runlore.ingest.queries import facts
from runlore.kernel.instants import to_us
from runlore.settings import Settings
from runlore.signals.actions.execution_series import renew_execution_series
from runlore.store.engine import Store, open_store

START = datetime(2026, 1, 1, tzinfo=UTC)
A_DAY = 1_000
NEWS = 40
HOUR_US = 3_600_000_000


def executions(first: int, submitted_us: np.ndarray) -> pa.Table:
    count = len(submitted_us)
    number = np.arange(first, first + count)
    ended_us = submitted_us + 60_000_000 * (1 + number % 50)
    text = {
        "source": ["bench"] * count,
        "source_id": [f"e-{one}" for one in number],
        "actor": [f"user-{one % 30}" for one in number],
        "kind": [f"kind-{one % 12}" for one in number],
        "scope": [f"scope-{one % 5}" for one in number],
        "inputs": ["{}"] * count,
        "status": ["failed" if one % 9 == 0 else "succeeded" for one in number],
        "outcome": ['{"cost": 1.5}'] * count,
    }
    instants = {
        "submitted": submitted_us,
        "started": submitted_us + 5_000_000,
        "finished": ended_us,
        "submission_known_at": submitted_us,
        "known_at": ended_us,
    }
    return pa.table(text | {name: pa.array(column) for name, column in instants.items()})


def record(store: Store, table: pa.Table, at: datetime) -> None:
    batch = facts.batch("executions", table)
    facts.ensure_partitions(store, batch)
    with store.connect() as connection:
        facts.add(connection, batch, at)


def cpu_s(home: Path) -> float:
    """What this process and the PostgreSQL of this home have used so far."""
    pid_file = next(home.rglob("postmaster.pid"))
    postmaster = int(pid_file.read_text(encoding="utf-8").split()[0])
    processes = [postmaster, *_children(postmaster)]
    ticks = sum(sum(int(field) for field in _fields(one)[11:15]) for one in processes)
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _children(parent: int) -> list[int]:
    everyone = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in everyone if _fields(one)[1:2] == [str(parent)]]


def _fields(process: int) -> list[str]:
    """Of /proc/PID/stat, from the state on; none when the process has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def renew(store: Store, home: Path, at: datetime) -> float:
    began = cpu_s(home)
    assert renew_execution_series(store, at) is not None
    return cpu_s(home) - began


def measure(days: int, hours: int) -> tuple[float, list[float]]:
    with TemporaryDirectory(prefix="rl-") as name, open_store(Settings(home=Path(name))) as store:
        home = Path(name)
        begin_us, end_us = to_us(START), to_us(START + timedelta(days=days))
        submitted_us = np.linspace(begin_us, end_us, days * A_DAY, endpoint=False).astype(np.int64)
        end = START + timedelta(days=days)
        record(store, executions(0, submitted_us), end)
        first, later = renew(store, home, end), []
        for hour in range(hours):
            news_us = end_us + hour * HOUR_US + np.arange(NEWS) * (HOUR_US // NEWS)
            until = end + timedelta(hours=hour + 2)
            record(store, executions(len(submitted_us) + hour * NEWS, news_us), until)
            later.append(renew(store, home, until))
    return first, later


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, nargs="+", default=[10, 40, 160])
    parser.add_argument("--hours", type=int, default=5)
    options = parser.parse_args()
    for days in options.days:
        first, later = measure(days, options.hours)
        print(f"{days * A_DAY:>9,} executions: first renewal {first:6.2f} s, an hour more"
              f" {statistics.median(later):5.2f} s (largest {max(later):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
