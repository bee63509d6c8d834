"""Figures that are counted once for all who ask."""

import asyncio

import pytest

from bentos.http.timed_cache import TimedCache


def test_those_who_ask_at_once_wait_for_one_count() -> None:
    counted: list[int] = []

    async def count() -> int:
        await asyncio.sleep(0)
        counted.append(1)
        return len(counted)

    async def ask() -> list[int]:
        kept = TimedCache[int](60)
        return [*await asyncio.gather(*(kept.get(count) for _ in range(5))), await kept.get(count)]

    assert asyncio.run(ask()) == [1] * 6


def test_who_leaves_does_not_end_the_count_for_the_next() -> None:
    async def ask() -> int:
        kept, may_end = TimedCache[int](60), asyncio.Event()

        async def count() -> int:
            await may_end.wait()
            return 7

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await kept.get(count)
        may_end.set()
        return await kept.get(count)

    assert asyncio.run(ask()) == 7


def test_what_failed_or_is_old_is_counted_again() -> None:
    tries: list[int] = []

    async def count() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("away")
        return len(tries)

    async def ask() -> list[int]:
        kept = TimedCache[int](0)
        with pytest.raises(OSError, match="away"):
            await kept.get(count)
        return [await kept.get(count), await kept.get(count)]

    assert asyncio.run(ask()) == [2, 3]
