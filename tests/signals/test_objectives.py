"""Service objectives by command, HTTP, page and alert."""

import json
import re
import threading
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.cli import app
from runlore.kernel import instants
from runlore.kernel.errors import Misconfigured
from runlore.settings import Settings
from runlore.signals.actions import objective_watch
from runlore.signals.actions.health import read_health
from runlore.signals.actions.objectives import read_objective, watch_objectives
from runlore.signals.objective_views import describe_objective
from runlore.specs import loading
from runlore.specs.objective_spec import ExecutionEvents, ObjectiveSpec
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.declared_objectives import BUILDS, PLACES, QUICK
from tests.signals.test_execution_series import record
from tests.waiting import wait_until

__all__ = ["serve"]

NOW = instants.now().replace(microsecond=0)
MINUTE = timedelta(minutes=1)


def write_builds(
    store: Store, ends: list[datetime], failed: set[int] = frozenset(), kind: str = "build"
) -> None:
    """One execution of two minutes per end; those of the numbers in `failed` fail."""
    finished = pd.Series(pd.to_datetime(ends, utc=True))
    submitted = finished - 2 * MINUTE
    rows = pd.DataFrame(
        {
            "source": kind,
            "source_id": [f"{end:%d %H:%M:%S}" for end in finished],
            "submitted": submitted,
            "revision": 0,
            "actor": "ann",
            "kind": kind,
            "scope": "prod",
            "started": submitted,
            "finished": finished,
            "status": np.where(np.isin(np.arange(len(ends)), list(failed)), "failed", "succeeded"),
            "submission_known_at": submitted,
            "known_at": finished,
            "digest": 0,
        }
    )
    record(store, rows)


def every(minutes: float, count: int, end: datetime) -> list[datetime]:
    return [end - timedelta(minutes=minutes) * back for back in range(count)][::-1]


@pytest.fixture
def outage(store: Store) -> Store:
    """A build every 10 minutes for 20 days; all of the last hour fail, one every 5 minutes."""
    hour_ago = NOW - timedelta(hours=1)
    write_builds(store, every(10, 20 * 144, hour_ago))
    write_builds(store, every(5, 12, NOW), set(range(12)))
    return store


def open_alerts(store: Store) -> dict[str, str]:
    with store.begin() as connection:
        return {one.subject: one.severity for one in alerts.read(connection, AlertQuery())}


def test_an_outage_pages_once_and_is_over_when_builds_succeed(outage: Store) -> None:
    specs = [BUILDS, QUICK]
    watch_objectives(outage, specs, NOW - timedelta(hours=1))
    assert open_alerts(outage) == {}
    for minutes in range(3):
        (firing,) = watch_objectives(outage, specs, NOW + minutes * MINUTE)
    assert firing.budget.bad == 12
    assert open_alerts(outage)["builds (page)"] == "critical"
    watch_objectives(outage, specs, NOW + timedelta(hours=5))
    assert "builds (page)" in open_alerts(outage)  # nothing ran: nobody knows
    mended = NOW + timedelta(hours=8)
    write_builds(outage, every(1, 240, mended))
    watch_objectives(outage, specs, mended)
    assert "builds (page)" not in open_alerts(outage)
    watch_objectives(outage, [], mended + MINUTE)
    assert open_alerts(outage) == {}


def test_an_alert_counts_for_the_health_of_the_one_scope_of_its_events(outage: Store) -> None:
    ours = ObjectiveSpec("prod-builds", ExecutionEvents(kind="build", scope="prod"), target=0.98)
    watch_objectives(outage, [ours, BUILDS], NOW)
    found = read_health(outage, NOW + MINUTE, "prod")
    everything, prod = (
        [
            evidence.what
            for part in one.parts
            if part.name == "objectives"
            for evidence in part.evidence
        ]
        for one in (found.overall, found.scopes[0])
    )
    assert len(prod) == sum("prod-builds" in subject for subject in open_alerts(outage)) > 0
    assert len(everything) > len(prod)


def test_the_watch_looks_until_its_end_and_outlives_a_fault(
    outage: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective_watch, "EVERY_S", 0.05)
    monkeypatch.setattr(objective_watch, "MOST_SHARE", 1.0)
    end = threading.Event()
    broken: list[object] = [object()]  # no spec: looking fails
    watcher = threading.Thread(target=objective_watch.watch, args=(outage, broken, end))
    watcher.start()
    wait_until(lambda: watcher.is_alive() and bool(broken), 60.0)
    broken[:] = [BUILDS]
    wait_until(lambda: "builds (page)" in open_alerts(outage), 60.0)
    end.set()
    watcher.join(60.0)
    assert not watcher.is_alive()
    objective_watch.watch(outage, [], threading.Event())  # returns: nothing to look at
    assert open_alerts(outage) == {}


def test_one_failure_of_two_is_no_alert(store: Store) -> None:
    write_builds(store, [NOW - 2 * MINUTE, NOW], {1})
    assert watch_objectives(store, [BUILDS], NOW) == []
    status = read_objective(store, BUILDS, NOW)
    assert status.burns[0].burn == pytest.approx(25)
    assert status.burns[0].low == pytest.approx(4.73, abs=0.01)
    assert open_alerts(store) == {}


def test_command_and_http_say_the_same(
    outage: Store, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", outage.url)
    monkeypatch.setenv("RUNLORE_OBJECTIVES", json.dumps(PLACES))
    at = NOW.isoformat()
    plot = tmp_path / "builds.png"
    command = ["signals", "objectives", "builds", "--as-of", at]
    done = CliRunner().invoke(app, [*command, "--json", "--plot", str(plot)])
    assert done.exit_code == 1, done.output
    assert plot.stat().st_size > 10_000
    (said,) = json.loads(done.stdout)["objectives"]
    assert said["state"] == "page"
    assert said["bad"] == 12
    service = serve(Serving((), store=outage, live={}), objectives=PLACES)
    answer = service.get("/signals/objectives/builds", params={"at": at})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["objective"]["left"] == pytest.approx(said["left"])
    assert body["history"][-1]["left"] == pytest.approx(said["left"])
    assert sum(step["bad"] for step in body["history"]) == 12
    both = service.get("/signals/objectives", params={"at": at}).json()["objectives"]
    assert [one["state"] for one in both] == ["page", "no events"]
    assert service.get("/signals/objectives/none").status_code == 404
    refused = service.get("/signals/objectives", params={"at": "soon"})
    assert refused.status_code == 422
    assert "at" in refused.text
    table = CliRunner().invoke(app, command)
    assert "times too fast" in table.output
    unnamed = CliRunner().invoke(app, ["signals", "objectives", "--plot", str(plot)])
    assert "name one objective" in unnamed.output + str(unnamed.exception)


def test_metrics_have_what_is_left_and_how_fast_it_burns(outage: Store, serve: Serve) -> None:
    page = serve(Serving((), store=outage, live={}), objectives=PLACES, api_keys="off")
    lines = dict(line.rsplit(" ", 1) for line in page.get("/metrics").text.splitlines()[1:])
    left = float(lines['runlore_objective_budget_left{objective="builds"}'])
    assert left == pytest.approx(1 - 12 / (0.02 * 2892))
    assert float(lines['runlore_objective_burn_rate{objective="builds",window_s="3600"}']) > 14.4
    assert 'runlore_objective_budget_left{objective="quick-deploys"}' not in lines


def test_the_page_shows_the_budget_as_bars_and_over_time(outage: Store, serve: Serve) -> None:
    serving = Serving((), store=outage, live={})
    page = serve(serving, objectives=PLACES, api_keys="off")
    listed = page.get("/console/objectives")
    assert listed.status_code == 200, listed.text
    assert "1 of 2 objectives needs you" in listed.text
    one = page.get("/console/objectives/builds").text
    assert "How was the budget spent?" in one
    assert "firing" in one
    assert "no events" in page.get("/console/objectives/quick-deploys").text
    assert page.get("/console/objectives/none").status_code == 404


def test_what_cannot_be_loaded_is_named() -> None:
    wrong = "tests.signals.declared_objectives:WRONG"
    for places in ((wrong,), ("nowhere:X",), (PLACES[0], PLACES[0])):
        with pytest.raises(Misconfigured, match="RUNLORE_OBJECTIVES"):
            loading.every_objective(Settings(objectives=places))


def test_the_examples_of_the_page_are_objectives(store: Store) -> None:
    page = (Path(__file__).parents[2] / "docs" / "objectives.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)  # noqa: S102  (of the documentation)
    specs = [one for one in names.values() if isinstance(one, ObjectiveSpec)]
    assert [spec.name for spec in specs] == ["builds", "nightly"]
    assert describe_objective(specs[0]) in " ".join(page.split())
    assert all(not read_objective(store, spec, NOW).firing for spec in specs)


def test_without_objectives_the_list_is_empty(store: Store, serve: Serve) -> None:
    service: httpx.Client = serve(Serving((), store=store, live={}), api_keys="off")
    assert service.get("/signals/objectives").json() == {"objectives": []}
    assert "No objectives yet" in service.get("/console/objectives").text
