"""Bodies that end early, threads that outlive their request, connections that are all in use."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy
from anyio import CapacityLimiter
from starlette.requests import Request

from bentos.http import threads
from bentos.http.bodies import read_body
from bentos.http.errors import ClientGone, Overloaded, problem
from bentos.http.threads import ThreadLimits, in_thread
from runlore.kernel.errors import Unavailable
from runlore.store.engine import Store, _address, connect


def asked(limits: ThreadLimits, *messages: dict[str, Any]) -> Request:
    given = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(given)

    app = SimpleNamespace(state=SimpleNamespace(threads=limits))
    scope = {"type": "http", "headers": [], "app": app, "state": {"max_body_mb": 1}}
    return Request(scope, receive)


def one_reader() -> ThreadLimits:
    return ThreadLimits(CapacityLimiter(1), CapacityLimiter(1))


async def give_up(request: Request, work: Any) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await in_thread(request, work)


def test_a_thread_counts_as_at_work_until_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    end, begun = threading.Event(), []

    def work() -> None:
        end.wait()
        raise ValueError("too late")

    async def run() -> None:
        limits = one_reader()
        request = asked(limits)
        await give_up(request, work)
        assert limits.readers.borrowed_tokens == 1
        await give_up(request, lambda: begun.append(1))
        end.set()
        assert await in_thread(request, lambda: 7) == 7
        assert limits.readers.borrowed_tokens == 0

    asyncio.run(run())
    assert not begun
    assert "time was over: too late" in caplog.text


def test_who_comes_when_too_many_wait_for_a_thread_is_turned_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "MAX_QUEUED", 2)
    end = threading.Event()

    async def run() -> None:
        request = asked(one_reader())
        waiting = [asyncio.ensure_future(in_thread(request, end.wait)) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Overloaded):
            await in_thread(request, end.wait)
        end.set()
        assert await asyncio.gather(*waiting) == [True] * 3

    asyncio.run(run())


def test_a_client_that_goes_away_is_no_fault_of_ours() -> None:
    part = {"type": "http.request", "body": b"[1", "more_body": True}

    async def run() -> None:
        await read_body(asked(one_reader(), part, {"type": "http.disconnect"}))

    with pytest.raises(ClientGone, match="after 2 bytes") as caught:
        asyncio.run(run())
    assert problem(caught.value).status == 499


def test_when_all_connections_are_in_use_the_database_is_not_available(store: Store) -> None:
    options = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1}
    small = Store(store.url, sqlalchemy.create_engine(store.url, **options))
    with small.begin():
        for way in (small.begin, small.connect):
            with pytest.raises(Unavailable, match="connections are in use"), way():
                pass
    small.engine.dispose()


def test_a_server_that_went_without_a_word_is_missed_soon() -> None:
    usual = _address(connect("postgresql://host/things").engine.url)
    assert (usual["tcp_user_timeout"], usual["keepalives"]) == (5000, 1)
    assert "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2" in usual["options"]
    patient = "postgresql://host/things?tcp_user_timeout=60000&keepalives_idle=50"
    own = _address(connect(patient).engine.url)
    assert (own["tcp_user_timeout"], own["keepalives_idle"]) == (60000, 50)


def test_a_server_takes_what_we_say_about_its_connections(store: Store) -> None:
    with store.connect() as connection:
        given = {each.keyword: each.val for each in connection.pgconn.info}
    assert given[b"tcp_user_timeout"] == b"5000"
    assert given[b"keepalives_idle"] == b"5"
