from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from runlore.kernel.errors import Misconfigured
from runlore.store import prefect_schema
from runlore.store.engine import Store, connect
from runlore.store.prefect_schema import (
    SEARCH_PATH_VARIABLE,
    URL_VARIABLE,
    is_used,
    opened,
    prefect_variables,
)


@pytest.fixture
def guest(empty: Store) -> Iterator[Store]:
    """A role that may use the database and create nothing in it."""
    with empty.begin() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text("CREATE ROLE guest LOGIN"))
        connection.execute(text(f'GRANT CONNECT ON DATABASE "{name}" TO guest'))
        connection.execute(text("GRANT guest TO runlore"))
    as_guest = make_url(empty.url).update_query_dict({"options": "-c role=guest"})
    store = connect(as_guest.render_as_string(hide_password=False))
    yield store
    store.engine.dispose()
    with empty.begin() as connection:
        connection.execute(text("DROP OWNED BY guest"))
        connection.execute(text("DROP ROLE guest"))


def test_prefect_has_a_schema_of_its_own_and_finds_the_extension_there(empty: Store) -> None:
    variables = prefect_variables(empty)
    assert variables[SEARCH_PATH_VARIABLE] == "prefect"
    assert variables[URL_VARIABLE].startswith("postgresql+asyncpg://runlore@/")
    with opened(variables) as tables, tables.begin() as connection:
        assert connection.scalar(text("SELECT current_schema()")) == "prefect"
        assert connection.scalar(text("SELECT similarity('abc', 'abc')")) == 1.0


def test_an_extension_that_is_elsewhere_stays_there_and_is_found(empty: Store) -> None:
    with empty.begin() as connection:
        connection.execute(text("CREATE EXTENSION pg_trgm SCHEMA public"))
    variables = prefect_variables(empty)
    assert variables[SEARCH_PATH_VARIABLE] == "prefect,public"
    with opened(variables) as tables, tables.begin() as connection:
        assert connection.scalar(text("SELECT current_schema()")) == "prefect"
        assert connection.scalar(text("SELECT similarity('abc', 'abc')")) == 1.0


def test_many_at_once_make_one_schema(empty: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(prefect_variables, [empty] * 8))
    assert all(variables == made[0] for variables in made)


def test_tables_are_used_once_a_flow_is_known(empty: Store) -> None:
    variables = prefect_variables(empty)
    with opened(variables) as tables:
        assert not is_used(tables)
        with tables.begin() as connection:
            connection.execute(text("CREATE TABLE flow (id int)"))
        assert not is_used(tables)
        with tables.begin() as connection:
            connection.execute(text("INSERT INTO flow VALUES (1)"))
        assert is_used(tables)


def test_options_of_libpq_are_translated_for_asyncpg() -> None:
    url = make_url(
        "postgresql+psycopg://me:hush@db:5433/x?sslmode=verify-full&sslrootcert=/ca.pem"
        "&options=-cwork_mem%3D7MB&keepalives_idle=9"
    )
    address = prefect_schema._address(url).render_as_string(hide_password=False)
    assert address == "postgresql+asyncpg://me:hush@db:5433/x?ssl=verify-full"
    assert prefect_schema._of_environment(url.query) == {"PGSSLROOTCERT": "/ca.pem"}


def test_a_role_without_rights_gets_an_error_that_says_what_to_grant(guest: Store) -> None:
    with pytest.raises(Misconfigured, match=r"grant it CREATE on the database, or name a Prefect"):
        prefect_variables(guest)


def test_a_server_without_contrib_modules_is_named_with_the_remedy(
    empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefect_schema, "EXTENSION", "no_such_extension")
    with pytest.raises(Misconfigured, match=r"no extension 'no_such_extension'.*contrib modules"):
        prefect_variables(empty)
