"""Requests per minute over several workers: never more than the limit, nearly never fewer."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import text

from bentos.access.rate_limit import OwnMinutes, RateLimiter, SharedMinutes
from bentos.http.errors import TooMany
from runlore.kernel.errors import Unavailable
from runlore.serving.queries.rate_windows import RateLease
from runlore.store.engine import Store


@pytest.fixture
def minute(store: Store) -> Iterator[Store]:
    """The store, early enough in a minute to end in the same one."""
    with store.begin() as connection:
        passed = connection.scalar(text("SELECT extract(second FROM clock_timestamp())::float8"))
    if passed > 45:
        time.sleep(60.05 - passed)
    return store


def admitted(store: Store, limit: int, clients: int, most: int) -> int:
    """How many requests one worker lets in, of clients that make up to `most` at once."""

    async def client(meter: RateLimiter) -> int:
        for count in range(most):
            try:
                await meter.take("key ci")
            except TooMany:
                return count
        return most

    async def work(minutes: SharedMinutes) -> int:
        meter = RateLimiter(limit, minutes)
        return sum(await asyncio.gather(*(client(meter) for _ in range(clients))))

    with closing(SharedMinutes(lambda: store, limit)) as minutes:
        return asyncio.run(work(minutes))


@pytest.mark.parametrize(("limit", "clients"), [(50, 1), (500, 20), (5000, 4)])
def test_eight_workers_let_in_the_limit_and_no_more(
    minute: Store, limit: int, clients: int
) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: admitted(minute, limit, clients, limit), range(8)))
    assert sum(found) == limit


def test_what_idle_workers_hold_is_less_than_a_hundredth(minute: Store) -> None:
    limit = 5000
    idle = sum(admitted(minute, limit, 1, 1) for _ in range(7))
    busy = admitted(minute, limit, 4, limit)
    assert idle == 7
    assert 0.99 * limit <= idle + busy <= limit


def test_a_refusal_says_when_the_next_minute_begins_and_costs_no_statement() -> None:
    asked = []

    def leasing(wanted: Mapping[str, int]) -> Mapping[str, RateLease]:
        asked.append(dict(wanted))
        return {each: RateLease(1, 0, 20.5) for each in wanted}

    async def work() -> None:
        meter = RateLimiter(1, leasing)
        assert await meter.take("ann") == 0
        for _ in range(3):
            with pytest.raises(TooMany, match="1 requests were made this minute") as refused:
                await meter.take("ann")
            assert refused.value.headers == {
                "Retry-After": "21",
                "RateLimit-Limit": "1",
                "RateLimit-Remaining": "0",
            }
        assert await meter.take("bob") == 0

    asyncio.run(work())
    assert asked == [{"ann": 1}, {"bob": 1}]


def test_those_who_come_together_are_leased_for_together() -> None:
    asked = []

    def leasing(wanted: Mapping[str, int]) -> Mapping[str, RateLease]:
        asked.append(dict(wanted))
        return {each: RateLease(number, 5, 60) for each, number in wanted.items()}

    async def work() -> None:
        meter = RateLimiter(100, leasing)
        await asyncio.gather(*(meter.take("ann") for _ in range(10)), meter.take("bob"))

    asyncio.run(work())
    assert asked == [{"ann": 10, "bob": 1}]


def test_what_was_leased_in_a_minute_is_not_used_in_the_next() -> None:
    async def work() -> int:
        asked = []

        def leasing(wanted: Mapping[str, int]) -> Mapping[str, RateLease]:
            asked.append(wanted)
            return {each: RateLease(10, 90, 0.05) for each in wanted}

        meter = RateLimiter(100, leasing)
        await meter.take("ann")
        await meter.take("ann")
        await asyncio.sleep(0.06)
        await meter.take("ann")
        return len(asked)

    assert asyncio.run(work()) == 2


def test_when_nobody_can_count_nobody_is_let_in_and_it_is_tried_again() -> None:
    answers: list[RateLease | Exception] = [Unavailable("away"), RateLease(1, 9, 60)]

    def leasing(wanted: Mapping[str, int]) -> Mapping[str, RateLease]:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return dict.fromkeys(wanted, found)

    async def work() -> None:
        meter = RateLimiter(10, leasing)
        with pytest.raises(Unavailable):
            await meter.take("ann")
        assert await meter.take("ann") == 9

    asyncio.run(work())


def test_a_client_that_leaves_while_it_waits_takes_nothing() -> None:
    def leasing(wanted: Mapping[str, int]) -> Mapping[str, RateLease]:
        time.sleep(0.1)
        return {each: RateLease(1, 0, 60) for each in wanted}

    async def work() -> None:
        meter = RateLimiter(1, leasing)
        gone = asyncio.create_task(meter.take("ann"))
        await asyncio.sleep(0.02)
        gone.cancel()
        assert await meter.take("ann") == 0

    asyncio.run(work())


def test_a_process_without_a_database_counts_for_itself() -> None:
    minutes = OwnMinutes(5)
    found = [minutes({"ann": 2})["ann"] for _ in range(4)]
    assert [each.chunk for each in found] == [2, 2, 1, 0] or found[0].left_s < 1
    assert minutes({"bob": 1})["bob"].chunk == 1
