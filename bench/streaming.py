"""How soon is an unusual point an alert, and what do kills, late and repeated points change?

    PYTHONPATH=. python bench/streaming.py [--series 1000 10000] [--points 1000000] [--seconds 40]

A PostgreSQL and a webhook on this machine, and `runlore alerts deliver` in a process of its own, as
`runlore up` runs it. Points are recorded by the product's own action. Seconds are from before the
point is recorded to the arrival at the webhook. One JSON object per line.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import psutil
from sqlalchemy import text

from runlore import settings
from runlore.ingest.actions.points import PointBounds, record_points
from runlore.ingest.rules.points.batch import PointBatch, SeriesIdentity
from runlore.kernel import instants
from runlore.store.engine import Store, open_store
from tests.alerts.receivers import Web, http_server

BOUNDS = PointBounds(1_000_000)
PATIENCE_S = 240.0
WARM_STEPS = 40
PER_SCOPE = 10
MINUTE_US = 60_000_000
SPIKE = 500.0


def tell(what: str, **figures: object) -> None:
    load = round(os.getloadavg()[0], 1)
    print(json.dumps({"bench": f"streaming.{what}", **figures, "load": load}), flush=True)


def identities(count: int, label: str) -> list[SeriesIdentity]:
    return [
        SeriesIdentity(f"m{number % PER_SCOPE}", f"{label}-{number // PER_SCOPE}")
        for number in range(count)
    ]


def start(home: Path) -> subprocess.Popen:
    command = (sys.executable, "-m", "runlore.cli", "alerts", "deliver")
    with (home / "deliver.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)


def figures(store: Store) -> dict[str, int]:
    with store.begin() as connection:
        row = connection.execute(
            text(
                "SELECT coalesce(max(taken), 0) AS taken, coalesce(max(late), 0) AS late,"
                " (SELECT count(*) FROM runlore.point_outbox) AS waiting,"
                " (SELECT count(*) FROM runlore.metrics) AS points"
                " FROM runlore.stream_progress"
            )
        ).one()
    return dict(row._mapping)


def count_incidents(store: Store) -> dict[str, int]:
    with store.begin() as connection:
        query = text("SELECT subject, count(*) FROM runlore.incidents GROUP BY subject")
        return {row[0]: row[1] for row in connection.execute(query)}


def drain(store: Store) -> None:
    until = time.monotonic() + PATIENCE_S
    while figures(store)["waiting"] and time.monotonic() < until:
        time.sleep(0.2)


def opened(web: Web) -> dict[str, list[float]]:
    """Distinct messages by subject: one whose sender is killed is sent again with its key."""
    arrivals: dict[str, list[float]] = {}
    seen: set[str] = set()
    for received in list(web.taken):
        if received.body["event"] in ("opened", "returned"):
            key = received.headers.get("idempotency-key", str(received.at))
            if key not in seen:
                arrivals.setdefault(received.body["subject"], []).append(received.at)
            seen.add(key)
    return arrivals


def warm(store: Store, names: list[SeriesIdentity], rng: np.random.Generator) -> None:
    now_us = int(time.time() * 1e6)
    for step in range(WARM_STEPS, 0, -1):
        at = np.full(len(names), now_us - step * MINUTE_US)
        values = rng.normal(50, 2, len(names))
        record(store, names, np.arange(len(names)), at, values)
    drain(store)


def record(
    store: Store,
    names: list[SeriesIdentity],
    number: np.ndarray,
    at_us: np.ndarray,
    value: np.ndarray,
) -> None:
    record_points(store, "bench", PointBatch(names, number, at_us, value), instants.now(), BOUNDS)


def latency(store: Store, web: Web, process: subprocess.Popen, count: int, seconds: int) -> None:
    """A point a minute of every series, spread over the minute; each second one host deviates."""
    rng = np.random.default_rng(count)
    names = identities(count, f"host{count}")
    began = time.monotonic()
    warm(store, names, rng)
    tell("warmed", series=count, seconds=round(time.monotonic() - began, 1))
    planted: dict[str, float] = {}
    cpu = sum(psutil.Process(process.pid).cpu_times()[:2])
    order = np.array_split(rng.permutation(count), 60)
    began = time.monotonic()
    for second in range(seconds):
        part = order[second % 60]
        at = np.full(len(part), int(time.time() * 1e6) - 1000)
        values = rng.normal(50, 2, len(part))
        values[0] = SPIKE
        planted.setdefault(names[part[0]].scope, time.time())
        record(store, names, part, at, values)
        time.sleep(max(0.0, began + second + 1 - time.monotonic()))
    drain(store)
    time.sleep(3)
    arrivals = opened(web)
    waits = [arrivals[s][0] - at for s, at in planted.items() if s in arrivals]
    cpu = sum(psutil.Process(process.pid).cpu_times()[:2]) - cpu
    tell(
        "latency",
        series_a_minute=count,
        planted=len(planted),
        delivered=len(waits),
        p50_s=round(float(np.percentile(waits, 50)), 2),
        p99_s=round(float(np.percentile(waits, 99)), 2),
        largest_s=round(max(waits), 2),
        cpu_percent=round(100 * cpu / (time.monotonic() - began), 1),
        rss_mb=round(psutil.Process(process.pid).memory_info().rss / 2**20),
    )


def sizes(store: Store) -> None:
    with store.begin() as connection:
        row = connection.execute(
            text(
                "SELECT count(*) AS series,"
                " pg_total_relation_size('runlore.series_states') / 1048576.0 AS mb"
                " FROM runlore.series_states"
            )
        ).one()
    tell("states", series=row.series, mb_in_postgresql=round(float(row.mb), 1))


def kills(store: Store, web: Web, home: Path, process: subprocess.Popen, count: int) -> None:
    """10 % of the points come late, 5 % twice; the process is killed after each third."""
    rng = np.random.default_rng(7)
    steps = 100
    width = count // steps
    names = identities(width, "kill")
    at = np.repeat(int(time.time() * 1e6) - np.arange(steps, 0, -1) * MINUTE_US, width)
    number = np.tile(np.arange(width), steps)
    value = rng.normal(50, 2, len(at))
    spiked = rng.choice(width // PER_SCOPE, 50, replace=False) * PER_SCOPE
    spike_at = rng.integers(60, 90, 50)
    cells = spike_at * width + spiked
    value[cells] = SPIKE
    sent = np.repeat(np.arange(steps), width)
    is_late = rng.random(len(at)) < 0.1
    is_late[cells] = False
    sent = sent + np.where(is_late, rng.integers(1, 6, len(at)), 0)
    before, began, killed = figures(store), time.monotonic(), 0
    for step in range(steps + 6):
        places = np.flatnonzero(sent == step)
        again = rng.choice(places, len(places) // 20, replace=False)
        record(store, names, number[places], at[places], value[places])
        record(store, names, number[again], at[again], value[again])
        if step in (steps // 3 + 3, 2 * steps // 3 + 3):
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            process = start(home)
    recorded_s = time.monotonic() - began
    drain(store)
    time.sleep(5)
    after, arrivals = figures(store), opened(web)
    subjects = {names[place].scope for place in spiked}
    found = count_incidents(store)
    counts = [found.get(subject, 0) for subject in subjects]
    tell(
        "kills",
        points=len(at),
        kills=killed,
        recorded=after["points"] - before["points"],
        judged=after["taken"] - before["taken"],
        late=after["late"] - before["late"],
        lost=len(at) - (after["taken"] - before["taken"]),
        planted=len(subjects),
        incidents_lost=counts.count(0),
        incidents_twice=sum(one > 1 for one in counts),
        other_incidents=sum(s.startswith("kill-") and s not in subjects for s in found),
        over_before_delivery=sum(subject not in arrivals for subject in subjects),
        delivered_twice=sum(len(arrivals.get(subject, [])) > 1 for subject in subjects),
        recorded_s=round(recorded_s, 1),
        all_s=round(time.monotonic() - began - 5, 1),
    )
    process.send_signal(signal.SIGINT)
    process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=40)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    os.environ["RUNLORE_HOME"] = str(home)
    try:
        with http_server(Web()) as web, open_store(settings.read()) as store:
            channel = {"hook": {"kind": "webhook", "url": web.url}}
            os.environ["RUNLORE_ALERT_CHANNELS"] = json.dumps(channel)
            run(store, web, home, options)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def run(store: Store, web: Web, home: Path, options: argparse.Namespace) -> None:
    with store.connect() as connection:
        from runlore.store.partitions import ensure_months

        now = instants.now()
        ensure_months(connection, "metrics", now - timedelta(days=1), now)
    process = start(home)
    time.sleep(8)
    idle = psutil.Process(process.pid)
    cpu = sum(idle.cpu_times()[:2])
    time.sleep(20)
    spent = sum(idle.cpu_times()[:2]) - cpu
    tell(
        "idle",
        cpu_percent=round(100 * spent / 20, 2),
        rss_mb=round(idle.memory_info().rss / 2**20),
    )
    for count in options.series:
        latency(store, web, process, count, options.seconds)
        sizes(store)
    if options.points:
        kills(store, web, home, process, options.points)
    else:
        process.send_signal(signal.SIGINT)
        process.wait(30)


if __name__ == "__main__":
    main()
