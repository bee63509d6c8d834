"""The hub of a worker: one listener, one window of events, and a cursor for each client.

A client costs its cursor and what its connection has not sent yet; events are shared. The thread
that listens starts with the first client and ends some time after the last one.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from bentos.http.errors import Overloaded
from bentos.live.client import LiveClient, LiveMessage, MessageKind
from bentos.live.window import Batch, EncodedEvent, EventWindow, encode, take_batch
from runlore.kernel.errors import Unavailable
from runlore.live.actions import reading
from runlore.live.actions.following import StreamFollower
from runlore.live.rules.stream import RELOAD, Cursor, EventPage, HistoryCut, Subscription
from runlore.store.engine import Store

HEARTBEAT_S = 15.0
SLOW_S = 15.0  # a client that has not taken a message by then is sent away
READY_S = 5.0  # for the listener to hear, when the first client comes
RETRY_S = 0.5  # after the database could not be reached
IDLE_S = 30.0  # without a client until the listener ends
SWEEP_S = 1.0
MAX_CLIENTS = 2000  # per worker process
REPLAY_ROWS = 500  # events that a client gets from the database at once
PAUSE_S, PAUSE_PER_CLIENT_S = 0.05, 0.00025  # between two rounds; more clients share a round
SLOW = "too slow: it did not read for {0:.0f} s; connect again with the last cursor"
BEHIND = "too slow: it is {0:,} events behind; connect again with the last cursor"
STOPPED = "the service stops; connect again with the last cursor"

T = TypeVar("T")

log = logging.getLogger("runlore.live")


@dataclass(eq=False)
class LiveHub:
    """store: the one of the moment. All but `_listen` runs on the event loop."""

    store: Callable[[], Store]
    window: EventWindow = field(default_factory=EventWindow)
    clients: set[LiveClient] = field(default_factory=set)
    is_current: bool = False
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _end: threading.Event | None = None
    _follower: StreamFollower | None = None
    _sweeper: "asyncio.Task[None] | None" = None
    _idle_since: float = 0.0
    _is_closed: bool = False
    _replays: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))

    @property
    def is_listening(self) -> bool:
        return self._end is not None

    @contextmanager
    def joined(self, client: LiveClient) -> Iterator[None]:
        """Count a client for as long as it is served."""
        self.clients.add(client)
        self._pace()
        try:
            yield
        finally:
            self.clients.discard(client)
            self._idle_since = asyncio.get_running_loop().time()
            self._pace()

    async def open(
        self, after: Cursor | None, subscription: Subscription, check: Callable[[], str | None]
    ) -> LiveClient:
        """A client that begins after a cursor, or with what happens from now on.

        Raises:
            HistoryCut: events after the cursor cannot be repeated.
            Overloaded: there are as many clients as may be, or the service stops.
            Unavailable: the database is away.
        """
        if self._is_closed or len(self.clients) >= MAX_CLIENTS:
            raise Overloaded("as many clients follow as may; try again later")
        self.store()  # where there is none on purpose, nothing is to be waited for
        await self._started()
        if after is None:
            after = self.window.cursor
        elif after.stream != self.window.stream or not self.window.has(after.seq):
            ends = await to_thread.run_sync(lambda: reading.read_ends(self.store()))
            ends.check(after)
        return LiveClient(subscription, after.seq, check)

    async def messages(self, client: LiveClient) -> AsyncIterator[LiveMessage]:
        """What a client gets until it goes or is sent away."""
        yield LiveMessage("hello", Cursor(self.window.stream, client.seq))
        known = client.seq  # the client has heard of this cursor
        while client.ending is None:
            client.wake.clear()
            async for batch in self._batches(client):
                client.seq = batch.upto
                if batch.events:
                    known = client.seq
                    yield self._message(client, batch)
            if client.is_new:  # what it missed was nothing of its topics: it need not ask again
                client.is_new, client.is_beat_due = False, client.seq != known
            if client.ending is None and client.is_beat_due:
                client.is_beat_due = False
                yield self._message(client)
            if client.ending is None:
                await client.wake.wait()
        kind: MessageKind = "reload" if client.ending.kind == "history cut" else "end"
        cursor = self.window.cursor if kind == "reload" else Cursor(self.window.stream, client.seq)
        yield LiveMessage(kind, cursor, ending=client.ending)

    def _message(self, client: LiveClient, batch: Batch | None = None) -> LiveMessage:
        cursor = Cursor(self.window.stream, client.seq)
        kind: MessageKind = "heartbeat" if batch is None else "events"
        return LiveMessage(kind, cursor, batch, is_current=self.is_current)

    async def _batches(self, client: LiveClient) -> AsyncIterator[Batch]:
        """All that is there for a client now."""
        while client.ending is None and client.seq < self.window.last:
            if self.window.has(client.seq):
                client.is_behind = False
                yield self.window.after(client.seq, client.subscription)
            elif not client.is_behind:
                client.end("slow", BEHIND.format(self.window.last - client.seq))
            else:
                for batch in await self._replay(client):
                    yield batch
                    if client.ending is not None:
                        return

    async def _replay(self, client: LiveClient) -> list[Batch]:
        """Some batches out of the database."""
        cursor = Cursor(self.window.stream, client.seq)
        subscription = client.subscription
        try:
            page = await self._in_thread(
                lambda store: reading.read_page(store, cursor, subscription, REPLAY_ROWS)
            )
        except HistoryCut as error:
            client.end("history cut", str(error))
            return []
        except Unavailable:
            await asyncio.sleep(RETRY_S)
            return []
        return _split([encode(event) for event in page.events], page.cursor.seq)

    async def _in_thread(self, work: Callable[[Store], T]) -> T:
        return await to_thread.run_sync(lambda: work(self.store()), limiter=self._replays)

    async def _started(self) -> None:
        """Have the listener run, and wait until the window has its place in the stream."""
        loop = asyncio.get_running_loop()
        if self._end is None:
            self._end = threading.Event()
            self._ready.clear()
            threading.Thread(
                target=self._listen, args=(loop, self._end), name="live", daemon=True
            ).start()
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep(), name="live clients")
        self._idle_since = loop.time()
        try:
            await asyncio.wait_for(self._ready.wait(), READY_S)
        except TimeoutError as error:
            raise Unavailable("events cannot be followed while the database is away") from error

    def _pace(self) -> None:
        if self._follower is not None:
            self._follower.pause_s = PAUSE_S + PAUSE_PER_CLIENT_S * len(self.clients)

    def _listen(self, loop: asyncio.AbstractEventLoop, end: threading.Event) -> None:
        """In a thread of its own: follow the stream until the end is set."""
        cursor: Cursor | None = None
        while not end.is_set():
            try:
                store = self.store()
                if cursor is None:
                    cursor = reading.read_ends(store).cursor
                    self._call(loop, self._begin, cursor)
                follower = StreamFollower(store, cursor, end=end)
                self._follower = follower
                for page in follower.pages():
                    cursor = page.cursor
                    self._call(loop, self._take, page, [encode(event) for event in page.events])
                    if self.store() is not store:
                        break
            except HistoryCut as error:
                cursor = None
                self._call(loop, self._cut, str(error))
            except Unavailable:
                log.debug("events cannot be followed; tried again")
            except Exception:  # the edge of the thread: it must live on
                log.exception("events cannot be followed")
            self._call(loop, self._lost)
            end.wait(RETRY_S)

    def _call(
        self, loop: asyncio.AbstractEventLoop, do: Callable[..., None], *args: object
    ) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(do, *args)

    def _begin(self, cursor: Cursor) -> None:
        """Take a place in the stream; whoever follows another one has to load anew."""
        if self.clients:
            self._cut(f"cannot replay: the events begin anew; {RELOAD}")
        self.window.restart(cursor)

    def _take(self, page: EventPage, events: list[EncodedEvent]) -> None:
        self.is_current = True
        self._ready.set()
        self._pace()
        if events:
            self.window.add(events, page.cursor.seq)
            for client in self.clients:
                client.wake.set()

    def _lost(self) -> None:
        self.is_current = False

    def _cut(self, reason: str) -> None:
        for client in self.clients:
            client.end("history cut", reason)

    async def _sweep(self) -> None:
        """Once a second: who may not stay, who is slow, who has not heard of us for long."""
        loop = asyncio.get_running_loop()
        while not self._is_closed:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for client in list(self.clients):
                self._look_after(client, now)
            if not self.clients and now - self._idle_since > IDLE_S:
                self._stop_listening()

    def _look_after(self, client: LiveClient, now: float) -> None:
        refusal = client.check()
        if refusal is not None:
            client.end("refused", refusal)
        elif client.busy_since is not None and now - client.busy_since > SLOW_S:
            client.end("slow", SLOW.format(now - client.busy_since))
        elif client.busy_since is None and now - client.sent_at > HEARTBEAT_S:
            client.is_beat_due = True
            client.wake.set()

    def _stop_listening(self) -> None:
        if self._end is not None:
            self._end.set()
        self._end, self._follower = None, None

    async def close(self, patience_s: float = 2.0) -> None:
        """Send everybody away, and wait a moment until they have heard it."""
        self._is_closed = True
        for client in self.clients:
            client.end("stopped", STOPPED)
        deadline = asyncio.get_running_loop().time() + patience_s
        while self.clients and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        self._stop_listening()
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper


def _split(events: list[EncodedEvent], last: int) -> list[Batch]:
    """Batches that fit into frames. The last one reaches to the end of the page."""
    every = Subscription()
    batches: list[Batch] = []
    while True:
        batch = take_batch(events, last, every)
        batches.append(batch)
        events = events[len(batch.events) :]
        if not events:
            return batches
