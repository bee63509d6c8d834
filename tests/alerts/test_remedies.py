"""Every kind of alert ends by the remedy that it names: a table over kinds."""

import ast
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from handmade import register, stored, write_bundle
from pydantic import SecretStr

from runlore.advice.actions import recommending
from runlore.advice.actions.due_visits import watch_maintenance
from runlore.advice.actions.security_rule_files import load_rules
from runlore.advice.actions.security_watch import watch_security
from runlore.advice.visit_views import due_visits
from runlore.agents.actions.health_alerts import watch_alerts
from runlore.agents.actions.probing import add_probe
from runlore.agents.actions.registering import list_agents
from runlore.agents.queries.registry import AgentFilter
from runlore.alerts.actions import delivery
from runlore.alerts.actions.disk_watch import DiskWatch
from runlore.alerts.actions.handling import raise_alert
from runlore.alerts.delivery import parse
from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.alerts.rules.release import DELIVERY
from runlore.experiments.actions import analysis, lifecycle
from runlore.experiments.actions.lifecycle import ALERTS, Attribution
from runlore.kernel import instants
from runlore.kernel.durations import DAY_S
from runlore.monitoring.actions import drift_history
from runlore.monitoring.actions.drift_history import Judgement
from runlore.monitoring.queries.drift_slices import Watermark
from runlore.planning.actions.capacity_alerts import watch_capacity
from runlore.planning.actions.pools import set_pools
from runlore.planning.rules.pools.pool import Pool
from runlore.quality.actions import window_check
from runlore.quality.queries import DataCheck
from runlore.quality.rules.verdict import QualityFinding, QualityVerdict
from runlore.registry import Registry, connect
from runlore.reports.actions import due_reports, late_reports, scheduling, wishes
from runlore.reports.rules.request import ReportPrices
from runlore.retraining.actions import course, requests
from runlore.retraining.actions.course import TrainingEnd
from runlore.retraining.actions.requests import RetrainingCause
from runlore.rollout.actions import execution, steps
from runlore.rollout.actions.execution import DecisionToExecute
from runlore.rollout.actions.steps import RolloutContext
from runlore.rollout.rules.ramp import ManualOrder, RampDecision
from runlore.serving.actions import broken_versions, integrity, promotion, recording, skew
from runlore.serving.actions.broken_versions import BrokenVersion
from runlore.serving.actions.promotion import ChangeReason
from runlore.serving.actions.recording import Submission
from runlore.serving.actions.skew import Skew
from runlore.settings import Settings
from runlore.signals.actions import series_retraining
from runlore.signals.actions.anomaly_watch import watch_anomalies
from runlore.signals.actions.limit_alerts import watch_limits
from runlore.signals.actions.objectives import watch_objectives
from runlore.signals.actions.regressions import watch_regressions
from runlore.signals.actions.series_champions import SeriesChampion
from runlore.signals.rules.forecasts.forecast_drift import ForecastWindow, judge_drift
from runlore.signals.rules.forecasts.series_model import PromisedSkill, SeriesModel
from runlore.specs.maintenance_spec import MaintenanceSpec
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.advice.maintained_fleet import FleetRecord, write_fleet
from tests.agents import test_health
from tests.alerts.receivers import Web
from tests.experiments.ab_world import AT, HOUR, given
from tests.handmade import SPECS
from tests.log.logged_work import Work, add, day
from tests.monitoring.test_drift_history import POLICY
from tests.monitoring.test_judging_orders import DRIFT, QUIET, window
from tests.performance.test_look_orders import Looked
from tests.planning import finished_tasks
from tests.signals import test_objectives, test_streaming
from tests.signals.declared_objectives import BUILDS
from tests.signals.points import write_points

SPEC = SPECS["failure-risk"]
NAME = SPEC.name
ANN = ChangeReason("ann", "a test")
HOURS_AGO = instants.now() - timedelta(hours=3)
RUNLORE = Path(__file__).parents[2] / "runlore"


@dataclass(frozen=True)
class World:
    """Two versions: the champion and the challenger."""

    hand: RolloutContext
    folder: Path
    web: Web
    now: datetime

    @property
    def store(self) -> Store:
        return self.hand.store

    @property
    def registry(self) -> Registry:
        return self.hand.registry

    def announced(self, number: int) -> None:
        seed = self.now.microsecond + number
        ref = register(self.registry, write_bundle(self.folder / str(number), NAME, seed))
        promotion.announce(self.store, self.registry, ref, ANN)

    def champion(self) -> str:
        return self.registry.aliases([NAME])[NAME]["champion"].version


@pytest.fixture
def world(store: Store, tmp_path: Path, web: Web) -> Iterator[World]:
    registry = connect(Settings(home=tmp_path), store)
    hand = RolloutContext(store, registry, tmp_path / "serving")
    made = World(hand, tmp_path, web, instants.now())
    made.announced(1)
    made.announced(2)
    yield made
    for alias in promotion.ALIASES:
        if registry.aliases([NAME])[NAME].get(alias):
            registry.remove_alias(NAME, alias)


def open_kinds(store: Store) -> list[str]:
    with store.begin() as connection:
        waiting = alerts.read(connection, AlertQuery())
    return sorted(alert.kind for alert in waiting if alert.kind != "decision")


def ended(world: World, state: str) -> None:
    """A requested training of the loop that comes to nothing."""
    add(world.store, Work(300, 0, 10))
    wish = RetrainingCause("person", "ann", "a new release")
    number = requests.request(world.store, world.registry, SPEC, wish, day(12)).retraining.id
    begun = course.begin(world.store, SPEC, number, day(12))
    assert begun is not None
    ending = TrainingEnd(state, "a reason")  # type: ignore[arg-type]
    course.end(world.store, begun, ending, day(12))


def failed(world: World) -> None:
    ended(world, "failed")


def refused(world: World) -> None:
    ended(world, "refused")


def trained(world: World) -> None:
    """`runlore train`: it came to its end, though no version takes a place."""
    course.note_training(world.store, NAME, None, day(13))


def took_a_place(world: World) -> None:
    course.note_training(world.store, NAME, "challenger", day(13))


def decided(world: World, decision: RampDecision) -> None:
    """What the rule decides about a rollout that has begun."""
    steps.start(world.hand, SPEC, world.now, ANN)
    clock = execution.Clock(world.now + timedelta(minutes=1))
    with promotion.alias_history.writing(world.store) as history:
        state = steps.rollout_state.read(history.connection, NAME)
        assert state is not None
        verdict = DecisionToExecute(decision, None, "runlore", clock)
        execution.execute(history, world.registry, state, verdict, world.hand.folder)


def held(world: World) -> None:
    decided(world, RampDecision("hold", 20, ("the evidence is silent",), alert=True))


def stopped(world: World) -> None:
    order = ManualOrder("ann", "the sensor was broken", "stop")
    steps.order(world.hand, SPEC, order, world.now + timedelta(minutes=2))


def rolled_back(world: World) -> None:
    decided(world, RampDecision("roll back", 0, ("brier loses",), alert=True))


def another_is_tried(world: World) -> None:
    world.announced(3)
    steps.start(world.hand, SPEC, world.now + timedelta(hours=1), ANN)


def judged(world: World, verdicts: str) -> None:
    for week, letter in enumerate(verdicts):
        verdict = DRIFT if letter == "D" else QUIET
        judgement = Judgement(window(week), verdict, Watermark(0, 0), "x.html")
        drift_history.record(world.store, [judgement], ("spec", "1"), POLICY, day(7 * week + 7))


def skewed(world: World, different: int) -> None:
    skews = [Skew(NAME, "1", compared=10, without=different)]
    skew.note(world.store, skews, world.now)


def version_answers_no_more(world: World) -> None:
    skew.let_rest(world.store, NAME, [Skew(NAME, "2", compared=10)], world.now)


def checked(world: World, *findings: QualityFinding) -> None:
    verdict = QualityVerdict(10, findings)
    check = DataCheck(
        world.now, NAME, "1", "window", day(0), day(7), 10, verdict.passed, verdict.to_json()
    )
    with world.store.begin() as connection:
        window_check._follow(connection, check, verdict)


def tampered(world: World) -> None:
    bundle = stored(world.registry.version(NAME, world.champion()))
    shutil.copytree(bundle, world.folder / "backup")
    (bundle / "bundle.json").write_text("{}")
    audited(world)


def audited(world: World) -> None:
    integrity.audit(world.store, world.registry, [NAME], instants.now())


def restored(world: World) -> None:
    bundle = stored(world.registry.version(NAME, world.champion()))
    shutil.rmtree(bundle)
    shutil.copytree(world.folder / "backup", bundle)
    audited(world)


def promoted_then_tampered(world: World) -> None:
    promotion.promote(world.store, world.registry, NAME, ANN)
    tampered(world)


def rolled_back_to_the_former(world: World) -> None:
    promotion.rollback(world.store, world.registry, NAME, ANN)
    audited(world)


def broken(world: World) -> None:
    report = BrokenVersion(NAME, world.champion(), "its files are missing", "/somewhere")
    broken_versions.report(world.store, report, world.now)


def answers_again(world: World) -> None:
    broken_versions.clear(world.store, NAME, world.now)


def unreachable(world: World) -> None:
    finding = AlertFinding(DELIVERY, "hook", Severity.WARNING, "3 attempts failed")
    with world.store.begin() as connection:
        raise_alert(connection, finding, world.now)


def channel_tried(world: World) -> None:
    declared = {"hook": {"kind": "webhook", "url": world.web.url}}
    channels = parse(SecretStr(json.dumps(declared)))
    later = world.now + timedelta(seconds=1)
    assert delivery.try_out(world.store, "hook", channels["hook"], later) is None


def ab_in_trouble(world: World, kind: str) -> None:
    """An A/B test of this world with an alert of one kind."""
    if kind == "sample-ratio":
        name = given(world.store, {f"u{i}": "a" if i % 3 else "b" for i in range(1500)})
        analysis.analyse(world.store, name, Attribution("ann", AT + HOUR))
        return
    given(world.store, {"u1": "a"})
    with world.store.begin() as connection:
        raise_alert(connection, AlertFinding(kind, "one", Severity.CRITICAL, "bad"), AT)


def ab_stopped(world: World) -> None:
    lifecycle.stop(world.store, "one", Attribution("ann", AT + HOUR))


Act = Callable[[World], object]


def series_watched(world: World, levels: list[float]) -> None:
    """A series of executions that stays at each level for 60 hours, watched after that."""
    values = np.repeat(levels, 60)
    values *= np.random.default_rng(2).normal(1, 0.02, len(values))
    first = world.now - timedelta(days=20)
    number = len(levels)
    write_points(world.store, values, first=first, source="executions", revision=number)
    watch_regressions(world.store, world.now)


def slower(world: World) -> None:
    series_watched(world, [10.0, 13.0])


def as_fast_again(world: World) -> None:
    series_watched(world, [10.0, 13.0, 10.0])


PAGED = replace(BUILDS, policy=BUILDS.policy[:1])


def builds_fail(world: World) -> None:
    test_objectives.write_builds(
        world.store, test_objectives.every(5, 9, HOURS_AGO), set(range(9)), "build"
    )
    watch_objectives(world.store, [PAGED], HOURS_AGO)


def builds_succeed(world: World) -> None:
    later = HOURS_AGO + timedelta(hours=1)
    test_objectives.write_builds(world.store, test_objectives.every(5, 9, later))
    watch_objectives(world.store, [PAGED], later)


def disk_watched(world: World, last: float, limit: float) -> None:
    """A disk that fills up to a level within 60 hours, watched after that."""
    first = world.now - timedelta(hours=59)
    values = np.linspace(20.0, last, 60)
    write_points(world.store, values, name="disk_used", first=first, revision=int(limit))
    watch_limits(world.store, [SeriesSpec("disks", series="disk_used", limit=limit)], world.now)


def disk_fills(world: World) -> None:
    disk_watched(world, last=90.0, limit=100.0)


def room_is_made(world: World) -> None:
    disk_watched(world, last=90.0, limit=1_000.0)


def memory_watched(world: World, *, is_later: bool) -> None:
    """Nine days by the hour, an unusual one at the end; a day more, if later."""
    values = np.random.default_rng(0).normal(50, 1, 240)
    values[212] = 90.0
    first = world.now - timedelta(hours=240)
    store, at = world.store, world.now - timedelta(hours=0 if is_later else 24)
    if not is_later:
        write_points(store, values, name="memory", scope="web-1", first=first)
    watch_anomalies(store, [SeriesSpec("memory", series="memory")], at)


def memory_spikes(world: World) -> None:
    memory_watched(world, is_later=False)


def memory_is_usual(world: World) -> None:
    memory_watched(world, is_later=True)


def forecasts_judged(world: World, ratio: float) -> None:
    """Ten days of scored forecasts of one version, beside what its training promised."""
    spec = SeriesSpec("disks")
    scored = ((number, ratio + number / 1000, number % 2 / 100 + 0.9) for number in range(10))
    windows = [ForecastWindow(DAY_S, one, held, 5) for _, one, held in scored]
    promised = SeriesModel("disks", {}, {DAY_S: PromisedSkill(0.8, 0.9, 5)})
    verdict = judge_drift(spec.drift, promised.promised, windows)
    series_retraining.tell_drift(
        world.store, spec, SeriesChampion("1", promised), verdict, world.now
    )


def forecasts_worse(world: World) -> None:
    forecasts_judged(world, 1.4)


def forecasts_right_again(world: World) -> None:
    forecasts_judged(world, 0.8)


def report_late(world: World) -> None:
    """A report is due, and nobody has made it."""
    made_at = instants.now() - timedelta(days=8)
    new = wishes.read_schedule({"name": "team"}, "ann", made_at)
    scheduling.schedule_report(world.store, new, ())
    late_reports.find_late(world.store, 0.0)


def report_made(world: World) -> None:
    """What `runlore reports run` does."""
    due_reports.make_due(world.store, (), ReportPrices(), instants.now())


def disk_looked_at(world: World, free_mb: int) -> None:
    """Look with this limit: no disk has a million gigabytes free."""
    limits = {"disk_free_mb": free_mb, "disk_free_percent": 0}
    DiskWatch(Settings(home=world.folder, **limits), world.store).check()


def series_deviates(world: World) -> None:
    test_streaming.record(
        world.store, {("cpu", "web-1"): [*test_streaming.noise(90), 400.0]}, HOURS_AGO
    )
    test_streaming.take(world.store)


def series_is_back(world: World) -> None:
    series = {("cpu", "web-1"): test_streaming.noise(3)}
    test_streaming.record(world.store, series, HOURS_AGO + timedelta(minutes=91))
    test_streaming.take(world.store)


def pool_watched(world: World, size: float) -> None:
    set_pools(world.store, [Pool("builders", size, ("build",))], "ann", finished_tasks.START)
    watch_capacity(world.store, finished_tasks.START + timedelta(days=40))


def pool_fills(world: World) -> None:
    finished_tasks.write_growth(world.store)
    pool_watched(world, 1)


def slots_are_added(world: World) -> None:
    pool_watched(world, 8)


def budget_watched(world: World, budget: float) -> None:
    pool = Pool("builders", 8, ("build",), cost_per_hour=3.0, budget_per_month=budget)
    set_pools(world.store, [pool], "ann", finished_tasks.START)
    watch_capacity(world.store, finished_tasks.START + timedelta(days=40))


def budget_runs_out(world: World) -> None:
    finished_tasks.write_growth(world.store)
    budget_watched(world, 500)


def budget_is_raised(world: World) -> None:
    budget_watched(world, 50_000)


def key_is_added(world: World) -> None:
    recording.record_submission(world.store, Submission("eve", "key-added", "web-1"))
    watch_security(world.store, load_rules(), 1.0, instants.now())


def a_day_is_quiet(world: World) -> None:
    watch_security(world.store, load_rules(), 1.0, instants.now() + timedelta(hours=25))


def device_fails_daily(world: World) -> None:
    fails = [FleetRecord("web-1", -day, "failure") for day in range(1, 9)]
    write_fleet(world.store, fails, HOURS_AGO)
    watch_maintenance(world.store, [MaintenanceSpec("web")], (), HOURS_AGO)


def visit_is_dismissed(world: World) -> None:
    [one] = due_visits(world.store, HOURS_AGO).visits
    at = instants.now()
    recommending.decide(world.store, one.id, "dismiss", "ann", "it goes to scrap", at)
    watch_maintenance(world.store, [MaintenanceSpec("web")], (), at)


def agent_fails_probes(world: World) -> None:
    add_probe(world.store, test_health.ADDS)
    bad = test_health.agent(world.store, "bad")
    for _ in range(5):
        test_health.look(world.store, {bad.id: test_health.wrong})
    watch_alerts(world.store)


def agent_passes_probes(world: World) -> None:
    [bad] = list_agents(world.store, AgentFilter()).agents
    for _ in range(5):
        test_health.look(world.store, {bad.id: test_health.right})
    watch_alerts(world.store)


REMEDIES: list[tuple[str, Act, Act]] = [
    ("agent", agent_fails_probes, agent_passes_probes),
    ("drift", lambda world: judged(world, "DD"), lambda world: judged(world, "DD-")),
    (
        "performance",
        lambda world: Looked(0, "broken").record(world.store),
        lambda world: Looked(1, "sound").record(world.store),
    ),
    (
        "data quality",
        lambda world: checked(
            world, QualityFinding("range", "size_gb", 1000.0, 1.0, "in kilobytes")
        ),
        checked,
    ),
    ("skew", lambda world: skewed(world, 3), lambda world: skewed(world, 0)),
    ("skew", lambda world: skewed(world, 3), version_answers_no_more),
    ("tampering", tampered, restored),
    ("tampering", promoted_then_tampered, rolled_back_to_the_former),
    ("broken-version", broken, answers_again),
    ("retraining", failed, trained),
    ("retraining", failed, took_a_place),
    ("retraining", refused, took_a_place),
    ("rollout", held, stopped),
    ("rollout", rolled_back, another_is_tried),
    ("delivery", unreachable, channel_tried),
    ("incident", series_deviates, series_is_back),
    ("report", report_late, report_made),
    ("disk", lambda world: disk_looked_at(world, 10**9), lambda world: disk_looked_at(world, 0)),
    ("regression", slower, as_fast_again),
    ("error-budget", builds_fail, builds_succeed),
    ("limit", disk_fills, room_is_made),
    ("capacity", pool_fills, slots_are_added),
    ("pool-budget", budget_runs_out, budget_is_raised),
    ("anomaly", memory_spikes, memory_is_usual),
    ("forecast-drift", forecasts_worse, forecasts_right_again),
    ("security", key_is_added, a_day_is_quiet),
    ("maintenance-due", device_fails_daily, visit_is_dismissed),
    *((kind, lambda world, kind=kind: ab_in_trouble(world, kind), ab_stopped) for kind in ALERTS),
]


@pytest.mark.parametrize(
    ("kind", "trouble", "remedy"),
    REMEDIES,
    ids=[f"{at}-{kind}" for at, (kind, *_) in enumerate(REMEDIES)],
)
def test_the_remedy_ends_the_alert(world: World, kind: str, trouble: Act, remedy: Act) -> None:
    trouble(world)
    assert open_kinds(world.store) == [kind]
    remedy(world)
    assert open_kinds(world.store) == []


def test_a_refusal_by_the_comparison_stays_until_a_version_takes_a_place(world: World) -> None:
    """Its advice says so: nothing has to be done."""
    refused(world)
    trained(world)
    assert open_kinds(world.store) == ["retraining"]


def test_every_kind_is_in_the_table() -> None:
    """`decision` has tests of its own."""
    named = {
        node.value.value
        for path in RUNLORE.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if any(isinstance(name, ast.Name) and name.id == "KIND" for name in node.targets)
    }
    assert {*named, *ALERTS, DELIVERY} - {"decision"} == {kind for kind, *_ in REMEDIES}
