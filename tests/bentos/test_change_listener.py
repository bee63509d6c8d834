"""A follower hears of a change at once, and looks seldom while it hears."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bentos.predict.change_listener import ChangeListener
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.store.engine import Store, connect


def move_alias(store: Store) -> None:
    with alias_history.writing(store) as history:
        history.add(Change("risk", "champion", "2", "rollback", "ann", "it was better"))


def hearing(
    store: Callable[[], Store | None], do: Callable[[asyncio.Event], Awaitable[float]]
) -> float:
    async def run() -> float:
        listener = ChangeListener(store)
        wake = listener.subscribe()
        listener.start()
        try:
            while not listener.is_hearing:
                await asyncio.wait_for(wake.wait(), 5)
                wake.clear()
            return await do(wake)
        finally:
            listener.stop()

    return asyncio.run(run())


def test_a_change_is_heard_when_it_is_committed(store: Store) -> None:
    async def change(wake: asyncio.Event) -> float:
        wake.clear()
        began = time.monotonic()
        await asyncio.to_thread(move_alias, store)
        await asyncio.wait_for(wake.wait(), 5)
        return time.monotonic() - began

    assert hearing(lambda: store, change) < 1.0


def test_it_hears_nothing_while_the_database_is_away_and_goes_on_when_it_is_back(
    store: Store,
) -> None:
    current = [connect("postgresql://nobody@127.0.0.1:1/none")]

    async def run() -> bool:
        listener = ChangeListener(lambda: current[0])
        listener.start()
        await asyncio.sleep(0.3)
        before = listener.is_hearing
        current[0] = store
        for _ in range(100):
            await asyncio.sleep(0.05)
            if listener.is_hearing:
                break
        listener.stop()
        return not before and listener.is_hearing

    assert asyncio.run(run())
