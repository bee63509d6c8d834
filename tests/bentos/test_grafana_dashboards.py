"""Every panel and every rule asks for what a real Prometheus finds at a live service."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as dashboard_models
from grafana_foundation_sdk.models import dashboardv2beta1, units
from handmade import SPECS
from runlore_dashboards.declaration import Dashboard
from runlore_dashboards.files import DASHBOARDS, files
from sqlalchemy import insert, text

from bentos.app import gauges, objective_gauges
from bentos.http.prometheus_metrics import metrics
from bentos.predict.live_versions import Live, Serving
from runlore.alerts.queries import anomalies
from runlore.kernel import instants
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.serving.actions import api_keys
from runlore.settings import Settings
from runlore.signals.queries import health_readings
from runlore.signals.queries.health_readings import HealthReading
from runlore.store.engine import Store
from runlore.store.schema import feature_histories
from tests.bentos.conftest import served
from tests.bentos.scraped_service import (
    ROOT,
    RULES,
    Prometheus,
    metric_names,
    prometheus,
)
from tests.tables import empty_tables

GRAFANA = ROOT / "deployments" / "grafana"
REQUEST = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {}}
SCORES = {
    "candidate": {"mae": {"value": 60.0, "low": 50.0, "high": 70.0}},
    "baseline": {"mae": {"value": 90.0, "low": 80.0, "high": 95.0}},
}
# Panel -> why it has no series in the test. Nothing else may have none.
EXPLAINED: dict[str, str] = {}
RULE_LIST = [
    rule
    for path in RULES
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
UNITS = {unit for unit in vars(units).values() if isinstance(unit, str)}
NEEDS_PROMETHEUS = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed"
)

GROWING = (
    "runlore_key_cache_lookups_total",
    "runlore_version_cache_lookups_total",
    "runlore_feature_state_lookups_total",
    "runlore_commit_group_requests_count",
    "runlore_database_blocks_total",
    "runlore_prediction_duration_seconds_count",
)
ROWS = text("""
WITH rollout AS (
    INSERT INTO runlore.rollouts
        (spec, champion, challenger, unit, policy, outcome_due_s, started_at)
    VALUES ('duration', '7', '8', 'execution', '{}', 60, now()) RETURNING id
), agent AS (
    INSERT INTO runlore.agents (name, type, version, max_concurrent_tasks, seen_at)
    VALUES ('ann', 'custom', '1.0.0', 2, now())
), decision AS (
    INSERT INTO runlore.rollout_decisions (rollout_id, at, action, step, reasons, is_alert, actor,
        evidence, readings)
    SELECT id, now(), 'advance', 5, '{}', false, 'ann', '{}', '{}' FROM rollout
), drift AS (
    INSERT INTO runlore.drift_results (spec, version, window_from, window_to, column_name,
        statistic, value, threshold, is_drifted, rows_reference, rows_current)
    VALUES ('duration', '7', now() - interval '1 day', now(), '*', 'drifted_share', 0.2, 0.1,
        true, 500, 500)
), score AS (
    INSERT INTO runlore.performance_results (at, spec, version, window_from, window_to, answers,
        labelled, source, score, value, low, high)
    VALUES (now(), 'duration', '7', now() - interval '1 day', now(), 9, 9, 'realised', 'mae', 60,
        50, 70)
)
INSERT INTO runlore.ingests (source, path, records, mapping_digest, prefix_digest, rows_new)
VALUES ('slurm', 'jobs.csv', 'executions', '', '', 12)
""")

ADVICE = text("""
WITH advice AS (
    INSERT INTO runlore.advice_ledger (issued_at, actor, subject_type, subject, kind, lever, value,
        action, measure, evidence)
    SELECT now(), 'daily', 'scope', 'web-1', '', lever, 'x', 'use', 'failures', '{}'
    FROM unnest('{host,maintenance}'::text[]) AS lever RETURNING id, lever
), score AS (
    INSERT INTO runlore.advice_scores (advice_id, scored_at, score)
    SELECT id, now(), CASE lever WHEN 'host' THEN '{"did": [10, 1], "did_not": [10, 4]}'::jsonb
        ELSE '{"state": "failed", "foreseen": 0.25}' END FROM advice
), checked AS (
    INSERT INTO runlore.security_watch (seq, checked_at) VALUES (1, now())
)
INSERT INTO runlore.advice_decisions (advice_id, decision, decided_at, actor, reason)
SELECT id, 'follow', now(), 'ann', '' FROM advice WHERE lever = 'host'
""")
FORECAST = text(
    "INSERT INTO runlore.series_forecasts (spec, source, name, scope, horizon_s, issued_at,"
    " starts_at, ends_at, step_s, level, value, low, high, baseline)"
    " SELECT 'load', 'collectd', 'cpu', 'web-1', 86400, hour, hour, hour + interval '1 day', 86400,"
    " 0.9, '{2,2}', '{1,1}', '{3,3}', '{2,2}' FROM date_trunc('hour', now()) AS hour"
)
SCORED = text(
    "INSERT INTO runlore.series_forecasts (spec, source, name, scope, horizon_s, issued_at,"
    " starts_at, ends_at, step_s, level, value, low, high, baseline, scored_at, points, error,"
    " baseline_error, inside)"
    " SELECT 'load', 'collectd', 'cpu', 'web-1', 86400, day, day, day + interval '1 day', 3600,"
    " 0.9, '{2}', '{1}', '{3}', '{2}', now(), 10, 3, 4, 8"
    " FROM date_trunc('day', now() - interval '1 day') AS day"
)


@pytest.fixture(scope="module")
def prometheus_server(
    database: Store,
    loaded: dict[str, Live],
    histories: list[dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    """With some seconds of a service that does a bit of everything."""
    empty_tables(database)
    metrics().exemplars._newest.clear()  # of predictions of other tests in this process
    fill(database, histories)
    with database.connect() as connection:
        reading = HealthReading("", instants.now(), "predicted", 0.8, 0.7, 0.9, "", {})
        health_readings.add_readings(connection, [reading])
    live = {name: with_scores(one) for name, one in loaded.items()}
    serving = Serving(tuple(SPECS), store=database, live=live)
    key = api_keys.create(database, "prometheus", ["read"], instants.now()).text
    writer = api_keys.create(database, "client", ["predict", "record"], instants.now()).text
    objectives = ("tests.signals.declared_objectives:ALL",)
    settings = Settings(api_keys="required", metrics_actors=("ann",), objectives=objectives)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for module in (gauges, objective_gauges):
            patch.setattr(module, "REREAD_S", 0.5)
        client = stack.enter_context(served(serving, settings))
        client.headers["X-API-Key"] = writer
        use(client)
        folder = tmp_path_factory.mktemp("prometheus")
        target = str(client.base_url).removeprefix("http://")
        server = stack.enter_context(prometheus(folder, target, key))
        server.wait_for('up{job="runlore"} == 1')
        use(client)  # counters grow while Prometheus looks
        server.wait_for("count_over_time(runlore_recorded_outcomes_total[1m]) >= 3")
        for counter in GROWING:
            server.wait_for(f"sum(rate({counter}[1m])) > 0")
        server.wait_for('sum(runlore_recent_executions{status="failed"}) == 4')
        server.wait_for("count(instance:runlore_request_errors:ratio_rate5m)")
        yield server


def fill(database: Store, histories: list[dict[str, Any]]) -> None:
    with alias_history.writing(database) as history:
        for action in ("announce", "promote"):
            history.add(Change("duration", "champion", "7", action, "ann", "it is the first"))
    with database.begin() as connection:
        connection.execute(insert(feature_histories), histories)
        anomalies.open_anomaly(
            connection, "security", "eve", "critical", {"level": "high"}, instants.now()
        )
        anomalies.open_anomaly(connection, "drift", "duration", "critical", {}, instants.now())
        connection.execute(ROWS)
        connection.execute(ADVICE)
        connection.execute(FORECAST)
        connection.execute(SCORED)
        versions = json.dumps({"duration": {"champion": "7"}})
        connection.execute(
            text(
                "INSERT INTO runlore.workers (id, host, pid, versions, seen_at)"
                " VALUES (gen_random_uuid(), 'a', 1, :versions, now() + interval '1 hour')"
            ),
            {"versions": versions},
        )
        connection.execute(text("SELECT pg_stat_force_next_flush()"))


def with_scores(live: Live) -> Live:
    bundle = live.bundle
    described = replace(bundle, description={**bundle.description, "scores": SCORES})
    return replace(live, predictor=replace(live.predictor, bundle=described))


def use(client: httpx.Client) -> None:
    """Answers, refusals, facts; what the follower and the shadow count is added by hand."""
    for number in range(3):
        assert client.post("/predict/duration", json=REQUEST).status_code == 200
        execution = {**REQUEST, "id": f"job-{instants.now().timestamp()}-{number}"}
        assert client.post("/executions", json=execution).status_code == 201
        now = instants.now().isoformat()
        ending = {
            "status": "failed" if number else "succeeded",
            "started": now,
            "finished": now,
        }
        answer = client.post(f"/executions/{execution['id']}/outcome", json=ending)
        assert answer.status_code == 201, answer.text
    assert client.post("/predict/duration", json={"actor": 1}).status_code == 422
    assert client.get("/metrics", headers={"X-API-Key": "rl_no_key"}).status_code == 401
    metrics().looked_up(metrics().version_lookups, 3, 1)
    metrics().loads.labels("duration", "ready").inc()
    metrics().shadow_dropped.labels("duration").inc(0)


def as_asked(expr: str) -> str:
    """As Grafana sends it, for all instances."""
    return expr.replace("$instance", ".*").replace("$__rate_interval", "1m")


@NEEDS_PROMETHEUS
@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_every_query_of_a_dashboard_has_data(
    dashboard: Dashboard, prometheus_server: Prometheus
) -> None:
    names = prometheus_server.names()
    empty = set()
    for panel in dashboard.panels():
        for query in panel.queries:
            expr = as_asked(query.expr)
            assert metric_names(expr) - names == set(), panel.title
            if not prometheus_server.query(expr):
                empty.add(panel.title)
    assert empty == {title for title in EXPLAINED if title in {p.title for p in dashboard.panels()}}


@NEEDS_PROMETHEUS
@pytest.mark.parametrize(
    ("uid", "title", "value"),
    [
        ("runlore-agents", "Success rate", 2 / 6),
        ("runlore-agents", "Failed", 4),
        ("runlore-models", "Specs with a champion", 1),
        ("runlore-models", "Open alerts", 2),
        ("runlore-database", "Reachable", 1),
        ("runlore-series", "Open incidents", 0),
        ("runlore-series", "Error beside the last season again", 3 / 4),
        ("runlore-series", "Values inside the bands", 8 / 10),
        ("runlore-system", "Up", 1),
        ("runlore-agents", "Security alerts", 1),
        ("runlore-agents", "Failures of hosts that were due", 1),
    ],
)
def test_a_number_is_the_right_one(
    prometheus_server: Prometheus, uid: str, title: str, value: float
) -> None:
    [dashboard] = [one for one in DASHBOARDS if one.uid == uid]
    [query] = next(panel for panel in dashboard.panels() if panel.title == title).queries
    [series] = prometheus_server.query(as_asked(query.expr))
    assert float(series["value"][1]) == pytest.approx(value)


@NEEDS_PROMETHEUS
def test_every_annotation_and_every_rule_names_metrics_that_exist(
    prometheus_server: Prometheus,
) -> None:
    names = prometheus_server.names()
    exprs = [as_asked(one.expr) for board in DASHBOARDS for one in board.annotations]
    for expr in [*exprs, *(rule["expr"] for rule in RULE_LIST)]:
        assert metric_names(expr), expr
        assert metric_names(expr) - names == set(), expr
        prometheus_server.query(expr)
    for rule in RULE_LIST:
        if "record" in rule:
            assert prometheus_server.query(rule["record"]), rule["record"]


@NEEDS_PROMETHEUS
def test_every_metric_that_is_served_is_documented_and_the_other_way_round(
    prometheus_server: Prometheus,
) -> None:
    page = (ROOT / "docs" / "grafana.md").read_text(encoding="utf-8").partition("## All metrics")[2]
    rows = re.findall(r"^\| (`(?:runlore|process)_.*?) \|", page, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    served = {
        re.sub("_(bucket|sum|count)$", "", name)
        for name in prometheus_server.names()
        if name.startswith(("runlore_", "process_")) and not name.endswith("_created")
    }
    assert served == documented


@NEEDS_PROMETHEUS
def test_an_exemplar_is_a_prediction_on_the_ledger(
    prometheus_server: Prometheus, database: Store
) -> None:
    prometheus_server.wait_for("runlore_prediction_duration_seconds_bucket")
    found = prometheus_server.exemplars("runlore_prediction_duration_seconds_bucket")
    ids = {exemplar["labels"]["prediction_id"] for exemplar in found}
    assert ids
    with database.begin() as connection:
        on_ledger = set(connection.scalars(text("SELECT id::text FROM runlore.ledger")))
    assert ids <= on_ledger


def test_the_files_are_what_the_code_gives() -> None:
    expected = dict(files())
    assert len(expected) == 2 * len(DASHBOARDS) == 14
    committed = {path.relative_to(GRAFANA) for path in GRAFANA.glob("dashboards*/*.json")}
    assert committed == expected.keys()
    for path, content in expected.items():
        message = f"{path}: run python deployments/grafana/write_dashboards.py"
        assert (GRAFANA / path).read_text(encoding="utf-8") == content, message


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_a_dashboard_in_either_form_is_one_that_the_kit_reads(dashboard: Dashboard) -> None:
    classic = json.loads((GRAFANA / "dashboards" / f"{dashboard.uid}.json").read_text())
    resource = json.loads((GRAFANA / "dashboards-v2" / f"{dashboard.uid}.json").read_text())
    assert (resource["apiVersion"], resource["kind"], resource["metadata"]) == (
        "dashboard.grafana.app/v2beta1",
        "Dashboard",
        {"name": dashboard.uid},
    )
    for model, written in (
        (dashboard_models.Dashboard, classic),
        (dashboardv2beta1.Dashboard, resource["spec"]),
    ):
        assert without_empty(read_again(model.from_json(written))) == without_empty(written)
    names = {name for row in resource["spec"]["layout"]["spec"]["rows"] for name in of_row(row)}
    assert names == resource["spec"]["elements"].keys()
    titles = [panel["title"] for panel in classic["panels"] if panel["type"] != "row"]
    assert titles == [one["spec"]["title"] for one in resource["spec"]["elements"].values()]


class SetsOfOne(JSONEncoder):
    """The kit reads two fields of a v2 panel as sets of their one value."""

    def default(self, obj: Any) -> Any:
        return next(iter(obj)) if isinstance(obj, set) else super().default(obj)


def read_again(model: object) -> Any:
    return json.loads(json.dumps(model, cls=SetsOfOne))


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_empty(one) for name, one in value.items() if one != {}}
    return [without_empty(one) for one in value] if isinstance(value, list) else value


def of_row(row: dict[str, Any]) -> Iterator[str]:
    for item in row["spec"]["layout"]["spec"]["items"]:
        yield item["spec"]["element"]["name"]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_a_panel_says_what_it_shows_and_covers_no_other(dashboard: Dashboard) -> None:
    for row in dashboard.rows:
        titles = [panel.title for panel in row.panels]
        assert len(set(titles)) == len(titles)
        for panel in row.panels:
            assert panel.description.endswith("."), panel.title
            assert panel.unit in UNITS, panel.title
            assert panel.look == "stat" or all(query.legend for query in panel.queries)
            assert all('instance=~"$instance"' in query.expr for query in panel.queries)
            assert all(metric_names(as_asked(query.expr)) for query in panel.queries), panel.title
    page = json.loads((GRAFANA / "dashboards" / f"{dashboard.uid}.json").read_text())
    cells = [cell for panel in page["panels"] for cell in cells_of(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])


def test_the_names_in_an_expression_are_found() -> None:
    expr = 'sum by (instance) (up{job="runlore_x"}) / on (spec) rate(runlore_unknown_total[1m])'
    assert metric_names(expr) == {"up", "runlore_unknown_total"}
    assert metric_names("max(process_open_fds) > spec:a_b:p99_5m") == {
        "process_open_fds",
        "spec:a_b:p99_5m",
    }


def cells_of(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    assert place["x"] + place["w"] <= 24
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y
