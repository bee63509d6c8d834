"""Bodies in and out: read up to a limit, and written without detours."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bentos.http.errors import ClientGone, Overloaded, TooLarge

T = TypeVar("T")
MOST_QUEUED = 100
"""For one of these, in one process, each with its body."""

READERS, RECORDERS = 16, 8
"""At work at once in one process: together no more than the database's pool has connections.

Recorders wait while states are rebuilt; those who only read must not wait behind them.
"""

log = logging.getLogger("runlore.serving")


@dataclass(frozen=True)
class Limits:
    readers: CapacityLimiter
    recorders: CapacityLimiter
    largest_mb: int
    """Of a body, in MiB."""

    @classmethod
    def usual(cls, largest_mb: int) -> "Limits":
        return cls(CapacityLimiter(READERS), CapacityLimiter(RECORDERS), largest_mb)


async def read_body(request: Request) -> bytes:
    """The whole body; raises TooLarge before it is too much to keep, ClientGone when it ends."""
    largest_mb = request.app.state.limits.largest_mb
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > largest_mb << 20:
                raise TooLarge(f"the body is larger than {largest_mb} MiB; send less at once")
            parts.append(part)
    except ClientDisconnect as error:
        raise ClientGone(f"the client went away after {size} bytes") from error
    return b"".join(parts)


async def in_thread(request: Request, work: Callable[[], T], *, is_recording: bool = False) -> T:
    """Do what waits for the database away from the event loop.

    Raises Overloaded when too many wait already. When the request's time is over it goes on, but
    nobody waits for it any more. Until it ends it counts as at work: so many connections does it
    take.
    """
    limits: Limits = request.app.state.limits
    limiter = limits.recorders if is_recording else limits.readers
    if limiter.statistics().tasks_waiting >= MOST_QUEUED:
        raise Overloaded(f"{MOST_QUEUED} requests of this sort wait already; try again later")
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


def json_response(body: str | bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
