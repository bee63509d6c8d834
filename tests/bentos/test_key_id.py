"""Facts and rows of the ledger hold the id of the key with which they came."""

import csv
import json
from pathlib import Path

import httpx
import pytest
from handmade import write_bundle
from typer.testing import CliRunner

from bentos.predict.live_versions import Challenge, Serving, load
from bentos.predict.shadow import Shadow
from runlore.cli import app
from runlore.kernel import instants
from runlore.serving.actions import api_keys, states
from runlore.serving.actions.api_keys import NewKey
from runlore.serving.actions.promotion import Arms
from runlore.serving.queries.ledger_query import LedgerQuery, rows
from runlore.store.engine import Store, dedicated
from tests.bentos.conftest import Serve

NAME = "failure-risk"
ANN = {"actor": "ann", "kind": "build", "inputs": {"nodes": 4}}
WORK = {"id": "job-1", "actor": "ann", "kind": "build"}


@pytest.fixture
def carol(store: Store) -> NewKey:
    return api_keys.create(store, "carol", ["admin"], instants.now())


@pytest.fixture
def dave(store: Store) -> NewKey:
    return api_keys.create(store, "dave", ["admin"], instants.now())


@pytest.fixture
def keyed(serve: Serve, serving: Serving, carol: NewKey, dave: NewKey) -> httpx.Client:
    """A client that comes as carol unless it says otherwise; the service knows both keys."""
    client = serve(serving, api_keys="required")
    client.headers["X-API-Key"] = carol.text
    return client


def ledger_keys(store: Store, arm: str | None = None) -> list[str | None]:
    return [row["key_id"] for row in rows(store, LedgerQuery(arm=arm))]


@pytest.mark.parametrize(
    ("path", "body", "status", "count"),
    [
        ("", ANN, 200, 1),
        ("?reasons=2", ANN, 200, 1),
        ("/batch", [ANN, ANN], 200, 2),
        ("", ANN | {"actor": 7}, 422, 1),
        ("", ANN | {"inputs": {"typo": 3}}, 422, 1),
        ("/batch", [{}], 422, 1),
    ],
)
def test_answers_and_refusals_hold_the_id_of_the_key(
    keyed: httpx.Client,
    store: Store,
    carol: NewKey,
    path: str,
    body: object,
    status: int,
    count: int,
) -> None:
    assert keyed.post(f"/predict/{NAME}{path}", json=body).status_code == status
    assert ledger_keys(store) == [carol.key.id] * count


def test_a_prediction_says_with_which_key_it_was_asked_for(
    keyed: httpx.Client, carol: NewKey
) -> None:
    made = keyed.post(f"/predict/{NAME}", json=ANN).json()
    assert keyed.get(f"/predictions/{made['id']}").json()["key_id"] == carol.key.id


def test_each_fact_says_with_which_key_it_came(
    keyed: httpx.Client, carol: NewKey, dave: NewKey
) -> None:
    as_dave = {"X-API-Key": dave.text}
    keyed.post("/executions", json=WORK)
    way = "/executions/job-1/outcome"
    keyed.post("/executions", json=WORK | {"status": "running"}, headers=as_dave)
    keyed.post(way, json={"status": "failed"})
    keyed.post(way, json={"status": "failed"}, headers=as_dave)
    keyed.post(way, json={"status": "succeeded"}, headers=as_dave)
    facts = keyed.get("/executions/job-1").json()["facts"]
    assert [(fact["status"], fact["key_id"]) for fact in facts] == [
        ("submitted", carol.key.id),
        ("running", dave.key.id),
        ("failed", carol.key.id),
        ("succeeded", dave.key.id),
    ]


def test_without_keys_there_is_none(client: httpx.Client, store: Store) -> None:
    made = client.post(f"/predict/{NAME}", json=ANN).json()
    assert client.get(f"/predictions/{made['id']}").json()["key_id"] is None
    client.post("/executions", json=WORK).raise_for_status()
    [fact] = client.get("/executions/job-1").json()["facts"]
    assert fact["key_id"] is None


def test_a_shadow_repeats_the_key_of_what_it_repeats(
    serve: Serve, serving: Serving, store: Store, carol: NewKey, tmp_path: Path
) -> None:
    live = load(write_bundle(tmp_path / "8", NAME, 8), "8", NAME, "wall")
    states.activate(store, live.bundle.plan)
    client = serve(serving, api_keys="auto")
    serving.put(NAME, serving.live[NAME], Challenge(live, Arms(shadow=True)))
    header = {"X-API-Key": carol.text}
    client.post(f"/predict/{NAME}", json=ANN, headers=header).raise_for_status()
    client.post(f"/predict/{NAME}", json=ANN).raise_for_status()
    with dedicated(store) as line:
        shadow = Shadow(serving, since=instants.parse("2020-01-01T00:00:00Z", "since"))
        assert shadow.step(line) == 2
    assert set(ledger_keys(store, "shadow")) == {carol.key.id, None}


def test_the_command_shows_and_exports_it(
    keyed: httpx.Client,
    store: Store,
    carol: NewKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keyed.post(f"/predict/{NAME}", json=ANN).raise_for_status()
    url = store.engine.url.set(drivername="postgresql")
    monkeypatch.setenv("RUNLORE_DATABASE_URL", url.render_as_string(hide_password=False))
    run = CliRunner(env={"COLUMNS": "300"}).invoke
    shown = json.loads(run(app, ["ledger", "show", "--json"]).stdout)
    assert [row["key_id"] for row in shown["rows"]] == [carol.key.id]
    assert carol.key.id in run(app, ["ledger", "show"]).stdout
    file = tmp_path / "answers.csv"
    run(app, ["ledger", "export", str(file)])
    with file.open(newline="") as lines:
        assert [row["key_id"] for row in csv.DictReader(lines)] == [carol.key.id]
