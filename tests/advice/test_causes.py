"""Why executions failed: by command and HTTP, from the log."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.advice.actions.causes import CauseQuestion, ask_about, find_causes
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.advice.cause_log import INCIDENT, NOW, write_incident
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]


@pytest.fixture
def log(store: Store) -> Store:
    write_incident(store)
    return store


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
    refused = client.get("/causes", params={"since": "yesterday"})
    assert (refused.status_code, refused.json()["field"]) == (422, "since")
    assert client.get("/causes", params={"execution": "nothing"}).status_code == 404
    before = INCIDENT - timedelta(hours=1)
    early = find_causes(log, CauseQuestion(before, since=before - timedelta(hours=12)))
    assert early.search.answer == "no incident"
    with pytest.raises(NotFound):
        ask_about(log, "nobody", NOW)
    with pytest.raises(BadInput, match="since"):
        find_causes(log, CauseQuestion(NOW, since=NOW))
