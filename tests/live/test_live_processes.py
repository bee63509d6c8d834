"""The live stream of `runlore serve`: a worker is killed, and the service stops."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from runlore.settings import Settings
from runlore.store.engine import Store, open_store
from runlore.store.live_outbox import Topic, publish
from tests.bentos.test_serving_processes import (  # noqa: F401  (fixtures)
    Service,
    home,
    service,
    wait_until,
)

pytestmark = pytest.mark.slow
PATIENCE_S = 60


@contextmanager
def opened(home: Path) -> Iterator[Store]:  # noqa: F811
    with open_store(Settings(home=home, database_url=None)) as store:
        yield store


def follow(service: Service, cursor: str = "") -> ClientConnection:  # noqa: F811
    after = f"?after={cursor}" if cursor else ""
    return connect(f"ws://127.0.0.1:{service.port}/ws/v3/ml-insights{after}", proxy=None)


def receive(client: ClientConnection, kind: str) -> dict:
    while (message := json.loads(client.recv(timeout=PATIENCE_S)))["type"] != kind:
        continue
    return message


def write(store: Store, number: int) -> None:
    with store.begin() as connection:
        publish(connection, Topic.ALERTS, "risk", {"number": number})


def numbers(client: ClientConnection) -> list[int]:
    return [event["data"]["number"] for event in receive(client, "events")["events"]]


def worker_of(service: Service, client: ClientConnection) -> int:  # noqa: F811
    port = client.local_address[1]
    for worker in service.workers():
        if any(c.raddr and c.raddr.port == port for c in worker.net_connections("tcp")):
            return worker.pid
    raise AssertionError(port)


def test_after_a_worker_was_killed_its_clients_go_on_at_another(
    service: Service,  # noqa: F811
    home: Path,  # noqa: F811
) -> None:
    with opened(home) as store, ExitStack() as stack:
        client = stack.enter_context(follow(service))
        cursor = receive(client, "hello")["cursor"]
        write(store, 1)
        assert numbers(client) == [1]
        psutil.Process(worker_of(service, client)).kill()
        with pytest.raises(ConnectionClosed):
            receive(client, "events")
        write(store, 2)
        wait_until(service.is_well, service.log)
        again = stack.enter_context(follow(service, cursor))
        seen = numbers(again)
        while len(seen) < 2:
            seen += numbers(again)
        assert seen == [1, 2]


def test_a_service_that_stops_sends_its_clients_away(
    service: Service,  # noqa: F811
) -> None:
    with follow(service) as client:
        receive(client, "hello")
        service.process.terminate()
        assert "the service stops" in receive(client, "end")["reason"]
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=PATIENCE_S)
        assert closed.value.rcvd.code == 1012
    assert service.process.wait(60) == 0
