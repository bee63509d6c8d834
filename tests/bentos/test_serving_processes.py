"""`runlore serve` with two workers: what listens, and what lives as long as what."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from bentos import worker

pytestmark = pytest.mark.slow
PATIENCE_S = 120.0
COUNTED = re.compile(
    r'^runlore_requests_total\{.*route="/openapi.json".*\} ([\d.]+)$', re.MULTILINE
)


@dataclass
class Service:
    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def family(self) -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def workers(self) -> list[psutil.Process]:
        return [one for one in self.family() if is_worker(one)]

    def is_well(self) -> bool:
        try:
            return httpx.get(f"{self.url}/livez", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def is_worker(process: psutil.Process) -> bool:
    try:
        return "bentos.worker" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def wait_until(is_true: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def start(home: Path) -> Service:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("RUNLORE_")}
    given = inherited | {"RUNLORE_HOME": str(home), "RUNLORE_SERVE_WORKERS": "2"}
    log = home / "serving.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "runlore.cli", "serve", "--port", str(port)],
            env=given,
            stdout=output,
            stderr=output,
        )
    service = Service(process, port, log)
    wait_until(service.is_well, log)
    wait_until(lambda: ready_workers(service) == 2, log)
    return service


def ready_workers(service: Service) -> int:
    """How many workers serve: each has taken its counters' file when it has answered."""
    httpx.get(f"{service.url}/docs.json", trust_env=False)
    workers = {worker.pid for worker in service.workers()}
    files = (service.log.parent / "bentoml").rglob("counter_*.db")
    return len(workers & {int(path.stem.partition("_")[2]) for path in files})


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    one = start(home)
    yield one
    if one.process.poll() is None:
        one.process.terminate()
        one.process.wait(60)


def test_one_port_is_open_and_no_other(service: Service) -> None:
    listening = {
        (found.laddr.ip, found.laddr.port)
        for process in service.family()
        for found in process.net_connections(kind="inet")
        if found.status == psutil.CONN_LISTEN or found.type == socket.SOCK_DGRAM
    }

    assert listening == {("127.0.0.1", service.port)}
    assert len(service.workers()) == 2


def test_metrics_are_those_of_all_workers(service: Service) -> None:
    for _ in range(40):
        httpx.get(f"{service.url}/openapi.json", trust_env=False)

    wait_until(lambda: counted(service) >= 40, service.log)
    assert counted(service) == 40


def test_metrics_of_several_workers_are_valid_open_metrics(service: Service) -> None:
    headers = {"Accept": "application/openmetrics-text"}
    page = httpx.get(f"{service.url}/metrics", headers=headers, trust_env=False).text
    families = {one.name: one for one in text_string_to_metric_families(page)}
    assert families["runlore_request_duration_seconds"].type == "histogram"
    processes = {sample.labels["process"] for sample in families["process_open_fds"].samples}
    assert {"supervisor", "worker 1", "worker 2"} <= processes


def counted(service: Service) -> float:
    text = httpx.get(f"{service.url}/metrics", trust_env=False).text
    return sum(map(float, COUNTED.findall(text)))


def test_the_bounds_of_connections_hold(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nx: " + b"a" * 70_000)
        assert sock.recv(100).startswith(b"HTTP/1.1 431")


def test_bodies_that_were_cut_off_give_their_memory_back(service: Service) -> None:
    before = memory_mb(service)
    for _ in range(5):
        cut_off(service, clients=40)

    wait_until(lambda: memory_mb(service) < before + 60, service.log)
    assert service.is_well()


def memory_mb(service: Service) -> float:
    return sum(worker.memory_info().rss for worker in service.workers()) / 2**20


def cut_off(service: Service, clients: int) -> None:
    """Clients that announce 8 MB, send 7 MB at the same time, and vanish."""
    header = f"POST /predict/failure-risk HTTP/1.1\r\nhost: x\r\ncontent-length: {8 << 20}\r\n\r\n"
    socks = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(clients)]
    for sock in socks:
        sock.sendall(header.encode())
    for _ in range(7):
        for sock in socks:
            sock.sendall(b" " * (1 << 20))
    for sock in socks:
        sock.close()


def test_a_worker_that_was_killed_is_replaced(service: Service) -> None:
    fallen, other = service.workers()

    fallen.kill()

    assert service.is_well()
    wait_until(lambda: len(service.workers()) == 2, service.log)
    wait_until(lambda: ready_workers(service) == 2, service.log)
    assert other.pid in {worker.pid for worker in service.workers()}


def test_sigterm_ends_all_with_a_clean_exit(service: Service) -> None:
    family = service.family()
    kept = httpx.Client(base_url=service.url, trust_env=False)
    assert kept.get("/livez").status_code == 200

    service.process.send_signal(signal.SIGTERM)

    assert service.process.wait(60) == 0
    wait_until(lambda: not any(one.is_running() for one in family), service.log)
    assert "Traceback" not in service.log.read_text()
    kept.close()


def test_workers_end_with_a_supervisor_that_was_killed(home: Path) -> None:
    service = start(home)
    family = service.family()

    service.process.kill()
    service.process.wait()

    wait_until(lambda: not any(one.is_running() for one in family), service.log)


def test_a_supervisor_that_had_not_read_all_ends_its_worker_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end of the lifeline is reset then, and not merely closed."""
    ours, theirs = socket.socketpair()
    ours.send(b"ready")
    theirs.close()
    ended: list[int] = []
    monkeypatch.setattr(worker.os, "kill", lambda _pid, number: ended.append(number))
    monkeypatch.setattr(worker.os, "_exit", ended.append)
    monkeypatch.setattr(worker.time, "sleep", lambda _seconds: None)
    with ours:
        worker._end_with(ours)
    assert ended == [signal.SIGTERM, 1]
