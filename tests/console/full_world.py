"""A world with something on every page, all of whose names and texts try to run a script."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import insert

from bentos.predict.live_versions import Live, Serving
from runlore.advice.queries.advice_ledger import AdviceLook, NewAdvice, insert_look
from runlore.agents.actions.registering import register_agent
from runlore.agents.actions.task_steps import complete_task, create_task, fail_task, lease_tasks
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.alerts.actions import decisions, handling
from runlore.alerts.rules.decision import DecisionRequest
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.alerts.rules.state import Silence
from runlore.experiments.actions import analysis
from runlore.experiments.actions.lifecycle import Attribution
from runlore.kernel.json_values import as_json
from runlore.marketplace.actions.installing import install
from runlore.marketplace.actions.publishing import publish
from runlore.models.learned_ranges import LearnedRange
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison, DriftResult
from runlore.planning.actions.pools import set_pools
from runlore.planning.rules.pools.pool import Pool
from runlore.records.execution import ExecutionStatus
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.reports.actions import making, scheduling, wishes
from runlore.retraining import queries as trainings
from runlore.retraining.queries import RetrainingRequest, RetrainingStep
from runlore.rollout.actions.rollout_state import policy_of
from runlore.rollout.queries import rollouts
from runlore.rollout.queries.rollouts import NewDecision, Rollout
from runlore.serving.actions import recording
from runlore.serving.actions.recording import OutcomeReport, Submission
from runlore.serving.queries import workers
from runlore.serving.queries.ledger import new_id
from runlore.settings import Settings
from runlore.signals.actions.health_watch import measure_health
from runlore.signals.actions.limit_alerts import watch_limits
from runlore.signals.actions.regressions import watch_regressions
from runlore.specs.catalog import failure_risk
from runlore.specs.objective_spec import ExecutionEvents, ObjectiveSpec
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from runlore.store.partitions import ensure_months
from runlore.store.schema import ledger
from tests.advice.maintained_fleet import simulate_fleet, write_fleet
from tests.bentos import products_world
from tests.experiments import ab_world
from tests.ingest.csv_log import HEADER, MAPPING, Log, row
from tests.marketplace.packed import OTHER_KEY, packed
from tests.signals import health_world, test_streaming
from tests.signals.points import day_and_night, write_points

# Markup of four kinds, each of which leaves a trace in the document when it is read as markup.
EVIL = (
    "<b class=pwned>x</b><script>window.pwned=1</script></script>"
    "<img class=pwned src=x onerror=window.pwned=1>\"'><svg class=pwned onload=window.pwned=1>"
)
LINK = '<a class=pwned href="javascript:window.pwned=1" style="position:fixed;inset:0">x</a>'
PLOTLY = '<a href="https://e.xx">y</a>'  # plotly makes a link of it
URL = "javascript:window.pwned=1"
CSS = "}</style><style class=pwned>*{display:none}</style>"
TEMPLATE = "{{7*7}}{% raw %}"
TEXTS = (EVIL, LINK, PLOTLY, URL, CSS, TEMPLATE)
NAMES = [text.replace("/", "")[:60] for text in TEXTS]  # where a slash or a long text is refused
RISK = products_world.RISK
AT = products_world.AT
HOUR = timedelta(hours=1)
HOURS = 300
LIMITED = SeriesSpec("all", series="*seconds", limit=100.0)
BUILDS = ObjectiveSpec("builds", ExecutionEvents(kind="build"), target=0.98, description=EVIL)
UNMEASURED = ObjectiveSpec("unmeasured", ExecutionEvents(kind=PLOTLY), target=0.9)
DECLARED = {
    "series_specs": (f"{__name__}:LIMITED",),
    "objectives": (f"{__name__}:BUILDS", f"{__name__}:UNMEASURED"),
}


def fill(store: Store, folder: Path, now: datetime) -> None:
    products_world.fill(store)
    workers.tell(store, uuid4(), EVIL[:60], 7, {RISK: {"champion": LINK[:60]}}, {RISK: {"a": 1.0}})
    _executions(store)
    _answers(store)
    _alerts(store, now)
    _ingests(store, folder)
    _experiments(store)
    _rollout(store, now)
    _trainings(store, now)
    _drift(store)
    _reports(store, now)
    _series(store, now)
    _health(store, now)
    _advice(store, now)
    _fleet(store, now)
    _agents(store, now)
    _marketplace(store)
    set_pools(store, [Pool(EVIL[:60], 0.5), Pool("idle", 2, (EVIL[:60],))], EVIL[:60], now)


def dress(serving: Serving) -> None:
    """Let the versions that answer know markup as words, features, groups and inputs."""
    serving.live = {name: _dressed(live) for name, live in serving.live.items()}


def _dressed(live: Live) -> Live:
    ends = {"value": 0.7, "low": 0.65, "high": 0.75}
    score = "auc" if live.bundle.spec == RISK else "mae"
    more: dict[str, Any] = {
        "candidate": EVIL,
        "training": {"rows": 1200, "test_rows": 300, "test_us": 0},
        "scores": {"candidate": {score: ends}, "baseline": {score: ends}},
        "importance": [{"feature": text, "mean": 0.2, "sd": 0.1} for text in TEXTS],
        "slices": [
            {"slice": EVIL, "label": text, "rows": 3, "scores": {score: 0.5}, "baseline": {}}
            for text in TEXTS
        ],
        "coverage": [{"level": 0.9, "rows": 10, "share": ends}],
        "inputs": {
            "leaks": [{"input": text, "kind": "value", "evidence": EVIL} for text in TEXTS],
            "texts": list(TEXTS),
        },
    }
    plan = live.bundle.plan
    words = tuple(
        replace(one, words=(*one.words, *(text[:80] for text in TEXTS))) for one in plan.categories
    )
    bundle = replace(
        live.bundle,
        description={**live.bundle.description, **more},
        plan=replace(plan, categories=words),
        ranges={"inputs.nodes": LearnedRange(1.0, 64.0, 0.0)},
    )
    return replace(live, predictor=replace(live.predictor, bundle=bundle))


def _reports(store: Store, now: datetime) -> None:
    """A report of work whose names are markup, and a schedule whose name is."""
    wish = {"from": now.date(), "to": now.date(), "currency": CSS[:12]}
    asked = wishes.read_request(wish, Settings(), now + HOUR)
    making.make_report(store, (failure_risk.SPEC,), asked, EVIL)
    names = {"name": EVIL[:100], "zone": "UTC", "actor": EVIL[:200]}
    scheduling.schedule_report(store, wishes.read_schedule(names, EVIL, now), ())


def _series(store: Store, now: datetime) -> None:
    """One with a day, and one that has become slower, whose regression stands."""
    first = now.replace(minute=0, second=0, microsecond=0) - HOURS * HOUR
    write_points(store, day_and_night()[-HOURS:], name=NAMES[0], scope=NAMES[1], first=first)
    slower = 60 * np.random.default_rng(1).normal(1, 0.03, HOURS)
    slower[-80:] *= 1.3
    write_points(store, slower, name=f"{NAMES[0]}_seconds", scope=NAMES[1], first=first)
    watch_regressions(store, now, (SeriesSpec("all"),))
    odd = day_and_night()[-HOURS:]
    odd[-6:-2] += 60
    write_points(store, odd, name=f"{NAMES[0]}_odd", scope=NAMES[1], first=first)
    watch_limits(store, (LIMITED,), now)
    _incident(store, now)


def _incident(store: Store, now: datetime) -> None:
    names = (NAMES[1], NAMES[0]), (NAMES[2], NAMES[0])
    usual = {series: test_streaming.noise(100, seed) for seed, series in enumerate(names)}
    first = now - timedelta(minutes=180)
    test_streaming.record(store, usual, first)
    odd = {series: [900.0] for series in names}
    test_streaming.record(store, odd, first + timedelta(minutes=100))
    test_streaming.take(store)


def _health(store: Store, now: datetime) -> None:
    """Half a year of a scope whose incidents are followed by failures, and the course of health."""
    health_world.write_world(store, precedes=True, scope=NAMES[3], now=now)
    for days in (1, 0):
        measure_health(store, now - timedelta(days=days))


def _advice(store: Store, now: datetime) -> None:
    """Advice to actors, and a login key that was added."""
    evidence = {"effect": -0.2, "low": -0.3, "high": -0.1, "plain": -0.1, "base": 0.3}
    evidence |= {"rival_low": -0.1, "rival_high": 0.1, "used": 30, "other": 60, "share": 0.3}
    evidence |= {"looked_at": 50, "confirmed": 4, "edges": None}
    for name in NAMES:
        look = AdviceLook("actor", name, 1, now, 500, 50, 0.05, "")
        made = NewAdvice("actor", name, name, "host", name, "use", "failures", evidence)
        insert_look(store, look, [made], EVIL[:60])
    event = Submission(NAMES[0], "key-added", NAMES[1], {"source_ip": EVIL}, submitted=now - HOUR)
    recording.record_submission(store, event)


def _agents(store: Store, now: datetime) -> None:
    """Two agents, one of which has done a task, failed at one, and has one in hand."""
    for name in NAMES[:2]:
        row = register_agent(store, AgentProfile(name, config={"note": EVIL}))
        for at, text in enumerate(NAMES[:3]):
            create_task(store, NewTask(text, f"{at} {text}", EVIL, max_retries=0), now)
        done, failed, _ = lease_tasks(store, row.id, 3)
        complete_task(store, done.id, done.token or 0, {"text": EVIL})
        fail_task(store, failed.id, failed.token or 0, EVIL)
    create_task(store, NewTask(NAMES[0], NAMES[1]), now, assign_by="learned")


def _marketplace(store: Store) -> None:
    """A package that is installed and could be updated, and one that is held."""
    card = {"title": EVIL[:200], "description": EVIL}
    first = publish(store, packed(card=card, changelog=EVIL)).package_id
    install(store, first, f"packaged {NAMES[0]}")
    code, asks = b"\0asm2", ["clock", "log"]
    publish(store, packed(version="1.1.0", code=code, card=card, permissions=asks, changelog=EVIL))
    publish(store, packed("post-vvriter", OTHER_KEY, publisher="evil", card=card))


def _fleet(store: Store, now: datetime) -> None:
    fleet = simulate_fleet(hosts=12)
    named = [replace(one, scope=one.scope.replace("web", EVIL[:40])) for one in fleet]
    write_fleet(store, named, now)


def _executions(store: Store) -> None:
    ends = (ExecutionStatus.FAILED, ExecutionStatus.SUCCEEDED, None)
    for number, text in enumerate(TEXTS * 2):
        name = f"{number}{text}"
        inputs = {"queue": text, "nodes": 2, f"of{number}": text}
        recording.record_submission(
            store, Submission(text, text, text, source_id=name, inputs=inputs)
        )
        if (status := ends[number % 3]) is not None:
            report = OutcomeReport(status, outcome={"cost_usd": 1.5, "message": text})
            recording.record_outcome(store, recording.SOURCE, name, report)


def _answers(store: Store) -> None:
    with store.begin() as connection:
        for number, text in enumerate(TEXTS):
            at = AT + number * HOUR
            request = {"actor": text, "kind": text, "scope": text, "inputs": {"queue": text}}
            refused = {"status": 422, "error": text, "request": {"body": text}}
            common = {"at": at, "as_of": at, "spec": RISK, "arm": "champion", "version": "7"}
            for changed in ({"status": 200, "prediction": 0.3, "request": request}, refused):
                reasons = [{"feature": text, "effect": 0.1, "text": text}]
                values = {**common, "id": new_id(at), "reasons": reasons, **changed}
                connection.execute(insert(ledger).values(values))


def _alerts(store: Store, now: datetime) -> None:
    with store.begin() as connection:
        for text in TEXTS:
            finding = AlertFinding(
                text[:60], text[:60], Severity.WARNING, text, text, text, AT, {"why": text, text: 1}
            )  # fmt: skip
            handling.raise_alert(connection, finding, now)
        decisions.ask(connection, DecisionRequest(RISK, EVIL, f"`{EVIL}` --accept-data"), now)
    handling.silence(store, Silence(0, EVIL[:60], LINK[:60], now + HOUR, "ann", URL, now))


def _ingests(store: Store, folder: Path) -> None:
    name = f"log {EVIL[:40]} {LINK[:40]}".replace("/", "")
    bad = [row(30, user=f'"{URL}"'), row(31, queued_at=CSS), row(32, queued_at="<b class=pwned>")]
    log = Log(store, folder / f"{EVIL[:60].replace('/', '')}.csv", [HEADER, *map(row, range(25))])
    mapping = MAPPING | {"outcome": ["cost"]}
    log.ingest(source=name, mapping=mapping)
    log.lines += bad
    log.ingest(source=f"{name} 2", mapping=mapping)


def _experiments(store: Store) -> None:
    one, other, metric = NAMES[0], NAMES[1], NAMES[5]
    names = {"variants": [{"name": one}, {"name": other}], "control": one}
    metrics = [{"name": metric, "event": "conversion"}]
    units = {f"u-{n}": other if n % 2 else one for n in range(100)}
    name = ab_world.given(store, units, name=NAMES[4], metrics=metrics, **names)
    ab_world.send(store, name, *(ab_world.event(f"e-{n}", f"u-{n}") for n in range(0, 100, 3)))
    for hours in (2, 3):
        analysis.analyse(store, name, Attribution(other, ab_world.AT + hours * HOUR))


def _rollout(store: Store, now: datetime) -> None:
    ensure = AT, now
    with store.connect() as connection:
        ensure_months(connection, "ledger", *ensure)
    with alias_history.writing(store) as history:
        history.add(Change(RISK, "", "9", "register", EVIL, LINK))
        policy = as_json(policy_of(failure_risk.SPEC))
        new = Rollout(0, RISK, "7", "8", "actor", policy, 3600, AT)
        begun = rollouts.add_rollout(history.connection, new)
        for number, action in enumerate(("start", "advance", "hold")):
            decision = NewDecision(
                begun.id, AT + number * HOUR, action, 1 + number, [EVIL, LINK], False, EVIL[:60]
            )  # fmt: skip
            rollouts.add_decision(history.connection, decision)


def _trainings(store: Store, now: datetime) -> None:
    with store.begin() as connection:
        wish = RetrainingRequest(now, RISK, "person", LINK[:60], EVIL, None, "batch", 1, 0, {})
        trainings.add(connection, wish, RetrainingStep(now, "refused", EVIL))


def _drift(store: Store) -> None:
    window = ComparedWindow(RISK, "7", AT, AT + timedelta(days=7))
    results = (
        DriftResult("*", "drifted_share", 0.5, 0.1, True),
        *(DriftResult(text, "psi", 0.4, 0.2, True) for text in TEXTS),
    )
    compared = DriftComparison(window, AT + timedelta(days=7), 20_000, 5_000, None, results)
    with store.begin() as connection:
        drift_results.insert(connection, compared)
