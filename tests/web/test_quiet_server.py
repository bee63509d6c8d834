"""An idle server does nothing but tick once a second, and ends at once when it is asked to."""

import asyncio
import signal
import time

import uvicorn

from runlore.web.quiet_server import QuietServer


class Counting(QuietServer):
    ticks = 0

    async def on_tick(self, counter: int) -> bool:
        self.ticks += 1
        return await super().on_tick(counter)


async def app(scope: object, receive: object, send: object) -> None:
    """Nobody asks it."""


def test_it_ticks_once_a_second_and_ends_at_once() -> None:
    server = Counting(uvicorn.Config(app, log_config=None))
    ended = 0.0

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            nonlocal ended
            ended = time.monotonic()
            server.handle_exit(signal.SIGTERM, None)

        loop.call_later(1.5, end)
        await server.main_loop()

    asyncio.run(run())
    assert time.monotonic() - ended < 0.3
    assert server.ticks == 3
    assert any(name == b"date" for name, _ in server.server_state.default_headers)
