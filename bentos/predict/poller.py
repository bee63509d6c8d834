"""Look at something again and again, in threads, and log what is wrong only once."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runlore.kernel.errors import Unavailable, describe

log = logging.getLogger("runlore.serving")


@dataclass
class Poller:
    """look: one look; it returns what is wrong with parts, and raises when nothing can be seen.

    One look runs at a time, and none after `close`.
    """

    look: Callable[[], Sequence[str]]
    trouble: str = ""  # what the last look met; empty: nothing
    _looking: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False

    def step(self) -> None:
        with self._looking:
            if not self._is_closed:
                self._report(self._look())

    def close(self, end: Callable[[], None]) -> None:
        """Call `end` after a look that is under way."""
        with self._looking:
            self._is_closed = True
            end()

    def _look(self) -> str:
        try:
            return "; ".join(self.look())
        except Unavailable as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  (the loop must outlive whatever it meets)
            return describe(error)

    def _report(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("%s", trouble or "reachable again")
        self.trouble = trouble


async def repeat(seconds: float, do: Callable[[], None]) -> None:
    """Do something in a thread, with so long a pause before each time, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(do)


async def repeat_when(
    wake: asyncio.Event, pause_s: Callable[[], float], do: Callable[[], None]
) -> None:
    """Do something in a thread whenever it is woken, and after a pause without that, until
    cancelled."""
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), pause_s())
        wake.clear()
        await asyncio.to_thread(do)
