"""A large batch is answered in pieces, as if it had not been divided."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from handmade import write_bundle

from runlore.features.keys import KeyParts
from runlore.models.bundle import Bundle
from runlore.serving.actions import prediction_commit as committing
from runlore.serving.actions import states
from runlore.serving.actions.prediction import Predictor, Request, RequestBatch, read_prediction
from runlore.serving.actions.prediction_commit import commit
from runlore.serving.actions.recording import Submission, record_submission
from runlore.store.engine import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS = 1_503  # three pieces


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor(Bundle.load(write_bundle(tmp_path_factory.mktemp("version"), "duration"), "7"))


def batch(predictor: Predictor, as_of: datetime | None = None) -> RequestBatch:
    drawn = np.random.default_rng(4).normal(size=ROWS)
    subjects = [
        KeyParts(f"user-{row % 700}", "build", "web", {"nodes": float(drawn[row])})
        for row in range(ROWS)
    ]
    return RequestBatch(predictor, [Request(subject) for subject in subjects], NOON, as_of)


def record(store: Store, actor: str, at: datetime) -> None:
    work = Submission(actor, "build", "web", {}, source_id=f"by-{actor}", submitted=at)
    record_submission(store, work, at)


def sizes_of_pieces(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    predict = Bundle.predict

    def counted(self: Bundle, rows: np.ndarray) -> object:
        sizes.append(len(rows))
        return predict(self, rows)

    monkeypatch.setattr(Bundle, "predict", counted)
    return sizes


def test_pieces_answer_bit_for_bit_as_the_whole(
    store: Store, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    states.activate(store, predictor.bundle.plan)
    for row in range(0, 700, 7):
        record(store, f"user-{row}", NOON - timedelta(hours=row + 1))
    sizes = sizes_of_pieces(predictor, monkeypatch)

    divided = commit(store, batch(predictor, NOON))
    monkeypatch.setattr(committing, "PIECE_ROWS", ROWS)
    whole = commit(store, batch(predictor, NOON))

    assert sizes == [480, 480, 543, ROWS]
    told = [
        [(a.prediction, a.low, a.high, a.as_of) for a in answers] for answers in (divided, whole)
    ]
    assert told[0] == told[1]
    for at in (0, 500, ROWS - 1):
        rows = [read_prediction(store, answers[at].id) for answers in (divided, whole)]
        np.testing.assert_array_equal(*(np.array(row["features"]) for row in rows))


def test_all_pieces_are_of_the_latest_instant_that_any_of_them_knows(
    store: Store, predictor: Predictor
) -> None:
    states.activate(store, predictor.bundle.plan)
    later = NOON + timedelta(hours=1)
    record(store, "user-699", later)

    answers = commit(store, batch(predictor, NOON))

    assert {answer.as_of for answer in answers} == {later}


def test_a_piece_that_has_no_number_leaves_nothing_of_the_batch_on_the_ledger(
    store: Store, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    states.activate(store, predictor.bundle.plan)
    predict, calls = Bundle.predict, []

    def failing(self: Bundle, rows: np.ndarray) -> object:
        calls.append(len(rows))
        if len(calls) == 3:
            raise ValueError("the last piece")
        return predict(self, rows)

    monkeypatch.setattr(Bundle, "predict", failing)
    with pytest.raises(ValueError, match="the last piece"):
        commit(store, batch(predictor))
    with store.connect() as connection:
        assert connection.execute("SELECT count(*) FROM runlore.ledger").fetchone() == (0,)


def test_without_a_database_a_batch_is_divided_as_well(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = sizes_of_pieces(predictor, monkeypatch)

    divided = commit(None, batch(predictor))
    monkeypatch.setattr(committing, "PIECE_ROWS", ROWS)
    whole = commit(None, batch(predictor))

    assert sizes == [480, 480, 543, ROWS]
    assert [a.prediction for a in divided] == [a.prediction for a in whole]
