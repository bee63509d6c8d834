"""The hub of a worker: who is sent away and why, and what its window holds."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentos.live import hub, window
from bentos.live.client import LiveClient, LiveMessage
from bentos.live.hub import LiveHub
from bentos.live.window import EncodedEvent, EventWindow, take_batch
from runlore.live.rules.stream import Cursor, Subscription
from runlore.store.engine import Store
from tests.live.conftest import Say

EVERY = Subscription()
Test = Callable[[LiveHub, LiveClient], Awaitable[None]]


def with_client(store: Store, test: Test) -> None:
    async def run() -> None:
        live_hub = LiveHub(lambda: store)
        try:
            client = await live_hub.open(None, EVERY, lambda: None)
            with live_hub.joined(client):
                await test(live_hub, client)
        finally:
            await live_hub.close(patience_s=0.0)

    asyncio.run(asyncio.wait_for(run(), 60))


async def last_of(messages, client: LiveClient) -> LiveMessage:
    """The message that sends a client away."""
    async for message in messages:
        if message.ending is not None:
            return message
    raise AssertionError(client)


def test_a_client_that_takes_no_message_is_sent_away(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub, "SWEEP_S", 0.01)

    async def test(live_hub: LiveHub, client: LiveClient) -> None:
        client.busy_since = asyncio.get_running_loop().time() - hub.SLOW_S - 1
        last = await last_of(live_hub.messages(client), client)
        assert (last.kind, last.ending.code) == ("end", 4008)
        assert "too slow: it did not read for" in last.ending.reason

    with_client(store, test)


def test_a_client_that_falls_out_of_the_window_is_sent_away(
    store: Store, say: Say, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(window, "MOST_EVENTS", 3)
    monkeypatch.setattr(window, "TRIMMED_AT_ONCE", 0)

    async def test(live_hub: LiveHub, client: LiveClient) -> None:
        messages = live_hub.messages(client)
        assert (await anext(messages)).kind == "hello"
        await asyncio.to_thread(say, 1)
        assert (await anext(messages)).kind == "events"
        await asyncio.to_thread(say, *range(2, 12))
        while live_hub.window.last < 11:
            await asyncio.sleep(0.01)
        last = await last_of(messages, client)
        assert (last.kind, last.ending.code) == ("end", 4008)
        assert str(last.cursor).endswith(".1")
        assert "10 events behind" in last.ending.reason

    with_client(store, test)


def test_a_service_that_stops_says_so_with_the_cursor(store: Store):
    async def test(live_hub: LiveHub, client: LiveClient) -> None:
        messages = live_hub.messages(client)
        assert (await anext(messages)).kind == "hello"
        closing = asyncio.create_task(live_hub.close(patience_s=0.0))
        last = await last_of(messages, client)
        await closing
        assert (last.kind, last.ending.code) == ("end", 1012)
        assert "the service stops" in last.ending.reason

    with_client(store, test)


def test_there_are_only_so_many_clients(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub, "MAX_CLIENTS", 1)

    async def test(live_hub: LiveHub, _: LiveClient) -> None:
        with pytest.raises(hub.Overloaded, match="as many clients"):
            await live_hub.open(None, EVERY, lambda: None)

    with_client(store, test)


def test_the_listener_ends_when_nobody_follows(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub, "SWEEP_S", 0.01)

    async def run() -> None:
        live_hub = LiveHub(lambda: store)
        for _ in range(2):  # it begins again with the next client
            monkeypatch.setattr(hub, "IDLE_S", 60.0)
            with live_hub.joined(await live_hub.open(None, EVERY, lambda: None)):
                assert live_hub.is_listening
            monkeypatch.setattr(hub, "IDLE_S", 0.0)
            while live_hub.is_listening:
                await asyncio.sleep(0.01)
        await live_hub.close()

    asyncio.run(asyncio.wait_for(run(), 60))


@given(
    sizes=st.lists(st.integers(1, 40), max_size=40),
    topics=st.frozensets(st.sampled_from(["a", "b"])),
    after=st.integers(0, 40),
)
def test_a_window_gives_every_event_after_a_place_once(
    sizes: list[int], topics: frozenset[str], after: int
):
    events = [EncodedEvent(n, "ab"[n % 2], "x" * size) for n, size in enumerate(sizes, 1)]
    event_window = EventWindow()
    event_window.restart(Cursor("s", 0))
    for event in events:
        event_window.add([event], event.seq)
    seq, seen = min(after, len(events)), []
    expected = [e.seq for e in events if e.seq > seq and (not topics or e.topic in topics)]
    while seq < event_window.last:
        assert event_window.has(seq)
        batch = event_window.after(seq, Subscription(topics))
        seen += [event.seq for event in batch.events]
        assert batch.upto > seq
        seq = batch.upto
    assert seen == expected
    assert not event_window.has(event_window.last + 1)


def test_a_frame_ends_before_it_is_too_large():
    events = [EncodedEvent(n, "a", "x" * 20_000) for n in range(1, 6)]
    batch = take_batch(events, 5, EVERY)
    assert ([event.seq for event in batch.events], batch.upto) == ([1, 2], 2)
    large = [EncodedEvent(1, "a", "x" * 200_000)]
    assert take_batch(large, 1, EVERY).upto == 1
