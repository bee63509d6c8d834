"""What must happen when the server begins to end, before it waits for its connections."""

from collections.abc import Awaitable, Callable

_calls: list[Callable[[], Awaitable[None]]] = []


def at_end(call: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Have something called, on the event loop, when the server ends. Returns what undoes this."""
    _calls.append(call)
    return lambda: _calls.remove(call)


async def begin_end() -> None:
    for call in list(_calls):
        await call()
