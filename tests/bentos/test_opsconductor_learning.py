"""OpsConductor records executions and predicts failures: what `/executions` and `/predict` do."""

from typing import Any

import httpx
import pytest

from bentos.dialects.opsconductor_executions import RECORD
from bentos.dialects.opsconductor_risk import PREDICT
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from runlore.store.engine import Store
from tests.bentos.conftest import Serve

ENDED: dict[str, Any] = {
    "execution_id": "job-1",
    "user": "ann",
    "operation": "ssh",
    "target": "web-1",
    "parameters": {"timeout_s": 30},
    "started_at": "2026-11-01T08:00:00Z",
    "finished_at": "2026-11-01T08:01:00Z",
    "status": "COMPLETED",
    "results": {"exit_code": 0},
}


@pytest.fixture
def client(serve: Serve, serving: Serving) -> httpx.Client:
    return serve(serving, api_keys="off")


def facts(client: httpx.Client, name: str) -> list[dict[str, Any]]:
    read = client.get(f"/executions/{name}")
    return read.json()["facts"] if read.status_code == 200 else []


def test_an_ended_execution_is_recorded_once_with_its_outcome(client: httpx.Client) -> None:
    made = client.post(RECORD, json=ENDED)
    assert (made.status_code, made.json()["status"]) == (201, "succeeded"), made.text
    known = client.get(made.json()["follow"]).json()
    assert (known["actor"], known["kind"], known["scope"]) == ("ann", "ssh", "web-1")
    assert known["inputs"] == {"timeout_s": 30}
    assert [fact["status"] for fact in known["facts"]] == ["submitted", "succeeded"]
    assert known["facts"][-1]["outcome"] == {"exit_code": 0}
    again = client.post(RECORD, json=ENDED)
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    assert len(facts(client, "job-1")) == 2


def test_the_outcome_may_come_later(client: httpx.Client) -> None:
    begun = {"execution_id": "job-2", "user": "ann", "operation": "ssh"}
    assert client.post(RECORD, json={**begun, "status": "running"}).status_code == 201
    ended = client.post(RECORD, json={**begun, "status": "failed", "results": {"error": "reset"}})
    assert ended.status_code == 201, ended.text
    assert client.post(RECORD, json={**begun, "status": "failed"}).status_code == 200
    assert [fact["status"] for fact in facts(client, "job-2")] == ["running", "failed"]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"finished_at": "2026-11-01T07:00:00Z"}, 422, "finished_at"),
        ({"finished_at": "2199-01-01T00:00:00Z"}, 422, "finished_at"),
        ({"submitted_at": "2026-11-01"}, 422, "submitted_at"),
        ({"status": "running"}, 422, "finished_at"),
        ({"status": "dancing"}, 422, "status"),
        ({"user": 3}, 422, "user"),
        ({"actor": "ann"}, 422, "actor"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_recorded(
    client: httpx.Client, change: dict[str, Any], status: int, field: str
) -> None:
    refused = client.post(RECORD, json={**ENDED, "execution_id": "job-3", **change})
    assert (refused.status_code, refused.json().get("field")) == (status, field), refused.text
    assert facts(client, "job-3") == []


def test_other_work_under_a_known_id_is_refused(client: httpx.Client) -> None:
    client.post(RECORD, json=ENDED)
    refused = client.post(RECORD, json={**ENDED, "target": "web-2"})
    assert (refused.status_code, refused.json()["field"]) == (422, "target"), refused.text
    assert len(facts(client, "job-1")) == 2


def test_a_prediction_is_that_of_failure_risk_and_on_the_ledger(
    client: httpx.Client, serving: Serving
) -> None:
    plan = serving.live["failure-risk"].bundle.plan
    body = {"user": "ann", "operation": "build", "parameters": dict.fromkeys(plan.inputs, 1.0)}
    client.post(RECORD, json={**ENDED, "operation": "build", "parameters": body["parameters"]})
    told = client.post(f"{PREDICT}?reasons=2", json=body).json()
    asked = {"actor": "ann", "kind": "build", "inputs": body["parameters"]}
    direct = client.post("/predict/failure-risk", json=asked).json()
    assert told["version"] == direct["version"]
    assert told["support"] == direct["support"]
    assert (told["status"], len(told["reasons"])) == ("predicted", 2)
    assert told["failure_probability"] == pytest.approx(direct["prediction"], abs=0.02)
    row = client.get(told["follow"]).json()
    assert (row["prediction"], row["status"]) == (told["failure_probability"], 200)


def test_a_refusal_names_its_field_and_is_on_the_ledger(client: httpx.Client, store: Store) -> None:
    before = _refusals(store)
    body = {"user": "ann", "operation": "build", "parameters": {"no such": 1}}
    refused = client.post(PREDICT, json=body)
    assert (refused.status_code, refused.json()["field"]) == (422, "parameters.no such")
    assert refused.headers["content-type"] == "application/problem+json"
    assert client.post(PREDICT, json={"operation": "build"}).json()["field"] == "user"
    assert client.post(PREDICT, content="{").status_code == 400
    assert client.post(PREDICT, json=[1]).status_code == 422
    assert (
        client.post(f"{PREDICT}?reasons=x", json={**body, "parameters": {}}).json()["field"]
        == "reasons"
    )
    assert _refusals(store) == before + 5


def test_what_nobody_saw_is_withheld(client: httpx.Client, serving: Serving) -> None:
    body = {"user": "nobody-1", "operation": "nothing-1", "target": "nowhere-1"}
    told = client.post(PREDICT, json=body).json()
    assert (told["status"], told["failure_probability"]) == ("withheld", None), told
    assert {part["what"] for part in told["withheld"]} >= {"interval", "failure_probability"}
    assert told["unknown"]


def test_keys_need_the_scopes_of_recording_and_predicting(
    serve: Serve, serving: Serving, store: Store
) -> None:
    key = api_keys.create(store, "reader", ["read"], instants.now()).text
    client = serve(serving, api_keys="required")
    for path in (RECORD, PREDICT):
        answer = client.post(path, json=ENDED, headers={"X-API-Key": key})
        assert answer.status_code == 403


def _refusals(store: Store) -> int:
    with store.connect() as connection:
        row = connection.execute("SELECT count(*) FROM runlore.ledger WHERE status <> 200")
        return int((row.fetchone() or (0,))[0])
