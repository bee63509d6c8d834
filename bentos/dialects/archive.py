"""What takes long to count: counted once for all who ask, and kept for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """lasting_s: how old an answer may be. Whoever leaves does not end the counting for others."""

    def __init__(self, lasting_s: float) -> None:
        self._lasting_s = lasting_s
        self._until = float("-inf")
        self._counting: asyncio.Task[T] | None = None

    async def get(self, count: Callable[[], Awaitable[T]]) -> T:
        known = self._counting
        if known is None or (known.done() and self._is_over(known)):
            known = self._counting = asyncio.create_task(self._count(count))
        return await asyncio.shield(known)

    async def _count(self, count: Callable[[], Awaitable[T]]) -> T:
        found = await count()
        self._until = monotonic() + self._lasting_s
        return found

    def _is_over(self, done: asyncio.Task[T]) -> bool:
        return done.cancelled() or done.exception() is not None or monotonic() >= self._until
