"""A worker looks when a place is free, when a run is due, and once for many reasons."""

import asyncio
import contextlib
import time

from flows.wakeups import SETTLE_S, Wakeups


async def first_look(wakeups: Wakeups) -> float:
    began = time.monotonic()
    async for _ in wakeups.each():
        break
    return time.monotonic() - began


def test_it_looks_when_the_place_of_a_run_is_free() -> None:
    async def look() -> float:
        wakeups = Wakeups()
        wakeups.add()
        return await asyncio.wait_for(first_look(wakeups), 5)

    assert asyncio.run(look()) >= SETTLE_S * 0.9


def test_a_new_alarm_takes_the_place_of_the_one_before() -> None:
    async def look() -> float:
        wakeups = Wakeups()
        wakeups.set_alarm(0.0)
        wakeups.set_alarm(0.3)
        return await asyncio.wait_for(first_look(wakeups), 5)

    assert asyncio.run(look()) >= 0.27


def test_many_reasons_are_one_look() -> None:
    async def looks() -> int:
        wakeups, count = Wakeups(), 0
        for _ in range(50):
            wakeups.add(0.0)

        async def look() -> None:
            nonlocal count
            async for _ in wakeups.each():
                count += 1

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(look(), 2.5 * SETTLE_S)
        return count

    assert asyncio.run(looks()) == 1
