"""Answer requests away from the event loop: read states, predict in pieces, write the ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, pairwise
from time import sleep

import numpy as np

from runlore.features.matrix import Keys
from runlore.kernel.errors import CannotWrite, Stalled, Unavailable, Unsettled
from runlore.kernel.instants import from_us, to_us
from runlore.kernel.spans import stage
from runlore.serving.actions.prediction import (
    MOST_REASONED,
    PredictionBatch,
    Predictor,
    Request,
    RequestBatch,
    ServedPrediction,
    States,
    answer_one,
    moved_up,
)
from runlore.serving.queries import feature_states, ledger_writer
from runlore.serving.queries.ledger import Row
from runlore.store.engine import Store
from runlore.store.months import transaction

# Rows of a batch that are answered at once; between two pieces other requests get their turn. It is
# a multiple of the 16 and of the 12 rows that vector instructions take together, and no piece is
# smaller: so the answers are bit for bit those of the undivided batch.
PIECE_ROWS = 480
TURN_S = 0.001  # a pause after each piece, in which another thread takes the interpreter


def predict(
    store: Store | None,
    predictor: Predictor,
    requests: Sequence[Request],
    at: datetime,
    as_of: datetime | None = None,
    arm: str = "champion",
    reasons: int = 0,
) -> list[ServedPrediction]:
    """Answer requests, in their order, and put the answers on the ledger: see `commit`."""
    return commit(store, RequestBatch(predictor, requests, at, as_of, arm, reasons))


def commit(
    store: Store | None, ask: RequestBatch, *, has_ledger: bool = True
) -> list[ServedPrediction]:
    """Answer an ask; its answers are on the ledger then, where one is kept and nobody else has
    claimed the ask. Raises Stalled: none are; Unsettled: nobody knows.

    Recorders wait only while states are read, and a large batch is made in pieces.
    """
    if store is None:
        return _in_pieces(ask, [()] * len(ask.requests), None, 0).answers
    keys = list(chain.from_iterable(piece.keys() for piece in _pieces(ask)))
    with stage("read states"), store.connect() as connection:
        states, now = feature_states.read_states(connection, set(chain.from_iterable(keys)))
    answered = _in_pieces(ask, keys, states, to_us(now))
    if has_ledger and ask.claim.take("ledger"):
        with stage("ledger commit"):
            _write(store, answered.rows)
    return answered.answers


def _write(store: Store, rows: Sequence[Row]) -> None:
    try:
        transaction(store, lambda connection: ledger_writer.add_soon(connection, rows))
    except (Stalled, CannotWrite):
        raise
    except Unavailable as error:
        raise Unsettled(str(error)) from error


def _in_pieces(
    ask: RequestBatch, keys: Sequence[Keys], states: States, now_us: int
) -> PredictionBatch:
    """Answer an ask piece by piece, for one instant; raises what goes wrong with one of them.

    The `latency_ms` of a ledger row ends when its piece is ready.
    """
    if len(ask.requests) < 2 * PIECE_ROWS:
        return _only(answer_one(ask, keys, states, now_us))
    as_of = _as_of(ask, keys, states, now_us)
    whole, first = PredictionBatch([], []), 0
    for piece in _pieces(replace(ask, as_of=as_of)):
        last = first + len(piece.requests)
        answered = _only(answer_one(piece, keys[first:last], states, now_us))
        whole.answers.extend(answered.answers)
        whole.rows.extend(answered.rows)
        first = last
    return whole


def _pieces(ask: RequestBatch) -> Iterator[RequestBatch]:
    """The ask divided, the rest with the last piece, with a pause between two pieces."""
    rows = len(ask.requests)
    if rows < 2 * PIECE_ROWS:
        yield ask
        return
    reasons = ask.reasons if rows <= MOST_REASONED else 0
    for first, last in pairwise([*range(0, rows - PIECE_ROWS + 1, PIECE_ROWS), rows]):
        if first:
            sleep(TURN_S)
        yield replace(ask, requests=ask.requests[first:last], reasons=reasons)


def _as_of(ask: RequestBatch, keys: Sequence[Keys], states: States, now_us: int) -> datetime:
    """The instant of a whole ask: as `predict.answer` chooses it."""
    if states is None:
        return ask.as_of or ask.at
    latest = now_us if ask.as_of is None else to_us(ask.as_of)
    reader, size = ask.predictor.reader, PIECE_ROWS
    for first in range(0, len(keys), size):
        part = keys[first : first + size]
        [latest] = moved_up(np.array([latest]), [len(part)], reader.stack(part, states))
    return from_us(int(latest))


def _only(answered: PredictionBatch | Exception) -> PredictionBatch:
    """Return the answers of one request; raises what went wrong with it."""
    if isinstance(answered, Exception):
        raise answered
    return answered
