"""The application with a real database and versions made by hand, on a real port."""

import asyncio
import importlib
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from handmade import SPECS, write_bundle
from sqlalchemy import exists, insert, select

from bentos.app.application import application
from bentos.predict import handler
from bentos.predict.follower import Follower
from bentos.predict.live_versions import Live, Serving, load
from bentos.predict.request_schema import Clock
from runlore.app import App
from runlore.kernel import deadlines
from runlore.registry import Registry, connect
from runlore.serving.actions import states
from runlore.settings import Settings
from runlore.store.engine import Store, open_store
from runlore.store.schema import feature_histories, feature_states
from tests.tables import empty_tables

Serve = Callable[..., httpx.Client]
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx reads certifi's for each client


class QuickServer(uvicorn.Server):
    """A server that looks every 5 ms, not every 100 ms, whether it is to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.has_started.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:
            await asyncio.sleep(0.005)


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("versions")
    return {name: write_bundle(folder / name, name) for name in SPECS}


@pytest.fixture(scope="session")
def loaded(versions: dict[str, Path]) -> dict[str, Live]:
    """The versions with the clock of the wall, loaded once; no test may change them."""
    return live_versions(versions, "wall")


@pytest.fixture(scope="session")
def histories(database: Store, loaded: dict[str, Live]) -> list[dict[str, Any]]:
    """The rows that say which histories are kept, as activating on an empty log leaves them."""
    empty_tables(database)
    for live in loaded.values():
        states.activate(database, live.bundle.plan)
    with database.begin() as connection:
        assert not connection.scalar(select(exists(feature_states.select())))
        return [dict(row) for row in connection.execute(select(feature_histories)).mappings()]


@pytest.fixture
def serving(histories: list[dict[str, Any]], store: Store, loaded: dict[str, Live]) -> Serving:
    """Serves both versions from a store that keeps their histories."""
    with store.begin() as connection:
        connection.execute(insert(feature_histories), histories)
    return Serving(tuple(SPECS), store=store, live=dict(loaded))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """What serves a Serving, with settings by name, until the test ends."""
    with ExitStack() as stack:
        yield lambda serving, **chosen: stack.enter_context(served(serving, Settings(**chosen)))


@pytest.fixture
def client(serve: Serve, serving: Serving) -> httpx.Client:
    return serve(serving)


@pytest.fixture
def replaying(serve: Serve, serving: Serving, versions: dict[str, Path]) -> httpx.Client:
    """A service whose clock is the record's."""
    serving.clock = "record"
    serving.live = live_versions(versions, "record")
    return serve(serving)


def live_versions(versions: dict[str, Path], clock: Clock) -> dict[str, Live]:
    return {name: load(path, "7", name, clock) for name, path in versions.items()}


@contextmanager
def _patience() -> Iterator[None]:
    """A machine that stands still for seconds fails no test; those of deadlines set their own."""
    edge = importlib.import_module("bentos.app.application")
    with pytest.MonkeyPatch.context() as patch:
        if handler.ANSWER_S == deadlines.ANSWER_S:
            patch.setattr(handler, "ANSWER_S", 50.0)
        if edge.REQUEST_S == deadlines.REQUEST_S:
            patch.setattr(edge, "REQUEST_S", 60.0)
        yield


@contextmanager
def served(serving: Serving, settings: Settings) -> Iterator[httpx.Client]:
    @asynccontextmanager
    async def opened(_: App) -> AsyncIterator[Serving]:
        yield serving

    app = application(opened, settings)
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="on", proxy_headers=False)
    server = QuickServer(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.has_started.wait(60)
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        with (
            _patience(),
            httpx.Client(
                base_url=url, timeout=70, trust_env=False, verify=NO_AUTHORITIES
            ) as client,
        ):
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Registry]]:
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    settings = Settings(home=folder, database_url=None, mlflow_tracking_uri=None)
    with open_store(settings) as store:
        yield settings, connect(settings, store)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def follower(home: tuple[Settings, Registry]) -> Iterator[Follower]:
    settings, registry = home
    for alias in ("champion", "challenger"):
        registry.remove_alias("failure-risk", alias)
    found = Follower(App(settings), Serving(("failure-risk", "duration")))
    yield found
    found.close()
