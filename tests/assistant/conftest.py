"""A log of 10,000 runs and a service with the tools, shared by all tests of a module."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from handmade import SPECS, write_bundle

from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions import api_keys, states
from runlore.settings import Settings
from runlore.store.engine import Store
from runlore.store.partitions import ensure_months
from tests.assistant.runs_log import START, hostile_rows, write_many, write_runs
from tests.bentos.conftest import live_versions, served
from tests.tables import empty_tables

RUNS = 10_000


@pytest.fixture(scope="module")
def log(database: Store) -> Store:
    """10,000 runs, two of which failed; then the hostile ones, and a metric."""
    empty_tables(database)
    write_many(database, RUNS)
    write_runs(database, hostile_rows(RUNS))
    with database.connect() as connection:
        ensure_months(connection, "metrics", START, START)
        connection.execute(
            "INSERT INTO runlore.metrics (source, name, scope, at, value, known_at)"
            " SELECT 'm', 'load', 'web', at, 10 + 5 * sin(n * pi() / 12), at FROM ("
            " SELECT n, %s + n * interval '1 hour' AS at FROM generate_series(0, 400) AS n) AS p",
            (START,),
        )
        connection.execute(
            "INSERT INTO runlore.series (source, name, scope) VALUES ('m', 'load', 'web')"
        )
    return database


Service = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture(scope="module")
def serve_tools(
    log: Store, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Service:
    """What serves both versions from the log on this machine, with settings by name."""
    folder = tmp_path_factory.mktemp("versions")
    paths = {
        name: write_bundle(folder / name, name, has_quantiles=name == "duration") for name in SPECS
    }
    live = live_versions(paths, "wall")
    for one in live.values():
        states.activate(log, one.bundle.plan)
    home = tmp_path_factory.mktemp("home")

    def serve(**chosen: Any) -> AbstractContextManager[httpx.Client]:
        serving = Serving(tuple(SPECS), store=log, live=dict(live))
        return served(serving, Settings(home=home, **chosen))

    return serve


@pytest.fixture(scope="module")
def service(serve_tools: Service) -> Iterator[httpx.Client]:
    """With the default settings."""
    with serve_tools() as client:
        yield client


@pytest.fixture(scope="module")
def keys(log: Store) -> dict[str, str]:
    """A key of each scope, by its name."""
    scopes = {name: name.split("-") for name in ("read", "record", "predict", "read-record")}
    return {
        name: api_keys.create(log, f"{name}-user", listed, instants.now()).text
        for name, listed in scopes.items()
    }
