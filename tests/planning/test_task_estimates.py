"""Estimates from the log: by command, by HTTP, and in the words of Agent Zero."""

import json
import re
import shlex
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.planning.actions import estimates
from runlore.planning.actions.estimates import (
    EstimatorCache,
    KindEstimator,
    PlannedTask,
    estimate_task,
)
from runlore.planning.rules import small_models
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos import patience
from tests.bentos.conftest import Serve, serve
from tests.planning.finished_tasks import HOUR, NOW, START, described, write_tasks

__all__ = ["serve"]

PAGE = Path(__file__).parents[2] / "docs" / "estimates.md"

TASK = {"kind": "build", "inputs": {"size": 20, "tool": "go"}}
PROJECT = {
    "tasks": [
        {"id": "A", **TASK},
        {"id": "B", **TASK},
        {"id": "C", **TASK, "after": ["A", "B"]},
    ]
}
PLANNED = PlannedTask("build", inputs={"size": 20, "tool": "go"})


def post(service: httpx.Client, path: str, body: dict) -> httpx.Response:
    return patience.request(service, "POST", path, json=body)


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick to learn: these tests are about what is read and answered, not how well."""
    monkeypatch.setattr(small_models, "TREES", 5)


@pytest.fixture
def builds(store: Store) -> Store:
    """Builds of 20 that take about 20 s, and cost a tenth of that; too few tests."""
    write_tasks(store, *described(20))
    write_tasks(store, *described(5), kind="test")
    return store


@pytest.mark.usefixtures("few_trees")
def test_command_http_and_dialect_say_the_same(
    builds: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", builds.url)
    words = ["plan", "estimate", "--kind", "build", "--input", "size=20", "--input", "tool=go"]
    done = CliRunner().invoke(app, [*words, "--as-of", NOW.isoformat(), "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert 10 < shown["value"] < 40
    assert shown["quantiles"]["0.1"] < shown["value"] < shown["quantiles"]["0.9"]
    assert (shown["unit"], shown["evidence"]["tasks"]) == ("s", 20)
    assert shown["evidence"]["validation"] == "cross-validation"
    assert sum(shown["evidence"]["models"].values()) == pytest.approx(1)

    service = serve(Serving((), store=builds, live={}))
    answer = post(service, "/estimates", TASK)
    assert answer.status_code == 200, answer.text
    for name in ("value", "quantiles", "reasons", "promise", "evidence"):
        assert answer.json()[name] == shown[name]

    asked = {"task_type": "build", "parameters": TASK["inputs"], "resources": ["time", "cost"]}
    told = post(service, "/api/v3/resource-prediction", asked)
    assert told.status_code == 200, told.text
    time, cost = told.json()["predictions"]
    assert (time["predicted"], time["unit"]) == (shown["value"], "s")
    assert cost["predicted"] == pytest.approx(shown["value"] / 10, rel=0.01)
    assert time["low"] == shown["quantiles"]["0.1"]
    check_project_over_http(service, check_project_by_command(tmp_path, shown["value"]))


def check_project_by_command(tmp_path: Path, one: float) -> dict[str, Any]:
    """Three builds, the last of which waits for the others. one: what each is estimated to take."""
    file = tmp_path / "project.json"
    file.write_text(json.dumps(PROJECT["tasks"]), encoding="utf-8")
    words = ["plan", "estimate", "--tasks", str(file), "--as-of", NOW.isoformat()]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    project = json.loads(done.stdout)
    assert [task["value"] for task in project["tasks"]] == [one] * 3
    assert 2.5 * one < project["total"]["value"] < 4 * one
    assert 1.7 * one < project["span"]["value"] < project["total"]["value"]
    assert project["tasks"][2]["critical"] == 1
    text = CliRunner().invoke(app, words).output
    assert "duration_s of 3 tasks" in text
    assert "C (build)" in text
    return dict(project)


def check_project_over_http(service: httpx.Client, project: dict[str, Any]) -> None:
    answer = post(service, "/estimates", PROJECT)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json()[name] for name in ("total", "span", "tasks")} == {
        name: project[name] for name in ("total", "span", "tasks")
    }
    asked = {
        "tasks": [
            {
                "id": task["id"],
                "task_type": "build",
                "parameters": task["inputs"],
                "depends_on": task.get("after", []),
            }
            for task in PROJECT["tasks"]
        ]
    }
    told = post(service, "/api/v3/resource-prediction", asked)
    assert told.status_code == 200, told.text
    [prediction] = told.json()["predictions"]
    assert prediction["predicted"] == project["total"]["value"]
    assert prediction["elapsed"] == project["span"]["value"]


def test_the_page_shows_what_the_command_says(
    builds: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", builds.url)
    blocks = re.findall(r"(?:^    .+\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    command, output = (textwrap.dedent(block).rstrip("\n") for block in blocks[:2])
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    assert done.output.rstrip("\n") == output


@pytest.mark.usefixtures("few_trees")
def test_only_what_was_known_then_counts(builds: Store) -> None:
    early = estimate_task(builds, PLANNED, START + 17 * HOUR)
    assert len(early.learned.tasks) == 17
    with pytest.raises(Refused, match="10 finished tasks"):
        estimate_task(builds, PLANNED, START + 10 * HOUR)


@pytest.mark.usefixtures("few_trees")
def test_a_correction_replaces_an_outcome_and_failures_do_not_count(builds: Store) -> None:
    later = NOW - timedelta(days=1)
    with builds.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO runlore.executions (source, source_id, submitted, revision, actor,"
                " kind, scope, inputs, started, finished, status, outcome, submission_known_at,"
                " known_at, digest) SELECT source, source_id, submitted, 1, actor, kind, scope,"
                " inputs, started, finished, CASE source_id WHEN 'build-3' THEN 'failed' ELSE"
                " status END, '{\"cost\": 77}', submission_known_at, :later, 99"
                " FROM runlore.executions WHERE source_id IN ('build-3', 'build-4')"
            ),
            {"later": later},
        )
    made = estimate_task(builds, PlannedTask("build", "cost"), NOW)
    amounts = {task.source_id: task.amount for task in made.learned.tasks}
    assert "build-3" not in amounts
    assert amounts["build-4"] == 77
    before = estimate_task(builds, PlannedTask("build", "cost"), later - HOUR)
    assert len(before.learned.tasks) == 20


@pytest.mark.usefixtures("few_trees")
def test_a_kept_estimator_answers_while_it_is_learned_again(builds: Store) -> None:
    cache = EstimatorCache()
    first = estimate_task(builds, PLANNED, NOW, cache)
    again = estimate_task(builds, PLANNED, NOW + timedelta(minutes=9), cache)
    assert again.learned is first.learned
    renewed_at = NOW + timedelta(minutes=11)
    assert estimate_task(builds, PLANNED, renewed_at, cache).learned is first.learned
    cache.wait()
    assert estimate_task(builds, PLANNED, renewed_at, cache).learned.learned_at == renewed_at
    day = NOW + timedelta(days=1)
    assert estimate_task(builds, PLANNED, day, cache).learned.learned_at == day


@pytest.mark.usefixtures("few_trees")
def test_who_learns_one_kind_does_not_stop_another(
    builds: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, started, may_end = EstimatorCache(), Event(), Event()
    learn, calls = estimates.learn_kind, []

    def slow(store: Store, kind: str, measure: str, at: datetime, _: object) -> KindEstimator:
        calls.append((kind, measure))
        if measure == "cost":
            started.set()
            assert may_end.wait(60)
        return learn(store, kind, measure, at)

    monkeypatch.setattr(estimates, "learn_kind", slow)
    costs = PlannedTask("build", "cost")
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(cache.get, builds, costs, NOW) for _ in range(2)]
        assert started.wait(60)
        assert cache.get(builds, PLANNED, NOW).tasks
        may_end.set()
        first, second = (one.result() for one in waiting)
    assert first is second
    assert calls.count(("build", "cost")) == 1


@pytest.mark.usefixtures("few_trees")
def test_a_kind_that_was_undone_is_forgotten_in_the_background(builds: Store) -> None:
    cache = EstimatorCache()
    estimate_task(builds, PLANNED, NOW, cache)
    with builds.begin() as connection:
        connection.execute(text("DELETE FROM runlore.executions WHERE kind = 'build'"))
    later = NOW + timedelta(minutes=11)
    estimate_task(builds, PLANNED, later, cache)
    cache.wait()
    with pytest.raises(NotFound, match="kinds of the log: test"):
        estimate_task(builds, PLANNED, later, cache)


def test_what_is_measured_afterwards_is_not_learned_from() -> None:
    known = PlannedTask("build", inputs={"size": 1, "elapsed": 5, "max_rss_mb": 7})
    assert set(known.description) == {"inputs.size"}


def test_bad_requests_are_refused_by_name(
    builds: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    service = serve(Serving((), store=builds, live={}))
    for body, status, words in [
        ({}, 422, "kind"),
        ({**TASK, "colour": 1}, 422, "colour"),
        ({**TASK, "as_of": "soon"}, 422, "as_of"),
        ({**TASK, "measure": "gold"}, 422, "measure"),
        ({**TASK, "measure": "a\u0000"}, 422, "measure"),
        ({**TASK, "kind": "nope"}, 404, "kinds of the log: build, test"),
        ({**TASK, "kind": "test"}, 409, "5 finished tasks"),
        ({**PROJECT, **TASK}, 422, "kind: each of `tasks` has its own"),
        ({"tasks": []}, 422, "tasks"),
        ({"tasks": [{**TASK, "id": "A", "after": ["Z"]}]}, 422, "tasks.0.after: 'A' waits for 'Z'"),
        ({"tasks": [{**TASK, "id": "A"}, {**TASK, "id": "A"}]}, 422, "'A' occurs twice"),
        (
            {"tasks": [{**TASK, "id": a, "after": [b]} for a, b in ("AB", "BA")]},
            422,
            "is a cycle",
        ),
        ({"tasks": [{"id": "A", "kind": "test"}]}, 409, "task 'A': kind 'test'"),
    ]:
        refused = post(service, "/estimates", body)
        assert (refused.status_code, words in refused.text) == (status, True), refused.text
    asked = {"task_type": "build", "resources": ["memory"]}
    refused = post(service, "/api/v3/resource-prediction", asked)
    assert refused.status_code == 422
    assert refused.json()["field"] == "resources"
    lost = {"tasks": [{"id": "A", "task_type": "build", "depends_on": ["Z"]}]}
    refused = post(service, "/api/v3/resource-prediction", lost)
    assert refused.json()["field"] == "tasks.0.depends_on"
    monkeypatch.setenv("RUNLORE_DATABASE_URL", builds.url)
    file = tmp_path / "project.json"
    file.write_text('[{"id": "A", "kind": "build", "color": 1}]', encoding="utf-8")
    for options, words in [
        (["--kind", "nope"], "kinds of the log"),
        ([], "pass --kind NAME"),
        (["--tasks", str(file)], "tasks.0.color"),
        (["--tasks", str(tmp_path / "none.json")], "No such file"),
    ]:
        done = CliRunner().invoke(app, ["plan", "estimate", *options])
        assert done.exit_code != 0
        assert words in done.output + str(done.exception), done.output
    with pytest.raises(NotFound):
        estimate_task(builds, PlannedTask("nope"), NOW)
    with pytest.raises(BadInput):
        estimate_task(builds, PlannedTask("build", "gold"), NOW)
