"""Health: learned from days on which incidents preceded failures, or did not; as known then."""

import json
import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, insert, text
from typer.testing import CliRunner

from bentos.app.gauges import GaugeCollector
from bentos.predict.live_versions import Serving
from runlore.alerts.actions.handling import raise_alert
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.cli import app
from runlore.kernel.errors import NotFound
from runlore.settings import Settings
from runlore.signals.actions.health import SystemHealth, read_health
from runlore.signals.actions.health_watch import measure_health, read_course
from runlore.signals.health_views import show_health
from runlore.store import schema
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.health_world import DAY, NOW, alert, write_executions, write_world
from tests.signals.points import write_points

__all__ = ["serve"]


def part(found: SystemHealth, name: str):
    return next(one for one in found.overall.parts if one.name == name)


def test_incidents_that_precede_failures_weigh_and_lower_health(store: Store) -> None:
    is_open, _ = write_world(store, precedes=True)
    found = read_health(store, NOW)
    incidents = part(found, "incidents")
    assert incidents.weight.weight > 1
    assert incidents.weight.n == is_open[-155:-1].sum()
    assert found.overall_fit.gain is not None
    assert found.overall_fit.gain > 0.05
    (scope,) = found.scopes
    assert (scope.status, found.overall.status) == ("predicted", "predicted")
    open_now = scope.health
    quiet_at = NOW - DAY * int(np.flatnonzero(~is_open[::-1])[0])
    quiet = read_health(store, quiet_at).scopes[0].health
    assert open_now is not None
    assert quiet is not None
    assert open_now < 0.4
    assert quiet > 0.8
    (evidence,) = incidents.evidence
    assert evidence.alert is not None
    assert sum(group.days for group in found.overall_fit.calibration) >= 90


def test_incidents_before_usual_days_say_nothing(store: Store) -> None:
    write_world(store, precedes=False)
    found = read_health(store, NOW)
    incidents = part(found, "incidents")
    assert incidents.weight.weight == 0
    assert incidents.says == (f"says nothing about later failures here (n = {incidents.weight.n})")
    assert incidents.weight.n > 20
    assert found.overall.status == "base rate"
    rate = found.overall_fit.base_rate
    assert rate is not None
    assert found.overall.health == pytest.approx(1 - rate)
    assert len(incidents.evidence) == 1


def test_states_and_bad_days_are_those_of_a_plain_count(store: Store) -> None:
    """Of three days, counted by hand in Python from the facts as they were known."""
    write_world(store, precedes=True)
    learn_late(store)
    as_of = NOW - DAY
    found = read_health(store, as_of)
    with store.begin() as connection:
        facts = pd.read_sql(
            text("SELECT source_id, revision, finished, known_at, status FROM runlore.executions"),
            connection,
        )
    final = shares(facts, as_of, as_of)
    bad = []
    for back in range(1, 155):
        usual = np.sort(shares(facts, as_of - DAY * back, as_of).loc[back : back + 27])
        bad.append(final[back - 1] > usual[math.ceil(0.8 * len(usual)) - 1])
    assert (found.overall_fit.rows, found.overall_fit.bad) == (len(bad), sum(bad))


def shares(facts: pd.DataFrame, known: datetime, as_of: datetime) -> pd.Series:
    """Share of failures by day before `as_of`, of what was known at an instant."""
    then = facts[facts["known_at"] <= known].sort_values("revision")
    newest = then.groupby("source_id").last()
    day = (as_of - newest["finished"]) // DAY
    return (newest["status"] == "failed").groupby(day).mean()


def learn_late(store: Store) -> None:
    """A tenth of the outcomes becomes known two days later, and some are corrected."""
    with store.begin() as connection:
        connection.execute(
            text(
                "UPDATE runlore.executions SET known_at = known_at + interval '50 hours'"
                " WHERE digest % 10 = 0 AND finished < :until"
            ),
            {"until": NOW - 3 * DAY},
        )
        correct(connection, "digest % 23 = 1", "known_at + interval '30 hours'")


def correct(connection: Connection, which: str, known_at: str) -> None:
    """These executions failed, as became known then."""
    columns = "source, source_id, submitted, actor, kind, scope, started, finished, digest"
    connection.execute(
        text(
            f"INSERT INTO runlore.executions ({columns}, revision, status, submission_known_at,"
            f" known_at) SELECT {columns}, 1, 'failed', submission_known_at, {known_at}"
            f" FROM runlore.executions WHERE {which}"
        )
    )


def test_what_comes_later_does_not_change_a_past_health(store: Store) -> None:
    write_world(store, precedes=True)
    hourly = np.ones(24 * 40)
    write_points(store, hourly, scope="prod", first=NOW - 50 * DAY, source="node")
    at = NOW - 10 * DAY
    before = show_health(read_health(store, at))
    random = np.random.default_rng(9)
    with store.begin() as connection:
        connection.execute(
            text("UPDATE runlore.anomalies SET resolved_at = :now WHERE resolved_at IS NULL"),
            {"now": NOW},
        )
        rows = [alert("incident", "new", NOW - DAY, None), alert("limit", "prod", NOW, None)]
        connection.execute(insert(schema.anomalies), rows)
        correct(connection, "digest % 3 = 1", f"'{at + timedelta(seconds=1)}'")
    write_points(store, hourly, scope="prod", first=at, name="later", source="a")
    assert show_health(read_health(store, at)) == before
    write_executions(store, np.full(182, 0.5), "prod-2", random)
    assert show_health(read_health(store, at)).as_of == at


def test_late_data_stands_out_with_its_evidence(store: Store) -> None:
    write_world(store, precedes=True)
    write_points(store, np.ones(24 * 20), scope="prod", first=NOW - 21 * DAY, source="node")
    fresh = part(read_health(store, NOW - DAY - timedelta(hours=1)), "freshness")
    assert (fresh.state, fresh.evidence) == (0, ())
    (evidence,) = part(read_health(store, NOW), "freshness").evidence
    assert (evidence.series, evidence.source, evidence.scope) == ("cpu", "node", "prod")
    assert "no point for 25 h" in evidence.what
    part_of_scope = read_health(store, NOW + 2 * DAY, "prod").scopes[0].parts[-1]
    assert {one.series for one in part_of_scope.evidence} == {None, "cpu"}


def test_without_a_history_health_is_unknown_and_the_parts_are_shown(store: Store) -> None:
    empty = read_health(store, NOW)
    assert (empty.overall.status, empty.overall.health, empty.scopes) == ("unknown", None, ())
    assert "0 past days can be judged" in empty.overall.reason
    finding = AlertFinding(
        "limit", "disk of web", Severity.WARNING, "full soon", "", "look", NOW - DAY,
        {"scope": "web"},
    )  # fmt: skip
    with store.begin() as connection:
        raise_alert(connection, finding, NOW - DAY)
    (web,) = read_health(store, NOW).scopes
    assert (web.scope, web.status) == ("web", "unknown")
    (evidence,) = web.parts[2].evidence
    assert evidence.what == "full soon"
    with pytest.raises(NotFound):
        read_health(store, NOW, "nowhere")


def test_command_and_http_say_the_same(
    store: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(store, precedes=True)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    at = NOW.isoformat()
    run = CliRunner().invoke
    done = run(app, ["signals", "health", "--at", at, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    service = serve(Serving((), store=store, live={}))
    answer = service.get("/signals/health", params={"at": at})
    assert answer.status_code == 200, answer.text
    for own, other in zip(answer.json()["overall"]["parts"], told["overall"]["parts"], strict=True):
        assert own | {"evidence": 0} == other | {"evidence": 0}
        assert [one["what"] for one in own["evidence"]] == [
            one["what"] for one in other["evidence"]
        ]
    assert answer.json()["overall"]["health"] == told["overall"]["health"]
    one = service.get("/signals/health/prod", params={"at": at}).json()
    assert one["health"] == told["scopes"][0]["health"]
    shown = run(app, ["signals", "health", "--scope", "prod", "--at", at])
    assert shown.exit_code == 0, shown.output
    assert "that the next 24 h have no more failures than usual" in shown.stdout
    assert "odds of more failures" in " ".join(shown.stdout.split())
    for path, status, field in [
        ("/signals/health?at=soon", 422, "at"),
        ("/signals/health/nowhere", 404, "nowhere"),
        ("/signals/health/a%00", 422, "scope"),
    ]:
        refused = service.get(path)
        assert refused.status_code == status, refused.text
        assert field in refused.text


def test_measured_health_is_a_course_and_gauges(store: Store, tmp_path: Path) -> None:
    write_world(store, precedes=True)

    def gauges() -> dict[str, dict[str, float]]:
        families = GaugeCollector(Serving((), store=store, live={}), tmp_path).collect()
        return {
            family.name: {one.labels.get("scope", ""): one.value for one in family.samples}
            for family in families
            if family.name.startswith("runlore_health")
        }

    assert gauges()["runlore_health_ratio"] == {}
    for at in (NOW - DAY, NOW, NOW):
        assert measure_health(store, at) == 1
    (before, newest) = read_course(store, "prod", NOW)
    assert (before.at, newest.at) == (NOW - DAY, NOW)
    assert newest.states["incidents"] == 1
    told = gauges()
    assert told["runlore_health_ratio"]["prod"] == newest.health
    assert set(told["runlore_health_low_ratio"]) == {"", "prod"}
    assert told["runlore_health_timestamp_seconds"][""] == NOW.timestamp()
