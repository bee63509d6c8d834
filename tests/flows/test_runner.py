"""Both task runners on a real Prefect server."""

import os
import socket
import ssl
import time
from typing import Literal

import httpx
import psutil
import pytest
from distributed import LocalCluster
from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterTags

from flows.runner import in_process, task_runner
from runlore.settings import Settings
from runlore.stack import Stack
from tests.flows import trivial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TASKS = 12
USUAL_PORT = 8787


def processes(prefect_server: Stack, runner: Literal["threads", "dask"]) -> set[int]:
    """The runs are tagged with the runner's name."""
    settings = prefect_server.settings.model_copy(update={"task_runner": runner, "workers": 2})
    with in_process(settings), tags(runner):
        return trivial.spread.with_options(task_runner=task_runner(settings))(TASKS)


def completed(prefect_server: Stack, runner: Literal["threads", "dask"], wanted: int) -> int:
    """Task runs that the server has as completed; it writes them down a moment later."""
    deadline = time.monotonic() + 60
    tagged = TaskRunFilter(tags=TaskRunFilterTags(all_=[runner]))
    with in_process(prefect_server.settings), get_client(sync_client=True) as client:
        while True:
            states = [run.state for run in client.read_task_runs(task_run_filter=tagged)]
            done = sum(state is not None and state.is_completed() for state in states)
            if done >= wanted or time.monotonic() > deadline:
                return done
            time.sleep(0.2)


def test_threads_run_tasks_in_this_process_and_all_are_recorded(prefect_server: Stack) -> None:
    assert processes(prefect_server, "threads") == {os.getpid()}
    assert completed(prefect_server, "threads", TASKS) == TASKS


def test_dask_runs_tasks_in_processes_of_its_own_and_all_are_recorded(
    prefect_server: Stack,
) -> None:
    used = processes(prefect_server, "dask")
    assert len(used) == 2
    assert os.getpid() not in used
    assert completed(prefect_server, "dask", TASKS) == TASKS


def test_dask_listens_on_this_machine_alone_at_ports_that_nobody_else_wants() -> None:
    runner = task_runner(Settings(task_runner="dask", workers=2))
    before = listening()
    with LocalCluster(**runner.cluster_kwargs):
        found = listening() - before
    assert len(found) > 4
    assert {host for _, host, _ in found} == {"127.0.0.1"}
    assert USUAL_PORT not in {port for _, _, port in found}


def test_dask_runs_nothing_for_another_user_of_this_machine() -> None:
    runner = task_runner(Settings(task_runner="dask", workers=1))
    before = listening()
    with LocalCluster(**runner.cluster_kwargs) as cluster:
        assert cluster.scheduler_address.startswith("tls://")
        ports = {port for _, _, port in listening() - before}
        pages = {port for port in ports if speaks_http(port)}
        assert len(pages) == 2
        for port in pages:
            url = f"http://127.0.0.1:{port}"
            assert httpx.get(f"{url}/info/main/workers.html").status_code == 404
            assert httpx.get(f"{url}/metrics").status_code == 404
            assert httpx.post(f"{url}/api/v1/retire_workers", json={}).status_code == 404
        for port in ports - pages:
            with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
                connect_without_a_certificate(port)


def speaks_http(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        try:
            return plain.recv(5) == b"HTTP/"
        except OSError:
            return False


def connect_without_a_certificate(port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain) as encrypted,
    ):
        encrypted.recv(1)


def listening() -> set[tuple[int, str, int]]:
    """Of this process and its children: whose, at which address, on which port."""
    own = psutil.Process()
    return {
        (process.pid, each.laddr.ip, each.laddr.port)
        for process in (own, *own.children(recursive=True))
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }


def test_a_flow_does_not_wait_for_its_heartbeat(prefect_server: Stack) -> None:
    with in_process(prefect_server.settings):
        trivial.add(1, 1)
        began = time.monotonic()
        for _ in range(3):
            trivial.add(1, 1)
        assert time.monotonic() - began < 3.0
