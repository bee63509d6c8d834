"""Databases of their own, for tests that make or break a whole one."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from runlore.store.engine import Store, connect


@pytest.fixture
def make_database(database: Store) -> Callable[[str], str]:
    """Makes a new, empty database beside the tests' own; the result is its address."""

    def make(name: str) -> str:
        url = make_url(database.url)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return url.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture
def empty(make_database: Callable[[str], str]) -> Iterator[Store]:
    store = connect(make_database("empty"))
    yield store
    store.engine.dispose()
