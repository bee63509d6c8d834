"""The queries of a group of predictions, run on the event loop.

By asyncpg: a group is two statements, for which psycopg's asynchronous connection takes about twice
the time of the processor (ADR 18).
"""

from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy.engine import URL

from runlore.kernel.deadlines import CLOSE_S, COMMAND_S, LEDGER_WRITE_MS
from runlore.kernel.errors import Misconfigured, Stalled
from runlore.serving.queries import feature_states
from runlore.serving.queries.feature_states import Floats, Name
from runlore.settings import Settings
from runlore.store import engine
from runlore.store.engine import LIVENESS, Store, cannot_write, session, unavailable

AsyncConnection: TypeAlias = asyncpg.Connection

# The parts of a database address that asyncpg takes over; session settings come on top.
UNDERSTOOD = {
    *("host", "port", "user", "password", "passfile", "service", "krbsrvname", "gsslib"),
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"),
}

OF_SESSIONS = {*LIVENESS, "connect_timeout", "options", "application_name"}
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    OSError,  # TimeoutError is one
)
FULL = (
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ConfigurationLimitExceededError,
    asyncpg.PostgresIOError,
)
READ = "SELECT * FROM runlore.read_states($1, $2, $3)"


def check(settings: Settings) -> None:
    """Raises Misconfigured, as `address`, for the database that the settings name."""
    if settings.database_url is not None:
        address(engine.connect(engine.database_url(settings)).engine.url)


async def connect(store: Store) -> AsyncConnection:
    """Open a connection. Raises Unavailable; Misconfigured as `address`."""
    try:
        return await asyncpg.connect(**address(store.engine.url))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise unavailable(store.engine.url, error) from error


async def close(connection: AsyncConnection) -> None:
    """Close the connection in an orderly way, as far as that is possible."""
    try:
        await connection.close(timeout=CLOSE_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()


@contextmanager
def watched(store: Store) -> Iterator[None]:
    """A connection lost half-way is `Unavailable`, a statement that took too long `Stalled`, one
    for which the server has no room `CannotWrite`."""
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        raise Stalled(str(unavailable(store.engine.url, error))) from error
    except FULL as error:
        raise cannot_write(store.engine.url, error) from error
    except LOST as error:
        raise unavailable(store.engine.url, error) from error


def address(url: URL) -> dict[str, Any]:
    """Translate the address for asyncpg. Raises Misconfigured for what it does not understand."""
    unknown = url.query.keys() - UNDERSTOOD - OF_SESSIONS
    if unknown:
        raise Misconfigured(
            f"RUNLORE_DATABASE_URL: the prediction service does not understand {min(unknown)!r}"
            " in an address; leave it out"
        )
    settings = session(url)
    query = {name: value for name, value in url.query.items() if name in UNDERSTOOD}
    plain = url.set(drivername="postgresql", query=query)
    return {
        "dsn": plain.render_as_string(hide_password=False),
        "timeout": float(settings["connect_timeout"]),
        "command_timeout": COMMAND_S,
        "server_settings": {
            "options": f"{settings['options']} -c statement_timeout={LEDGER_WRITE_MS}",
            "application_name": str(settings["application_name"]),
        },
    }


async def read_states(
    connection: AsyncConnection, names: Iterable[Name]
) -> tuple[dict[Name, Floats], datetime]:
    """Like `feature_states.read_states`, on the event loop."""
    ordered = sorted(set(names))
    async with AsyncExitStack() as stack:
        if len(ordered) > feature_states.MOST_LOCKED:
            await stack.enter_async_context(connection.transaction())
            await connection.execute(feature_states.EXCLUSIVE)
        row = await connection.fetchrow(READ, *feature_states.read_parameters(ordered))
    return feature_states.parse_states(ordered, row)
