"""Points as they are recorded become incidents and alerts, once."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import insert, text
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.alerts.actions import delivery
from runlore.alerts.delivery import parse
from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.cli import app
from runlore.kernel import instants
from runlore.settings import Settings
from runlore.signals.actions import stream_batches, streaming
from runlore.signals.actions.execution_series import renew_execution_series
from runlore.signals.queries import incidents
from runlore.signals.queries.incidents import Incident
from runlore.signals.rules.anomalies.stream_threshold import find_threshold
from runlore.store import partitions, schema
from runlore.store.engine import Store
from tests.alerts.receivers import Web, http_server
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
THRESHOLD = 1e-6


def record(
    store: Store,
    series: dict[tuple[str, str], Sequence[float]],
    first: datetime,
    source: str = "collectd",
    step: timedelta = MINUTE,
) -> list[datetime]:
    """Points of (name, scope), a minute apart."""
    longest = max(map(len, series.values()))
    times = [first + number * step for number in range(longest)]
    with store.connect() as connection:
        partitions.ensure_months(connection, "metrics", times[0], times[-1])
    rows = [
        {
            "source": source,
            "name": name,
            "scope": scope,
            "at": at,
            "revision": 0,
            "value": float(value),
            "known_at": at,
        }
        for (name, scope), values in series.items()
        for at, value in zip(times, values, strict=False)
    ]
    with store.begin() as connection:
        connection.execute(insert(schema.metrics), rows)
    return times


def noise(count: int, seed: int = 0, level: float = 50.0) -> list[float]:
    return list(np.random.default_rng(seed).normal(level, 2.0, count))


def take(store: Store) -> None:
    while stream_batches.take_batch(store, THRESHOLD, 100).points:
        continue


def read(store: Store) -> list[Incident]:
    with store.begin() as connection:
        return incidents.read(connection, 100, is_all=True)


def count_alerts(store: Store) -> tuple[int, int]:
    """How many alerts there are, and how many notices of their opening."""
    with store.begin() as connection:
        found = alerts.read(connection, AlertQuery("all", kind="incident"))
        opened = connection.scalar(
            text("SELECT count(*) FROM runlore.alert_notices WHERE event IN ('opened','returned')")
        )
    return len(found), int(opened or 0)


def progress(store: Store) -> tuple[int, int, int]:
    """Points taken, late ones, and those that still wait."""
    with store.begin() as connection:
        row = connection.execute(
            text(
                "SELECT taken, late, (SELECT count(*) FROM runlore.point_outbox)"
                " FROM runlore.stream_progress"
            )
        ).one()
    return row[0], row[1], row[2]


def test_two_series_of_a_scope_are_one_alert_that_ends_when_both_are_back(store: Store) -> None:
    first = instants.now() - 3 * 60 * MINUTE
    calm = {("cpu", "web-1"): noise(100, 1), ("load", "web-1"): noise(100, 2, 5.0)}
    record(store, calm | {("cpu", "web-2"): noise(100, 3)}, first)
    take(store)
    assert read(store) == []
    out = {
        ("cpu", "web-1"): [150.0, *noise(3, 4)],
        ("load", "web-1"): [90.0, 91.0],
        ("cpu", "web-2"): noise(4, 5),
    }
    record(store, out, first + 100 * MINUTE)
    take(store)
    (incident,) = read(store)
    assert (incident.subject, incident.count, incident.resolved_at) == ("web-1", 2, None)
    assert incident.since == first + 100 * MINUTE
    cpu, load = incident.series
    assert (cpu.name, cpu.seen, cpu.ended_at is None) == ("cpu", 150.0, False)
    assert cpu.low < 50 < cpu.high < 70
    assert (load.probability or 1.0) < THRESHOLD
    record(store, {("load", "web-1"): noise(3, 6, 5.0)}, first + 102 * MINUTE)
    take(store)
    assert read(store)[0].resolved_at is not None
    assert count_alerts(store) == (1, 1)


def test_a_counter_is_judged_by_its_rate_and_may_begin_anew(store: Store) -> None:
    first = instants.now() - 3 * 60 * MINUTE
    grown = np.cumsum(noise(130))
    grown[70:] -= grown[69]
    grown[110:] += 5_000
    key = {"source": "collectd", "name": "requests", "scope": "web-1", "kind": "counter"}
    with store.begin() as connection:
        connection.execute(insert(schema.series), [key])
    record(store, {("requests", "web-1"): list(grown)}, first)
    take(store)
    (incident,) = read(store)
    assert incident.since == first + 110 * MINUTE
    assert incident.series[0].seen == pytest.approx(5_050 / 60, rel=0.02)


def test_late_and_repeated_points_change_nothing(store: Store) -> None:
    first = instants.now() - 3 * 60 * MINUTE
    record(store, {("cpu", "web-1"): noise(90)}, first)
    take(store)
    record(store, {("cpu", "web-1"): [900.0] * 5}, first - 10 * MINUTE)
    take(store)
    assert read(store) == []
    assert progress(store) == (95, 5, 0)


def test_late_and_repeated_points_after_an_incident_raise_nothing_again(store: Store) -> None:
    first = instants.now() - 20 * HOUR
    record(store, {("cpu", "web-1"): [*noise(90), 300.0, *noise(5, 1)]}, first)
    take(store)
    (incident,) = read(store)
    assert incident.resolved_at is not None
    record(store, {("cpu", "web-1"): [300.0] * 4}, first + 89.5 * MINUTE)
    with store.begin() as connection:
        columns = "source, name, scope, at, value"
        connection.execute(
            text(
                f"INSERT INTO runlore.point_outbox ({columns}) SELECT {columns}"
                " FROM runlore.metrics WHERE value = 300"
            )
        )
    take(store)
    assert [one.id for one in read(store)] == [incident.id]
    assert count_alerts(store) == (1, 1)
    assert progress(store) == (96 + 4 + 5, 4 + 5, 0)


def test_history_that_is_brought_in_later_is_not_judged_and_begins_a_state(store: Store) -> None:
    week_ago = instants.now() - timedelta(days=7)
    record(store, {("cpu", "web-1"): [*noise(60), 900.0]}, week_ago)
    record(store, {("cpu", "web-1"): [300.0]}, instants.now() - MINUTE)
    take(store)
    (incident,) = read(store)
    assert incident.series[0].seen == 300.0
    assert progress(store) == (1, 0, 0)


def test_a_crash_inside_the_transaction_loses_and_repeats_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = instants.now() - 3 * 60 * MINUTE
    record(store, {("cpu", "web-1"): [*noise(90), 200.0]}, first)
    tell = stream_batches._tell

    def crash(*arguments: object) -> None:
        tell(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(stream_batches, "_tell", crash)
    with pytest.raises(KeyboardInterrupt):
        take(store)
    assert read(store) == []
    assert count_alerts(store) == (0, 0)
    monkeypatch.undo()
    take(store)
    assert [incident.count for incident in read(store)] == [1]
    assert count_alerts(store) == (1, 1)
    assert progress(store) == (91, 0, 0)


KILLED = """
import os, signal, sys
from runlore.signals.actions import stream_batches
from runlore.store.engine import connect
store = connect(sys.argv[1])
print(stream_batches.take_batch(store, 1e-6, 40).points, flush=True)
stream_batches._tell = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
stream_batches.take_batch(store, 1e-6, 1000)
"""


def test_a_process_that_is_killed_half_way_is_as_if_it_had_not_begun(store: Store) -> None:
    first = instants.now() - 3 * 60 * MINUTE
    record(store, {("cpu", "web-1"): [*noise(90), 200.0]}, first)
    command = [sys.executable, "-c", KILLED, store.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "40\n"), done.stderr
    assert progress(store) == (40, 0, 51)
    take(store)
    assert progress(store) == (91, 0, 0)
    assert count_alerts(store) == (1, 1)


def test_a_series_that_stops_is_an_incident_until_it_comes_back(store: Store) -> None:
    first = instants.now() - 40 * timedelta(seconds=1)
    record(store, {("cpu", "web-1"): noise(2)}, first)
    for second in range(30):
        record(store, {("load", "web-9"): noise(1, second)}, first + timedelta(seconds=second))
    take(store)
    assert stream_batches.find_missing(store).opened == frozenset()
    with store.begin() as connection:
        connection.execute(
            text("UPDATE runlore.series_states SET due_at = now() WHERE due_at IS NOT NULL")
        )
    assert len(stream_batches.find_missing(store).opened) == 1
    (incident,) = read(store)
    assert [moved.sort for moved in incident.series] == ["missing"]
    assert incident.since == first + timedelta(seconds=29)
    assert stream_batches.find_missing(store).opened == frozenset()
    record(store, {("load", "web-9"): noise(1)}, instants.now())
    take(store)
    assert read(store)[0].resolved_at is not None


def test_a_source_that_falls_silent_is_one_incident_until_all_is_back(store: Store) -> None:
    hosts = [f"web-{number}" for number in range(12)]
    first = instants.now() - timedelta(seconds=30)
    for second in range(30):
        for source in ("collectd", "statsd"):
            values = {("cpu", f"{source}-{host}"): noise(1, second) for host in hosts}
            record(store, values, first + timedelta(seconds=second), source)
    take(store)
    # Of one source, four hosts are overdue and the others nearly; of the other, only three are.
    with store.begin() as connection:
        for source, last, seconds in (("collectd", 3, 70), ("collectd", 11, 40), ("statsd", 2, 70)):
            scopes = [f"{source}-{host}" for host in hosts[: last + 1]]
            query = text(
                "UPDATE runlore.series_states SET due_at = due_at - make_interval(secs => :seconds)"
                " WHERE scope = ANY(:scopes) AND due_at > now()"
            )
            connection.execute(query, {"seconds": seconds, "scopes": scopes})
    assert len(stream_batches.find_missing(store).opened) == 4
    assert stream_batches.find_missing(store).opened == frozenset()
    found = {incident.subject: incident for incident in read(store)}
    assert sorted(found) == ["source collectd", *(f"statsd-web-{number}" for number in range(3))]
    assert found["source collectd"].count == 12
    assert count_alerts(store) == (4, 4)

    back = {("cpu", f"collectd-{host}"): noise(1) for host in hosts}
    record(store, dict(itertools.islice(back.items(), 11)), instants.now())
    take(store)
    assert all(incident.resolved_at is None for incident in read(store))
    record(store, back, instants.now())
    take(store)
    resolved = [incident.subject for incident in read(store) if incident.resolved_at]
    assert resolved == ["source collectd"]
    assert count_alerts(store) == (4, 4)


def test_a_series_that_stays_at_one_value_is_an_incident(store: Store) -> None:
    first = instants.now() - 3 * 60 * MINUTE
    record(store, {("cpu", "web-1"): [*noise(90), *[50.0] * 40]}, first)
    take(store)
    (incident,) = read(store)
    assert (incident.series[0].sort, incident.series[0].probability) == ("flat", None)
    record(store, {("cpu", "web-1"): noise(1)}, first + 130 * MINUTE)
    take(store)
    assert read(store)[0].resolved_at is not None


@pytest.fixture
def web() -> Iterator[Web]:
    with http_server(Web()) as served:
        yield served


def test_a_recorded_point_reaches_a_hook_within_seconds(store: Store, web: Web) -> None:
    channels = parse(SecretStr(json.dumps({"hook": {"kind": "webhook", "url": web.url}})))
    end = threading.Event()
    threads = [
        threading.Thread(target=streaming.watch, args=(store, end)),
        threading.Thread(
            target=delivery.watch, args=(store, channels, end, lambda: None, lambda _: None)
        ),
    ]
    for thread in threads:
        thread.start()
    try:
        first = instants.now() - 3 * 60 * MINUTE
        record(store, {("cpu", "web-1"): [*noise(90), 400.0]}, first)
        (message,) = web.await_taken(1)
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert message.body["kind"] == "incident"
    assert "cpu is 400, usual" in message.body["what"]


def test_command_and_http_list_the_same_incidents(
    store: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record(store, {("cpu", "web-1"): [*noise(90), 400.0]}, instants.now() - 3 * 60 * MINUTE)
    take(store)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    done = CliRunner().invoke(app, ["signals", "incidents", "--json"])
    (listed,) = json.loads(done.stdout)["incidents"]
    service = serve(Serving((), store=store, live={}))
    (answered,) = service.get("/signals/incidents").json()["incidents"]
    assert answered["what"] == listed["what"]
    assert answered["series"][0]["seen"] == listed["series"][0]["seen"] == 400.0
    refused = service.get("/signals/incidents", params={"state": "x"})
    assert refused.status_code == 422
    assert "state" in refused.text


@pytest.mark.parametrize(("source", "waiting"), [("executions", 1), ("collectd", 0)])
def test_an_hour_of_executions_waits_until_it_is_over(
    store: Store, source: str, waiting: int
) -> None:
    hour = instants.now().replace(minute=0, second=0, microsecond=0)
    counts, one_hour = noise(40, 1), timedelta(hours=1)
    record(store, {("executions_per_hour", ""): counts}, hour - 41 * one_hour, source, one_hour)
    take(store)
    record(store, {("executions_per_hour", ""): [1.0]}, hour, source, one_hour)
    take(store)
    assert len(read(store)) == 1 - waiting
    assert progress(store)[2] == waiting
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.point_outbox SET at = at - interval '75 minutes'"))
        connection.execute(text("UPDATE runlore.metrics SET at = at - interval '75 minutes'"))
    take(store)
    assert len(read(store)) == 1
    assert progress(store)[2] == 0


def test_an_hour_of_failures_is_judged_once_by_what_became_known_later(store: Store) -> None:
    hour = instants.now().replace(minute=0, second=0, microsecond=0) - 6 * HOUR
    _run_hours(store, hour - 70 * HOUR, 70)
    assert renew_execution_series(store, instants.now()) is not None
    take(store)
    assert read(store) == []  # the control: hours of the usual failures
    _run_hours(store, hour, 1, failed=0.9, late=timedelta(minutes=70))
    _run_hours(store, hour + HOUR, 3)
    for minute in (1, 2):
        renew_execution_series(store, instants.now())
        take(store)
        (incident,) = read(store)
        failures = next(moved for moved in incident.series if moved.name == "failure_rate")
        assert (incident.subject, failures.since, failures.sort) == ("prod", hour, "value")
        assert failures.seen > 0.8
        assert count_alerts(store) == (1, 1)
        _run_hours(store, hour + timedelta(minutes=minute), 1, failed=0.5, late=timedelta(hours=3))
    with store.connect() as connection:
        query = "SELECT count(*) FROM runlore.metrics WHERE name = 'failure_rate' AND at = %s"
        (revisions,) = connection.execute(query, (hour,)).fetchone() or (0,)
    assert revisions > 1


def _run_hours(
    store: Store, first: datetime, hours: int, failed: float = 0.1, late: timedelta = timedelta()
) -> None:
    """About thirty executions an hour, of which about a share fail.

    late: how long after their end the outcomes of those that fail are known.
    """
    rng = np.random.default_rng(hours)
    rows = []
    runs = rng.integers(27, 34, hours)
    failing = np.round(runs * failed) + rng.integers(-1, 2, hours)
    for number, run in itertools.product(range(hours), range(33)):
        if run >= runs[number]:
            continue
        at = first + number * HOUR + timedelta(seconds=90 * run)
        took = timedelta(seconds=float(rng.integers(30, 300)))
        fails = run < failing[number]
        rows.append(
            {
                "source": "ci",
                "source_id": f"{at:%d-%H-%M-%S}",
                "submitted": at,
                "revision": 0,
                "actor": "ann",
                "kind": "build",
                "scope": "prod",
                "started": at,
                "finished": at + took,
                "status": "failed" if fails else "succeeded",
                "submission_known_at": at,
                "known_at": at + took + (late if fails else timedelta()),
                "digest": 0,
            }
        )
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", first, rows[-1]["submitted"])
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)


def test_a_larger_budget_lets_less_unusual_values_be_incidents(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO runlore.series_states (source, name, scope, step_s)"
                " SELECT 'collectd', 'cpu', n::text, 1 FROM generate_series(1, 20) AS n"
            )
        )
    one, five = (
        streaming.StreamWatch(store, threading.Event(), alarms_a_week=budget)._find_threshold()
        for budget in (1.0, 5.0)
    )
    assert one == find_threshold(20 * 604_800, 1.0)
    assert five > 4 * one
