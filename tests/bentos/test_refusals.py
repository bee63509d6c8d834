"""Refusals over HTTP: each is told in time, whatever becomes of its row."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
from sqlalchemy import text
from starlette.requests import Request

from bentos.app import application
from bentos.http.errors import MOST_TOLD, Overloaded
from bentos.http.threads import ThreadLimits
from bentos.predict import handler
from bentos.predict.group_commit import GroupCommit
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions.prediction import RequestBatch, ServedPrediction
from runlore.serving.actions.refusals import Refusal, refusal_row
from runlore.serving.queries import answering, ledger_writer
from runlore.serving.queries.ledger import Row
from runlore.store.engine import Store

WAY = "/predict/failure-risk"
ANN = {"actor": "ann", "kind": "build", "inputs": {"nodes": 4}}


async def hang(_ask: RequestBatch) -> list[ServedPrediction]:
    await asyncio.sleep(60)
    return []


def statuses(store: Store) -> list[int]:
    with store.begin() as connection:
        return list(connection.scalars(text("SELECT status FROM runlore.ledger ORDER BY id")))


def answered(client: httpx.Client, status: int) -> float:
    wanted = f'runlore_predictions_total{{spec="failure-risk",status="{status}",version="7"}}'
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(wanted))


def test_wrong_fields_are_told_up_to_a_number_and_then_counted(client: httpx.Client) -> None:
    few = client.post(f"{WAY}/batch", json=[{"actor": "a"}] * MOST_TOLD)
    assert (few.status_code, len(few.json()["errors"])) == (422, MOST_TOLD)
    many = client.post(f"{WAY}/batch", json=[{"actor": "a"}] * (MOST_TOLD + 1))
    told = many.json()
    assert (many.status_code, told["field"], len(told["errors"])) == (422, "body", 1)
    assert told["detail"].startswith(f"{MOST_TOLD + 1} fields are wrong")


def test_a_refusal_whose_row_cannot_be_written_is_told_all_the_same(
    client: httpx.Client, serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    async def fail(row: Row) -> None:
        raise ValueError(f"no room for {row.status}")

    monkeypatch.setattr(serving.commits, "write", fail)
    assert client.post(WAY, json={"actor": "a"}).status_code == 422
    assert "no room for 422" in caplog.text


def test_an_answer_that_is_too_slow_is_a_refusal_in_the_metrics_and_on_the_ledger(
    client: httpx.Client, serving: Serving, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answered(client, 504)
    monkeypatch.setattr(handler, "ANSWER_S", 0.2)
    monkeypatch.setattr(serving.commits, "answer", hang)
    slow = client.post(WAY, json=ANN)
    assert (slow.status_code, slow.headers["retry-after"]) == (504, "1")
    assert "no answer within 0.2 s" in slow.json()["detail"]
    assert answered(client, 504) - before == 1
    assert statuses(store) == [504]


def test_a_request_that_is_cancelled_from_outside_is_not_one_that_was_too_slow(
    client: httpx.Client, serving: Serving, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as by a server that ends: nobody is there to be told of a 504."""

    async def body() -> dict[str, object]:
        return {"type": "http.request", "body": json.dumps(ANN).encode(), "more_body": False}

    async def run() -> None:
        state = SimpleNamespace(serving=serving, threads=ThreadLimits.default())
        scope = {"type": "http", "path_params": {"spec": "failure-risk"}, "headers": []}
        scope |= {"app": SimpleNamespace(state=state), "state": {"max_body_mb": 1}}
        asked = asyncio.create_task(handler.one(Request(scope, body)))
        await asyncio.sleep(0.1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    monkeypatch.setattr(serving.commits, "answer", hang)
    asyncio.run(run())
    assert statuses(store) == []


def test_who_is_turned_away_does_not_wait_for_the_ledger(
    client: httpx.Client, serving: Serving, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def turn_away(_ask: RequestBatch) -> list[ServedPrediction]:
        raise Overloaded("too many wait")

    async def hang(_row: Row) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(serving.commits, "answer", turn_away)
    monkeypatch.setattr(serving.commits, "write", hang)
    began = time.monotonic()
    assert client.post(WAY, json=ANN).status_code == 503
    assert time.monotonic() - began < 5
    until = time.monotonic() + 60
    while not statuses(store):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert statuses(store) == [503]


@contextmanager
def locked(store: Store, table: str, mode: str) -> Iterator[threading.Event]:
    """Hold a lock in a session of its own, until the event is set."""
    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with store.connect() as connection:
            connection.execute(f"LOCK TABLE runlore.{table} IN {mode} MODE")
            is_held.set()
            may_go.wait(90)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert is_held.wait(60)
        try:
            yield may_go
        finally:
            may_go.set()
            held.result()


@pytest.fixture(params=[WAY, f"{WAY}/batch"])
def held_up(
    request: pytest.FixtureRequest, client: httpx.Client, store: Store, monkeypatch
) -> Callable[[str, str], int]:
    """The status of an answer that may take .3 s, in a request that may take .6 s, while a table
    is locked for a second."""
    monkeypatch.setattr(handler, "ANSWER_S", 0.3)
    monkeypatch.setattr(application, "REQUEST_S", 0.6)
    way: str = request.param

    def status(table: str, mode: str) -> int:
        with locked(store, table, mode) as may_go:
            threading.Timer(1.0, may_go.set).start()
            return client.post(way, json=ANN if way == WAY else [ANN], timeout=60).status_code

    return status


def test_an_answer_that_is_being_written_when_its_time_is_over_counts_once(
    held_up: Callable[[str, str], int], store: Store
) -> None:
    assert held_up("ledger", "SHARE") == 200
    assert statuses(store) == [200]


def test_a_write_that_takes_too_long_is_a_refusal_and_no_answer_later(
    held_up: Callable[[str, str], int], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (answering, ledger_writer):
        monkeypatch.setattr(each, "LEDGER_WRITE_MS", 100)
    assert held_up("ledger", "SHARE") == 503
    time.sleep(0.5)
    assert 200 not in statuses(store)


def test_an_answer_whose_features_came_too_late_is_one_refusal_and_no_answer(
    held_up: Callable[[str, str], int], store: Store
) -> None:
    assert held_up("feature_states", "ACCESS EXCLUSIVE") == 504
    time.sleep(1)  # the table is free again; a late answer would be written by now
    assert statuses(store) == [504]


def test_a_refusal_for_which_nobody_waits_any_more_is_written_all_the_same(store: Store) -> None:
    """Also one that still waits for its turn, while a row before it is being written."""
    commits = GroupCommit(lambda: store)

    def refused(status: int) -> Row:
        refusal = Refusal("failure-risk", "7", status, "slow", {})
        return refusal_row(refusal, instants.now())

    async def give_up(may_go: threading.Event) -> None:
        first = asyncio.create_task(commits.write(refused(422)))
        await asyncio.sleep(0.3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(commits.write(refused(504)), 0.3)
        may_go.set()
        await first
        await commits.close()

    with locked(store, "ledger", "SHARE") as may_go:
        asyncio.run(give_up(may_go))
    assert statuses(store) == [422, 504]


@pytest.mark.parametrize(
    "path", ["/nowhere", "/no%0Awhere", "/executions/1%0A2", "/static_content/executions"]
)
def test_what_is_not_there_is_a_problem_like_any_other(client: httpx.Client, path: str) -> None:
    told = client.get(path)
    assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")
    assert told.json()["status"] == 404


def test_a_static_file_is_only_read(client: httpx.Client) -> None:
    told = client.post("/static_content/swagger-ui.css")
    assert (told.status_code, told.headers["content-type"]) == (405, "application/problem+json")
    assert told.headers["allow"] == "GET, HEAD"
