"""Answer what a model is asked, and put every answer and refusal on the ledger first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from runlore.features import online
from runlore.features.keys import Subject
from runlore.features.matrix import RowReader
from runlore.records.errors import NotFound
from runlore.records.instant import from_us, to_us
from runlore.store import feature_states, ledger
from runlore.store.engine import Store
from runlore.store.feature_states import Floats, Name
from runlore.store.ledger import Row
from runlore.store.months import Connection, transaction

if TYPE_CHECKING:
    from runlore.models.bundle import Bundle
    from runlore.models.explain import Reason

Rows = NDArray[np.float32]
REASONS = 3
MOST_REASONED = 100
"""Answers of a larger batch come without reasons, which cost more than the answers do."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to predict for. source and source_id: the execution that it is about, if it has one."""

    subject: Subject
    source: str | None = None
    source_id: str | None = None


@dataclass(frozen=True)
class Predictor:
    """A version made ready to answer, once."""

    bundle: "Bundle"
    reader: RowReader = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", RowReader(self.bundle.plan))


@dataclass(frozen=True, slots=True)
class Answer:
    """as_of: features count what was known then. history: "absent" when there is no store.

    low, high: of a quantity's interval. reasons: None when there are too many answers at once.
    """

    id: UUID
    spec: str
    version: str | None
    prediction: float
    low: float | None
    high: float | None
    reasons: "tuple[Reason, ...] | None"
    as_of: datetime
    history: Literal["known", "absent"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request got no answer, with the HTTP status that says so."""

    spec: str
    version: str | None
    status: int
    error: str
    request: Mapping[str, Any]


def predict(
    store: Store | None,
    predictor: Predictor,
    requests: Sequence[Request],
    at: datetime,
    as_of: datetime | None = None,
    arm: str = "champion",
) -> list[Answer]:
    """Answer requests, in their order; all the states that they need are read in one query.

    as_of: the instant to answer for, None: `at`, which is now. It is moved up to the latest fact
    that the states contain, so that no answer knows the future.
    """
    began = perf_counter()
    as_of_us = to_us(as_of or at)
    if store is None:
        rows = _rows(predictor, requests, as_of_us, {})
        return _answers(predictor, rows, at, from_us(as_of_us), "absent")

    def work(connection: Connection) -> list[Answer]:
        names = {name for each in requests for name in predictor.reader.keys(each.subject)}
        states = feature_states.read_states(connection, names)
        known_us = max(as_of_us, online.seen(states.values()).last_us)
        rows = _rows(predictor, requests, known_us, states)
        answers = _answers(predictor, rows, at, from_us(known_us), "known")
        asked = _Asked(requests, rows, at, arm, (perf_counter() - began) * 1e3)
        ledger.add(connection, asked.ledger_rows(answers))
        return answers

    return transaction(store, work)


def refuse(store: Store, refusal: Refusal, at: datetime, arm: str = "champion") -> UUID:
    """Put a refusal on the ledger."""
    row = Row(
        at=at,
        id=ledger.new_id(at),
        spec=refusal.spec,
        version=refusal.version,
        arm=arm,
        status=refusal.status,
        as_of=at,
        request=refusal.request,
        error=refusal.error,
    )
    transaction(store, lambda connection: ledger.add(connection, [row]))
    return row.id


def read_prediction(store: Store, prediction_id: UUID) -> dict[str, Any]:
    """A row of the ledger."""
    row = ledger.read(store, prediction_id)
    if row is None:
        raise NotFound(f"prediction {prediction_id} is not on the ledger")
    return row


@dataclass(frozen=True, slots=True)
class _Asked:
    requests: Sequence[Request]
    rows: Rows
    at: datetime
    arm: str
    latency_ms: float

    def ledger_rows(self, answers: Sequence[Answer]) -> list[Row]:
        return [
            self._row(request, features, answer)
            for request, features, answer in zip(self.requests, self.rows, answers, strict=True)
        ]

    def _row(self, request: Request, features: Rows, answer: Answer) -> Row:
        reasons = answer.reasons
        return Row(
            at=self.at,
            id=answer.id,
            spec=answer.spec,
            version=answer.version,
            arm=self.arm,
            status=200,
            as_of=answer.as_of,
            request=_shown(request.subject),
            source=request.source,
            source_id=request.source_id,
            features=features,
            prediction=answer.prediction,
            low=answer.low,
            high=answer.high,
            reasons=None if reasons is None else [vars(each) for each in reasons],
            latency_ms=self.latency_ms,
        )


def _rows(
    predictor: Predictor,
    requests: Sequence[Request],
    as_of_us: int,
    states: Mapping[Name, Floats],
) -> Rows:
    reader = predictor.reader
    return np.stack([reader.row(request.subject, as_of_us, states) for request in requests])


def _answers(
    predictor: Predictor,
    rows: Rows,
    at: datetime,
    as_of: datetime,
    history: Literal["known", "absent"],
) -> list[Answer]:
    bundle = predictor.bundle
    found = bundle.predict(rows)
    is_reasoned = len(rows) <= MOST_REASONED
    return [
        Answer(
            id=ledger.new_id(at),
            spec=bundle.spec,
            version=bundle.version,
            prediction=float(found.prediction[i]),
            low=_bound(found.low, i),
            high=_bound(found.high, i),
            reasons=bundle.reasons(row, REASONS) if is_reasoned else None,
            as_of=as_of,
            history=history,
        )
        for i, row in enumerate(rows)
    ]


def _bound(bounds: "NDArray[np.float64] | None", at: int) -> float | None:
    return None if bounds is None else float(bounds[at])


def _shown(subject: Subject) -> dict[str, Any]:
    return {
        "actor": subject.actor,
        "kind": subject.kind,
        "scope": subject.scope,
        "inputs": dict(subject.inputs),
    }
