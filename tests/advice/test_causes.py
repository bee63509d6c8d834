"""Why executions failed: by command and HTTP, from the log."""

import json
from datetime import timedelta

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.advice.actions.causes import CauseQuestion, ask_about, find_causes
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.advice.cause_log import INCIDENT, NOW, START, write_incident
from tests.bentos.conftest import Serve, serve
from tests.signals.points import write_points

__all__ = ["serve"]


@pytest.fixture
def log(store: Store) -> Store:
    write_incident(store)
    return store


def metrics_answer(log: Store, since: dict[str, str], client: httpx.Client) -> None:
    """A metric of the scope goes with it, one of all moved at the same time, a late one is not
    known yet."""
    hours = int((NOW - START).total_seconds() // 3600)
    random = np.random.default_rng(2)
    for name, scope, late in (
        ("load", "h-3", 0),
        ("disk", "", 0),
        ("late", "", 1),
        ("calm", "", 0),
    ):
        values = random.normal(10, 1, hours)
        values[-12:] += 0 if name == "calm" else 20
        known_at = NOW + timedelta(hours=1) if late else None
        write_points(log, values, name=name, scope=scope, first=START, known_at=known_at)
    body = client.get("/causes", params=since).json()
    assert {one["text"] for one in body["causes"]} == {
        "scope h-3",
        "metric load above its usual range",
    }
    assert {one["name"] for one in body["metrics"]} == {"load", "disk"}
    assert body["metrics_compared"] == 3


def test_the_scope_that_began_to_fail_is_named(
    log: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", log.url)
    at = ["--as-of", NOW.isoformat(), "--json"]
    done = CliRunner().invoke(app, ["advise", "why", *at])
    assert done.exit_code == 0, done.output
    view = json.loads(done.stdout)
    assert (view["answer"], [one["text"] for one in view["causes"]]) == ("cause", ["scope h-3"])
    assert view["causes"][0]["share"] > 0.8
    assert not [one for one in view["suspects"] if one["name"] == "exit_code"]
    client = serve(Serving((), store=log, live={}), api_keys="off")
    since = {"since": INCIDENT.isoformat(), "until": NOW.isoformat(), "as_of": NOW.isoformat()}
    body = client.get("/causes", params=since).json()
    assert [one["text"] for one in body["causes"]] == ["scope h-3"]
    assert (body["failed"] > body["expected"], body["looked_at"] > 20) == (True, True)
    metrics_answer(log, since, client)
    refused = client.get("/causes", params={"since": "yesterday"})
    assert (refused.status_code, refused.json()["field"]) == (422, "since")
    assert client.get("/causes", params={"execution": "nothing"}).status_code == 404
    before = INCIDENT - timedelta(hours=1)
    early = find_causes(log, CauseQuestion(before, since=before - timedelta(hours=12)))
    assert (early.search.answer, early.search.is_risen) == ("not known", False)
    calm = find_causes(log, CauseQuestion(before, since=before - timedelta(days=5)))
    assert calm.search.answer == "no incident"
    with pytest.raises(NotFound):
        ask_about(log, "nobody", NOW)
    with pytest.raises(BadInput, match="since"):
        find_causes(log, CauseQuestion(NOW, since=NOW))
