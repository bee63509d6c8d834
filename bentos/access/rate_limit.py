"""Requests per minute: let in from a chunk in memory, which the workers lease from one budget."""

import asyncio
import contextvars
from asyncio import Future, Task
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import ceil
from time import monotonic

from anyio import CapacityLimiter, to_thread

from bentos.http.connection import StoreConnection
from bentos.http.errors import TooMany
from runlore.kernel import instants
from runlore.serving.queries import rate_windows
from runlore.serving.queries.rate_windows import RateLease
from runlore.store.engine import Store

MINUTE_S, MINUTE_US = 60.0, 60_000_000

# From the waiting requests of each bucket to what is granted; may block, and raise Unavailable.
Leasing = Callable[[Mapping[str, int]], Mapping[str, RateLease]]


@dataclass(slots=True)
class _Budget:
    """left: requests that may be let in here. rest: that no worker has leased. until: monotonic."""

    left: int
    rest: int
    until: float


@dataclass
class RateLimiter:
    """limit: requests a minute, of each bucket. For one event loop."""

    limit: int
    leasing: Leasing
    _budgets: dict[str, _Budget] = field(default_factory=dict)
    _waiting: dict[str, list["Future[None]"]] = field(default_factory=dict)
    _task: "Task[None] | None" = None
    _swept_at: float = 0.0

    def __post_init__(self) -> None:
        self._one = CapacityLimiter(1)

    async def take(self, bucket: str) -> int:
        """Let one request in; how many more there may be. Raises TooMany, Unavailable."""
        while True:
            budget = self._current(bucket)
            if budget is None or (not budget.left and budget.rest):
                await self._leased(bucket)
            elif budget.left:
                budget.left -= 1
                return budget.left + budget.rest
            else:
                raise self._too_many(budget)

    def _current(self, bucket: str) -> _Budget | None:
        budget = self._budgets.get(bucket)
        return None if budget is None or monotonic() >= budget.until else budget

    async def _leased(self, bucket: str) -> None:
        """Wait until something is granted, or nothing is left."""
        news = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(bucket, []).append(news)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(
                self._run(), name="lease requests", context=contextvars.Context()
            )
        await news

    async def _run(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            try:
                await self._lease(waiting)
            except Exception as error:  # noqa: BLE001  (those who wait are told whatever it is)
                _settle(waiting, error)
            else:
                _settle(waiting)

    async def _lease(self, waiting: Mapping[str, list["Future[None]"]]) -> None:
        requested = {
            bucket: sum(not future.done() for future in futures)
            for bucket, futures in waiting.items()
            if (budget := self._current(bucket)) is None or (not budget.left and budget.rest)
        }
        if not requested:
            return
        began = monotonic()
        leases = await to_thread.run_sync(self.leasing, requested, limiter=self._one)
        for bucket, lease in leases.items():
            self._budgets[bucket] = _Budget(lease.chunk, lease.rest, began + lease.left_s)
        self._sweep(began)

    def _sweep(self, now: float) -> None:
        """Forget minutes that are over."""
        if now > self._swept_at + MINUTE_S:
            self._swept_at = now
            self._budgets = {
                key: budget for key, budget in self._budgets.items() if budget.until > now
            }

    def _too_many(self, budget: _Budget) -> TooMany:
        seconds = str(max(1, ceil(budget.until - monotonic())))
        headers = {"Retry-After": seconds, **rate_headers(self.limit, 0)}
        return TooMany(
            f"{self.limit} requests were made this minute; the next one begins in {seconds} s",
            headers,
        )


def rate_headers(limit: int, remaining: int) -> dict[str, str]:
    return {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(remaining)}


def _settle(waiting: Mapping[str, list["Future[None]"]], error: Exception | None = None) -> None:
    for future in chain.from_iterable(waiting.values()):
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


class SharedMinutes:
    """Leases from PostgreSQL: one budget for all workers of all hosts."""

    def __init__(self, store: Callable[[], Store], limit: int) -> None:
        self._connection, self._limit = StoreConnection(store), limit
        self._forgot_at = 0.0

    def __call__(self, requested: Mapping[str, int]) -> Mapping[str, RateLease]:
        leases = self._connection.use(
            lambda connection: rate_windows.lease(connection, self._limit, requested)
        )
        if monotonic() > self._forgot_at + MINUTE_S:
            self._forgot_at = monotonic()
            self._connection.use(rate_windows.forget)
        return leases

    def close(self) -> None:
        self._connection.close()


class OwnMinutes:
    """Leases where there is no database: a budget for this process alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._minute, self._granted = 0, dict[str, int]()

    def __call__(self, requested: Mapping[str, int]) -> Mapping[str, RateLease]:
        minute, into_us = divmod(instants.to_us(instants.now()), MINUTE_US)
        if minute != self._minute:
            self._minute, self._granted = minute, {}
        return {bucket: self._lease(bucket, n, into_us) for bucket, n in requested.items()}

    def _lease(self, bucket: str, requested: int, into_us: int) -> RateLease:
        rest = self._limit - self._granted.get(bucket, 0)
        chunk = min(rest, requested)
        self._granted[bucket] = self._granted.get(bucket, 0) + chunk
        return RateLease(chunk, rest - chunk, (MINUTE_US - into_us) / 1e6)

    def close(self) -> None:
        """Nothing is open."""
