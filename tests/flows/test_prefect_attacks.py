"""What other pages, other users of the machine, and smuggled deployments get from Prefect."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import websockets
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectHTTPStatusError
from websockets.typing import Origin, Subprotocol

from flows import pool, register
from flows.runner import in_process
from runlore.stack import Stack, running
from runlore.web.login import read_login
from runlore.web.prefect_login import csrf_headers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
READ, WRITE = ("GET", "/api/admin/settings"), ("POST", "/api/flows/")
SOCKETS = (
    "/api/events/in",
    "/api/events/out",
    "/api/logs/out",
    "/api/task_runs/subscriptions/scheduled",
    "/api/work_pools/runlore/workers/connect",
)
SOME_FLOW = {"name": "intruder"}
LOOKING = {
    "name": "attacked",
    "entrypoint": "flows.experiments.ab",
    "parameters": {"at": None},
    "work_pool": {"name": "runlore"},
}
PATIENCE_S = 90


@pytest.fixture(scope="module")
def site(prefect_server: Stack) -> str:
    return prefect_server.settings.prefect_url.removesuffix("/api")


@pytest.fixture(scope="module")
def login(prefect_server: Stack) -> httpx.BasicAuth:
    found = read_login(prefect_server.settings.home)
    return httpx.BasicAuth(found.user, found.password)


@pytest.fixture(scope="module")
def token(site: str, login: httpx.BasicAuth) -> dict[str, str]:
    answer = httpx.get(f"{site}/api/csrf-token?client=tests", auth=login)
    return csrf_headers("tests", answer.json())


@pytest.fixture(scope="module")
def client(prefect_server: Stack) -> Iterator[SyncPrefectClient]:
    with in_process(prefect_server.settings), get_client(sync_client=True) as client:
        yield client


@pytest.fixture(scope="module")
def worker(prefect_server: Stack, client: SyncPrefectClient) -> Iterator[None]:
    register.register(client, [LOOKING])
    with running(prefect_server.settings, ("worker",)):
        yield


def test_the_owner_may_do_all_of_what_is_refused_below(
    site: str, login: httpx.BasicAuth, token: dict[str, str]
) -> None:
    method, path = READ
    assert httpx.request(method, site + path, auth=login).status_code == 200
    assert httpx.post(site + WRITE[1], json=SOME_FLOW, auth=login, headers=token).is_success


@pytest.mark.parametrize(
    "path", ["admin/settings", "admin/version", "csrf-token?client=x", "flows/1", "hello"]
)
@pytest.mark.parametrize("auth", [None, ("runlore", ""), ("runlore", "guessed"), ("", "")])
def test_nothing_is_read_without_the_login(
    site: str, path: str, auth: tuple[str, str] | None
) -> None:
    assert httpx.get(f"{site}/api/{path}", auth=auth).status_code == 401


def test_nothing_is_written_without_the_login(site: str, token: dict[str, str]) -> None:
    assert httpx.post(site + WRITE[1], json=SOME_FLOW, headers=token).status_code == 401
    assert httpx.post(site + WRITE[1], json=SOME_FLOW).status_code == 403


@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9"},
        {"host": "evil.example"},
        {"host": "evil.example", "origin": "http://evil.example"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [READ, WRITE, ("OPTIONS", WRITE[1]), ("GET", "/")])
def test_foreign_pages_and_names_are_refused_even_with_the_login(
    site: str,
    login: httpx.BasicAuth,
    token: dict[str, str],
    foreign: dict[str, str],
    method: str,
    path: str,
) -> None:
    told = None if method != "POST" else SOME_FLOW
    answer = httpx.request(method, site + path, json=told, auth=login, headers=token | foreign)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_what_a_foreign_page_may_send_without_permission_is_not_taken(
    site: str, login: httpx.BasicAuth, token: dict[str, str], kind: str | None
) -> None:
    headers = token | ({"content-type": kind} if kind else {})
    body = json.dumps(SOME_FLOW).encode()
    answer = httpx.post(site + WRITE[1], content=body, headers=headers, auth=login)
    assert answer.status_code == 415


def test_a_write_needs_a_token_that_only_a_reader_gets(
    site: str, login: httpx.BasicAuth, token: dict[str, str]
) -> None:
    forged = token | {"Prefect-Csrf-Token": "forged"}
    for headers in ({}, forged):
        answer = httpx.post(site + WRITE[1], json=SOME_FLOW, auth=login, headers=headers)
        assert answer.status_code == 403


def test_an_answer_names_no_other_origin(site: str, login: httpx.BasicAuth) -> None:
    own = httpx.get(site + READ[1], auth=login, headers={"origin": site})
    assert own.headers["access-control-allow-origin"] == site


async def heard(url: str, first: list[str], **options: Any) -> str:
    """The first message that the server sends, or why it sends none."""
    try:
        async with websockets.connect(url, **options) as socket:
            for text in first:
                await socket.send(text)
            return str(await asyncio.wait_for(socket.recv(), 10))
    except websockets.ConnectionClosed:
        return "closed"
    except websockets.InvalidStatus as error:
        return str(error.response.status_code)


@pytest.mark.parametrize("path", SOCKETS)
def test_a_socket_without_the_login_is_closed(site: str, path: str) -> None:
    url = f"ws{site.removeprefix('http')}{path}"
    speaks = {"subprotocols": [Subprotocol("prefect")]}
    guess = json.dumps({"type": "auth", "token": "runlore:guessed"})
    listen = json.dumps({"type": "filter", "filter": {}})
    assert asyncio.run(heard(url, [listen])) in ("403", "closed")
    assert asyncio.run(heard(url, [listen], **speaks)) == "closed"
    assert asyncio.run(heard(url, [guess, listen], **speaks)) == "closed"


def test_a_socket_of_a_foreign_page_is_refused_even_with_the_login(
    site: str, login: httpx.BasicAuth, prefect_server: Stack
) -> None:
    url = f"ws{site.removeprefix('http')}/api/events/out"
    speaks = {"subprotocols": [Subprotocol("prefect")]}
    text = read_login(prefect_server.settings.home).text
    first = [json.dumps({"type": "auth", "token": text})]
    assert "auth_success" in asyncio.run(heard(url, first, **speaks))
    foreign = Origin("http://evil.example")
    assert asyncio.run(heard(url, first, origin=foreign, **speaks)) == "403"


@pytest.mark.usefixtures("worker")
def test_a_run_of_a_registered_deployment_runs(client: SyncPrefectClient) -> None:
    state = ended(client, client.read_deployment_by_name("ab/attacked").id)
    assert state.is_completed(), state


@pytest.mark.usefixtures("worker")
def test_a_deployment_brings_no_command_of_its_own(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    template = client.read_work_pool("runlore").base_job_template
    assert template == pool.TEMPLATE
    assert "{{" not in json.dumps(template)
    command = {"command": f"touch {tmp_path / 'ran'}"}
    with pytest.raises(PrefectHTTPStatusError, match="422"):
        smuggle(client, "command", entrypoint="flows.experiments.ab", job_variables=command)


@pytest.mark.usefixtures("worker")
def test_the_worker_takes_no_command_from_the_pool_either(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    command = f"touch {tmp_path / 'ran'}"
    changed = {**pool.TEMPLATE, "job_configuration": {"command": command}}
    client.update_work_pool("runlore", WorkPoolUpdate(base_job_template=changed))
    state = ended(client, client.read_deployment_by_name("ab/attacked").id)
    assert state.is_completed(), state
    assert not (tmp_path / "ran").exists()
    pool.ensure(client)
    assert client.read_work_pool("runlore").base_job_template == pool.TEMPLATE


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("how", ["file", "module", "steps"])
def test_the_run_of_a_smuggled_deployment_does_not_run(
    client: SyncPrefectClient, tmp_path: Path, how: str
) -> None:
    ran = tmp_path / "ran"
    file = tmp_path / "smuggled.py"
    file.write_text(f"open({str(ran)!r}, 'w')\nfrom prefect import flow\n@flow\ndef go(): ...\n")
    step = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {ran}"}}
    options: dict[str, Any] = {
        "file": {"path": str(tmp_path), "entrypoint": f"{file}:go"},
        "module": {"entrypoint": "tests.flows.trivial.add", "parameters": {"left": 1, "right": 1}},
        "steps": {"entrypoint": "flows.experiments.ab", "pull_steps": [step]},
    }
    state = ended(client, smuggle(client, how, **options[how]))
    assert state.is_crashed(), state
    assert "deployments/prefect.yaml" in str(state.message) or "steps" in str(state.message)
    assert not ran.exists()


def smuggle(client: SyncPrefectClient, name: str, **options: Any) -> UUID:
    flow_id = client.create_flow_from_name("intruder")
    return client.create_deployment(flow_id, name, work_pool_name="runlore", **options)


def ended(client: SyncPrefectClient, deployment_id: UUID) -> State[Any]:
    """How a new run of a deployment ends."""
    run = client.create_flow_run_from_deployment(deployment_id)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        state = client.read_flow_run(run.id).state
        if state is not None and state.is_final():
            return state
        time.sleep(0.2)
    raise AssertionError(f"the run has not ended after {PATIENCE_S} s")
