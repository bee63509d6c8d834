"""Events get their numbers in the order of commits, without gaps, whoever writes and when."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from runlore.kernel import instants
from runlore.kernel.errors import BadInput, Unavailable
from runlore.live.actions.following import StreamFollower
from runlore.live.actions.numbering import (
    cut_history,
    keep_history_short,
    number_events,
    publish_rates,
)
from runlore.live.actions.reading import read_ends, read_new, read_page, start_of_newest
from runlore.live.queries import stream
from runlore.live.rules.stream import Cursor, HistoryCut, Retention, StreamEnds, Subscription
from runlore.serving.queries import workers
from runlore.store.engine import Store
from runlore.store.live_outbox import Topic, publish
from tests.live.conftest import Say, numbers_of, read_all
from tests.waiting import wait_until

EVERY = Subscription()
WRITERS, WRITES = 6, 40


def test_an_event_of_a_transaction_that_fails_never_was(store: Store, say: Say):
    start = read_ends(store).cursor
    say(1)
    with suppress(ZeroDivisionError), store.begin() as connection:
        publish(connection, Topic.ALERTS, "risk", {"number": 2})
        raise ZeroDivisionError
    say(3)
    events = read_all(store, start)
    assert numbers_of(events) == [1, 3]
    assert [event.seq for event in events] == [1, 2]


def test_a_transaction_that_commits_late_gets_the_later_number(store: Store, say: Say):
    """A number at the time of the write would let readers pass it by."""
    start = read_ends(store).cursor
    with store.begin() as slow:
        publish(slow, Topic.ALERTS, "risk", {"number": 1})
        say(2)
        page = read_new(store, start, EVERY, 10)
        assert numbers_of(list(page.events)) == [2]
    assert numbers_of(read_all(store, page.cursor)) == [1]
    assert [event.seq for event in read_all(store, start)] == [1, 2]


def test_a_rollback_while_numbers_are_given_leaves_no_gap(store: Store, say: Say):
    start = read_ends(store).cursor
    say(1, 2)
    with suppress(ZeroDivisionError), store.begin() as connection:
        assert stream.number(connection) == 2
        raise ZeroDivisionError
    say(3)
    assert [event.seq for event in read_all(store, start)] == [1, 2, 3]


def test_many_writers_and_readers_at_once_meet_no_gap_and_no_double(store: Store):
    """Writers commit late, early or not at all; readers number and read all the while."""
    start, done = read_ends(store).cursor, threading.Event()
    committed: list[tuple[int, int]] = []

    def write(writer: int) -> None:
        chance = random.Random(writer)  # noqa: S311
        for step in range(WRITES):
            fails, pause = chance.random() < 0.2, chance.random() * 0.004
            try:
                with store.begin() as connection:
                    topic = chance.choice([Topic.ALERTS, Topic.SCORES])
                    publish(connection, topic, "risk", {"number": step, "writer": writer})
                    time.sleep(pause)
                    if fails:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue
            committed.append((writer, step))

    def read(_: int) -> list[tuple[int, str, int, int, int]]:
        cursor, seen = start, []
        while True:
            is_last = done.is_set()
            page = read_new(store, cursor, EVERY, 9)
            cursor = page.cursor
            seen += [
                (e.seq, e.topic, e.topic_seq, e.data["writer"], e.data["number"])
                for e in page.events
            ]
            if is_last and not page.more:
                return seen

    with ThreadPoolExecutor(WRITERS + 3) as pool:
        readers = [pool.submit(read, reader) for reader in range(3)]
        list(pool.map(write, range(WRITERS)))
        done.set()
        seen = [reader.result() for reader in readers]
    assert seen[0] == seen[1] == seen[2]
    assert [row[0] for row in seen[0]] == list(range(1, len(committed) + 1))
    assert sorted((writer, step) for *_, writer, step in seen[0]) == sorted(committed)
    for writer in range(WRITERS):
        steps = [row[4] for row in seen[0] if row[3] == writer]
        assert steps == sorted(steps)
    for topic, count in Counter(row[1] for row in seen[0]).items():
        assert [row[2] for row in seen[0] if row[1] == topic] == list(range(1, count + 1))


@settings(max_examples=25)
@given(
    written=st.lists(st.sampled_from([Topic.ALERTS, Topic.SCORES, Topic.INGESTS]), max_size=30),
    topics=st.sets(st.sampled_from(["alerts", "scores", "trainings"])),
    after=st.integers(0, 30),
    most=st.integers(1, 8),
)
def test_pages_after_a_cursor_are_what_a_list_says(
    database: Store, written: list[Topic], topics: set[str], after: int, most: int
):
    with database.begin() as connection:
        connection.execute(
            text("TRUNCATE runlore.live_events, runlore.live_outbox, runlore.live_stream")
        )
        for number, topic in enumerate(written, 1):
            publish(connection, topic, "risk", {"number": number})
    number_events(database)
    after = min(after, len(written))
    subscription = Subscription(frozenset(topics))
    expected = [
        number
        for number, topic in enumerate(written, 1)
        if number > after and (not topics or topic in topics)
    ]
    cursor = Cursor(read_ends(database).name, after)
    seen: list[int] = []
    while True:
        page = read_page(database, cursor, subscription, most)
        seen += [event.seq for event in page.events]
        assert len(page.events) <= most
        cursor = page.cursor
        if not page.more:
            break
    assert seen == expected
    assert cursor.seq == len(written)


def test_history_is_cut_by_rows_and_by_age_and_says_so(store: Store, say: Say):
    start = read_ends(store).cursor
    say(*range(10))
    number_events(store)
    at = instants.now()
    assert cut_history(store, at, Retention(rows=4), pause_s=-1) == 6
    with pytest.raises(HistoryCut, match=r"up to 6 are no longer kept.*load how everything stands"):
        read_page(store, start, EVERY, 10)
    assert numbers_of(read_all(store, Cursor(start.stream, 6))) == [6, 7, 8, 9]
    later = at + timedelta(days=3)
    assert cut_history(store, later, Retention(age=timedelta(days=2)), pause_s=-1) == 10
    assert read_page(store, Cursor(start.stream, 10), EVERY, 10).events == ()
    say(11)
    assert numbers_of(read_all(store, Cursor(start.stream, 10))) == [11]


def test_the_daily_watch_numbers_and_cuts_where_nobody_watches(store: Store, say: Say):
    start = read_ends(store).cursor
    say(*range(3))
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.live_outbox SET at = at - interval '3 days'"))
        connection.execute(text("UPDATE runlore.live_stream SET cut_at = '2020-01-01Z'"))
    assert keep_history_short(store, instants.now()) == 3
    with store.begin() as connection:
        assert not stream.has_waiting(connection)
    with pytest.raises(HistoryCut):
        read_page(store, start, EVERY, 10)


def test_the_cut_is_made_once_a_minute_whoever_asks(store: Store, say: Say):
    say(1, 2)
    number_events(store)
    assert cut_history(store, instants.now(), Retention(rows=0), pause_s=-1) == 2
    assert cut_history(store, instants.now(), Retention(rows=0), pause_s=60) is None


def test_a_cursor_of_another_stream_or_of_the_future_is_refused(store: Store, say: Say):
    say(1)
    number_events(store)
    ends = read_ends(store)
    for cursor in (Cursor("another", 0), Cursor(ends.name, 2)):
        with pytest.raises(HistoryCut, match="not of this stream"):
            read_page(store, cursor, EVERY, 10)


def test_the_newest_begin_where_history_was_cut(store: Store, say: Say):
    say(*range(6))
    number_events(store)
    cut_history(store, instants.now(), Retention(rows=3), pause_s=-1)
    assert start_of_newest(store, 100).seq == 3
    assert start_of_newest(store, 2).seq == 4


@given(st.text("ab.0123456789-é\x00", max_size=70))
def test_any_text_is_a_cursor_or_refused(text_of_cursor: str):
    try:
        cursor = Cursor.parse(text_of_cursor)
    except BadInput:
        return
    assert Cursor.parse(str(cursor)) == cursor
    StreamEnds(cursor.stream, cursor.seq, 0).check(cursor)


def test_a_follower_goes_on_after_its_connection_was_killed(store: Store, say: Say):
    """Whoever starts it again from its cursor misses nothing."""
    follower = StreamFollower(store, read_ends(store).cursor, pause_s=0.0)
    seen: list[int] = []
    lost = 0

    def follow() -> None:
        nonlocal lost
        while not follower.end.is_set():
            try:
                for page in follower.pages():
                    seen.extend(numbers_of(list(page.events)))
            except Unavailable:
                lost += 1

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        for number in range(5):
            say(number)
            wait_until(lambda number=number: number in seen)
            with store.begin() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE query LIKE 'LISTEN%runlore_events%' AND pid <> pg_backend_pid()"
                    )
                )
    finally:
        follower.end.set()
        thread.join(60)
    assert seen == [0, 1, 2, 3, 4]
    assert lost >= 1


def test_rates_of_all_workers_are_published_once_and_their_end_too(store: Store):
    start, ids = read_ends(store).cursor, [uuid4(), uuid4()]
    for worker in ids:
        workers.tell(store, worker, "here", 1, {}, {"risk": {"answered": 1.5, "refused": 0.0}})
    assert publish_rates(store, pause_s=0.0)
    assert not publish_rates(store, pause_s=60.0)
    for worker in ids:
        workers.tell(store, worker, "here", 1, {}, {})
    assert publish_rates(store, pause_s=0.0)
    assert not publish_rates(store, pause_s=0.0)
    first, last = read_all(store, start, "predictions")
    assert first.data == {
        "answered_per_s": 3.0,
        "specs": {"risk": {"answered_per_s": 3.0, "refused_per_s": 0.0}},
    }
    assert last.data == {"answered_per_s": 0, "specs": {}}
