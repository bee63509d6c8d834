"""While a large batch is answered, others are answered and record between its pieces."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from bentos.predict.live_versions import Serving
from runlore.models.bundle import Bundle

ANN = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4}}
BATCH = [ANN | {"actor": f"user-{row}"} for row in range(1_500)]  # more keys than may be locked
PATIENCE_S = 60.0


class Stop:
    """Stops the batch before its second piece until `go_on`."""

    def __init__(self) -> None:
        self.pieces = 0
        self.is_reached, self.go_on = threading.Event(), threading.Event()

    def piece(self) -> None:
        self.pieces += 1
        if self.pieces == 2:
            self.is_reached.set()
            assert self.go_on.wait(PATIENCE_S)


@pytest.fixture
def stop(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    stop, predict = Stop(), Bundle.predict

    def stopped(self: Bundle, rows: np.ndarray) -> object:
        if len(rows) > 1:
            stop.piece()
        return predict(self, rows)

    monkeypatch.setattr(Bundle, "predict", stopped)
    yield stop
    stop.go_on.set()


def test_between_two_pieces_of_a_batch_others_are_answered_and_record(
    client: httpx.Client, stop: Stop
) -> None:
    with ThreadPoolExecutor(1) as threads:
        batch = threads.submit(client.post, "/predict/failure-risk/batch", json=BATCH)
        assert stop.is_reached.wait(PATIENCE_S)
        with httpx.Client(base_url=client.base_url, timeout=4, trust_env=False) as other:
            one = other.post("/predict/failure-risk", json=BATCH[-1])
            recorded = other.post("/executions", json=BATCH[-1])
        is_batch_done = batch.done()
        stop.go_on.set()
        answers = batch.result()

    assert (one.status_code, recorded.status_code, is_batch_done) == (200, 201, False)
    assert (answers.status_code, len(answers.json()), stop.pieces) == (200, len(BATCH), 3)
    assert answers.json()[-1]["prediction"] == one.json()["prediction"]
