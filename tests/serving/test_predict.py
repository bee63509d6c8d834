"""Answers: features as known, on the ledger before anybody sees them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from handmade import plan_of, write_bundle
from sqlalchemy import text

from runlore.features.keys import KeyParts
from runlore.features.matrix import extract, prepare
from runlore.kernel import instants
from runlore.kernel.errors import NotFound
from runlore.log.executions import read_facts
from runlore.models.bundle import Bundle
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import states
from runlore.serving.actions.prediction import (
    MOST_REASONED,
    Predictor,
    Request,
    RequestBatch,
    answer,
    read_prediction,
)
from runlore.serving.actions.prediction_commit import predict
from runlore.serving.actions.recording import (
    OutcomeReport,
    Submission,
    record_outcome,
    record_submission,
)
from runlore.serving.actions.refusals import Refusal, refuse
from runlore.serving.queries import feature_states, ledger
from runlore.serving.queries.feature_states import Connection, Floats, Name
from runlore.specs.catalog.failure_risk import SPEC
from runlore.store.engine import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = KeyParts("ann", "build", "web", {"nodes": 4, "queue": "long", "site": "x"})


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = write_bundle(tmp_path_factory.mktemp("bundle"))
    return Predictor(Bundle.load(folder, "7"))


def seconds(n: float) -> datetime:
    return NOON + timedelta(seconds=n)


def record_one(store: Store, n: int, at: datetime) -> None:
    inputs = dict(ANN.inputs)
    work = Submission("ann", "build", "web", inputs, source_id=f"job-{n}", submitted=at)
    record_submission(store, work, at)


def test_an_answer_has_the_features_of_the_offline_rows(store: Store, predictor: Predictor) -> None:
    states.activate(store, predictor.bundle.plan)
    record_one(store, 1, seconds(0))
    ending = OutcomeReport(ExecutionStatus.FAILED, seconds(1), seconds(60), {"cost": 2})
    record_outcome(store, "api", "job-1", ending, seconds(60))
    (answer,) = predict(store, predictor, [Request(ANN)], NOON, seconds(90))
    record_one(store, 2, seconds(90))
    rows, _ = extract(prepare(read_facts(store)), predictor.bundle.plan)
    kept = np.array(read_prediction(store, answer.id)["features"], dtype=np.float32)
    np.testing.assert_array_equal(kept, rows[-1])
    assert answer.prediction == predictor.bundle.predict(rows[-1:]).prediction[0]
    assert answer.history == "known"


def test_an_answer_is_on_the_ledger_with_all_that_led_to_it(
    store: Store, predictor: Predictor
) -> None:
    (answer,) = predict(store, predictor, [Request(ANN, "api", "job-1")], NOON, reasons=3)
    row = read_prediction(store, answer.id)
    assert (row["spec"], row["version"], row["arm"], row["status"]) == (
        "failure-risk",
        "7",
        "champion",
        200,
    )
    assert (row["source"], row["source_id"]) == ("api", "job-1")
    assert row["prediction"] == answer.prediction
    assert row["at"] == NOON
    assert abs((row["as_of"] - instants.now()).total_seconds()) < 60
    assert row["request"] == {
        "actor": "ann",
        "kind": "build",
        "scope": "web",
        "inputs": dict(ANN.inputs),
    }
    assert [each["feature"] for each in row["reasons"]] == [each.feature for each in answer.reasons]
    assert len(answer.reasons) == 3
    assert row["latency_ms"] > 0
    assert answer.id.version == 7


def test_an_answer_never_knows_the_future(store: Store, predictor: Predictor) -> None:
    states.activate(store, predictor.bundle.plan)
    record_one(store, 1, seconds(50))
    (answer,) = predict(store, predictor, [Request(ANN)], NOON, seconds(10))
    assert answer.as_of == seconds(50)


def test_a_batch_answers_like_one_by_one(store: Store, predictor: Predictor) -> None:
    states.activate(store, predictor.bundle.plan)
    for n in range(5):
        record_one(store, n, seconds(n))
    requests = [Request(replace(ANN, actor=name)) for name in ("ann", "bob", "", "ann")] * 10
    batch = predict(store, predictor, requests, NOON, seconds(60), reasons=2)
    single = [predict(store, predictor, [r], NOON, seconds(60), reasons=2)[0] for r in requests]
    assert [each.prediction for each in batch] == [each.prediction for each in single]
    assert [each.reasons for each in batch] == [each.reasons for each in single]
    assert len({each.id for each in batch}) == len(batch)
    assert count_rows(store) == 2 * len(requests)
    kept = [read_prediction(store, each.id)["features"] for each in (batch[0], single[0])]
    assert str(kept[0]) == str(kept[1])


def test_a_large_batch_comes_without_reasons(store: Store, predictor: Predictor) -> None:
    requests = [Request(ANN)] * (MOST_REASONED + 1)
    answers = predict(store, predictor, requests, NOON, reasons=3)
    assert {each.reasons for each in answers} == {None}
    assert count_rows(store) == len(requests)


def test_without_a_store_every_actor_is_new_and_the_answer_says_so(
    store: Store, predictor: Predictor
) -> None:
    (alone,) = predict(None, predictor, [Request(ANN)], NOON)
    (known,) = predict(store, predictor, [Request(ANN)], NOON, NOON)
    assert alone.history == "absent"
    assert alone.prediction == known.prediction


def test_a_refusal_is_on_the_ledger(store: Store) -> None:
    told = Refusal("failure-risk", "7", 422, "actor: is missing", {"body": "{}"})
    row = read_prediction(store, refuse(store, told, NOON))
    assert (row["status"], row["error"], row["prediction"]) == (422, "actor: is missing", None)


def test_an_unknown_prediction_is_not_found(store: Store) -> None:
    for unknown in (uuid4(), ledger.new_id(NOON), ledger.UUID(int=2**128 - 1)):
        with pytest.raises(NotFound, match="not on the ledger"):
            read_prediction(store, unknown)


def test_a_month_without_a_ledger_partition_is_made(store: Store, predictor: Predictor) -> None:
    with store.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS runlore.ledger_2031_07"))
    later = datetime(2031, 7, 1, tzinfo=UTC)
    (answer,) = predict(store, predictor, [Request(ANN)], later)
    assert read_prediction(store, answer.id)["at"] == later


def test_ids_are_in_the_order_of_time() -> None:
    ids = [ledger.new_id(NOON + timedelta(milliseconds=n)) for n in range(50)]
    assert ids == sorted(ids)
    assert {each.variant for each in ids} == {"specified in RFC 4122"}


def test_the_plan_of_the_test_reads_all_kinds_of_features() -> None:
    plan = plan_of(SPEC)
    assert plan.inputs
    assert plan.categories
    assert plan.histories


def count_rows(store: Store) -> int:
    with store.begin() as connection:
        return connection.scalar(text("SELECT count(*) FROM runlore.ledger"))


def test_asks_with_more_keys_than_may_be_locked_together_are_read_for_in_parts(
    store: Store, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    states.activate(store, predictor.bundle.plan)
    record_one(store, 1, seconds(0))
    asks = [
        RequestBatch(predictor, [Request(replace(ANN, actor=f"a{n}"))], NOON) for n in range(20)
    ]
    sizes: list[int] = []
    read_states = feature_states.read_states

    def read(connection: Connection, names: set[Name]) -> tuple[dict[Name, Floats], datetime]:
        sizes.append(len(names))
        return read_states(connection, names)

    monkeypatch.setattr(feature_states, "read_states", read)
    monkeypatch.setattr(feature_states, "MOST_LOCKED", 30)
    with store.connect() as connection:
        parts = answer(connection, asks)
        assert max(sizes) <= 30 < sum(sizes)
        monkeypatch.setattr(feature_states, "MOST_LOCKED", 500)
        whole = answer(connection, asks)
    assert len(parts) == 20
    for one, other in zip(parts, whole, strict=True):
        assert one.answers[0].prediction == pytest.approx(other.answers[0].prediction, abs=1e-6)
