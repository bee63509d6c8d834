"""Hear at once that a version or a share of traffic has changed; see `runlore.store.notices`."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from runlore.kernel.errors import Unavailable
from runlore.store import notices
from runlore.store.engine import Store

RETRY_S = 0.5  # after the database could not be listened to
LOOK_S = 5.0  # how often the thread looks whether another store is used by now

log = logging.getLogger("runlore.serving")


@dataclass
class ChangeListener:
    """Listens in a thread. store: the one of the moment; None while there is none."""

    store: Callable[[], Store | None]
    is_hearing: bool = False
    _end: threading.Event = field(default_factory=threading.Event)
    _wakes: list[asyncio.Event] = field(default_factory=list)

    def start(self) -> None:
        """Wake the subscribers from now on, on the event loop that runs."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), name="changes", daemon=True).start()

    def stop(self) -> None:
        self._end.set()

    def subscribe(self) -> asyncio.Event:
        """An event that is set at each change, and whenever hearing begins or ends."""
        wake = asyncio.Event()
        self._wakes.append(wake)
        return wake

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._end.is_set():
            store = self.store()
            try:
                if store is not None:
                    self._hear(loop, store)
            except Unavailable:
                log.debug("changes are looked for, as they cannot be heard")
            except Exception:  # the edge of the thread: it must live on
                log.exception("changes cannot be heard")
            self.is_hearing = False
            self._wake(loop)
            self._end.wait(RETRY_S)

    def _hear(self, loop: asyncio.AbstractEventLoop, store: Store) -> None:
        with notices.listening(store, [notices.VERSIONS]) as listener:
            self.is_hearing = True
            self._wake(loop)
            while self.store() is store and not self._end.is_set():
                if listener.wait(LOOK_S, self._end):
                    self._wake(loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            for wake in self._wakes:
                loop.call_soon_threadsafe(wake.set)
