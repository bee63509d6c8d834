"""Cursors into the stream of events, what of it is kept, and the words of its topics."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runlore.kernel.errors import BadInput, RunloreError
from runlore.live.rules.event_text import describe_event
from runlore.store.live_outbox import Topic

LARGEST_SEQ = 2**63 - 1
LONGEST_CURSOR = 60  # characters
RELOAD = "load how everything stands again, and go on from its cursor"


class HistoryCut(RunloreError):
    """The events after a cursor cannot be repeated."""


@dataclass(frozen=True)
class Retention:
    """How much of the stream is kept: what is older or more than that is cut."""

    rows: int = 200_000
    age: timedelta = timedelta(days=2)


@dataclass(frozen=True)
class Cursor:
    """A place in a stream: everything up to `seq` is known. stream: its random name."""

    stream: str
    seq: int

    def __str__(self) -> str:
        return f"{self.stream}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises BadInput.

        >>> Cursor.parse("5f3a.17"), str(Cursor("5f3a", 17))
        (Cursor(stream='5f3a', seq=17), '5f3a.17')
        """
        stream, _, number = text[:LONGEST_CURSOR].rpartition(".")
        is_number = number.isascii() and number.isdecimal() and len(number) < 20
        if not (stream.isascii() and stream.isalnum() and is_number):
            raise BadInput(
                f"after: {text[:LONGEST_CURSOR]!r} is not a cursor; send the `cursor` of the"
                " answer or message before, as it is",
                "after",
            )
        return cls(stream, min(int(number), LARGEST_SEQ))


@dataclass(frozen=True)
class StreamEnds:
    """The stream at an instant. last: its highest number; cut: the highest that is gone."""

    name: str
    last: int
    cut: int

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.name, self.last)

    def check(self, cursor: Cursor) -> None:
        """Raise HistoryCut when events after the cursor are gone, or are not of this stream."""
        if cursor.stream != self.name or cursor.seq > self.last:
            raise HistoryCut(f"cannot replay: {cursor} is not of this stream; {RELOAD}")
        if cursor.seq < self.cut:
            raise HistoryCut(
                f"cannot replay: events up to {self.cut} are no longer kept, {cursor} is before"
                f" that; {RELOAD}"
            )


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """seq: of the stream, topic_seq: of the topic; neither has gaps. at: when it was written."""

    seq: int
    topic: str
    topic_seq: int
    subject: str
    at: datetime
    data: Mapping[str, Any]

    @property
    def text(self) -> str:
        """What happened, for people."""
        return describe_event(self.topic, self.subject, self.data)

    def document(self) -> str:
        """As JSON; every client gets the same text."""
        names = ("seq", "topic", "topic_seq", "subject", "text", "data")
        values = {name: getattr(self, name) for name in names} | {"at": self.at.isoformat()}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class EventPage:
    """Events after a cursor. cursor: to go on from; more: whether there are further ones now."""

    events: tuple[LiveEvent, ...]
    cursor: Cursor
    more: bool


@dataclass(frozen=True)
class SpecRate:
    """Requests a second, of all workers. answered, refused: by their status, 200 or not."""

    spec: str
    answered_per_s: float
    refused_per_s: float


@dataclass(frozen=True)
class Subscription:
    """topics: none means all of them."""

    topics: frozenset[str] = field(default_factory=frozenset)

    def takes(self, topic: str) -> bool:
        return not self.topics or topic in self.topics


def parse_topics(names: Iterable[str]) -> Subscription:
    """Topics by name. Raises BadInput for a name that no topic has.

    >>> sorted(parse_topics(["alerts", " rollouts "]).topics), parse_topics([]).takes("scores")
    (['alerts', 'rollouts'], True)
    """
    topics = {name.strip() for name in names} - {""}
    known = [topic.value for topic in Topic]
    unknown = sorted(topics.difference(known))
    if unknown:
        raise BadInput(
            f"topics: {unknown[0][:80]!r} is no topic; there are {', '.join(known)}", "topics"
        )
    return Subscription(frozenset(topics))


def merge_rates(workers: Iterable[Mapping[str, Mapping[str, float]]]) -> tuple[SpecRate, ...]:
    """The rates of all workers together, by spec.

    >>> merge_rates([{"risk": {"answered": 2.5, "refused": 0}}, {"risk": {"answered": 1}}])
    (SpecRate(spec='risk', answered_per_s=3.5, refused_per_s=0.0),)
    """
    sums: dict[str, tuple[float, float]] = {}
    for rates in workers:
        for spec, rate in rates.items():
            answered, refused = sums.get(spec, (0.0, 0.0))
            sums[spec] = (
                answered + float(rate.get("answered", 0)),
                refused + float(rate.get("refused", 0)),
            )
    return tuple(
        SpecRate(spec, round(answered, 3), round(refused, 3))
        for spec, (answered, refused) in sorted(sums.items())
    )
