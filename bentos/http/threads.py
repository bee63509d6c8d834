"""Threads for what waits for the database: so many at once, so many in the queue."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request

from bentos.http.errors import Overloaded

T = TypeVar("T")
MAX_QUEUED = 100  # requests of one sort that wait in one process; each holds its body in memory
READERS = 16  # threads of one process; with RECORDERS no more than the pool has connections
RECORDERS = 8  # they wait while states are rebuilt; those who only read must not wait behind them

log = logging.getLogger("runlore.serving")


@dataclass(frozen=True)
class ThreadLimits:
    readers: CapacityLimiter
    recorders: CapacityLimiter

    @classmethod
    def default(cls) -> "ThreadLimits":
        return cls(CapacityLimiter(READERS), CapacityLimiter(RECORDERS))


async def in_thread(request: Request, work: Callable[[], T], *, is_recording: bool = False) -> T:
    """Run what waits for the database in a thread, away from the event loop.

    Raises Overloaded when too many requests wait already. After the request's deadline the thread
    goes on, but nobody waits for it; until it ends it counts, because it holds a connection.
    """
    limits: ThreadLimits = request.app.state.threads
    limiter = limits.recorders if is_recording else limits.readers
    if limiter.statistics().tasks_waiting >= MAX_QUEUED:
        raise Overloaded(f"{MAX_QUEUED} requests of this sort wait already; try again later")
    borrower = object()
    await limiter.acquire_on_behalf_of(borrower)
    task = asyncio.create_task(_worked(work, limiter, borrower))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_log_failure)
        raise


async def _worked(work: Callable[[], T], limiter: CapacityLimiter, borrower: object) -> T:
    """Give back what was borrowed when the thread is done, not when nobody waits any more."""
    try:
        return await anyio.to_thread.run_sync(work, limiter=CapacityLimiter(1))
    finally:
        limiter.release_on_behalf_of(borrower)


def _log_failure(task: "asyncio.Task[T]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.warning("after its request's time was over: %s", error)
