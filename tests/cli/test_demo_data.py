"""What subjects add to the demo: each once, whole, and enough for its page."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from runlore.advice.actions.track_record import track_record
from runlore.advice.visit_views import due_visits
from runlore.alerts.actions import handling
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.app import App
from runlore.cli.demo import experiments as demo_tests
from runlore.cli.demo import offer
from runlore.cli.demo.advice import add_advice
from runlore.cli.demo.alerts import add_alerts
from runlore.cli.demo.content import add_content
from runlore.cli.demo.experiments import add_experiments
from runlore.cli.demo.planning import add_planning
from runlore.cli.demo.signals import add_signals
from runlore.cli.demo.tour import DemoWorld, Tour
from runlore.engagement.actions.persona_content import list_personas
from runlore.experiments.actions import analysis, lifecycle
from runlore.kernel import instants
from runlore.planning.actions.capacity import CapacityQuery, plan_capacity
from runlore.planning.actions.pools import remove_pool
from runlore.settings import Settings
from runlore.signals.actions import issued_forecasts
from runlore.signals.actions.incident_list import read_incidents
from runlore.store.engine import Store
from runlore.web.console_link import PATH, find_link
from tests.planning.finished_tasks import write_growth

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def world(store: Store, settings: Settings) -> DemoWorld:
    return DemoWorld(App(settings, store), ("failure-risk",), NOW - timedelta(hours=12), NOW)


def test_of_two_tests_one_is_decided_and_one_goes_on(world: DemoWorld) -> None:
    said = add_experiments(world)
    decided, open_one = (lifecycle.find(world.app.store, one.name) for one in demo_tests.TESTS)
    assert (decided.winner, decided.ended_as) == ("warning", "decided")
    assert open_one.state == "running"
    assert f"{open_one.name}: running" in said
    _, looks = analysis.looks(world.app.store, open_one.name)
    assert len(looks) == demo_tests.TESTS[1].days


def test_a_second_demo_leaves_the_tests_as_they_are(world: DemoWorld) -> None:
    add_experiments(world)
    before = lifecycle.every(world.app.store)
    add_experiments(world)
    assert lifecycle.every(world.app.store) == before


def test_one_drift_is_in_somebodys_hands(world: DemoWorld) -> None:
    store = world.app.store
    for spec in ("failure-risk", "duration"):
        finding = AlertFinding("drift", spec, Severity.WARNING, "it moved", "likely", "retrain")
        with store.begin() as connection:
            handling.raise_alert(connection, finding, NOW)
    for _ in range(2):
        assert add_alerts(world) == "alerts: 2 open, 1 acknowledged"
    states = [view.state for view in handling.overview(store, AlertQuery(), NOW).alerts]
    assert sorted(states) == ["acknowledged", "open"]


def test_posts_are_ingested_once_and_some_personas_have_suggestions(world: DemoWorld) -> None:
    said = add_content(world)
    assert said.startswith("content: posts of 4 personas, ")
    assert not said.endswith(" 0 of them with suggestions")
    assert add_content(world) == said
    names = {one.persona for one in list_personas(world.app.store, NOW)}
    assert len(names) == 4


def test_pools_and_a_plan_are_made_once(world: DemoWorld) -> None:
    store = world.app.store
    write_growth(store, start=NOW - timedelta(days=40))
    for pool in ("builders", "idle"):
        remove_pool(store, pool, "ann", NOW)
    said = add_planning(world)
    assert said.startswith("planning: 1 pools, plan ")
    assert said.endswith(" of 3 tasks for the night")
    assert add_planning(world) == "planning: as it was"
    [plan] = plan_capacity(store, CapacityQuery(has_waiting=False), NOW + timedelta(minutes=1))
    use = plan.outcomes[0].utilisation
    assert use is not None
    assert 0.3 < use <= 0.75
    assert plan.pool.budget_per_month


def test_series_deviate_are_forecast_and_scored_once(store: Store, settings: Settings) -> None:
    now = instants.now()
    world = DemoWorld(App(settings, store), ("failure-risk",), now - timedelta(hours=12), now)
    for _ in range(2):
        add_signals(world)
    [incident] = read_incidents(store)
    assert {moved["name"] for moved in incident["series"]} == {"latency_p95", "errors_per_second"}
    skill = [one for one in issued_forecasts.read_skill(store) if one.spec == "demo"]
    assert {(one.forecasts, one.scored) for one in skill} == {(3, 2)}
    assert len(skill) == 4


def test_advice_is_followed_a_visit_is_due_and_an_attack_is_found_once(
    store: Store, settings: Settings
) -> None:
    settings.home.joinpath("demo").mkdir(exist_ok=True)
    now = instants.now()
    world = DemoWorld(App(settings, store), (), now - timedelta(hours=12), now)
    said = {add_advice(world) for _ in range(2)}
    assert len(said) == 1, said
    [record] = [row for row in track_record(store, now) if row.lever == "host"]
    assert record.followed == record.advice >= 1
    assert record.did_failed / record.did_runs < record.did_not_failed / record.did_not_runs
    visits = due_visits(store, now)
    assert visits.record.due > visits.record.open
    alerts = handling.overview(store, AlertQuery(), now).alerts
    subjects = {view.alert.kind: view.alert.subject for view in alerts}
    assert {"security", "maintenance-due"} <= subjects.keys()
    assert all(one.scope.startswith("pump-") for one in visits.visits)


def test_what_to_look_at_first_are_pages_that_stand() -> None:
    from bentos.app.endpoints import ENDPOINTS

    pages = [endpoint.path for endpoint in ENDPOINTS if endpoint.problem_page]
    found = [sight.path.replace("failure-risk", "{spec}") for sight in offer.sights()]
    assert len(found) >= 8
    assert set(found) <= set(pages)
    assert offer.document()["look_at"][0]["path"] == "/"


def test_the_end_offers_the_console_until_ctrl_c(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", _interrupt)
    offer.keep_open(Tour(settings, quiet=False), json=False)
    text = capsys.readouterr().out
    [link] = [word for word in text.split() if PATH in word]
    assert find_link(settings.home, link.partition("token=")[2], instants.now()) is not None
    assert f"{settings.serve_url}/console/alerts\n" in text
    assert "`runlore up` brings the pages back" in text


def test_machines_get_the_link_before_it_waits(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", _interrupt)
    offer.keep_open(Tour(settings, quiet=True, seen={"seconds": 1.0}), json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["seconds"] == 1.0
    assert f"{settings.serve_url}{PATH}?token=" in document["console"]["url"]


def _interrupt(_seconds: float) -> None:
    raise KeyboardInterrupt
