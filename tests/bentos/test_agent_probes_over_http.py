"""Probes and health of agents over HTTP: declared, listed, removed, and what is wrong is named."""

from typing import Any
from uuid import UUID

import httpx

from runlore.agents.queries.health import quarantine
from runlore.store.engine import Store

PROBE: dict[str, Any] = {
    "probe_name": "adds",
    "task_type": "sum",
    "rule": {"includes": {"sum": 4}},
}
NOBODY = "00000000-0000-4000-8000-000000000000"


def test_a_probe_is_declared_once_listed_and_removed(client: httpx.Client) -> None:
    made = client.post("/agent-probes", json=PROBE)
    assert (made.status_code, made.json()["every_s"]) == (201, 60)
    assert client.post("/agent-probes", json=PROBE).status_code == 409
    wrong = client.post("/agent-probes", json={**PROBE, "rule": {"like": 4}})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "rule")
    assert [one["id"] for one in client.get("/agent-probes").json()["probes"]] == [
        made.json()["id"]
    ]
    path = f"/agent-probes/{made.json()['id']}"
    assert client.delete(path).json()["is_removed"]
    assert client.delete(path).status_code == 404


def test_a_new_agent_is_healthy_and_wrong_questions_are_named(client: httpx.Client) -> None:
    agent = client.post("/agents", json={"agent_name": "new"}).json()["id"]
    health = client.get(f"/agents/{agent}/health").json()
    assert (health["is_quarantined"], health["score"], health["evidence"]) == (False, 0, [])
    wrong = client.get(f"/agents/{agent}/health", params={"as_of": "yesterday"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "as_of")
    assert client.get(f"/agents/{NOBODY}/health").status_code == 404


def test_an_agent_in_quarantine_says_so_and_is_not_chosen(
    client: httpx.Client, store: Store
) -> None:
    agent = client.post("/agents", json={"agent_name": "bad"}).json()["id"]
    before = client.get("/agent-workload").json()
    with store.connect() as connection:
        quarantine(connection, UUID(agent), "wrong answers")
    load = client.get("/agent-workload").json()
    assert (before["idle_agents"], before["slots"]) == (1, 10)
    assert (load["idle_agents"], load["agents_in_quarantine"], load["slots"]) == (0, 1, 0)
    assert client.get(f"/agents/{agent}").json()["status"] == "quarantine"
    for policy in ("fixed", "learned"):
        chosen = client.post("/agent-routing", json={"task_type": "sum", "policy": policy}).json()
        assert chosen["agent"] is None
    assert client.post(f"/agents/{agent}/lease", json={}).json()["tasks"] == []
