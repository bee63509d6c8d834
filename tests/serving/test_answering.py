"""The answering path's own connection: where it goes, and what becomes of it."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from runlore.kernel.errors import Misconfigured, Unavailable
from runlore.serving.queries import answering
from runlore.store.engine import Store, connect

WHOLE = (
    "postgresql://ann:p%40ss@db:6543/things?sslmode=verify-full&sslrootcert=/ca.pem"
    "&connect_timeout=9&keepalives_idle=50&application_name=mine&options=-c%20work_mem%3D8MB"
)


def on(store: Store, work: Callable[[answering.AsyncConnection], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        connection = await answering.connect(store)
        try:
            with answering.watched(store):
                return await work(connection)
        finally:
            await answering.close(connection)

    return asyncio.run(run())


def test_an_address_says_the_same_to_both_drivers() -> None:
    told = answering.address(connect(WHOLE).engine.url)
    assert told["dsn"] == (
        "postgresql://ann:p%40ss@db:6543/things?sslmode=verify-full&sslrootcert=%2Fca.pem"
    )
    assert told["timeout"] == 9
    settings = told["server_settings"]
    assert settings["application_name"] == "mine"
    assert "-c tcp_keepalives_idle=5" in settings["options"]
    assert "-c work_mem=8MB -c TimeZone=UTC" in settings["options"]


def test_what_only_the_other_driver_understands_is_refused_by_name() -> None:
    url = connect("postgresql://host/things?channel_binding=require").engine.url
    with pytest.raises(Misconfigured, match="'channel_binding'"):
        answering.address(url)


def test_a_server_takes_what_is_said_about_sessions(store: Store) -> None:
    async def shown(connection: answering.AsyncConnection) -> list[str]:
        return [await connection.fetchval(f"SHOW {name}") for name in ("TimeZone", "jit")]

    assert on(connect(f"{store.url}&options=-c%20jit%3Don"), shown) == ["UTC", "on"]


def test_a_backend_that_is_ended_is_missed(store: Store) -> None:
    async def end(connection: answering.AsyncConnection) -> None:
        with store.begin() as other:
            other.exec_driver_sql("SELECT pg_terminate_backend(%s)", (connection.get_server_pid(),))
        await connection.fetchval("SELECT pg_sleep(5)")

    with pytest.raises(Unavailable, match="PostgreSQL at"):
        on(store, end)


def test_a_server_that_falls_silent_is_missed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "COMMAND_S", 0.3)
    with pytest.raises(Unavailable):
        on(store, lambda connection: connection.fetchval("SELECT pg_sleep(30)"))


def test_a_wrong_parameter_is_no_lost_connection(store: Store) -> None:
    with pytest.raises(asyncpg.DataError):
        on(store, lambda connection: connection.fetchval("SELECT $1::int", "x"))


def test_a_connection_that_does_not_come_about_is_unavailable() -> None:
    with hangs_up() as port, pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
        on(connect(f"postgresql://127.0.0.1:{port}/things?sslmode=disable"), asyncio.sleep)


@contextmanager
def hangs_up() -> Iterator[int]:
    """A port whose call is ended as soon as something was said."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(100)

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
