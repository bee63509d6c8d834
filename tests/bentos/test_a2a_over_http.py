"""Cards and tasks by A2A 1.0, asked for by the official SDK."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bentos.predict.live_versions import Serving
from runlore.agents.rules.a2a.task_shape import RECORD_URI, TASK_URI
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from tests.agents.outside_server import outside_world
from tests.bentos.conftest import Serve

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def client(serve: Serve, serving: Serving) -> httpx.Client:
    return serve(serving, api_keys="off")


def agent(client: httpx.Client, name: str = "ann") -> str:
    body = {"agent_name": name, "capabilities": ["text"], "max_concurrent_tasks": 1}
    return str(client.post("/agents", json=body).json()["id"])


def call(client: httpx.Client, method: str, version: str = "1.0", **params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    answer = client.post("/a2a", json=body, headers={"A2A-Version": version})
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == 7
    return answer.json()


def message(text: str = "Write", message_id: str = "m-1", **more: Any) -> dict[str, Any]:
    return {"messageId": message_id, "role": "ROLE_USER", "parts": [{"text": text}], **more}


NOW = {"returnImmediately": True}


def by_sdk(client: httpx.Client, path: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do work with an SDK client that was made from a card of ours."""
    from a2a.client import A2ACardResolver, ClientConfig, ClientFactory

    async def run() -> Any:
        async with httpx.AsyncClient(base_url=client.base_url) as http:
            card = await A2ACardResolver(http, str(client.base_url)).get_agent_card(path)
            assert card.skills
            assert card.capabilities.extensions[0].uri == TASK_URI
            factory = ClientFactory(ClientConfig(httpx_client=http, polling=True))
            return await work(factory.create(card))

    return asyncio.run(run())


def sdk_message(text: str, message_id: str) -> Any:
    from a2a.types import Message, Part, Role, SendMessageRequest

    parts, role = [Part(text=text)], Role.ROLE_USER
    made = Message(message_id=message_id, role=role, parts=parts, context_id="campaign")
    made.metadata.update({TASK_URI: {"task_type": "write", "required_capabilities": ["text"]}})
    return SendMessageRequest(message=made)


def test_the_official_sdk_sends_gets_lists_and_cancels_tasks(client: httpx.Client) -> None:
    from a2a.client.errors import A2AClientError
    from a2a.types import CancelTaskRequest, GetTaskRequest, ListTasksRequest, TaskState
    from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError

    ann = agent(client)

    async def work(sdk: Any) -> None:
        first = [one async for one in sdk.send_message(sdk_message("Write a post", "m-1"))]
        again = [one async for one in sdk.send_message(sdk_message("Write a post", "m-1"))]
        task = first[0].task
        assert (again[0].task.id, task.context_id) == (task.id, "campaign")
        assert task.status.state == TaskState.TASK_STATE_SUBMITTED
        [leased] = client.post(f"/agents/{ann}/lease", json={}).json()["tasks"]
        assert (leased["id"], leased["task_type"]) == (task.id, "write")
        assert (leased["task_name"], leased["input_data"]) == (
            "Write a post",
            {"text": "Write a post"},
        )
        working = await sdk.get_task(GetTaskRequest(id=task.id))
        assert working.status.state == TaskState.TASK_STATE_WORKING
        done = {"fencing_token": leased["fencing_token"], "output_data": {"text": "Tea is hot."}}
        client.post(f"/agent-tasks/{task.id}/complete", json=done)
        ended = await sdk.get_task(GetTaskRequest(id=task.id))
        assert ended.status.state == TaskState.TASK_STATE_COMPLETED
        assert ended.artifacts[0].parts[0].text == "Tea is hot."
        [other] = [one async for one in sdk.send_message(sdk_message("Another", "m-2"))]
        second = other.task
        gone = await sdk.cancel_task(CancelTaskRequest(id=second.id))
        assert gone.status.state == TaskState.TASK_STATE_CANCELED
        page = await sdk.list_tasks(ListTasksRequest(context_id="campaign", page_size=1))
        assert ([one.id for one in page.tasks], page.total_size) == ([second.id], 2)
        asked = ListTasksRequest(
            context_id="campaign", page_token=page.next_page_token, include_artifacts=True
        )
        rest = await sdk.list_tasks(asked)
        assert [one.id for one in rest.tasks] == [task.id]
        assert rest.tasks[0].artifacts[0].parts[0].text == "Tea is hot."
        with pytest.raises(TaskNotCancelableError):
            await sdk.cancel_task(CancelTaskRequest(id=task.id))
        with pytest.raises((TaskNotFoundError, A2AClientError)) as error:
            await sdk.get_task(GetTaskRequest(id=NOBODY))
        assert isinstance(error.value, TaskNotFoundError)

    by_sdk(client, "/.well-known/agent-card.json", work)


def test_the_card_of_an_agent_tells_what_it_has_shown_and_leads_to_it(client: httpx.Client) -> None:
    ann, bob = agent(client), agent(client, "bob")

    async def work(sdk: Any) -> None:
        [answer] = [one async for one in sdk.send_message(sdk_message("Write", str(uuid4())))]
        [leased] = client.post(f"/agents/{bob}/lease", json={}).json()["tasks"]
        assert leased["id"] == answer.task.id
        path = f"/agent-tasks/{leased['id']}/complete"
        client.post(path, json={"fencing_token": leased["fencing_token"]})

    by_sdk(client, f"/agents/{bob}/agent-card.json", work)
    shown = {}
    for agent_id in (ann, bob):
        card = client.get(f"/agents/{agent_id}/agent-card.json").json()
        [record] = [e for e in card["capabilities"]["extensions"] if e["uri"] == RECORD_URI]
        shown[agent_id] = record["params"]
        assert record["params"]["load"] == {"inHand": 0, "slots": 1}
    assert shown[bob]["skills"] == {"write": {"successRate": 1.0, "n": 1.0}}
    assert shown[ann]["skills"] == {}
    whole = call(client, "GetExtendedAgentCard")["result"]
    assert [skill["id"] for skill in whole["skills"]] == ["task", "text"]
    assert "text" not in client.get("/.well-known/agent-card.json").text.replace("text/plain", "")


def test_a_message_to_a_busy_agent_makes_no_task(client: httpx.Client) -> None:
    bob = agent(client, "bob")
    call(client, "SendMessage", message=message(), tenant=bob, configuration=NOW)
    busy = message(message_id="m-2")
    error = call(client, "SendMessage", message=busy, tenant=bob, configuration=NOW)["error"]
    assert (error["code"], "free slot" in error["message"]) == (-32004, True)
    assert call(client, "ListTasks", tenant=bob)["result"]["totalSize"] == 1
    assert call(client, "ListTasks")["result"]["totalSize"] == 1


def test_send_waits_for_the_end_of_a_task(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bentos.api.a2a.LONGEST_WAIT_S", 0.5)
    sent = call(client, "SendMessage", message=message())["result"]["task"]
    assert sent["status"]["state"] == "TASK_STATE_SUBMITTED"  # nobody did it in time
    client.post(f"/agent-tasks/{sent['id']}/cancel", json={"reason": "no need"})
    monkeypatch.setattr("bentos.api.a2a.LONGEST_WAIT_S", 30.0)
    again = call(client, "SendMessage", message=message())["result"]["task"]
    assert (again["id"], again["status"]["state"]) == (sent["id"], "TASK_STATE_CANCELED")
    assert again["status"]["message"]["parts"] == [{"text": "no need"}]


WRONG: list[tuple[str, dict[str, Any], int]] = [
    ("SendMessage", {"message": message(taskId=NOBODY)}, -32004),
    ("SendMessage", {"message": {**message(), "parts": [{"raw": "AA=="}]}}, -32005),
    ("SendMessage", {"message": {**message(), "parts": []}}, -32602),
    ("SendMessage", {"message": message(metadata={TASK_URI: {"priority": "!"}})}, -32602),
    ("SendMessage", {"message": message("a\0b")}, -32602),
    ("SendMessage", {"message": message(), "tenant": "bob"}, -32602),
    (
        "SendMessage",
        {"message": message(), "configuration": {"taskPushNotificationConfig": {"url": "x"}}},
        -32003,
    ),
    ("SendStreamingMessage", {"message": message()}, -32004),
    ("CreateTaskPushNotificationConfig", {}, -32003),
    ("GetTask", {"id": "x"}, -32001),
    ("CancelTask", {"id": NOBODY}, -32001),
    ("ListTasks", {"status": "DONE"}, -32602),
    ("ListTasks", {"pageToken": "x"}, -32602),
    ("GetExtendedAgentCard", {"tenant": 5}, -32602),
    ("Nothing", {}, -32601),
]


def test_errors_are_those_of_the_protocol(client: httpx.Client) -> None:
    for method, params, code in WRONG:
        error = call(client, method, **params)["error"]
        assert error["code"] == code, (method, params, error)
        assert error["data"][0]["domain"] == "a2a-protocol.org"
    assert call(client, "GetTask", version="0.3", id=NOBODY)["error"]["code"] == -32009
    headers = {"A2A-Version": "1.0"}
    for body, code in ((b"{", -32700), (b'{"jsonrpc": "1.0", "method": "GetTask"}', -32600)):
        answer = client.post("/a2a", content=body, headers=headers).json()
        assert (answer["error"]["code"], answer["id"]) == (code, None)


def test_keys_need_the_scope_of_the_method(serve: Serve, serving: Serving) -> None:
    key = api_keys.create(serving.database(), "reader", ("read",), instants.now())
    client = serve(serving, api_keys="required")
    card = client.get("/.well-known/agent-card.json").json()
    assert card["securitySchemes"] == {"key": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}}
    assert client.post("/a2a", json={}).status_code == 401
    headers = {"Authorization": f"Bearer {key.text}", "A2A-Version": "1.0"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "ListTasks"}
    assert "result" in client.post("/a2a", json=body, headers=headers).json()
    body |= {"method": "SendMessage", "params": {"message": message()}}
    assert client.post("/a2a", json=body, headers=headers).status_code == 403


def test_an_agent_of_others_is_registered_by_its_card(serve: Serve, serving: Serving) -> None:
    client = serve(serving, api_keys="off", agent_addresses="any")
    with outside_world() as world:
        card = f"{world.base}/.well-known/agent-card.json"
        body = client.post("/agents", json={"card_url": card, "max_concurrent_tasks": 2}).json()
        assert (body["agent_name"], body["way"], body["max_concurrent_tasks"]) == (
            "Outside Writer",
            "a2a",
            2,
        )
        path = f"/agents/{body['id']}"
        assert client.post(f"{path}/card").json()["changes"] == []
        changed = client.patch(path, json={"max_concurrent_tasks": 3}).json()
        assert (changed["card_url"], changed["max_concurrent_tasks"]) == (card, 3)
        own = client.get(f"{path}/agent-card.json").json()
        assert [skill["id"] for skill in own["skills"]] == ["text"]
    assert client.post(f"{path}/card").status_code == 503
    assert client.post(f"/agents/{agent(client)}/card").status_code == 409
    assert client.post("/agents", json={}).json()["field"] == "agent_name"
    wrong = client.post("/agents", json={"card_url": "https://ann:hush@a.example/"})
    assert (wrong.status_code, "hush" in wrong.text) == (422, False)
