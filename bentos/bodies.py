"""Bodies in and out: read up to a limit, and written without detours."""

from collections.abc import Callable
from typing import Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response

from bentos.errors import TooLarge

T = TypeVar("T")
LARGEST_BYTES = 16 << 20
THREADS = 16
"""At work on requests at once, in one process; the database's connections are enough for them."""


async def read_body(request: Request) -> bytes:
    """The whole body; raises TooLarge before it is too much to keep."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BYTES:
            raise TooLarge(f"the body is larger than {LARGEST_BYTES >> 20} MiB; send less at once")
        parts.append(part)
    return b"".join(parts)


async def in_thread(request: Request, work: Callable[[], T]) -> T:
    """Do what waits for the database away from the event loop.

    When the request's time is over it goes on, but nobody waits for it any more.
    """
    state: Any = request.app.state
    if not hasattr(state, "threads"):
        state.threads = CapacityLimiter(THREADS)
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=state.threads)


def json_response(body: str | bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
