"""The newest events of a worker, encoded once for all its clients."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice

from runlore.live.rules.stream import Cursor, LiveEvent, Subscription

MOST_EVENTS = 60_000  # of the window
MOST_BYTES = 16 << 20  # of the window's texts
TRIMMED_AT_ONCE = 1000  # events
FRAME_EVENTS, FRAME_BYTES = 500, 48 << 10  # of one message; a single event may be larger
CACHED_FRAMES = 64  # clients that are at the same place get the same bytes


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    seq: int
    topic: str
    document: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in their order. upto: everything that is subscribed is known up to here.

    texts: the batch as each transport sends it, made once.
    """

    events: tuple[EncodedEvent, ...]
    upto: int
    texts: dict[str, str] = field(default_factory=dict, compare=False)


def encode(event: LiveEvent) -> EncodedEvent:
    return EncodedEvent(event.seq, event.topic, event.document())


def take_batch(events: Iterable[EncodedEvent], last: int, subscription: Subscription) -> Batch:
    """The first events that fit into a frame. last: of those that are offered."""
    taken: list[EncodedEvent] = []
    size, upto = 0, last
    for event in events:
        if not subscription.takes(event.topic):
            continue
        size += len(event.document)
        if taken and (len(taken) >= FRAME_EVENTS or size > FRAME_BYTES):
            upto = taken[-1].seq
            break
        taken.append(event)
    return Batch(tuple(taken), upto)


@dataclass
class EventWindow:
    """stream: the name of the stream. Its numbers have no gaps: event `seq` is found by its place.

    last: the highest number that is known.
    """

    stream: str = ""
    last: int = 0
    _events: list[EncodedEvent] = field(default_factory=list)
    _by_topic: dict[str, list[EncodedEvent]] = field(default_factory=dict)
    _bytes: int = 0
    _cache: dict[tuple[int, Subscription], Batch] = field(default_factory=dict)

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.stream, self.last)

    @property
    def first(self) -> int:
        """A client that knows everything before this number can go on from the window."""
        return self.last - len(self._events) + 1

    def restart(self, cursor: Cursor) -> None:
        """Begin after a cursor, with nothing in it."""
        self.stream, self.last = cursor.stream, cursor.seq
        self._events.clear()
        self._by_topic.clear()
        self._cache.clear()
        self._bytes = 0

    def add(self, events: Iterable[EncodedEvent], last: int) -> None:
        """Append the events up to `last`, without gaps, and drop the oldest ones."""
        for event in events:
            self._events.append(event)
            self._by_topic.setdefault(event.topic, []).append(event)
            self._bytes += len(event.document)
        self.last = last
        if len(self._events) > MOST_EVENTS + TRIMMED_AT_ONCE or self._bytes > MOST_BYTES:
            self._trim()
        self._cache.clear()

    def _trim(self) -> None:
        gone = max(0, len(self._events) - MOST_EVENTS)
        size = self._bytes - sum(len(event.document) for event in self._events[:gone])
        while size > MOST_BYTES // 2 and self._bytes > MOST_BYTES:
            size -= len(self._events[gone].document)
            gone += 1
        del self._events[:gone]
        for events in self._by_topic.values():
            del events[: bisect_left(events, self.first, key=_seq_of)]
        self._bytes = size

    def has(self, seq: int) -> bool:
        """Whether a client that knows everything up to `seq` can go on from here."""
        return self.first <= seq + 1 <= self.last + 1

    def after(self, seq: int, subscription: Subscription) -> Batch:
        """The next batch for a client that knows everything up to `seq`; see `has`."""
        key = (seq, subscription)
        batch = self._cache.get(key)
        if batch is None:
            batch = take_batch(self._after(seq, subscription), self.last, subscription)
            if len(self._cache) < CACHED_FRAMES:
                self._cache[key] = batch
        return batch

    def _after(self, seq: int, subscription: Subscription) -> Iterator[EncodedEvent]:
        """The events that are subscribed, without a look at the others."""
        if not subscription.topics:
            return islice(self._events, seq + 1 - self.first, None)
        lists = [self._by_topic.get(topic, []) for topic in sorted(subscription.topics)]
        parts = [islice(one, bisect_right(one, seq, key=_seq_of), None) for one in lists]
        return merge(*parts, key=_seq_of)


def _seq_of(event: EncodedEvent) -> int:
    return event.seq
