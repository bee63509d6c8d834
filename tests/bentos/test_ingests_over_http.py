"""Ingests over HTTP: listed, undone with a key that may train, and again without any change."""

import httpx
import pytest
from sqlalchemy import text

from bentos.api import ingests
from runlore.kernel import instants
from runlore.log.executions import read_facts
from runlore.serving.actions import api_keys
from runlore.serving.actions.states import INGESTING
from runlore.store import advisory
from tests.ingest.csv_log import HEADER, Log, row

WHY = {"actor": "ann", "because": "the times were local"}


@pytest.fixture
def client(serve, serving) -> httpx.Client:
    """A service that asks nobody for a key, so that the names in bodies are on record."""
    return serve(serving, api_keys="off")


@pytest.fixture
def two(store, tmp_path):
    """Two ingests of one source."""
    for name, numbers in (("good", range(20)), ("bad", range(20, 50))):
        Log(store, tmp_path / f"{name}.csv", [HEADER, *map(row, numbers)]).ingest(source="a/b")


@pytest.mark.usefixtures("two")
def test_an_ingest_is_listed_and_undone_once(client: httpx.Client, store):
    [source] = client.get("/ingests").json()["sources"]
    assert (source["source"], source["rows"]) == ("a/b", 50)
    newest = source["ingests"][0]["ingest"]

    first = client.post(f"/ingests/{newest}/undo", json=WHY)
    again = client.post(f"/ingests/{newest}/undo", json=WHY)

    assert first.status_code == 200, first.text
    assert (first.json()["executions"], first.json()["is_new"]) == (30, True)
    assert again.json() == first.json() | {"is_new": False}
    [source] = client.get("/ingests").json()["sources"]
    assert (source["rows"], source["ingests"][0]["because"]) == (20, WHY["because"])
    assert len(read_facts(store)) == 20


def test_warnings_are_listed_with_their_ingest(client: httpx.Client, store, tmp_path):
    lines = [f"{n % 4},2024-01-01T00:00Z,2024-01-01T00:{n:02}:00Z,ok\n" for n in range(40)]
    log = Log(store, tmp_path / "log.csv", ["id,submitted,finished,status\n", *lines])
    log.ingest(mapping={})
    [source] = client.get("/ingests").json()["sources"]
    [warning] = source["ingests"][0]["warnings"]
    assert warning["kind"] == "repeated ids"
    assert warning["message"] == "40 rows are 4 executions: is `id` unique?"


@pytest.mark.usefixtures("two")
def test_a_source_with_a_slash_in_its_name_is_undone(client: httpx.Client, store):
    done = client.post("/sources/a/b/undo", json=WHY).json()
    assert (done["executions"], done["ingest"]) == (50, None)
    assert read_facts(store).empty


def test_what_is_not_there_cannot_be_undone(client: httpx.Client):
    assert client.post("/ingests/7/undo", json=WHY).status_code == 404
    assert client.post("/sources/sap/undo", json=WHY).status_code == 404
    assert client.post("/ingests/x/undo", json=WHY).status_code == 422
    assert client.post("/ingests/7/undo", json={}).status_code == 422


@pytest.mark.usefixtures("two")
def test_an_undo_that_takes_long_goes_on_without_its_client(
    client: httpx.Client, store, monkeypatch
):
    monkeypatch.setattr(ingests, "ANSWER_WITHIN_S", 0.2)
    with advisory.shared(store.url, INGESTING):  # an ingest that runs
        waiting = client.post("/sources/a/b/undo", json=WHY)
    assert (waiting.status_code, waiting.json()) == (202, {"status": "under way"})
    monkeypatch.setattr(ingests, "ANSWER_WITHIN_S", 60)
    done = client.post("/sources/a/b/undo", json=WHY)
    assert (done.status_code, done.json()["is_new"]) == (200, False)
    assert read_facts(store).empty


@pytest.mark.usefixtures("two")
def test_only_a_key_that_may_train_undoes(serve, serving, store):
    keys = {
        scope: api_keys.create(store, f"{scope}er", [scope], instants.now()).text
        for scope in ("read", "record", "train")
    }
    client = serve(serving, api_keys="required")

    def ask(scope, method, path):
        headers = {"Authorization": f"Bearer {keys[scope]}"}
        body = None if method == "GET" else WHY
        return client.request(method, path, headers=headers, json=body)

    number = ask("read", "GET", "/ingests").json()["sources"][0]["ingests"][0]["ingest"]
    path = f"/ingests/{number}/undo"
    assert [ask(scope, "POST", path).status_code for scope in keys] == [403, 403, 200]
    with store.begin() as connection:
        assert connection.scalar(text("SELECT actor FROM runlore.withdrawals")) == "trainer"
