"""The stream over WebSocket and as server-sent events, on a real port."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bentos.live import hub
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.live.actions.numbering import cut_history, number_events
from runlore.live.actions.reading import read_ends
from runlore.live.rules.stream import Cursor, Retention
from runlore.serving.actions import api_keys
from runlore.store.engine import Store
from runlore.store.live_outbox import Topic
from tests.live.conftest import Say, Serve
from tests.waiting import wait_until

PATH = "/ws/v3/ml-insights"
Document = dict[str, Any]


@pytest.fixture
def client(serve: Serve, serving: Serving) -> httpx.Client:
    return serve(serving)


@contextmanager
def following(client: httpx.Client, query: str = "", **options: Any) -> Iterator[ClientConnection]:
    url = str(client.base_url).replace("http://", "ws://").rstrip("/")
    with connect(f"{url}{PATH}?{query}", proxy=None, **options) as websocket:
        yield websocket


def receive(websocket: ClientConnection, kind: str) -> Document:
    """The next message of a kind; others are passed over."""
    while True:
        message: Document = json.loads(websocket.recv(timeout=60))
        if message["type"] == kind:
            return message


def receive_numbers(websocket: ClientConnection, count: int) -> list[int]:
    numbers: list[int] = []
    while len(numbers) < count:
        numbers += [event["data"]["number"] for event in receive(websocket, "events")["events"]]
    return numbers


def lines_of_stream(
    client: httpx.Client, params: Document, headers: Document | None = None
) -> Iterator[tuple[str, str, Document]]:
    """(event, id, data) of each server-sent event."""
    with client.stream("GET", "/live", params=params, headers=headers, timeout=60) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield fields["event"], fields["id"], json.loads(fields["data"])
                fields = {}


def test_events_come_as_they_are_committed(client: httpx.Client, say: Say):
    with following(client) as websocket:
        hello = receive(websocket, "hello")
        say(1)
        events = receive(websocket, "events")
        assert [event["data"]["number"] for event in events["events"]] == [1]
        assert events["cursor"] == f"{hello['cursor'].partition('.')[0]}.1"


def test_a_client_that_comes_back_goes_on_after_its_cursor(client: httpx.Client, say: Say):
    with following(client) as websocket:
        receive(websocket, "hello")
        say(1, 2)
        cursor = receive(websocket, "events")["cursor"]
    say(3)
    say(4)
    with following(client, f"after={cursor}") as websocket:
        assert receive_numbers(websocket, 2) == [3, 4]


def test_only_subscribed_topics_come_and_they_can_be_changed(client: httpx.Client, say: Say):
    with following(client, "topics=scores") as websocket:
        receive(websocket, "hello")
        say(1)
        say(2, topic=Topic.SCORES)
        assert receive_numbers(websocket, 1) == [2]
        websocket.send(json.dumps({"type": "subscribe", "topics": ["ingests"]}))
        websocket.send("no JSON")
        assert "not JSON" in receive(websocket, "error")["reason"]
        say(3, topic=Topic.SCORES)
        say(4, topic=Topic.INGESTS)
        assert receive_numbers(websocket, 1) == [4]


@pytest.mark.parametrize(
    ("query", "words"),
    [("topics=weather", "there are predictions"), ("after=x", "is not a cursor")],
)
def test_a_wrong_parameter_is_a_problem_before_anything_is_sent(
    client: httpx.Client, query: str, words: str
):
    with pytest.raises(InvalidStatus) as refused, following(client, query):
        pass
    assert refused.value.response.status_code == 422
    assert words in json.loads(refused.value.response.body)["detail"]
    assert client.get(f"/live?{query}").status_code == 422
    assert client.get(f"/api/v3/live-insights?{query}").status_code == 422


def test_pages_of_other_sites_cannot_follow(client: httpx.Client):
    with pytest.raises(InvalidStatus) as refused, following(client, origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    assert client.get("/live", headers={"origin": "http://evil.example"}).status_code == 403
    with following(client, origin=str(client.base_url).rstrip("/")) as websocket:
        receive(websocket, "hello")


def test_history_that_is_cut_means_load_anew(client: httpx.Client, store: Store, say: Say):
    start = read_ends(store).cursor
    say(*range(10))
    number_events(store)
    cut_history(store, instants.now(), Retention(rows=2), pause_s=-1)
    with following(client, f"after={start}") as websocket:
        message = receive(websocket, "reload")
        assert "no longer kept" in message["reason"]
        assert message["cursor"] == f"{start.stream}.10"
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(timeout=60)
        assert closed.value.rcvd.code == 4010
    answer = client.get("/api/v3/live-insights", params={"after": str(start)})
    assert answer.status_code == 410
    assert "load how everything stands" in answer.json()["detail"]


def test_a_long_history_is_repeated_in_order(
    client: httpx.Client, store: Store, say: Say, monkeypatch: pytest.MonkeyPatch
):
    """A client that was away for long reads from the database until it has caught up."""
    monkeypatch.setattr(hub, "REPLAY_ROWS", 7)
    start = read_ends(store).cursor
    say(*range(60))
    number_events(store)
    with following(client, f"after={start}") as websocket:
        assert receive_numbers(websocket, 60) == list(range(60))
        say(60)
        assert receive_numbers(websocket, 1) == [60]


def test_a_client_that_missed_nothing_hears_at_once_how_far_the_stream_is(
    client: httpx.Client, store: Store, say: Say
):
    start = read_ends(store).cursor
    say(1, 2)
    number_events(store)
    with following(client, f"after={start}&topics=scores") as websocket:
        assert receive(websocket, "heartbeat")["cursor"] == f"{start.stream}.2"


def test_server_sent_events_go_on_after_the_last_id(client: httpx.Client, say: Say):
    stream = lines_of_stream(client, {})
    kind, _, _ = next(stream)
    assert kind == "hello"
    say(1, 2)
    kind, cursor, event = next(stream)
    assert (kind, event["data"]) == ("event", {"number": 1})
    stream.close()
    again = lines_of_stream(client, {}, {"last-event-id": cursor})
    assert [next(again)[0], next(again)[2]["data"]] == ["hello", {"number": 2}]
    again.close()


def test_server_sent_events_say_reload_and_go_on(client: httpx.Client, store: Store, say: Say):
    stream = lines_of_stream(client, {"after": "another.1"})
    kind, cursor, document = next(stream)
    assert (kind, cursor) == ("reload", str(read_ends(store).cursor))
    assert "not of this stream" in document["reason"]
    assert next(stream)[0] == "hello"
    say(1)
    assert next(stream)[2]["data"] == {"number": 1}
    stream.close()


def test_a_heartbeat_moves_the_cursor_past_what_is_not_subscribed(
    client: httpx.Client, store: Store, say: Say, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub, "HEARTBEAT_S", 0.2)
    with following(client, "topics=scores") as websocket:
        receive(websocket, "hello")
        say(1)
        number_events(store)
        while (beat := receive(websocket, "heartbeat"))["cursor"].endswith(".0"):
            assert beat["is_current"]


def test_the_listener_goes_on_after_its_connection_was_killed(
    client: httpx.Client, store: Store, say: Say
):
    with following(client) as websocket:
        receive(websocket, "hello")
        for number in range(3):
            say(number)
            assert receive_numbers(websocket, 1) == [number]
            with store.begin() as connection:
                connection.execute(text(KILL))


KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE query LIKE 'LISTEN%runlore_events%' AND pid <> pg_backend_pid()
"""


def test_a_key_that_is_revoked_ends_what_it_follows(
    serve: Serve, serving: Serving, store: Store, short_tmp: Path
):
    client = serve(serving, home=short_tmp, database_url=store.url, api_keys="required")
    with pytest.raises(InvalidStatus) as refused, following(client):
        pass
    assert refused.value.response.status_code == 401
    key = api_keys.create(store, "ann", ("read",), instants.now())
    headers = {"X-API-Key": key.text}
    wait_until(lambda: client.get("/alerts", headers=headers).status_code == 200)
    with following(client, additional_headers=headers) as websocket:
        receive(websocket, "hello")
        api_keys.revoke(store, key.key.id, instants.now())
        assert "revoked" in receive(websocket, "end")["reason"]
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(timeout=60)
        assert closed.value.rcvd.code == 4003


def test_insights_are_a_snapshot_and_then_what_happened_since(client: httpx.Client, say: Say):
    first = client.get("/api/v3/live-insights").json()
    assert first["events"] == []
    assert set(first["state"]["open_alerts"]) <= {"info", "warning", "critical"}
    say(1)
    say(2, topic=Topic.SCORES)
    params = {"after": first["cursor"], "limit": "1"}
    one = client.get("/api/v3/live-insights", params=params).json()
    assert (one["more"], one["state"]) == (True, None)
    assert [event["data"]["number"] for event in one["events"]] == [1]
    params = {"after": one["cursor"], "topics": "scores"}
    two = client.get("/api/v3/live-insights", params=params).json()
    assert [event["data"]["number"] for event in two["events"]] == [2]
    assert not two["more"]
    assert Cursor.parse(two["cursor"]).seq == 2
