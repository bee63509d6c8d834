"""The console on a real port, over the small world of the products' tests."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from runlore.store.engine import Store
from tests.bentos import products_world
from tests.bentos.conftest import (  # noqa: F401  (fixtures)
    Serve,
    histories,
    loaded,
    serve,
    serving,
    versions,
)

BROWSER = {"accept": "text/html,application/xhtml+xml"}
MakeKey = Callable[..., str]


@pytest.fixture
def world(store: Store) -> Store:
    """A store with something on every page. It is filled after `serving` has made its histories."""
    return store


@pytest.fixture
def console(serve: Serve, serving: Serving, world: Store, short_tmp: Path) -> httpx.Client:  # noqa: F811
    """A browser on this machine, where no key is needed."""
    products_world.fill(world)
    client = serve(serving, home=short_tmp, database_url=world.url)
    client.headers.update(BROWSER)
    return client


@pytest.fixture
def locked(serve: Serve, serving: Serving, world: Store, short_tmp: Path) -> httpx.Client:  # noqa: F811
    """A browser at a service that asks everybody for a key."""
    products_world.fill(world)
    settings = {"home": short_tmp, "database_url": world.url, "api_keys": "required"}
    client = serve(serving, **settings)
    client.headers.update(BROWSER)
    return client


@pytest.fixture
def make_key(world: Store) -> MakeKey:
    def make(*scopes: str, name: str = "ann") -> str:
        return api_keys.create(world, name, scopes, instants.now()).text

    return make


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


def log_in(client: httpx.Client, key: str, target: str = "/") -> httpx.Response:
    """Log in with a key that the service may not have read yet."""
    token = form_token(client.get("/console/login", params={"next": target}).text)
    form = {"form_token": token, "key": key, "next": target}
    until = time.monotonic() + 20
    while (answer := client.post("/console/login", data=form)).status_code == 401:
        assert time.monotonic() < until, answer.text
        time.sleep(0.02)
    return answer
