"""What is said in a transaction is heard when it is committed, by however busy a process."""

import os
import resource
import threading
import time
from collections.abc import Iterator

import pytest

from runlore.store import notices
from runlore.store.engine import Store

MANY = 1_100  # `select` takes no descriptor above 1,023


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """As in a worker with so many connections of clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * MANY:
        pytest.skip(f"this process may open only {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MANY), hard))
    first = os.open(os.devnull, os.O_RDONLY)
    copies = [os.dup(first) for _ in range(MANY)]
    yield
    for number in (first, *copies):
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def say(store: Store, channel: str = notices.VERSIONS) -> None:
    with store.begin() as connection:
        notices.notify(connection, channel, "risk")


def soon_leads(listener: notices.Listener, subject: str) -> bool:
    """The server notices that a connection was closed a moment after it was."""
    deadline = time.monotonic() + 60.0
    while not listener.leads(subject):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_what_is_committed_is_heard_once(store: Store) -> None:
    with notices.listening(store, [notices.VERSIONS]) as listener:
        assert not listener.wait(0.0)
        say(store)
        assert listener.wait(60.0)
        assert not listener.wait(0.0)


def test_what_is_rolled_back_and_other_channels_are_not_heard(store: Store) -> None:
    with notices.listening(store, [notices.VERSIONS]) as listener:
        with store.engine.connect() as connection:
            notices.notify(connection, notices.VERSIONS, "risk")
            connection.rollback()
        say(store, notices.WORK_DUE)
        assert not listener.wait(0.2)


@pytest.mark.usefixtures("many_descriptors")
def test_a_process_with_many_open_connections_hears_too(store: Store) -> None:
    with notices.listening(store, [notices.VERSIONS]) as listener:
        assert listener.connection.fileno() > MANY
        say(store)
        assert listener.wait(60.0)


def test_it_does_not_wait_any_longer_when_the_end_is_set(store: Store) -> None:
    end = threading.Event()
    end.set()
    with notices.listening(store, [notices.VERSIONS]) as listener:
        assert not listener.wait(60.0, end)


def test_of_two_listeners_one_leads_until_it_ends(store: Store) -> None:
    with notices.listening(store, []) as second:
        with notices.listening(store, []) as first:
            assert first.leads("a subject")
            assert not second.leads("a subject")
            assert second.leads("another subject")
        assert soon_leads(second, "a subject")
