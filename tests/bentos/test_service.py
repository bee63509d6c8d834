"""`runlore serve` as people run it: a process, a port, workers, Ctrl-C."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from handmade import register, write_bundle

from bentos.http.metric_buffer import FLUSH_S
from runlore.kernel import instants
from runlore.registry import Registry, connect
from runlore.serving.actions import api_keys
from runlore.settings import Settings
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow
NAME = "failure-risk"
ANN = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4}}
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def registry(home: Path) -> Iterator[Registry]:
    settings = Settings(home=home, database_url=None, mlflow_tracking_uri=None)
    with open_store(settings) as store:
        yield connect(settings, store)


@contextmanager
def running(home: Path, **variables: str) -> Iterator[tuple[httpx.Client, subprocess.Popen]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("RUNLORE_")}
    environment = inherited | {"RUNLORE_HOME": str(home)} | variables
    log = home / "serving.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "runlore.cli", "serve", "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as one:
            wait_until(one, process, log)
            yield one, process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def wait_until(client: httpx.Client, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(httpx.TransportError):
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail(log.read_text())


def test_from_no_champion_to_one_to_another_without_a_failed_request(
    home: Path, registry: Registry, tmp_path: Path
) -> None:
    with running(home) as (client, process):
        early = client.post(f"/predict/{NAME}", json=ANN)
        assert early.status_code == 503
        assert "runlore train failure-risk" in early.json()["detail"]
        versions = [
            register(registry, write_bundle(tmp_path / str(n), NAME, n)).version for n in range(3)
        ]
        registry.set_alias(NAME, "champion", versions[0])
        wait_for_version(client, versions[0])
        answers, stop = asked_meanwhile(client.base_url)
        for version in versions[1:]:
            registry.set_alias(NAME, "champion", version)
            wait_for_version(client, version)
        stop()
        assert {status for status, _ in answers} == {200}
        seen = [version for _, version in answers]
        assert sorted(set(seen)) == sorted(versions)
        assert seen == sorted(seen, key=versions.index)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert time.monotonic() - began < 20
    log = (home / "serving.log").read_text()
    assert "Traceback" not in log


def wait_for_version(client: httpx.Client, version: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = client.post(f"/predict/{NAME}", json=ANN)
        if answer.status_code == 200 and answer.json()["version"] == version:
            return
        time.sleep(0.05)
    pytest.fail(f"version {version} did not go live: {answer.text}")


def asked_meanwhile(base_url: httpx.URL):
    answers: list[tuple[int, str]] = []
    stopped = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=base_url, timeout=30, trust_env=False) as client:
            while not stopped.is_set():
                told = client.post(f"/predict/{NAME}", json=ANN)
                answers.append((told.status_code, told.json().get("version", "")))

    thread = threading.Thread(target=ask)
    thread.start()

    def stop() -> None:
        stopped.set()
        thread.join()

    return answers, stop


def test_workers_share_their_metrics_and_one_ledger(
    home: Path, registry: Registry, tmp_path: Path
) -> None:
    ref = register(registry, write_bundle(tmp_path / "w", NAME, 77))
    registry.set_alias(NAME, "champion", ref.version)
    with running(home, RUNLORE_SERVE_WORKERS="2") as (client, _):
        wait_for_version(client, ref.version)
        before = settled(client, ref.version)
        ids = []
        for _ in range(30):
            with httpx.Client(base_url=client.base_url, timeout=30, trust_env=False) as fresh:
                told = fresh.post(f"/predict/{NAME}", json=ANN).raise_for_status()
                ids.append(told.json()["id"])
        assert settled(client, ref.version, before + 30) == before + 30
        for each in ids:
            assert client.get(f"/predictions/{each}").status_code == 200
        broken = client.get("/executions/1%0A2")
        told = (broken.status_code, broken.headers["content-type"])
        assert told == (404, "application/problem+json")


def settled(client: httpx.Client, version: str, least: float = 1.0) -> float:
    """The count once it is at least that and stays for longer than workers gather theirs."""
    until, count, since = time.monotonic() + 60, 0.0, time.monotonic()
    while time.monotonic() < until:
        now = answered(client, version)
        if now != count:
            count, since = now, time.monotonic()
        if count >= least and time.monotonic() > since + 2 * FLUSH_S:
            break
        time.sleep(0.05)
    return count


def answered(client: httpx.Client, version: str) -> float:
    wanted = f'runlore_predictions_total{{spec="{NAME}",status="200",version="{version}"}}'
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(wanted):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def test_all_workers_ask_for_keys_on_the_short_way_too_and_share_one_limit(
    home: Path, registry: Registry, tmp_path: Path
) -> None:
    ref = register(registry, write_bundle(tmp_path / "k", NAME, 78))
    registry.set_alias(NAME, "champion", ref.version)
    settings = Settings(home=home, database_url=None)
    variables = {
        "RUNLORE_API_KEYS": "required",
        "RUNLORE_SERVE_WORKERS": "2",
        "RUNLORE_RATE_LIMIT_PER_MINUTE": "60",
    }
    with open_store(settings) as store, running(home, **variables) as (client, _):
        made = api_keys.create(store, "ci", ["predict"], instants.now())
        headers = {"Authorization": f"Bearer {made.text}"}
        until = time.monotonic() + 60
        let_in = []  # in which minute; also by a worker that has loaded no version yet
        while (status := fresh(client, headers).status_code) != 200 and time.monotonic() < until:
            let_in += [instants.now().minute] * (status != 401)
            time.sleep(0.2)
        let_in.append(instants.now().minute)
        time.sleep(1)  # by then the other worker knows the key, too
        assert {fresh(client, {}).status_code for _ in range(10)} == {401}
        if not 1 <= instants.now().second <= 40:  # then a minute may begin in between
            time.sleep((61 - instants.now().second) % 60)
            assert fresh(client, headers).status_code == 200
            let_in.append(instants.now().minute)
        counted = let_in.count(instants.now().minute)
        statuses = [fresh(client, headers).status_code for _ in range(80)]
        assert [statuses.count(each) for each in (200, 429)] == [60 - counted, 20 + counted]
        api_keys.revoke(store, made.key.id, instants.now())
        time.sleep(2)
        assert {fresh(client, headers).status_code for _ in range(20)} == {401}
    assert made.text.split("_")[2] not in (home / "serving.log").read_text()


def fresh(client: httpx.Client, headers: dict[str, str]) -> httpx.Response:
    """A prediction over a connection of its own, which any worker may get."""
    with httpx.Client(base_url=client.base_url, timeout=30, trust_env=False) as one:
        return one.post(f"/predict/{NAME}", json=ANN, headers=headers)


def test_a_given_address_is_bound_and_a_connection_that_rests_is_kept(
    home: Path, registry: Registry
) -> None:
    with running(home) as (client, _):
        port = client.base_url.port
        resting = HTTPConnection("127.0.0.1", port)
        for pause_s in (6, 0):
            resting.request("GET", "/livez")
            answer = resting.getresponse()
            assert (answer.status, answer.read()) == (200, b"\n")
            time.sleep(pause_s)
        resting.close()
        with socket.socket() as other:
            other.settimeout(2)
            assert other.connect_ex((own_address(), port)) != 0


def own_address() -> str:
    """This machine's address beyond loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address beyond loopback")
        return probe.getsockname()[0]


def test_what_a_client_says_of_its_address_passes_no_limit(home: Path, registry: Registry) -> None:
    """The real server: uvicorn would believe X-Forwarded-For of this machine by itself."""
    given = {"RUNLORE_RATE_LIMIT_PER_MINUTE": "4", "RUNLORE_API_KEYS": "off"}
    with running(home, **given) as (client, _):
        if (passed := instants.now().second) > 50:
            time.sleep(60.5 - passed)
        statuses = [
            client.get("/metrics", headers={"X-Forwarded-For": f"9.9.9.{number}"}).status_code
            for number in range(6)
        ]
        assert statuses == [200] * 4 + [429] * 2
        for path in ("/docs", "/livez", "/docs.json", "/static_content/swagger-ui.css", "/nowhere"):
            headers = client.get(path).headers
            assert headers.get_list("x-frame-options") == ["DENY"], path
            assert headers.get_list("x-content-type-options") == ["nosniff"], path
        answer = client.post("/predict/failure-risk", json=ANN)
        assert answer.headers.get_list("x-frame-options") == ["DENY"]
