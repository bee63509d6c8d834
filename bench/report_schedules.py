"""Scheduled reports while their makers are killed at random: each once, and failures told.

    python bench/report_schedules.py --schedules 1000

Workers make and send what is due, and are killed with SIGKILL at random moments. Some reports fail
on purpose until a while has passed. Last, nobody makes a report that is due. It prints one JSON
object.
"""

import argparse
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr
from sqlalchemy import text

from runlore.alerts.delivery import parse
from runlore.kernel import instants
from runlore.kernel.json_values import as_json
from runlore.reports.actions import due_reports, late_reports, making, scheduling, sending
from runlore.reports.rules.request import ReportPrices
from runlore.reports.rules.schedule import ReportSchedule
from runlore.settings import Settings
from runlore.store import partitions
from runlore.store.engine import Store, connect, open_store

WORKERS, FAILING, FAILS_S = 2, 20, 20.0
PATIENCE_S = 1500.0


class Hook(BaseHTTPRequestHandler):
    """Takes reports, and counts them by their idempotency keys."""

    taken: ClassVar[Counter[str]] = Counter()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.taken[self.headers["idempotency-key"]] += 1
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class FailureTimes(logging.Handler):
    """Notes in a file when each report failed."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and "failed" in record.msg:
            with Path(self.path).open("a", encoding="utf-8") as file:
                file.write(f"{record.args[0]} {record.created}\n")


def work(url: str, hook: str, fails_until: float, failures: str) -> None:
    """A worker: makes and sends until it is killed."""
    logging.getLogger("runlore.reports").addHandler(FailureTimes(failures))
    store, real = connect(url), due_reports.compose

    def compose(store_: Store, specs: Any, request: Any) -> Any:
        if request.work.scope == "bad" and time.time() < fails_until:
            raise RuntimeError("the disk of the reports is full")
        return real(store_, specs, request)

    due_reports.compose = compose  # type: ignore[assignment]
    channels = parse(SecretStr(json.dumps({"hook": {"kind": "webhook", "url": hook}})))

    def send() -> None:
        while True:
            sending.send_reports(store, channels, "http://here/reports", lambda *_: None)
            time.sleep(0.2)

    threading.Thread(target=send, daemon=True).start()
    while True:
        due_reports.make_due(store, (), ReportPrices(hour=2.0), instants.now())
        time.sleep(0.2)


def fill(store: Store, schedules: int, at: datetime) -> None:
    first = at - timedelta(days=110)
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", first, at)
        connection.execute(
            """INSERT INTO runlore.executions (source, source_id, submitted, revision, actor, kind,
                scope, status, started, finished, submission_known_at, known_at, digest)
            SELECT 'log', n::text, t, 0, 'ann', 'etl', CASE WHEN n %% 2 = 0 THEN 'a' ELSE 'b' END,
                CASE WHEN n %% 5 = 0 THEN 'failed' ELSE 'succeeded' END, t, t + interval '9 min',
                t, t + interval '9 min', 0
            FROM generate_series(1, 800) AS n,
                LATERAL (SELECT %s + n * interval '3 hours' AS t) AS x WHERE t < %s""",
            (first, at),
        )
    for number in range(schedules):
        scope = "bad" if number < FAILING else ("a", "b", None)[number % 3]
        schedule(store, f"s{number:04d}", at, scope)


def schedule(store: Store, name: str, at: datetime, scope: str | None) -> None:
    """Weekly, and due since yesterday at the latest."""
    asked = {"scope": scope, "kind": None, "actor": None}
    since = at - timedelta(days=8)
    zone = "Europe/Berlin"
    made = ReportSchedule(0, name, "week", zone, "06:00", asked, ("hook",), "none", since, "bench")
    scheduling.schedule_report(store, made, {"hook"})


def one(store: Store, query: str) -> Any:
    with store.begin() as connection:
        return connection.execute(text(query)).one()


def start(store: Store, hook: str, fails_until: float, failures: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, __file__, "--worker", store.url, hook, str(fails_until)]
    command.append(str(failures))
    return subprocess.Popen(command)


def is_done(store: Store, schedules: int) -> bool:
    waiting = one(
        store,
        "SELECT count(*) FILTER (WHERE done_at IS NOT NULL), count(*), (SELECT count(*) FROM"
        " runlore.report_deliveries WHERE state <> 'delivered') FROM runlore.report_runs",
    )
    return bool(waiting[0] >= max(schedules, waiting[1]) and waiting[2] == 0)


def kill_at_random(store: Store, schedules: int, hook: str, failures: Path) -> tuple[int, float]:
    """Until all is made and sent; returns how many were killed, and seconds."""
    began, kills, rng = time.monotonic(), 0, random.Random(27)
    fails_until = time.time() + FAILS_S
    workers = [start(store, hook, fails_until, failures) for _ in range(WORKERS)]
    try:
        while not is_done(store, schedules) and time.monotonic() < began + PATIENCE_S:
            time.sleep(rng.uniform(3.0, 12.0))
            late_reports.find_late(store)
            victim = rng.randrange(WORKERS)
            os.kill(workers[victim].pid, signal.SIGKILL)
            workers[victim].wait()
            kills += 1
            workers[victim] = start(store, hook, fails_until, failures)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return kills, time.monotonic() - began


def measure(schedules: int) -> dict[str, Any]:
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with open_store(Settings(home=home, database_url=None)) as store:
            fill(store, schedules, instants.now())
            kills, seconds = kill_at_random(
                store, schedules, f"http://127.0.0.1:{server.server_port}/", home / "failures"
            )
            counted = result(store, schedules, kills, seconds)
            counted["failure_told_after_s"] = failures_told(store, home / "failures")
            return counted | {"nobody_makes_it_told_after_s": unmade_told(store)}
    finally:
        server.shutdown()
        shutil.rmtree(home, ignore_errors=True)


def result(store: Store, schedules: int, kills: int, seconds: float) -> dict[str, Any]:
    stored = one(
        store,
        "SELECT count(*), count(DISTINCT (schedule_id, first_day)) FROM runlore.reports",
    )
    runs = one(
        store,
        "SELECT count(*), sum(attempts), count(*) FILTER (WHERE attempts > 1),"
        " count(*) FILTER (WHERE done_at IS NULL) FROM runlore.report_runs",
    )
    told = one(store, "SELECT count(*) FROM runlore.anomalies WHERE kind = 'report'")
    return {
        "bench": "report_schedules",
        "schedules": schedules,
        "kills": kills,
        "seconds": round(seconds, 1),
        "reports": stored[0],
        "distinct": stored[1],
        "runs": runs[0],
        "attempts": int(runs[1]),
        "begun_more_than_once": runs[2],
        "not_made": runs[3],
        "delivered": len(Hook.taken),
        "delivered_twice": sum(count > 1 for count in Hook.taken.values()),
        "alerts_of_failures": told[0],
        "again_the_same": again(store),
    }


def failures_told(store: Store, failures: Path) -> float:
    """The longest time from the first failure of a report to its alert."""
    first: dict[str, float] = {}
    for line in failures.read_text(encoding="utf-8").splitlines():
        name, at = line.rsplit(" ", 1)
        first[name] = min(first.get(name, float("inf")), float(at))
    told = {name: _alert_of(store, name) for name in first}
    return round(max(told[name] - at for name, at in first.items()), 2)


def unmade_told(store: Store) -> float:
    """From when a report is due, and no worker is there, to its alert."""
    began, watch = time.time(), late_reports.ReportWatch(store)
    schedule(store, "unmade", instants.now(), None)
    while (opened := _alert_of(store, "unmade")) == float("inf"):
        watch.check()
        time.sleep(0.5)
    return round(opened - began, 1)


def _alert_of(store: Store, name: str) -> float:
    """When it was opened; infinite: there is none."""
    query = text(
        "SELECT extract(epoch FROM min(opened_at)) FROM runlore.anomalies"
        " WHERE kind = 'report' AND subject = :name"
    )
    with store.begin() as connection:
        opened = connection.scalar(query, {"name": name})
    return float("inf") if opened is None else float(opened)


def again(store: Store, some: int = 50) -> bool:
    """Whether reports that are composed again give the same numbers."""
    for stored in making.list_reports(store, some):
        document = as_json(making.repeat_report(store, (), stored.id))
        for name in ("figures", "days", "groups", "statuses", "forecast"):
            if document[name] != stored.document[name]:
                return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--worker", nargs=4)
    chosen = parser.parse_args()
    if chosen.worker:
        url, hook, fails_until, failures = chosen.worker
        work(url, hook, float(fails_until), failures)
    print(json.dumps(measure(chosen.schedules)))


if __name__ == "__main__":
    main()
