"""Follow the stream in a thread of one's own: numbers are given here, and new events read."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from runlore.kernel import instants
from runlore.live.actions import numbering
from runlore.live.actions.reading import read_page
from runlore.live.rules.stream import Cursor, EventPage, Retention, Subscription
from runlore.store import notices
from runlore.store.engine import Store

PAGE = 1000  # events read at once
CHANNELS = (notices.EVENTS_DUE, notices.EVENTS)


@dataclass
class StreamFollower:
    """Reads pages as events come. One connection listens, whatever number of clients there is.

    pause_s: between two readings while events come fast, so that many are read at once.
    end: set it to stop.
    """

    store: Store
    cursor: Cursor
    pause_s: float = 0.05
    subscription: Subscription = field(default_factory=Subscription)
    retention: Retention = field(default_factory=Retention)
    end: threading.Event = field(default_factory=threading.Event)
    _rates_at: float = float("-inf")
    _cut_at: float = float("-inf")

    def pages(self, until: float | None = None) -> Iterator[EventPage]:
        """Every page that has events, and an empty one about every two seconds.

        until: an instant of `time.monotonic` at which it ends.

        Raises:
            HistoryCut: events after the cursor are gone.
            Unavailable: the database is away.
        """
        with notices.listening(self.store, CHANNELS) as listener:
            while not self.end.is_set():
                self._keep_going()
                yield from self._read()
                left = numbering.RATES_EVERY_S if until is None else until - time.monotonic()
                if left <= 0:
                    return
                self.end.wait(min(self.pause_s, left))
                listener.wait(min(numbering.RATES_EVERY_S, left), self.end)

    def _keep_going(self) -> None:
        now = time.monotonic()
        if now >= self._rates_at + numbering.RATES_EVERY_S:
            self._rates_at = now
            numbering.publish_rates(self.store)
        numbering.number_events(self.store)
        if now >= self._cut_at + numbering.CUT_EVERY_S:
            self._cut_at = now
            numbering.cut_history(self.store, instants.now(), self.retention)

    def _read(self) -> Iterator[EventPage]:
        while True:
            page = read_page(self.store, self.cursor, self.subscription, PAGE)
            self.cursor = page.cursor
            yield page
            if not page.more or self.end.is_set():
                return
