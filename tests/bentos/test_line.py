"""Connections that are opened when they are used."""

import asyncio
import socket
import time

import pytest

from bentos.http.connection import AsyncStoreConnection
from runlore.kernel.errors import Unavailable
from runlore.serving.queries.answering import AsyncConnection
from runlore.store.engine import Store, connect


async def select(connection: object) -> None:
    await connection.execute("SELECT 1")


def test_of_a_server_that_says_nothing_only_one_who_asks_waits() -> None:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store = connect(f"postgresql://127.0.0.1:{port}/nothing?connect_timeout=2")
        line = AsyncStoreConnection(lambda: store)

        async def asked() -> float:
            began = time.monotonic()
            with pytest.raises(Unavailable):
                await line.once(select)
            return time.monotonic() - began

        async def run() -> list[float]:
            return [await asked() for _ in range(3)]

        first, *others = asyncio.run(run())
    assert first > 1
    assert max(others) < 0.5


def test_after_a_refused_connection_the_next_one_is_tried_at_once(store: Store) -> None:
    away = connect("postgresql://127.0.0.1:1/nothing")
    stores = [away, store]
    line = AsyncStoreConnection(lambda: stores.pop(0))

    async def run() -> None:
        with pytest.raises(Unavailable):
            await line.once(select)
        await asyncio.sleep(0.1)
        await line.once(select)
        await line.close()

    asyncio.run(run())


def test_after_what_went_wrong_half_way_another_connection_is_used(store: Store) -> None:
    """Nobody knows what the first one is still busy with."""
    line = AsyncStoreConnection(lambda: store)

    async def pid(connection: AsyncConnection) -> int:
        return connection.get_server_pid()

    async def fail(_connection: AsyncConnection) -> None:
        raise ValueError("half-way")

    async def run() -> list[int]:
        pids = [await line.once(pid), await line.once(pid)]
        with pytest.raises(ValueError, match="half-way"):
            await line.once(fail)
        pids.append(await line.once(pid))
        await line.close()
        return pids

    first, same, other = asyncio.run(run())
    assert first == same
    assert other != first
