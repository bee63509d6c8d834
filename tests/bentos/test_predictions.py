"""Predictions over HTTP."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import numpy as np
import pytest
from handmade import SPECS
from sqlalchemy import text

from bentos.predict.live_versions import Serving, load
from bentos.predict.request_schema import MOST_ROWS
from runlore.serving.actions.prediction import RequestBatch
from runlore.store.engine import Store, connect

ANN = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4, "queue": "long"}}


def ledger_rows(store: Store) -> list:
    with store.begin() as connection:
        query = text("SELECT status, version, error, request, id FROM runlore.ledger ORDER BY id")
        return connection.execute(query).all()


def test_a_prediction_has_everything_that_a_client_needs(client: httpx.Client) -> None:
    answer = client.post("/predict/duration?reasons=3", json=ANN)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["spec"], told["version"], told["unit"], told["history"]) == (
        "duration",
        "7",
        "s",
        "known",
    )
    assert told["low"] <= told["prediction"] <= told["high"]
    assert [set(each) for each in told["reasons"]] == [
        {"feature", "value", "reference", "effect", "text"}
    ] * 3
    assert all(each["text"].endswith((" s", " min", " h", " d")) for each in told["reasons"])
    row = client.get(f"/predictions/{told['id']}").json()
    assert row["prediction"] == told["prediction"]
    assert row["request"]["inputs"] == ANN["inputs"]
    assert any(each is None for each in row["features"])


def test_reasons_hold_up_no_group(client: httpx.Client, serving: Serving, monkeypatch) -> None:
    together: list[RequestBatch] = []
    answer = serving.commits.answer
    monkeypatch.setattr(serving.commits, "answer", lambda ask: together.append(ask) or answer(ask))
    reasoned = client.post("/predict/duration?reasons=2", json=ANN).json()
    plain = client.post("/predict/duration", json=ANN).json()
    assert (len(reasoned["reasons"]), plain["reasons"]) == (2, None)
    assert [each.reasons for each in together] == [0]
    assert client.get(f"/predictions/{reasoned['id']}").status_code == 200


def test_reasons_may_be_asked_for_later_while_the_version_answers(
    client: httpx.Client, serving: Serving
) -> None:
    reasoned = client.post("/predict/duration?reasons=3", json=ANN).json()
    plain = client.post("/predict/duration", json=ANN).json()
    place = f"/predictions/{plain['id']}"
    assert client.get(place).json()["reasons"] is None
    later = client.get(f"{place}?reasons=3").json()["reasons"]
    assert [each["feature"] for each in later] == [each["feature"] for each in reasoned["reasons"]]
    assert [each["text"] for each in later] == [each["text"] for each in reasoned["reasons"]]
    assert client.get(f"{place}?reasons=many").json()["errors"][0]["field"] == "reasons"
    serving.put("duration", None)
    gone = client.get(f"{place}?reasons=3")
    assert (gone.status_code, client.get(place).status_code) == (409, 200)
    assert "version 7 of duration does not answer here any more" in gone.json()["detail"]


def test_a_probability_has_no_interval(client: httpx.Client) -> None:
    told = client.post("/predict/failure-risk", json=ANN).json()
    assert 0 <= told["prediction"] <= 1
    assert (told["low"], told["high"], told["unit"]) == (None, None, "probability")


def test_what_was_recorded_changes_the_next_prediction(client: httpx.Client) -> None:
    before = client.post("/predict/failure-risk", json=ANN).json()["prediction"]
    made = client.post("/executions", json=ANN).json()
    client.post(f"/executions/{made['id']}/outcome", json={"status": "failed"})
    after = client.post("/predict/failure-risk", json=ANN).json()["prediction"]
    assert after != before


def test_a_batch_answers_in_order(client: httpx.Client) -> None:
    rows = [ANN | {"actor": name} for name in ("ann", "bob", "eve")]
    answers = client.post("/predict/failure-risk/batch", json=rows).json()
    alone = [client.post("/predict/failure-risk", json=row).json() for row in rows]
    assert [each["prediction"] for each in answers] == [each["prediction"] for each in alone]
    assert len({each["id"] for each in answers}) == 3


@pytest.mark.parametrize("rows", [0, MOST_ROWS + 1])
def test_a_batch_of_no_rows_or_too_many_is_refused(client: httpx.Client, rows: int) -> None:
    answer = client.post("/predict/failure-risk/batch", json=[ANN] * rows)
    assert answer.status_code == 422
    assert answer.json()["field"] == "body"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, None),
        (b"", 400, None),
        (b'{"actor": "\xff"}', 400, None),
        (b"[" * 5000, 400, None),
        (b"[]", 422, "body"),
        (b"null", 422, "body"),
        (b"{}", 422, "actor"),
        (b'{"actor": "a"}', 422, "kind"),
        (b'{"actor": 1, "kind": "b"}', 422, "actor"),
        (b'{"actor": "a", "kind": "b", "colour": "red"}', 422, "colour"),
        (b'{"actor": "a", "kind": "b", "inputs": {"nodes": "4"}}', 422, "inputs.nodes"),
        (b'{"actor": "a", "kind": "b", "inputs": {"nodes": NaN}}', 422, "inputs.nodes"),
        (b'{"actor": "a", "kind": "b", "inputs": {"nodes": 1e400}}', 422, "inputs.nodes"),
        (b'{"actor": "a", "kind": "b", "inputs": {"nodes": [1]}}', 422, "inputs.nodes"),
        (b'{"actor": "a", "kind": "b", "inputs": {"queue": 3}}', 422, "inputs.queue"),
        (b'{"actor": "a", "kind": "b", "inputs": {"typo": 3}}', 422, "inputs.typo"),
        (b'{"actor": "a", "kind": "b", "inputs": {"site": {}}}', 422, "inputs.site"),
        (b'{"actor": "a", "kind": "b", "inputs": {"x\\u0000": 1}}', 422, "inputs.x\ufffd"),
        (b'{"actor": "a", "kind": "b", "' + b"x" * 99 + b'": 1}', 422, "x" * 80),
        (b'{"actor": "a\\u0000", "kind": "b"}', 422, "actor"),
        (b'{"actor": "' + b"a" * 501 + b'", "kind": "b"}', 422, "actor"),
        (b'{"actor": "a", "kind": "b", "as_of": "2026-01-01T00:00:00Z"}', 422, "as_of"),
        (b'{"actor": "a", "kind": "b", "execution": ""}', 422, "execution"),
    ],
)
def test_a_wrong_request_is_refused_with_its_field_and_put_on_the_ledger(
    client: httpx.Client, store: Store, body: bytes, status: int, field: str | None
) -> None:
    answer = client.post("/predict/failure-risk", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told.get("field") == field
    assert "Traceback" not in answer.text
    ((kept, version, error, request, _),) = ledger_rows(store)
    assert (kept, version, error) == (status, "7", told["detail"])
    assert set(request) == {"body"}


def test_inputs_may_be_missing_null_true_or_of_another_size(client: httpx.Client) -> None:
    for inputs in ({}, {"nodes": None}, {"nodes": True}, {"site": 4}, {"queue": "unheard of"}):
        answer = client.post("/predict/failure-risk", json=ANN | {"inputs": inputs})
        assert answer.status_code == 200, answer.text


def test_an_unknown_spec_is_not_found(client: httpx.Client) -> None:
    answer = client.post("/predict/weather", json=ANN)
    assert answer.status_code == 404
    assert "there are: failure-risk, duration" in answer.json()["detail"]


def test_no_champion_is_a_503_that_says_what_to_do(
    client: httpx.Client, serving: Serving, store: Store
) -> None:
    serving.put("failure-risk", None)
    answer = client.post("/predict/failure-risk", json=ANN)
    assert answer.status_code == 503
    assert "train one with `runlore train failure-risk`" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "1"
    assert [row[:2] for row in ledger_rows(store)] == [(503, None)]
    assert client.post("/predict/duration", json=ANN).status_code == 200


def test_without_a_database_the_answer_is_a_503(client: httpx.Client, serving: Serving) -> None:
    serving.store = connect("postgresql://127.0.0.1:1/nothing?connect_timeout=1")
    answer = client.post("/predict/failure-risk", json=ANN)
    assert answer.status_code == 503
    assert "PostgreSQL at 127.0.0.1:1" in answer.json()["detail"]
    assert serving.why_not_ready()
    serving.store = None
    assert client.post("/predict/failure-risk", json=ANN).status_code == 503


def test_an_unforeseen_error_is_a_500_without_a_trace_on_the_ledger_too(
    client: httpx.Client,
    serving: Serving,
    store: Store,
    versions: dict[str, Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = load(versions["failure-risk"], "7", "failure-risk", "wall")
    object.__setattr__(broken.bundle, "reference", None)
    serving.put("failure-risk", broken)
    answer = client.post("/predict/failure-risk", json=ANN)
    assert answer.status_code == 500
    assert "Error" not in answer.text
    assert [row[0] for row in ledger_rows(store)] == [500]
    assert "Traceback" in caplog.text


def test_a_client_error_leaves_no_trace_in_the_log(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.post("/predict/failure-risk", content=b"{")
    client.post("/predict/weather", content=b"{")
    client.get("/predictions/7")
    assert not [record for record in caplog.records if record.name.startswith("runlore")]


def test_a_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    answer = client.post("/predict/failure-risk", content=b" " * (17 << 20))
    assert answer.status_code == 413


def test_a_prediction_that_is_not_on_the_ledger_is_not_found(client: httpx.Client) -> None:
    assert client.get(f"/predictions/{UUID(int=7)}").status_code == 404
    wrong = client.get("/predictions/7")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "id")


def test_when_replaying_the_request_says_the_instant(replaying: httpx.Client) -> None:
    asked = ANN | {"as_of": "1999-12-31T23:59:59.000001Z"}
    told = replaying.post("/predict/failure-risk", json=asked).json()
    assert told["as_of"] == "1999-12-31T23:59:59.000001Z"
    assert replaying.post("/predict/failure-risk/batch", json=[asked] * 2).status_code == 200
    mixed = replaying.post("/predict/failure-risk/batch", json=[asked, ANN])
    assert (mixed.status_code, mixed.json()["field"]) == (422, "as_of")


def test_a_service_without_a_database_answers_and_says_so(
    serve: Callable[[Serving], httpx.Client], serving: Serving
) -> None:
    alone = Serving(tuple(SPECS), is_standalone=True, live=serving.live)
    client = serve(alone)
    told = client.post("/predict/failure-risk", json=ANN).json()
    assert told["history"] == "absent"
    assert client.post("/executions", json=ANN).status_code == 503
    assert client.get(f"/predictions/{told['id']}").status_code == 503
    assert "/executions" not in client.get("/docs.json").json()["paths"]
    assert alone.why_not_ready() == ""


def test_predictions_go_on_while_recorders_wait_for_a_rebuild(
    client: httpx.Client, store: Store
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from runlore.serving.queries import feature_states

    def record(n: int) -> int:
        return client.post("/executions", json=ANN | {"id": str(n)}).status_code

    with ThreadPoolExecutor(30) as pool:
        with store.connect() as connection:
            feature_states.lock_out_recorders(connection)
            waiting = [pool.submit(record, n) for n in range(30)]
            answers = [client.post("/predict/failure-risk", json=ANN) for _ in range(5)]
            assert {each.status_code for each in answers} == {200}
            assert not any(each.done() for each in waiting)
        assert {each.result() for each in waiting} == {201}


def test_an_answer_that_is_no_number_is_refused_and_hurts_nobody_else(
    client: httpx.Client, serving: Serving, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a naive Bayes gives for inputs far out of range."""
    from concurrent.futures import ThreadPoolExecutor

    from runlore.models.bundle import Bundle, ModelOutput

    whole = Bundle.predict

    def broken(bundle: Bundle, rows: np.ndarray) -> ModelOutput:
        found = whole(bundle, rows)
        found.prediction[rows[:, 0] == 1e30] = np.nan
        return found

    monkeypatch.setattr(Bundle, "predict", broken)
    far = ANN | {"inputs": {"nodes": 1e30}}
    with ThreadPoolExecutor(8) as pool:
        bodies = [far if n % 4 == 0 else ANN for n in range(32)]
        answers = list(pool.map(lambda b: client.post("/predict/failure-risk", json=b), bodies))
    assert [each.status_code for each in answers] == [422 if n % 4 == 0 else 200 for n in range(32)]
    assert answers[0].json()["field"] == "inputs"
    batch = client.post("/predict/failure-risk/batch?reasons=2", json=[ANN, far])
    assert (batch.status_code, batch.json()["field"]) == (422, "inputs")
    assert sorted(row[0] for row in ledger_rows(store)) == [200] * 24 + [422] * 9


@pytest.mark.parametrize("way", ["", "/batch"])
def test_an_interval_without_an_end_is_refused(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """As a model gives that goes on beyond what it has seen."""
    from runlore.models.bundle import Bundle, ModelOutput

    whole = Bundle.predict

    def endless(bundle: Bundle, rows: np.ndarray) -> ModelOutput:
        found = whole(bundle, rows)
        assert found.high is not None
        found.high[:] = np.inf
        return found

    monkeypatch.setattr(Bundle, "predict", endless)
    answer = client.post(f"/predict/duration{way}", json=[ANN] if way else ANN)
    assert (answer.status_code, answer.json()["field"]) == (422, "inputs")
