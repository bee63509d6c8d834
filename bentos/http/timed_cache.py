"""Cache what takes long to compute: one computation serves all requests for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class TimedCache(Generic[T]):
    """max_age_s: of a value. Whoever stops waiting does not stop the computation for others."""

    def __init__(self, max_age_s: float) -> None:
        self._max_age_s = max_age_s
        self._until = float("-inf")
        self._task: asyncio.Task[T] | None = None

    async def get(self, compute: Callable[[], Awaitable[T]]) -> T:
        task = self._task
        if task is None or (task.done() and self._is_over(task)):
            task = self._task = asyncio.create_task(self._compute(compute))
        return await asyncio.shield(task)

    async def _compute(self, compute: Callable[[], Awaitable[T]]) -> T:
        value = await compute()
        self._until = monotonic() + self._max_age_s
        return value

    def _is_over(self, done: asyncio.Task[T]) -> bool:
        return done.cancelled() or done.exception() is not None or monotonic() >= self._until
