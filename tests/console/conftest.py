"""The console on a real port, over the small world of the products' tests."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from runlore.store.engine import Store
from runlore.web.login import read_login
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
    """A browser at a service with RUNLORE_API_KEYS=off: it asks nobody, but for a name in forms."""
    return _browser(serve, serving, world, short_tmp, api_keys="off")


@pytest.fixture
def unknown(serve: Serve, serving: Serving, world: Store, short_tmp: Path) -> httpx.Client:  # noqa: F811
    """A browser on this machine that has not signed in, at a service with the default settings."""
    return _browser(serve, serving, world, short_tmp)


@pytest.fixture
def signed_in(unknown: httpx.Client, short_tmp: Path) -> httpx.Client:
    """The same after it has signed in by the home's login: what it does, `runlore` has done."""
    answer = log_in(unknown, read_login(short_tmp).password)
    assert answer.status_code == 303, answer.text
    return unknown


@pytest.fixture
def locked(serve: Serve, serving: Serving, world: Store, short_tmp: Path) -> httpx.Client:  # noqa: F811
    """A browser at a service that asks everybody for a key."""
    return _browser(serve, serving, world, short_tmp, api_keys="required")


def _browser(
    serve: Serve,  # noqa: F811
    serving: Serving,  # noqa: F811
    world: Store,
    folder: Path,
    **settings: Any,
) -> httpx.Client:
    products_world.fill(world)
    client = serve(serving, home=folder, database_url=world.url, **settings)
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
    """Log in with a key or a password; waits for a key that the service may not have read yet."""
    if key.startswith("rl_"):
        await_key(client, key)
    token = form_token(client.get("/console/login", params={"next": target}).text)
    form = {"form_token": token, "key": key, "next": target}
    return client.post("/console/login", data=form)


def await_key(client: httpx.Client, key: str) -> None:
    """Until the service knows a new key. Failures to sign in are limited, those of keys are not."""
    until = time.monotonic() + 60
    headers = {"x-api-key": key, "accept": "*/*"}
    while client.get("/", headers=headers).status_code not in (200, 403):
        assert time.monotonic() < until
        time.sleep(0.02)
