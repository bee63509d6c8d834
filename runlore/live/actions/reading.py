"""Read the stream after a cursor."""

from runlore.live.actions.numbering import number_events
from runlore.live.queries import stream
from runlore.live.rules.stream import Cursor, EventPage, StreamEnds, Subscription
from runlore.store.engine import Store


def read_ends(store: Store) -> StreamEnds:
    """The highest number of the stream, and the highest that is gone."""
    with store.begin() as connection:
        return stream.read_ends(connection)


def read_page(store: Store, cursor: Cursor, subscription: Subscription, most: int) -> EventPage:
    """At most so many events after a cursor.

    Raises:
        HistoryCut: some of them are gone, or the cursor is of another stream.
    """
    topics = sorted(subscription.topics)
    with store.begin() as connection:
        ends, events = stream.read_after(connection, cursor.seq, topics, most)
    ends.check(cursor)
    is_full = len(events) == most
    seq = events[-1].seq if is_full else ends.last
    return EventPage(tuple(events), Cursor(ends.name, seq), is_full)


def read_new(store: Store, cursor: Cursor, subscription: Subscription, most: int) -> EventPage:
    """The same, after all that has been committed by now has got its number."""
    number_events(store)
    return read_page(store, cursor, subscription, most)


def start_of_newest(store: Store, count: int) -> Cursor:
    """The cursor after which the newest so many events come, as far as they are kept."""
    number_events(store)
    ends = read_ends(store)
    return Cursor(ends.name, max(ends.cut, ends.last - count))
