"""A calendar of visits from a log: command, HTTP and OpsConductor's route say the same."""

import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.advice.actions.failure_log import FailureDefinition, read_failure_log
from runlore.cli import app
from runlore.kernel import instants
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.advice.maintained_fleet import NOW, FleetRecord, simulate_fleet, write_fleet
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]
COSTS = {"visit_cost": 1, "failure_cost": 20}


def test_command_http_and_dialect_say_the_same(
    store: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    now = instants.now()
    write_fleet(store, simulate_fleet(), now)
    file, at = tmp_path / "visits.ics", now.isoformat()
    words = ["advise", "maintenance", "--failure-cost", "20", "--as-of", at, "--ics", str(file)]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert shown["model"] not in {None, "constant"}
    visits = [row for row in shown["scopes"] if row["advice"] == "visit"]
    assert 3 <= len(visits) < 40
    assert file.read_text().count("BEGIN:VEVENT") == len(visits)
    calendar, fixed, none = shown["policies"]
    assert calendar["saving"] >= fixed["saving"]
    assert calendar["saving"] > none["saving"] == 0
    assert calendar["failures"] < none["failures"]
    starts = [(row["visit_at"], row["visit_until"]) for row in visits]
    assert all(first[1] <= then[0] for first, then in pairwise(starts))
    _check_http(serve(Serving((), store=store, live={})), shown, at)


def _check_http(service: httpx.Client, shown: dict, at: str) -> None:
    answer = service.get("/maintenance", params={**COSTS, "as_of": at})
    assert answer.status_code == 200, answer.text
    names = ("scope", "advice", "visits", "failures")
    wanted = [{name: row[name] for name in names} for row in shown["scopes"]]
    assert [{name: row[name] for name in names} for row in answer.json()["scopes"]] == wanted
    schedule = service.get("/ai/predictive/maintenance-schedule", params={"days": 14}).json()
    assert schedule["status"] == "ready"
    targets = [one["target"] for one in schedule["recommendations"]]
    assert targets
    assert set(targets) <= {row["scope"] for row in shown["scopes"]}
    [one] = service.get("/maintenance", params={"scope": "web-3"}).json()["scopes"]
    assert one["scope"] == "web-3"
    ics = service.get("/maintenance", params={"format": "ics"})
    assert ics.headers["content-type"].startswith("text/calendar")
    for query, field in (
        ({"crews": "0"}, "crews"),
        ({"crews": "many"}, "crews"),
        ({"visit_cost": "-1"}, "visit_cost"),
        ({"horizon": "0"}, "horizon"),
        ({"failures": "all"}, "failures"),
        ({"visit_hours": "9"}, "visit_hours"),
        ({"input": "no-such"}, "inputs"),
        ({"visit_kind": "failure"}, "visit_kind"),
        ({"age_from": "birth"}, "age_from"),
    ):
        refused = service.get("/maintenance", params=query)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    wrong = service.get("/ai/predictive/maintenance-schedule", params={"days": "x"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "days")
    assert service.get("/maintenance", params={"pool": "none"}).status_code == 404


def test_too_few_failures_are_said_and_only_what_was_known_counts(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    empty = CliRunner().invoke(app, ["advise", "maintenance"])
    assert empty.exit_code == 1
    assert "No calendar: 0 failures are known" in empty.output
    rows = [FleetRecord("web-1", -90, "boot"), FleetRecord("web-1", -50, "job")]
    write_fleet(store, [*rows, FleetRecord("web-1", -20, "failure")])
    done = CliRunner().invoke(app, ["advise", "maintenance", "--as-of", NOW.isoformat(), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["model_reason"].startswith("1 failure is known; at least 5")
    earlier = read_failure_log(store, FailureDefinition(), NOW - timedelta(days=30))
    assert earlier.failures == (1,)
    assert "since no execution is of kind 'failure'" in earlier.basis
    now = read_failure_log(store, FailureDefinition(), NOW)
    assert (now.failures, now.last_failure) == ((1,), (NOW - timedelta(days=20),))
    both = read_failure_log(store, FailureDefinition("failed"), NOW)
    assert both.failures == (2,)
    gone = read_failure_log(store, FailureDefinition(gone_days=10), NOW)
    assert gone.is_gone == (True,)
