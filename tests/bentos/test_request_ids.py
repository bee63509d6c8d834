"""A request has an id: in the answer, in the problem document, and in the log."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.requests import Request

from bentos.http.request_id import WELL_FORMED, request_id_of
from bentos.predict import group_commit
from bentos.predict.live_versions import Serving
from runlore.kernel.log_lines import LineFormatter
from runlore.serving.actions.prediction import read_prediction
from runlore.store.engine import Store

REQUEST = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {}}


def request_with(value: str) -> Request:
    headers = [(b"x-request-id", value.encode("latin-1"))]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize("sent", ["7f3a", "a-b_c.d:e/f+g=", "x" * 100])
def test_a_well_formed_id_is_taken_over(sent: str) -> None:
    assert request_id_of(request_with(sent)) == sent


@pytest.mark.parametrize("sent", ["", "a b", "a\nb", "\x1b[31m", "x" * 101, "-x", 'a"', "é"])
def test_any_other_is_replaced(sent: str) -> None:
    made = request_id_of(request_with(sent))
    assert made != sent
    assert WELL_FORMED.fullmatch(made)


def test_answers_and_problems_name_the_request(
    serving: Serving, serve: Callable[..., httpx.Client]
) -> None:
    client = serve(serving)
    mine = {"X-Request-ID": "mine-1"}
    assert client.get("/docs.json", headers=mine).headers["X-Request-ID"] == "mine-1"
    for path in ("/predict/no-such-spec", "/nowhere"):
        answer = client.post(path, json={}, headers=mine)
        assert answer.status_code == 404
        assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "mine-1"
    made = client.get("/nowhere")
    assert made.json()["request_id"] == made.headers["X-Request-ID"] != "mine-1"


class Lines(logging.Handler):
    """Keeps what is logged, as it stands in a log of JSON lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(LineFormatter("serving", is_json=True))
        self.entries: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.entries.append(json.loads(self.format(record)))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    handler, log = Lines(), logging.getLogger("runlore.serving")
    monkeypatch.setattr(log, "level", logging.INFO)
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


def request_line(lines: Lines) -> dict[str, Any]:
    [entry] = [entry for entry in lines.entries if "/predict/{spec}: " in entry["message"]]
    return entry


def test_an_answered_prediction_is_logged_with_its_request_and_its_ledger_entry(
    serving: Serving, serve: Callable[..., httpx.Client], lines: Lines
) -> None:
    client = serve(serving, log_requests="on")
    answer = client.post("/predict/duration", json=REQUEST, headers={"X-Request-ID": "r-8"})
    assert answer.status_code == 200, answer.text
    entry = request_line(lines)
    assert entry["message"].startswith("POST /predict/{spec}: 200 in ")
    assert entry["request_id"] == "r-8"
    assert entry["prediction_id"] == answer.json()["id"]
    assert (entry["spec"], entry["version"]) == ("duration", "7")


def test_a_refused_prediction_is_logged_with_its_ledger_entry_and_nothing_of_its_body(
    serving: Serving, serve: Callable[..., httpx.Client], lines: Lines, store: Store
) -> None:
    client = serve(serving, log_requests="on")
    answer = client.post("/predict/duration", json={"private": 1}, headers={"X-Request-ID": "r-9"})
    assert answer.status_code == 422
    entry = request_line(lines)
    assert entry["request_id"] == answer.json()["request_id"] == "r-9"
    row = read_prediction(store, UUID(entry["prediction_id"]))
    assert row["status"] == 422
    assert "private" not in json.dumps(lines.entries)


def test_requests_are_not_logged_unless_the_setting_says_so(
    serving: Serving, serve: Callable[..., httpx.Client], lines: Lines
) -> None:
    assert serve(serving).post("/predict/duration", json=REQUEST).status_code == 200
    assert lines.entries == []


def test_what_a_group_logs_belongs_to_no_single_request(
    serving: Serving,
    serve: Callable[..., httpx.Client],
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> None:
        raise ValueError("a group has failed")

    monkeypatch.setattr(group_commit, "_answered", fail)
    answer = serve(serving).post("/predict/duration", json=REQUEST)
    assert answer.status_code == 500
    groups = [entry for entry in lines.entries if entry["message"] == "group commit"]
    assert groups
    assert not any("request_id" in entry for entry in groups)
