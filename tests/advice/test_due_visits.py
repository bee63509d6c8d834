"""Visits that are due: an alert each, settled by what happens, and counted beside the risk."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.advice.actions import recommending
from runlore.advice.actions.due_visits import KIND, MaintenanceWatch, watch_maintenance
from runlore.advice.rules.maintenance.visit_outcome import count_visits, settle_visit
from runlore.advice.visit_views import DueVisits, due_visits
from runlore.alerts.queries.anomalies import read_open
from runlore.cli import app
from runlore.kernel.errors import Misconfigured
from runlore.settings import Settings
from runlore.specs import loading
from runlore.specs.maintenance_spec import MaintenanceSpec
from runlore.store.engine import Store
from tests.advice.maintained_fleet import NOW, FleetRecord, simulate_fleet, write_fleet
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]
SPEC = MaintenanceSpec("web", scope="web-*", failure_cost=20.0)
DAY = timedelta(days=1)
HANDS_OFF = MaintenanceSpec("web", scope="web-1", most_risk=1.0)


def test_failures_and_those_foreseen_agree_when_the_risk_is_right() -> None:
    """A simulation with known lives, some ended by visits that know nothing of them."""
    random = np.random.default_rng(3)
    start, days = datetime(2026, 1, 1, tzinfo=UTC), np.linspace(0, 30, 13)
    ages = random.uniform(0, 150, 3_000)
    alive = np.exp((ages[:, None] / 100) ** 3 - ((ages[:, None] + days) / 100) ** 3)
    life = 100 * ((ages / 100) ** 3 + random.exponential(size=3_000)) ** (1 / 3) - ages
    visit = random.exponential(25, 3_000)
    states = []
    for shares, failed_day, visit_day in zip(alive, life, visit, strict=True):
        renewals = [(start + failed_day * DAY, True), (start + visit_day * DAY, False)]
        curve = (days.tolist(), shares.tolist())
        made = settle_visit(start, curve, renewals, start + 31 * DAY)
        states.append((made.state, made.foreseen, False))
        first = min(failed_day, visit_day)
        wanted = "neither" if first > 30 else "failed" if first == failed_day else "visited"
        assert made.state == wanted
    record = count_visits(states)
    assert record.due == record.visited + record.failed + record.neither == 3_000
    assert record.failed > 300
    assert abs(record.failed - record.foreseen) < 3 * record.foreseen**0.5


def test_a_due_visit_is_one_alert_until_it_is_made_failed_or_dismissed(store: Store) -> None:
    write_fleet(store, simulate_fleet())
    first = _watch(store, NOW)
    assert 3 <= first.due < 30
    seen = due_visits(store, NOW)
    assert len(seen.visits) == first.due == seen.record.due == seen.record.open
    assert _alerts(store).keys() == {one.scope for one in seen.visits}
    assert _watch(store, NOW + DAY / 2).settled == 0
    assert _states(store, NOW + DAY / 2).keys() >= _states(store, NOW).keys()
    made, broken, left = [one.scope for one in seen.visits[:3]]
    rows = [FleetRecord(made, 0.6, "maintenance"), FleetRecord(broken, 0.7, "failure")]
    write_fleet(store, rows, first_id=100_000)
    number = next(one.id for one in seen.visits if one.scope == left)
    recommending.decide(store, number, "dismiss", "ann", "it is replaced", NOW + DAY / 2)
    _watch(store, NOW + DAY)
    assert not {made, broken, left} & _alerts(store).keys()
    states = _states(store, NOW + DAY)
    assert (states[made], states[broken], states[left]) == ("visited", "failed", "open")
    assert due_visits(store, NOW + DAY).record.dismissed == 1
    _watch(store, NOW + 31 * DAY)
    later = _states(store, NOW + 31 * DAY)
    assert later[left] == "neither"
    assert _states(store, NOW)[left] == "open"  # as it was known then


def test_only_recorded_failures_count_by_default_and_a_high_risk_is_said(store: Store) -> None:
    jobs = [FleetRecord("web-1", -day, "job") for day in range(1, 9)]
    jobs.append(FleetRecord("web-2", -9, "boot"))
    write_fleet(store, jobs)
    assert watch_maintenance(store, [MaintenanceSpec("all")], (), NOW) == MaintenanceWatch(0, 0, 0)
    write_fleet(store, [FleetRecord("web-1", -day, "failure") for day in range(1, 9)], first_id=100)
    assert _watch(store, NOW, HANDS_OFF).due == 0
    assert _watch(store, NOW, MaintenanceSpec("web", failure_cost=1.0)).due == 1
    [alert] = _alerts(store).values()
    assert alert["visit_at"] is None
    assert alert["risk_week"] > 0.9
    _watch(store, NOW, HANDS_OFF)
    assert not _alerts(store)
    every = MaintenanceSpec("web", failure_cost=1.0, only_renewed=False)
    assert (_watch(store, NOW, every).scopes, _watch(store, NOW, SPEC).scopes) == (2, 1)
    other = _watch(store, NOW, MaintenanceSpec("pumps", scope="pump-*"))
    assert (other.scopes, other.due) == (0, 0)


def test_command_and_http_say_the_same(
    store: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    write_fleet(store, [FleetRecord("web-1", -day, "failure") for day in range(1, 9)])
    service, at = serve(Serving((), store=store, live={})), NOW.isoformat()
    before = service.get("/maintenance").json()
    words = ["advise", "visits", "--renew", "--as-of", at]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert [one["because"] for one in shown["visits"]] == ["risk"]
    assert "1 visit was due: 0 made" in CliRunner().invoke(app, words).output
    answer = service.get("/maintenance/due", params={"as_of": at})
    assert answer.status_code == 200, answer.text
    assert answer.json()["visits"][0]["id"] == shown["visits"][0]["id"]
    assert answer.json()["record"] == shown["record"]
    assert (
        service.get("/maintenance/due", params={"as_of": at, "scope": "x"}).json()["visits"] == []
    )
    assert service.get("/maintenance/due", params={"host": "x"}).status_code == 422
    _check_cache(store, service, before)


def _check_cache(store: Store, service: httpx.Client, before: Mapping[str, object]) -> None:
    """What was recorded since is in an answer for an instant, and later in the kept one."""
    write_fleet(store, [FleetRecord("web-1", -0.5, "failure")], first_id=100)
    kept = service.get("/maintenance").json()
    assert kept == before
    now = service.get("/maintenance", params={"as_of": kept["as_of"]}).json()
    assert now["failures"] == kept["failures"] + 1


def test_a_wrong_spec_says_what_to_mend(settings: Settings) -> None:
    assert [one.name for one in loading.every_maintenance_spec(settings)] == ["all-scopes"]
    for wrong, said in (
        ({"most_risk": 0.0}, "most_risk"),
        ({"lead_days": 40.0}, "lead_days"),
        ({"scope": "[ab]*"}, "scope"),
        ({"name": "No"}, "name"),
    ):
        with pytest.raises(Misconfigured, match=said):
            MaintenanceSpec(**({"name": "web"} | wrong))


def _watch(store: Store, at: datetime, spec: MaintenanceSpec = SPEC) -> MaintenanceWatch:
    return watch_maintenance(store, [spec], (), at)


def _alerts(store: Store) -> dict[str, Mapping[str, object]]:
    with store.begin() as connection:
        return {one.subject: one.evidence for one in read_open(connection, KIND)}


def _states(store: Store, at: datetime) -> dict[str, str]:
    seen: DueVisits = due_visits(store, at)
    return {one.scope: one.state for one in reversed(seen.visits)}
