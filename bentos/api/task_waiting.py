"""Agents that wait for tasks: one listener of a worker process wakes them all."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from runlore.kernel.errors import Unavailable
from runlore.store import notices
from runlore.store.engine import Store

T = TypeVar("T")
MAX_WAITING = 1000  # requests of one worker process
LOOK_S = 5.0  # a lease that ends, or a pause that is over, is announced by nobody
RETRY_S = 0.5  # after the database could not be listened to
IDLE_S = 30.0  # without anybody who waits until the listener ends
SPREAD_S = 0.05  # over which those who wait look again after a notice


@dataclass(eq=False)
class TaskWaiting:
    """store: the one of the moment. The listener starts with the first who waits."""

    store: Callable[[], Store | None]
    waiting: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    async def first(self, look: Callable[[], Awaitable[list[T]]], wait_s: float) -> list[T]:
        """What `look` gives as soon as that is something, or [] after `wait_s` seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        self.waiting += 1
        try:
            while True:
                changed = self._listening(loop)
                rows = await look()
                left = until - loop.time()
                if rows or left <= 0 or self.waiting > MAX_WAITING or self._end.is_set():
                    return rows
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(LOOK_S, left))
                await asyncio.sleep(min(random.uniform(0, SPREAD_S), max(0.0, left)))  # noqa: S311
        finally:
            self.waiting -= 1

    async def close(self) -> None:
        """Those who wait get what there is."""
        self._end.set()
        self._changed.set()

    def _listening(self, loop: asyncio.AbstractEventLoop) -> asyncio.Event:
        """The event of the next notice; there is a thread that listens."""
        if self._changed.is_set() and not self._end.is_set():
            self._changed = asyncio.Event()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._listen, args=(loop,), name="agent tasks", daemon=True
            )
            self._thread.start()
        return self._changed

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        idle_s = 0.0
        while not self._end.is_set() and idle_s < IDLE_S:
            store = self.store()
            try:
                if store is not None:
                    idle_s = self._hear(loop, store)
            except Unavailable:
                self._end.wait(RETRY_S)

    def _hear(self, loop: asyncio.AbstractEventLoop, store: Store) -> float:
        """Wake those who wait at each notice; returns how long nobody has waited."""
        idle_s = 0.0
        with notices.listening(store, [notices.AGENT_TASKS]) as listener:
            self._wake(loop)
            while self.store() is store and not self._end.is_set() and idle_s < IDLE_S:
                if listener.wait(LOOK_S, self._end):
                    self._wake(loop)
                idle_s = 0.0 if self.waiting else idle_s + LOOK_S
        return idle_s

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._changed.set)
