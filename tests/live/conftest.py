"""A live stream on a real database, and services that send it on."""

from collections.abc import Callable

import pytest

from runlore.live.actions.reading import read_new
from runlore.live.rules.stream import Cursor, LiveEvent, Subscription
from runlore.store.engine import Store
from runlore.store.live_outbox import Topic, publish
from tests.bentos.conftest import (  # noqa: F401  (fixtures)
    Serve,
    histories,
    loaded,
    serve,
    serving,
    versions,
)

Say = Callable[..., None]


@pytest.fixture
def say(store: Store) -> Say:
    """Write events that say their numbers, in one transaction."""

    def write(*numbers: int, topic: Topic = Topic.ALERTS) -> None:
        with store.begin() as connection:
            for number in numbers:
                publish(connection, topic, "risk", {"number": number})

    return write


def read_all(store: Store, after: Cursor, *topics: str) -> list[LiveEvent]:
    """Every event after a cursor, page by page."""
    events: list[LiveEvent] = []
    while True:
        page = read_new(store, after, Subscription(frozenset(topics)), 7)
        events += page.events
        after = page.cursor
        if not page.more:
            return events


def numbers_of(events: list[LiveEvent]) -> list[int]:
    return [event.data["number"] for event in events]
