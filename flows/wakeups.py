"""When a worker should look for due runs, besides its own slow poll.

The Prefect server says over a websocket when a run is scheduled, as by "Quick run" in its pages,
by an automation, or by its scheduler ahead of time. While the websocket is away the poll is all.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

SCHEDULED = "prefect.flow-run.Scheduled"
AGAIN_S = 10.0  # before the next attempt to subscribe
SETTLE_S = 0.2  # from the end of a run until its place is free, and between two looks

log = logging.getLogger("runlore.worker")


class Wakeups:
    """Reasons to look, gathered: many at once are one look."""

    def __init__(self) -> None:
        self._reason = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None

    def add(self, after_s: float = SETTLE_S) -> None:
        """Look after so long, as when the place of a run that has ended is free."""
        asyncio.get_running_loop().call_later(after_s, self._reason.set)

    def set_alarm(self, after_s: float) -> None:
        """Look when the next run is due; takes the place of the alarm before."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(after_s, self._reason.set)

    async def each(self) -> AsyncIterator[None]:
        """Whenever there is a reason, SETTLE_S apart."""
        while True:
            await self._reason.wait()
            self._reason.clear()
            yield
            await asyncio.sleep(SETTLE_S)

    async def watch(self) -> None:
        """Until cancelled. Subscribes again whenever the server ends it, and looks then, too."""
        wanted = EventFilter(event=EventNameFilter(name=[SCHEDULED]))
        while True:
            try:
                async with get_events_subscriber(wanted, reconnection_attempts=0) as events:
                    self._reason.set()
                    async for _ in events:
                        self._reason.set()
            except Exception as error:  # noqa: BLE001  (whatever it is, the poll goes on)
                log.debug("events of the Prefect server: %s", error)
            await asyncio.sleep(AGAIN_S)
