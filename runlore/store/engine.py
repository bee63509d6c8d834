"""The store: one SQLAlchemy engine per process."""

import atexit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import sqlalchemy
from pydantic import SecretStr
from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from runlore.kernel.deadlines import CONNECT_S, POOL_WAIT_S, UNACKNOWLEDGED_MS
from runlore.kernel.errors import CannotWrite, Misconfigured, Unavailable, one_line
from runlore.settings import Settings
from runlore.store import embedded
from runlore.store.migrate import migrate
from runlore.store.relocation import follow_home

Connection = sqlalchemy.Connection
T = TypeVar("T")
DRIVER = "postgresql+psycopg"
SCHEMES = {"postgres", "postgresql", DRIVER}
# How soon a server that vanished is noticed: milliseconds, then seconds.
LIVENESS = {
    "tcp_user_timeout": UNACKNOWLEDGED_MS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}

# How soon the server notices that a client vanished, whose locks others wait for.
MISSED_BY_SERVER = " ".join(
    f"-c tcp_{name}={value}" for name, value in LIVENESS.items() if name.startswith("keepalives_")
)

ENDED_BY_SERVER = (
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
# SQLSTATE: disk_full, out_of_memory, configuration_limit_exceeded, io_error
CANNOT_WRITE = {"53100", "53200", "53400", "58030"}
POOL_SIZE = 5
POOL_OVERFLOW = 20


@dataclass(frozen=True)
class Store:
    """The database that holds all records. `url` may hold a password: never show it."""

    url: str = field(repr=False)
    engine: sqlalchemy.Engine

    @contextmanager
    def begin(self) -> Iterator[sqlalchemy.Connection]:
        """A connection in a transaction: committed at the end, rolled back on an error."""
        connection = self._reach(self.engine.connect)
        with self.watched(), connection, connection.begin():
            yield connection

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection[Any]]:
        """The same as `begin` with psycopg's own connection, which knows COPY."""
        pooled = self._reach(self.engine.raw_connection)
        connection: psycopg.Connection[Any] = pooled.driver_connection  # type: ignore[assignment]
        try:
            with self.watched(), connection.transaction():
                yield connection
        finally:
            if connection.closed:
                pooled.invalidate()
            pooled.close()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A connection lost half-way is `Unavailable`, like one that never came about; a server
        that has no room is `CannotWrite`."""
        try:
            yield
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in CANNOT_WRITE:
                raise cannot_write(self.engine.url, error.orig) from error
            if not error.connection_invalidated:
                raise
            raise unavailable(self.engine.url, error.orig) from error
        except (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout) as error:
            if error.sqlstate in CANNOT_WRITE:
                raise cannot_write(self.engine.url, error) from error
            if error.sqlstate is not None and not isinstance(error, ENDED_BY_SERVER):
                raise
            raise unavailable(self.engine.url, error) from error

    def _reach(self, open_connection: Callable[[], T]) -> T:
        try:
            return open_connection()
        except exc.TimeoutError as error:
            busy = RuntimeError(f"all {POOL_SIZE + POOL_OVERFLOW} connections are in use")
            raise unavailable(self.engine.url, busy) from error
        except DBAPIError as error:
            raise unavailable(self.engine.url, error.orig) from error
        except psycopg.OperationalError as error:
            raise unavailable(self.engine.url, error) from error


def connect(url: str) -> Store:
    """Make the store of an address; no connection is opened yet."""
    parsed = _parse(url)
    engine = sqlalchemy.create_engine(
        parsed,
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_WAIT_S,
        connect_args=session(parsed),
    )
    return Store(parsed.render_as_string(hide_password=False), engine)


def dedicated(store: Store) -> psycopg.Connection[Any]:
    """A connection outside the pool; each statement is a transaction of its own."""
    return psycopg.connect(**_address(store.engine.url), autocommit=True)


def _address(url: URL) -> dict[str, Any]:
    plain = url.set(drivername="postgresql", query={}).render_as_string(hide_password=False)
    parameters = {name: str(value) for name, value in url.query.items()}
    return {"conninfo": plain, **parameters, **session(url)}


def session(url: URL) -> dict[str, str | int]:
    """The session parameters of an address: instants in UTC, its own options, and time limits."""
    options = url.query.get("options", "")
    liveness = {name: int(str(url.query.get(name, usual))) for name, usual in LIVENESS.items()}
    return {
        **liveness,
        "options": f"{MISSED_BY_SERVER} {options} -c TimeZone=UTC",
        "connect_timeout": int(str(url.query.get("connect_timeout", CONNECT_S))),
        "application_name": str(url.query.get("application_name", "runlore")),
    }


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """The store of these settings, with its server running and its tables up to date."""
    with _served(settings) as url:
        store = connect(url)
        try:
            migrate(store)
            if settings.database_url is None:
                follow_home(store.engine, settings.home)
            yield store
        finally:
            store.engine.dispose()


def database_url(settings: Settings) -> str:
    """The address of the database, whose embedded server stays up until this process ends."""
    if settings.database_url is not None:
        return _declared_url(settings.database_url)
    return _lasting(settings.home)


@cache
def _lasting(home: Path) -> str:
    lease = embedded.acquire(home)
    atexit.register(embedded.release, lease)
    return lease.url


@contextmanager
def _served(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield _declared_url(settings.database_url)
        return
    with embedded.running(settings.home) as url:
        yield url


def _declared_url(url: SecretStr) -> str:
    return _parse(url.get_secret_value()).render_as_string(hide_password=False)


def _parse(url: str) -> URL:
    """Read an address in any of its usual spellings; errors do not repeat it."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in SCHEMES:
        raise Misconfigured(
            "RUNLORE_DATABASE_URL: not an address like postgresql://user:password@host/database"
        )
    return parsed.set(drivername=DRIVER)


def unavailable(url: URL, cause: BaseException | None) -> Unavailable:
    reason = "no answer" if cause is None else one_line(cause)
    return Unavailable(f"{_named(url)}: {reason}")


def cannot_write(url: URL, cause: BaseException | None) -> CannotWrite:
    """The server's first line says what is full; further ones are hints of PostgreSQL's own."""
    first = next(iter(str(cause).splitlines()), "").strip()
    return CannotWrite(
        f"{_named(url)} cannot write: {first}. Nothing of this was written; make room there, then"
        " try again"
    )


def _named(url: URL) -> str:
    where = f"{url.host or url.query.get('host', 'localhost')}:{url.port or 5432}"
    return f"PostgreSQL at {where}, database {url.database!r}"
