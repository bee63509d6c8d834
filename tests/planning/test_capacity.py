"""Capacity of pools from the log: by command, by HTTP, and in the words of Agent Zero."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.alerts.queries.anomalies import read_open
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.planning.actions.budget_alerts import due_budgets
from runlore.planning.actions.capacity import CapacityQuery, plan_capacity
from runlore.planning.actions.capacity_alerts import due_pools, watch_capacity
from runlore.planning.actions.pools import remove_pool, set_pools
from runlore.planning.rules.capacity.scenario import read_scenario
from runlore.planning.rules.capacity.waiting import read_objective
from runlore.planning.rules.pools.pool import Pool
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.planning.finished_tasks import HOUR, START, write_growth

__all__ = ["serve"]

PAGE = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text(encoding="utf-8")
NOW = START + timedelta(days=40) + HOUR / 2


@pytest.fixture
def builders(store: Store) -> Store:
    write_growth(store)
    return store


def test_command_http_and_dialect_say_the_same(
    builders: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", builders.url)
    drawn = tmp_path / "load.png"
    words = ["plan", "capacity", "--pool", "builders", "--as-of", NOW.isoformat()]
    asked = ["--objective", "90% start within 10min", "--what-if", "builders=2,arrivals+20%"]
    done = CliRunner().invoke(app, [*words, *asked, "--plot", str(drawn), "--json"])
    assert done.exit_code == 0, done.output
    [shown] = json.loads(done.stdout)["pools"]
    today, more = shown["scenarios"]
    assert today["full"]["state"] == "expected"
    assert today["full"]["early"] <= today["full"]["median"]
    assert 0.7 < today["utilisation"] < 1
    assert today["waiting"]["mean_s"] > more["waiting"]["mean_s"]
    assert more["utilisation"] == pytest.approx(today["utilisation"] * 1.2 / 2)
    assert (today["cheapest_size"], drawn.read_bytes()[:4]) == (1, b"\x89PNG")
    text = CliRunner().invoke(app, [*words, *asked]).output
    assert (
        text.splitlines()[:4]
        == [line[4:] for line in PAGE.splitlines() if line.startswith("    ")][1:5]
    )
    assert "Scenarios" in text

    service = serve(Serving((), store=builders, live={}))
    body = {
        "pool": "builders",
        "objective": "90% start within 10min",
        "scenarios": [
            {"name": "builders=2,arrivals+20%", "sizes": {"builders": 2}, "arrivals": 1.2}
        ],
        "as_of": NOW.isoformat(),
        "with_days": True,
    }
    answer = service.post("/capacity", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["pools"] == [shown]
    page = service.get("/capacity", params={"as_of": NOW.isoformat(), "pool": "builders"}).json()
    assert page["pools"][0]["scenarios"][0]["full"] == today["full"]

    inquiry = {"resource_pool": "builders", "scenarios": [{"name": "two", "capacity": 2}]}
    plans = service.post("/api/v3/capacity-planning", json=inquiry).json()["pools"][0]["plans"]
    assert [one["capacity"] for one in plans] == [1, 2]
    assert plans[0]["explanation"].startswith("cannot be told: no task came in the last")
    every = service.get("/api/v3/capacity-planning").json()["pools"]
    assert [one["resource_pool"] for one in every] == ["builders", "idle"]
    _refuses(service)


def _refuses(service: httpx.Client) -> None:
    for way, body, status, field in [
        ("/capacity", {"pool": "nope"}, 404, None),
        ("/capacity", {"objective": "soon"}, 422, "objective"),
        ("/capacity", {"until_days": 0}, 422, "until_days"),
        ("/capacity", {"scenarios": [{"name": "x", "sizes": {"nope": 2}}]}, 422, "what-if"),
        ("/capacity", {"scenarios": [{"name": "x", "arrivals": 0}]}, 422, None),
        ("/api/v3/capacity-planning", {"resource_pool": "builders", "target": "x"}, 422, "target"),
        ("/api/v3/capacity-planning", {"resource_pool": "nope"}, 404, None),
    ]:
        refused = service.post(way, json=body)
        assert refused.status_code == status, refused.text
        if field:
            assert refused.json()["field"] == field
    for way in ("/capacity?until_days=x", "/capacity?until_days=9999", "/capacity?as_of=now"):
        assert service.get(way).status_code == 422, way
    assert service.get("/api/v3/capacity-planning?colour=1").status_code == 422


def test_nothing_later_is_read_and_slots_count(builders: Store) -> None:
    early = START + timedelta(days=35, hours=1)
    [before] = plan_capacity(builders, CapacityQuery("builders", has_waiting=False), early)
    [after] = plan_capacity(builders, CapacityQuery("builders", has_waiting=False), NOW)
    count = len(before.demand)
    assert before.demand[:-1] == pytest.approx(after.demand[: count - 1])
    assert before.used == pytest.approx(after.used[:count])
    set_pools(builders, [Pool("builders", 4, ("build",), slots_input="slots")], "ann", START)
    [doubled] = plan_capacity(builders, CapacityQuery("builders", has_waiting=False), NOW)
    assert doubled.demand == pytest.approx(2 * after.demand)


def test_pools_that_serve_one_kind_share_its_work(builders: Store) -> None:
    set_pools(builders, [Pool("others", 3, ("build",))], "ann", START)
    plans = plan_capacity(builders, CapacityQuery(has_waiting=False), NOW)
    mine, idle, others = (one.demand.sum() for one in plans)
    assert (idle, others) == (0, pytest.approx(3 * mine))


def test_too_much_work_is_said_to_queue_without_end(builders: Store) -> None:
    query = CapacityQuery(
        "builders",
        objective=read_objective("90% start within 10min"),
        scenarios=(read_scenario("durations+100%"),),
    )
    [plan] = plan_capacity(builders, query, NOW)
    double = plan.outcomes[1]
    assert double.waiting is None
    assert "without end" in double.why_no_waiting
    assert double.cheapest == 2
    assert double.full.state == "full"


def test_bad_questions_are_refused(builders: Store) -> None:
    with pytest.raises(NotFound, match="pools: builders, idle"):
        plan_capacity(builders, CapacityQuery("nope"), NOW)
    with pytest.raises(BadInput, match="level"):
        CapacityQuery(level=1.5)
    done = CliRunner().invoke(app, ["plan", "capacity", "--until", "soon"])
    assert done.exit_code != 0


def test_an_alert_comes_once_with_lead_and_goes_with_its_cause(
    builders: Store, serve: Serve
) -> None:
    due = due_pools(watch_capacity(builders, NOW))
    assert [one.pool.name for one in due] == ["builders"]
    watch_capacity(builders, NOW + HOUR)
    service = serve(Serving((), store=builders, live={}))
    [alert] = service.get("/api/v3/capacity-alerts").json()["alerts"]
    assert (alert["resource_pool"], alert["status"]) == ("builders", "active")
    assert alert["earliest"] > NOW.date().isoformat()
    assert "runlore plan capacity" in alert["recommendation"]
    set_pools(builders, [Pool("builders", 9, ("build",))], "ann", NOW + HOUR)
    assert due_pools(watch_capacity(builders, NOW + 2 * HOUR)) == []
    assert service.get("/api/v3/capacity-alerts").json() == {"alerts": [], "next": None}
    [ended] = service.get("/api/v3/capacity-alerts?status=all").json()["alerts"]
    assert ended["status"] == "resolved"
    assert service.get("/api/v3/capacity-alerts?status=odd").status_code == 422


def test_an_alert_of_a_removed_pool_ends_and_an_unknown_one_stays(builders: Store) -> None:
    watch_capacity(builders, NOW)
    watch_capacity(builders, NOW + timedelta(days=30))
    assert open_subjects(builders) == ["builders"]
    remove_pool(builders, "builders", "ann", NOW + timedelta(days=30))
    watch_capacity(builders, NOW + timedelta(days=31))
    assert open_subjects(builders) == []


def test_a_budget_is_forecast_announced_and_forgotten_with_its_cause(
    builders: Store, serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_budget(builders, 2_000.0, START)
    [plan] = plan_capacity(builders, CapacityQuery("builders", has_waiting=False), NOW)
    spend = plan.outcomes[0].spend
    assert spend is not None
    days = NOW.day - 1
    assert spend.spent == pytest.approx(3 * plan.used[-days:].sum())
    assert (spend.state, [month.first.month for month in spend.months]) == ("expected", [4, 5, 6])
    assert spend.months[0].low > spend.spent
    assert 600 < spend.months[0].middle < 3 * 30 * 24

    monkeypatch.setenv("RUNLORE_DATABASE_URL", builders.url)
    words = ["plan", "capacity", "--pool", "builders", "--as-of", NOW.isoformat()]
    text = CliRunner().invoke(app, words).output
    assert "the budget of 2,000 a month is exceeded about 2026-0" in text
    service = serve(Serving((), store=builders, live={}))
    body = {"pool": "builders", "as_of": NOW.isoformat()}
    shown = service.post("/capacity", json=body).json()["pools"][0]["scenarios"][0]["spend"]
    assert (shown["state"], shown["is_due"]) == ("expected", True)
    assert shown["early"] <= shown["median"]

    plans = watch_capacity(builders, NOW)
    watch_capacity(builders, NOW + HOUR)
    assert [one.pool.name for one in due_budgets(plans)] == ["builders"]
    [alert] = service.get("/api/v3/capacity-alerts?alert_type=budget").json()["alerts"]
    assert (alert["alert_type"], alert["monthly_budget"]) == ("budget", 2_000)
    assert alert["earliest"] > NOW.date().isoformat()
    set_budget(builders, 100.0, NOW + HOUR)
    watch_capacity(builders, NOW + 2 * HOUR)
    [worse] = service.get("/api/v3/capacity-alerts?alert_type=budget").json()["alerts"]
    assert (worse["alert_id"], worse["severity"]) == (alert["alert_id"], "critical")
    set_budget(builders, None, NOW + 2 * HOUR)
    watch_capacity(builders, NOW + 3 * HOUR)
    assert open_subjects(builders, "pool-budget") == []
    assert open_subjects(builders) == ["builders"]


def set_budget(store: Store, budget: float | None, at: datetime) -> None:
    pool = Pool("builders", 1, ("build",), cost_per_hour=3.0, budget_per_month=budget)
    set_pools(store, [pool], "ann", at)


def open_subjects(store: Store, kind: str = "capacity") -> list[str]:
    with store.begin() as connection:
        return [one.subject for one in read_open(connection, kind)]
