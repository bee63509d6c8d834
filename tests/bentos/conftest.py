"""The application with a real database and versions made by hand, on a real port."""

import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from handmade import SPECS, write_bundle

from bentos.app.application import application
from bentos.predict.follower import Follower
from bentos.predict.live_versions import Live, Serving, load
from bentos.predict.request_schema import Clock
from runlore.app import App
from runlore.registry import Registry, connect
from runlore.serving.actions import states
from runlore.settings import Settings
from runlore.store.engine import Store, open_store

Serve = Callable[..., httpx.Client]


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("versions")
    return {name: write_bundle(folder / name, name) for name in SPECS}


@pytest.fixture
def serving(store: Store, versions: dict[str, Path]) -> Serving:
    live = live_versions(versions, "wall")
    for each in live.values():
        states.activate(store, each.bundle.plan)
    return Serving(tuple(SPECS), store=store, live=live)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """What serves a Serving, with settings by name, until the test ends."""
    with ExitStack() as stack:
        yield lambda serving, **chosen: stack.enter_context(_served(serving, Settings(**chosen)))


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
def _served(serving: Serving, settings: Settings) -> Iterator[httpx.Client]:
    @asynccontextmanager
    async def opened(_: App) -> AsyncIterator[Serving]:
        yield serving

    app = application(opened, settings)
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="on", proxy_headers=False)
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def tell(*args: object, **kwargs: object) -> None:
        await startup(*args, **kwargs)
        started.set()

    server.startup = tell
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(20)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as one:
            yield one
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
