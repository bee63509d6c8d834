"""Agents and their tasks over HTTP, and from the command line."""

import json
import threading
import time
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import runlore
from bentos.predict.live_versions import Serving
from runlore.agents import GiveUp, PulledTask, Worker
from runlore.cli import app
from tests.bentos.conftest import Serve

TASK = {"task_type": "write", "task_name": "Write", "required_capabilities": ["text"]}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def client(serve: Serve, serving: Serving) -> httpx.Client:
    return serve(serving, api_keys="off")


def post(client: httpx.Client, path: str, status: int = 200, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def agent(client: httpx.Client, name: str = "ann") -> str:
    body = post(client, "/agents", 201, agent_name=name, capabilities=["text"])
    return str(body["id"])


def test_an_agent_leases_renews_and_completes_a_task(client: httpx.Client) -> None:
    ann, task = agent(client), post(client, "/agent-tasks", 201, **TASK)
    [leased] = post(client, f"/agents/{ann}/lease")["tasks"]
    path, token = f"/agent-tasks/{task['id']}", leased["fencing_token"]
    assert post(client, f"{path}/heartbeat", fencing_token=token)["status"] == "in_progress"
    late = post(client, f"{path}/complete", 409, fencing_token=token + 1)
    assert "lost" in late["detail"]
    post(client, f"{path}/complete", fencing_token=token, output_data=["done"])
    story = client.get(path).json()
    assert [event["event"] for event in story["events"]] == ["created", "leased", "completed"]
    load = client.get("/agent-workload").json()
    assert (load["completed_tasks"], load["idle_agents"], load["success_rate"]) == (1, 1, 1.0)


def test_who_waits_for_a_task_gets_it_as_soon_as_it_is_there(client: httpx.Client) -> None:
    ann, answers = agent(client), []

    def wait() -> None:
        answers.append((post(client, f"/agents/{ann}/lease", wait_s=8), time.monotonic()))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(1.0)
    begun = time.monotonic()
    task = post(client, "/agent-tasks", 201, **TASK)
    waiting.join()
    [(answer, ended)] = answers
    assert [one["id"] for one in answer["tasks"]] == [task["id"]]
    assert ended - begun < 4.5  # it looks by itself after 5 s only


def test_messages_come_in_order_and_once(client: httpx.Client) -> None:
    ann, bob = agent(client), agent(client, "bob")
    base = {"from_agent_id": ann, "to_agent_id": bob, "message_type": "note"}
    for number in range(3):
        post(
            client, "/agent-messages", 201, **base, subject=str(number), idempotency_key=str(number)
        )
    post(client, "/agent-messages", 200, **base, subject="0", idempotency_key="0")
    page = client.get(f"/agents/{bob}/messages").json()["messages"]
    assert [one["subject"] for one in page] == ["0", "1", "2"]
    after = page[1]["number"]
    rest = client.get(f"/agents/{bob}/messages", params={"after": after}).json()["messages"]
    assert [one["subject"] for one in rest] == ["2"]
    read = post(client, f"/agents/{bob}/messages/{page[0]['id']}/read")
    assert (read["read"], read["delivered"]) == (True, True)
    left = client.get(f"/agents/{bob}/messages").json()["messages"]
    assert [one["subject"] for one in left] == ["1", "2"]
    reply = {"from_agent_id": bob, "to_agent_id": ann, "message_type": "note", "subject": "re"}
    post(client, "/agent-messages", 201, **reply, reply_to=page[2]["id"])
    again = client.get(f"/agents/{bob}/messages", params={"after": after}).json()["messages"]
    assert again[0]["replied"]
    unknown = post(client, "/agent-messages", 404, **base | {"to_agent_id": NOBODY}, subject="x")
    assert "no registered agent" in unknown["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "/agents", {"agent_name": ""}, 422, "agent_name"),
        ("POST", "/agents", {"agent_name": "a", "agent_type": "boss"}, 422, "agent_type"),
        ("PATCH", f"/agents/{NOBODY}", {"version": "1"}, 422, "version"),
        ("PATCH", f"/agents/{NOBODY}", {"version": "1.0.0"}, 404, None),
        ("POST", "/agents/nobody/lease", {}, 422, "agent_id"),
        ("POST", "/agent-tasks", {"task_type": "a"}, 422, "task_name"),
        ("POST", "/agent-tasks", TASK | {"depends_on": [NOBODY]}, 422, "depends_on"),
        ("POST", f"/agent-tasks/{NOBODY}/complete", {"fencing_token": 1}, 404, None),
        ("POST", f"/agent-tasks/{NOBODY}/complete", {"fencing_token": 0}, 422, "fencing_token"),
        ("GET", "/agent-tasks?status=lost", None, 422, "status"),
        ("GET", "/agent-tasks?limit=0", None, 422, "limit"),
        ("GET", "/agents?agent_type=boss", None, 422, "agent_type"),
        ("GET", "/agent-workload?window_h=-1", None, 422, "window_h"),
        ("GET", f"/agents/{NOBODY}/messages?after=x", None, 422, "after"),
        ("GET", "/agents?agent_name=a%00", None, 422, "agent_name"),
        ("GET", "/agent-tasks?task_type=%00", None, 422, "task_type"),
        ("GET", "/engagement/calibration?persona=%00", None, 422, "persona"),
        ("POST", "/agents", {"agent_name": "a", "config": {"b": "\x00"}}, 422, "config"),
        ("POST", "/agent-tasks", TASK | {"input_data": {"a\x00": 1}}, 422, "input_data"),
        ("POST", "/agent-tasks", TASK | {"input_data": {"a": "x" * 300_000}}, 422, "input_data"),
    ],
)
def test_what_is_wrong_is_named(
    client: httpx.Client, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    if field is not None:
        assert field in answer.text


def test_numbers_that_json_lacks_are_refused(client: httpx.Client) -> None:
    body = '{"task_type": "a", "task_name": "b", "input_data": {"x": 1e999}}'
    answer = client.post("/agent-tasks", content=body)
    assert (answer.status_code, "input_data" in answer.text) == (422, True)
    ann, task = agent(client), post(client, "/agent-tasks", 201, **TASK)
    [leased] = post(client, f"/agents/{ann}/lease")["tasks"]
    token, path = leased["fencing_token"], f"/agent-tasks/{task['id']}/complete"
    assert (
        "output_data" in post(client, path, 422, fencing_token=token, output_data="\x00")["detail"]
    )
    fine = "six letters: \\u0000"
    assert post(client, path, fencing_token=token, output_data=fine)["output_data"] == fine


def test_the_dialect_asks_for_a_token_after_a_second_lease(client: httpx.Client) -> None:
    prefix, ann = "/api/v1/multi-agent", agent(client)
    task = post(client, f"{prefix}/tasks/", 201, **TASK, auto_assign=True, max_retries=5)
    assert task["agent_id"] == ann
    early = post(client, f"{prefix}/tasks/", 201, **TASK)
    refused = post(client, f"{prefix}/tasks/{early['id']}/complete", 409, output_data=1)
    assert "assign it" in refused["detail"]
    path = f"{prefix}/tasks/{task['id']}"
    failed = post(client, f"{path}/complete", success=False, error_message="no paper")
    assert (failed["status"], failed["failure"]) == ("pending", "no paper")
    post(client, f"{path}/assign/{ann}")
    unclear = post(client, f"{path}/complete", 409, output_data=1)
    assert "fencing_token" in unclear["detail"]
    token = client.get(f"/agent-tasks/{task['id']}").json()["fencing_token"]
    assert post(client, f"{path}/complete", fencing_token=token)["status"] == "completed"


def test_commands_register_list_and_queue(
    client: httpx.Client, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)

    def run(*words: str) -> Any:
        result = CliRunner().invoke(app, ["agents", *words, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    ann = run("register", "ann", "--capability", "text")
    task = run("task", "write", "Write", "--capability", "text", "--assign", "--input", '{"a": 1}')
    assert (task["status"], task["agent_id"]) == ("assigned", ann["id"])
    assert run("list")["agents"][0]["in_hand"] == 1
    assert run("route", "--capability", "text")["considered"][0]["name"] == "ann"
    assert run("show", task["id"])["routings"][0]["policy"] == "fixed"
    assert run("cancel", task["id"], "--reason", "no")["status"] == "cancelled"
    assert run("tasks", "--status", "cancelled")["tasks"][0]["input"] == {"a": 1}
    assert run("workload")["queue"]["pending"] == 0
    assert run("state", ann["id"], "maintenance")["status"] == "maintenance"
    assert run("remove", ann["id"])["is_removed"]


def test_a_worker_does_tasks_and_retries_until_one_gives_up(client: httpx.Client) -> None:
    tries: list[str] = []

    def write(task: PulledTask) -> dict[str, object]:
        tries.append(task.name)
        if task.name == "hopeless":
            raise GiveUp("no such topic")
        if task.name == "flaky" and tries.count("flaky") == 1:
            raise ValueError("no paper")
        return {"text": f"about {task.input['topic']}", "token": task.token}

    made = {
        name: post(
            client, "/agent-tasks", 201, **TASK | {"task_name": name}, input_data={"topic": "tea"}
        )["id"]
        for name in ("plain", "flaky", "hopeless")
    }
    unknown = post(client, "/agent-tasks", 201, **TASK | {"task_type": "sing"})["id"]
    agent(client)
    with runlore.Client(str(client.base_url)) as service:
        worker = Worker(service, "ann", {"write": write}, capabilities=["text"], slots=2)
        running = threading.Thread(target=worker.run)
        running.start()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            rows = {
                one: client.get(f"/agent-tasks/{one}").json() for one in [*made.values(), unknown]
            }
            if all(row["status"] in ("completed", "failed") for row in rows.values()):
                break
            time.sleep(0.1)
        worker.stop()
        running.join()
    ended = {name: rows[made[name]] for name in made}
    assert ended["plain"]["output_data"]["text"] == "about tea"
    assert (ended["flaky"]["status"], ended["flaky"]["retry_count"]) == ("completed", 1)
    assert (ended["hopeless"]["status"], ended["hopeless"]["failure"]) == (
        "failed",
        "no such topic",
    )
    assert rows[unknown]["failure"] == "no handler of 'sing'"
    assert len(client.get("/agents").json()["agents"]) == 1


def test_a_worker_keeps_a_long_task_and_hears_that_it_lost_one(client: httpx.Client) -> None:
    lost: list[bool] = []

    def work(task: PulledTask) -> str:
        lost.append(task.lost.wait(3.0 if task.name == "long" else 10.0))
        return "done"

    long_one = post(client, "/agent-tasks", 201, **TASK | {"task_name": "long"}, lease_s=1)["id"]
    with runlore.Client(str(client.base_url)) as service:
        worker = Worker(service, "ann", {"write": work}, capabilities=["text"])
        running = threading.Thread(target=worker.run)
        running.start()
        while client.get(f"/agent-tasks/{long_one}").json()["status"] != "completed":
            time.sleep(0.2)
        gone = post(client, "/agent-tasks", 201, **TASK | {"task_name": "gone"}, lease_s=1)["id"]
        while client.get(f"/agent-tasks/{gone}").json()["status"] != "in_progress":
            time.sleep(0.1)
        post(client, f"/agent-tasks/{gone}/cancel", reason="not needed")
        worker.stop()
        running.join()
    assert lost == [False, True]
    assert client.get(f"/agent-tasks/{gone}").json()["status"] == "cancelled"
    events = client.get(f"/agent-tasks/{long_one}").json()["events"]
    assert [one["event"] for one in events] == ["created", "leased", "completed"]


def test_a_coordinator_splits_a_task_and_gathers(client: httpx.Client) -> None:
    def plan(task: PulledTask) -> Any:
        parts = task.parts()
        if parts:
            return [part["output_data"] for part in parts]
        both = [{"topic": "tea"}, {"topic": "bread"}]
        return task.split(
            [{"task_type": "write", "task_name": "a part", "input_data": one} for one in both]
        )

    task = post(client, "/agent-tasks", 201, task_type="plan", task_name="all")
    handlers = {"plan": plan, "write": lambda part: part.input["topic"]}
    with runlore.Client(str(client.base_url)) as own:
        worker = Worker(own, "ann", handlers)
        thread = threading.Thread(target=worker.run)
        thread.start()
        until, story = time.monotonic() + 30, {}
        while time.monotonic() < until and story.get("status") != "completed":
            time.sleep(0.1)
            story = client.get(f"/agent-tasks/{task['id']}").json()
        worker.stop()
        thread.join()
    assert (story["status"], story["output_data"]) == ("completed", ["tea", "bread"])


def test_the_setting_chooses_the_policy_where_a_request_names_none(
    serve: Serve, serving: Serving
) -> None:
    client = serve(serving, api_keys="off", routing_policy="learned")
    assert client.post("/agents", json={"agent_name": "ann"}).status_code == 201
    task = {"task_type": "write", "task_name": "a", "auto_assign": True}
    for named, policy in (({}, "learned"), ({"routing_policy": "fixed"}, "fixed")):
        made = client.post("/agent-tasks", json=task | named).json()["id"]
        [routing] = client.get(f"/agent-tasks/{made}").json()["routings"]
        assert routing["policy"] == policy
    asked = {"task_type": "write"}
    assert client.post("/agent-routing", json=asked).json()["policy"] == "learned"
    asked["policy"] = "fixed"
    assert client.post("/agent-routing", json=asked).json()["policy"] == "fixed"
