"""uvicorn's server without its ten ticks a second, which are most of what an idle server costs."""

import asyncio
from types import FrameType

import uvicorn

TICK_S = 1.0  # the header `Date` is renewed with each tick


class QuietServer(uvicorn.Server):
    """Ends at once when a signal asks for it, and does nothing but tick once a second till then."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._exit = asyncio.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):  # 0: also renew the headers
            try:
                await asyncio.wait_for(self._exit.wait(), TICK_S)
            except TimeoutError:
                continue

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._exit.set)
