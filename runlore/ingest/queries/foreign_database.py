"""Reading rows out of a database that is not ours, through SQLAlchemy: read-only, in chunks."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine, make_url

from runlore.kernel.errors import BadInput, Unavailable, one_line
from runlore.kernel.redaction import hide, without_login

Address = URL

CONNECT_S = 10
READ_ONLY_MYSQL = "SET SESSION TRANSACTION READ ONLY"
# Dialect or module that is missing -> the package that has it.
PACKAGES = {
    "MySQLdb": "mysqlclient",
    "bigquery": "sqlalchemy-bigquery",
    "clickhouse": "clickhouse-sqlalchemy",
    "databricks": "databricks-sqlalchemy",
    "duckdb": "duckdb-engine",
    "hive": "pyhive",
    "psycopg2": "psycopg2-binary",
    "redshift": "sqlalchemy-redshift",
    "snowflake": "snowflake-sqlalchemy",
    "trino": "trino",
}


@dataclass(frozen=True)
class RowQuery:
    """What to read: all rows of a query or a table, in the order of a column if there is one.

    query: SQL; None: all columns of `table`. after: a column that only grows.
    """

    query: str | None
    table: str | None
    after: str | None = None

    def statement(self, connection: Connection, *, has_bound: bool) -> str:
        """SQL; with a bound it has the parameter `bound`, the smallest value to read."""
        quoted = connection.dialect.identifier_preparer.quote
        if self.query is None:
            parts = (self.table or "").split(".")
            rows = ".".join(quoted(part) for part in parts)
        else:
            plain = self.query.strip().rstrip(";").replace(":", r"\:")  # it has no parameters
            if self.after is None:
                return plain
            rows = f"({plain}) "
            rows += "incoming" if connection.dialect.name == "oracle" else "AS incoming"
        if self.after is None:
            return f"SELECT * FROM {rows}"  # noqa: S608  (the user's own table)
        column = quoted(self.after)
        where = f" WHERE {column} >= :bound OR {column} IS NULL" if has_bound else ""
        return f"SELECT * FROM {rows}{where} ORDER BY {column}"  # noqa: S608


@dataclass(frozen=True)
class RowChunk:
    """Some rows by column, in the order in which the database returned them."""

    columns: Mapping[str, Sequence[Any]]
    rows: int


def read_address(url: str, password: str | None) -> Address:
    """Read the address of a database. password: used when it has a user without one.

    The password is hidden from everything that is shown or logged. Raises BadInput.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise BadInput(
            "url: it is not an address such as sqlite:///runs.db or"
            " postgresql://user@host/database",
            "url",
        ) from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if password is not None and parsed.password is None and parsed.username is not None:
        parsed = parsed.set(password=password)
    if parsed.password is not None:
        hide(str(parsed.password))
    return parsed


def shown(url: URL) -> str:
    """The address without its login and secret parameters."""
    return without_login(url.set(username=None, password=None).render_as_string())


@contextmanager
def opened(url: URL) -> Iterator[Connection]:
    """A connection on which nothing can be written; it is rolled back in the end.

    Raises BadInput when the driver is not installed or there is no such file, and Unavailable.
    """
    engine = _engine(url)
    try:
        with _named_errors(url), engine.connect() as connection:
            if url.get_backend_name() in ("mysql", "mariadb"):
                connection.exec_driver_sql(READ_ONLY_MYSQL)
                connection.rollback()
            yield connection
    finally:
        engine.dispose()


def read_chunks(
    connection: Connection,
    query: RowQuery,
    bound: Any,  # noqa: ANN401  (a value of any ordered type)
    chunk_rows: int,
) -> Iterator[RowChunk]:
    """All rows, a chunk at a time; the server holds the others. bound: None: from the first on.

    The first chunk comes even without rows, since it names the columns.
    """
    text = sa.text(query.statement(connection, has_bound=bound is not None))
    values = {} if bound is None else {"bound": bound}
    options = {"stream_results": True, "max_row_buffer": chunk_rows}
    with _named_errors(connection.engine.url):
        result = connection.execution_options(**options).execute(text, values)
        names = list(result.keys())
        _check_names(names, query)
        is_first = True
        for rows in result.partitions(chunk_rows):
            yield RowChunk(dict(zip(names, zip(*rows, strict=True), strict=True)), len(rows))
            is_first = False
        if is_first:
            yield RowChunk(dict.fromkeys(names, ()), 0)


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return sa.create_engine(
                "sqlite://", creator=lambda: _sqlite(url), poolclass=sa.NullPool
            )
        arguments: dict[str, Any] = {}
        if url.get_backend_name() == "postgresql" and url.get_driver_name() == "psycopg":
            options = str(url.query.get("options", ""))
            arguments = {
                "options": f"{options} -c default_transaction_read_only=on".strip(),
                "connect_timeout": CONNECT_S,
            }
        return sa.create_engine(url, connect_args=arguments, poolclass=sa.NullPool)
    except exc.NoSuchModuleError as error:
        raise _missing(url, url.get_backend_name()) from error
    except ModuleNotFoundError as error:
        raise _missing(url, error.name or url.get_driver_name()) from error


def _missing(url: URL, module: str) -> BadInput:
    package = PACKAGES.get(module, module)
    return BadInput(
        f"url: {url.drivername} needs the Python package {package}, which is not installed; install"
        f" it beside Runlore, as in `pip install {package}`",
        "url",
    )


def _sqlite(url: URL) -> sqlite3.Connection:
    """SQLite itself refuses to write to a file that is opened so."""
    path = Path(url.database or "")
    if not path.is_file():
        raise BadInput(f"url: {path}: there is no such SQLite file", "url")
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, check_same_thread=False
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def _named_errors(url: URL) -> Iterator[None]:
    try:
        yield
    except exc.DBAPIError as error:
        said = one_line(error.orig or error)[:300]
        if error.connection_invalidated or isinstance(error, exc.InterfaceError):
            raise Unavailable(f"{shown(url)}: {said}") from None
        if isinstance(error, exc.OperationalError) and url.get_backend_name() != "sqlite":
            raise Unavailable(f"{shown(url)}: {said}") from None
        raise BadInput(f"{shown(url)}: {said}", "query") from None
    except exc.SQLAlchemyError as error:
        raise BadInput(f"{shown(url)}: {one_line(error)[:300]}", "query") from None


def _check_names(names: Sequence[str], query: RowQuery) -> None:
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"query: it has two columns {name!r}; rename one with AS", "query")
    if query.after is not None and query.after not in names:
        raise BadInput(
            f"after: there is no column {query.after!r}; there are {', '.join(names)}", "after"
        )
