"""The tables of the Prefect server: in the same database, in a schema of their own.

Prefect makes and migrates the tables itself. It needs the extension `pg_trgm`, which is of
PostgreSQL's contrib modules and trusted: whoever may create schemas may create it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from runlore.kernel.errors import Misconfigured
from runlore.store.advisory import exclusive
from runlore.store.engine import Store, connect

SCHEMA = "prefect"
EXTENSION = "pg_trgm"
LOCK = 7_236_950_203  # The advisory lock of making the schema; any number that never changes
FLOWS = f"{SCHEMA}.flow"
SUBJECT = "prefect records"
DRIVER = "postgresql+asyncpg"
URL_VARIABLE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
SEARCH_PATH_VARIABLE = "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_SEARCH_PATH"
# asyncpg reads these parts of an address from the environment, SQLAlchemy not from the address.
FROM_ENVIRONMENT = {
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
}


def prefect_variables(store: Store) -> dict[str, str]:
    """The environment by which a Prefect server uses the schema; it may hold a password."""
    try:
        with store.begin() as connection:
            search_path = _prepare(connection)
    except DBAPIError as error:
        raise _explained(error, store.engine.url) from error
    url = make_url(store.url)
    return {
        URL_VARIABLE: _address(url).render_as_string(hide_password=False),
        SEARCH_PATH_VARIABLE: search_path,
        **_of_environment(url.query),
    }


@contextmanager
def opened(variables: Mapping[str, str]) -> Iterator[Store]:
    """The tables at the address of these variables, for one process at a time."""
    url = make_url(variables[URL_VARIABLE])
    query = {name: value for name, value in url.query.items() if name != "ssl"}
    if "ssl" in url.query:
        query["sslmode"] = url.query["ssl"]
    of_libpq = {variable: name for name, variable in FROM_ENVIRONMENT.items()}
    query |= {of_libpq[name]: value for name, value in variables.items() if name in of_libpq}
    query["options"] = f"-csearch_path={variables.get(SEARCH_PATH_VARIABLE, SCHEMA)}"
    plain = url.set(drivername="postgresql", query=query)
    store = connect(plain.render_as_string(hide_password=False))
    try:
        with exclusive(store.url, SUBJECT):
            yield store
    finally:
        store.engine.dispose()


def is_used(store: Store) -> bool:
    """Whether a Prefect server has written to the tables: it knows a flow."""
    with store.begin() as connection:
        if connection.scalar(text(f"SELECT to_regclass('{FLOWS}')")) is None:
            return False
        return connection.scalar(text(f"SELECT 1 FROM {FLOWS} LIMIT 1")) is not None  # noqa: S608


def _prepare(connection: Connection) -> str:
    """Make the schema and the extension; return the search path that leads to both."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION} SCHEMA {SCHEMA}"))
    of_extension = connection.scalar(
        text(
            "SELECT quote_ident(nspname) FROM pg_extension"
            " JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = :name"
        ),
        {"name": EXTENSION},
    )
    return SCHEMA if of_extension == SCHEMA else f"{SCHEMA},{of_extension}"


def _address(url: URL) -> URL:
    """As SQLAlchemy gives it to asyncpg, which does not know libpq's names of options."""
    query = {name: url.query[name] for name in ("host", "port") if name in url.query}
    if "sslmode" in url.query:
        query["ssl"] = url.query["sslmode"]
    return url.set(drivername=DRIVER, query=query)


def _of_environment(query: Mapping[str, str | tuple[str, ...]]) -> dict[str, str]:
    return {
        variable: str(query[name]) for name, variable in FROM_ENVIRONMENT.items() if name in query
    }


def _explained(error: DBAPIError, url: URL) -> Exception:
    """What an administrator of the server must do, where that is what is missing."""
    other = "or name a Prefect server with RUNLORE_PREFECT_API_URL"
    where = f"database {url.database!r}"
    if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
        return Misconfigured(
            f"{where}: user {url.username!r} may not make the schema {SCHEMA!r} and the extension"
            f" {EXTENSION!r} ({error.orig}); grant it CREATE on the database, {other}"
        )
    if isinstance(error.orig, psycopg.errors.FeatureNotSupported | psycopg.errors.UndefinedFile):
        return Misconfigured(
            f"{where}: the server has no extension {EXTENSION!r}, which Prefect needs; install"
            f" PostgreSQL's contrib modules there, {other}. If it is an embedded server, processes"
            " of an older Runlore use it: end them first"
        )
    return error
