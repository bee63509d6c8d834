"""Bodies in and out: read up to a limit, and written without detours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response

from bentos.errors import TooLarge

T = TypeVar("T")
READERS, RECORDERS = 16, 8
"""At work at once in one process: together no more than the database's pool has connections.

Recorders wait while states are rebuilt; those who only read must not wait behind them.
"""


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
    """The whole body; raises TooLarge before it is too much to keep."""
    largest_mb = request.app.state.limits.largest_mb
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > largest_mb << 20:
            raise TooLarge(f"the body is larger than {largest_mb} MiB; send less at once")
        parts.append(part)
    return b"".join(parts)


async def in_thread(request: Request, work: Callable[[], T], *, is_recording: bool = False) -> T:
    """Do what waits for the database away from the event loop.

    When the request's time is over it goes on, but nobody waits for it any more.
    """
    limits: Limits = request.app.state.limits
    limiter = limits.recorders if is_recording else limits.readers
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)


def json_response(body: str | bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
