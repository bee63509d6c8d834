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


@dataclass(frozen=True, slots=True)
class Ask:
    """Requests to answer together, by one version, for one instant.

    as_of: that instant, None: now. at: when it was asked; began: the same on `perf_counter`.
    reasons: how many to give with each answer.
    """

    predictor: Predictor
    requests: Sequence[Request]
    at: datetime
    as_of: datetime | None = None
    arm: str = "champion"
    reasons: int = 0
    began: float = field(default_factory=perf_counter)


def predict(
    store: Store | None,
    predictor: Predictor,
    requests: Sequence[Request],
    at: datetime,
    as_of: datetime | None = None,
    arm: str = "champion",
    reasons: int = 0,
) -> list[Answer]:
    """Answer requests, in their order, and put the answers on the ledger: see `answer`."""
    ask = Ask(predictor, requests, at, as_of, arm, reasons)
    return answer_alone(ask) if store is None else commit(store, ask)


def commit(store: Store, ask: Ask) -> list[Answer]:
    """Answer an ask; its answers are on the ledger then."""

    def work(connection: Connection) -> list[Answer]:
        [answered] = answer(connection, [ask])
        if isinstance(answered, Exception):
            raise answered
        ledger.add(connection, answered.rows)
        return answered.answers

    return transaction(store, work)


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers with what is to be on the ledger before anybody sees them."""

    answers: list[Answer]
    rows: list[Row]


def answer(connection: Connection, asks: Sequence[Ask]) -> list[Answered | Exception]:
    """Answer asks of many clients at once; all the states that they need are read in one query.

    An instant that was asked for is moved up to the latest fact that the states contain, so that
    no answer knows the future. What goes wrong with one ask is its own answer.
    """
    names = {
        name
        for ask in asks
        for request in ask.requests
        for name in ask.predictor.reader.keys(request.subject)
    }
    states, now = feature_states.read_states(connection, names)
    now_us = to_us(now)
    return [_tried(ask, states, now_us) for ask in asks]


def answer_alone(ask: Ask) -> list[Answer]:
    """Answer with no database: nothing is known of anybody's past."""
    as_of_us = to_us(ask.as_of or ask.at)
    return _answers(ask, _rows(ask, as_of_us, {}), from_us(as_of_us), "absent")


def _tried(ask: Ask, states: Mapping[Name, Floats], now_us: int) -> Answered | Exception:
    try:
        as_of_us = now_us if ask.as_of is None else to_us(ask.as_of)
        as_of_us = max(as_of_us, _latest(ask, states))
        rows = _rows(ask, as_of_us, states)
        answers = _answers(ask, rows, from_us(as_of_us), "known")
        latency_ms = (perf_counter() - ask.began) * 1e3
        told = zip(ask.requests, rows, answers, strict=True)
        return Answered(answers, [_ledger_row(ask, *each, latency_ms) for each in told])
    except Exception as error:  # noqa: BLE001  (whoever asked is told; the others are not affected)
        return error


def _latest(ask: Ask, states: Mapping[Name, Floats]) -> int:
    names = (n for request in ask.requests for n in ask.predictor.reader.keys(request.subject))
    return online.seen(states[name] for name in names if name in states).last_us


def refuse(store: Store, refusal: Refusal, at: datetime) -> UUID:
    """Put a refusal on the ledger."""
    row = refusal_row(refusal, at)
    transaction(store, lambda connection: ledger.add(connection, [row]))
    return row.id


def refusal_row(refusal: Refusal, at: datetime, arm: str = "champion") -> Row:
    return Row(
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


def read_prediction(store: Store, prediction_id: UUID) -> dict[str, Any]:
    """A row of the ledger."""
    row = ledger.read(store, prediction_id)
    if row is None:
        raise NotFound(f"prediction {prediction_id} is not on the ledger")
    return row


def _ledger_row(
    ask: Ask, request: Request, features: Rows, given: Answer, latency_ms: float
) -> Row:
    reasons = given.reasons
    return Row(
        at=ask.at,
        id=given.id,
        spec=given.spec,
        version=given.version,
        arm=ask.arm,
        status=200,
        as_of=given.as_of,
        request=_shown(request.subject),
        source=request.source,
        source_id=request.source_id,
        features=features,
        prediction=given.prediction,
        low=given.low,
        high=given.high,
        reasons=None if reasons is None else [vars(each) for each in reasons],
        latency_ms=latency_ms,
    )


def _rows(ask: Ask, as_of_us: int, states: Mapping[Name, Floats]) -> Rows:
    reader = ask.predictor.reader
    return np.stack([reader.row(each.subject, as_of_us, states) for each in ask.requests])


def _answers(
    ask: Ask, rows: Rows, as_of: datetime, history: Literal["known", "absent"]
) -> list[Answer]:
    bundle = ask.predictor.bundle
    found = bundle.predict(rows)
    is_reasoned = ask.reasons > 0 and len(rows) <= MOST_REASONED
    return [
        Answer(
            id=ledger.new_id(ask.at),
            spec=bundle.spec,
            version=bundle.version,
            prediction=float(found.prediction[i]),
            low=_bound(found.low, i),
            high=_bound(found.high, i),
            reasons=bundle.reasons(row, ask.reasons) if is_reasoned else None,
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
