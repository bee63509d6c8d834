"""Answer prediction requests; every answer and refusal is on the ledger before it is sent."""

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from runlore.features.keys import KeyParts
from runlore.features.matrix import Keys, RowReader, latest_us
from runlore.kernel.errors import BadInput, NotFound
from runlore.kernel.instants import from_us, to_us
from runlore.kernel.spans import stage
from runlore.serving.queries import feature_states, ledger
from runlore.serving.queries.feature_states import Floats, Name
from runlore.serving.queries.ledger import Row
from runlore.serving.rules.support import Support, SupportReader, UnknownPart
from runlore.store.engine import Store
from runlore.store.months import Connection

if TYPE_CHECKING:
    from runlore.models.bundle import Bundle, ModelOutput
    from runlore.models.explain import FeatureEffect

Rows = NDArray[np.float32]
Instants = NDArray[np.int64]
History = Literal["known", "absent"]
States = Mapping[Name, Floats] | None  # None when there is no database

# `feature_states.read_states`, on a connection of its own
ReadStates = Callable[[Collection[Name]], Awaitable[tuple[dict[Name, Floats], datetime]]]

# Answers of a larger batch come without reasons, which cost more than the answers.
MOST_REASONED = 100

UNDRAWN = "champion-batch"  # the champion's arm where no draw chose between it and a challenger


@dataclass(frozen=True, slots=True)
class Request:
    """A prediction request. source, source_id: the execution that it is about, if any."""

    subject: KeyParts
    source: str | None = None
    source_id: str | None = None


@dataclass(frozen=True)
class Predictor:
    """A model version that is loaded and ready to answer."""

    bundle: "Bundle"
    reader: RowReader = field(init=False)
    support: SupportReader = field(init=False)

    def __post_init__(self) -> None:
        plan = self.bundle.plan
        object.__setattr__(self, "reader", RowReader(plan))
        object.__setattr__(self, "support", SupportReader(plan, self.bundle.ranges))


@dataclass(frozen=True, slots=True)
class ServedPrediction:
    """as_of: features count what was known then. history: "absent" when there is no store.

    low, high: of a quantity's interval. reasons: None when not asked for, or too many at once.
    support: how much the version knows about the request. unknown: what it does not know, None like
    reasons. quantiles: value by level, where levels were asked for.
    """

    id: UUID
    spec: str
    version: str | None
    prediction: float
    low: float | None
    high: float | None
    reasons: "tuple[FeatureEffect, ...] | None"
    as_of: datetime
    history: History
    support: Support = "little"
    unknown: tuple[UnknownPart, ...] | None = None
    quantiles: Mapping[str, float] | None = None


@dataclass(slots=True)
class WriteOrTimeout:
    """Decides, across threads, whether an answer was written before its time was over."""

    _lock: Lock = field(default_factory=Lock)
    _by: str | None = None

    @property
    def is_written(self) -> bool:
        """Whether the ledger took it, or is about to."""
        return self._by == "ledger"

    def take(self, by: Literal["ledger", "clock"]) -> bool:
        """Return whether the caller is first; asked again, the answer stays the same."""
        with self._lock:
            self._by = self._by or by
            return self._by == by


@dataclass(frozen=True, slots=True)
class RequestBatch:
    """Requests to answer together, by one version, for one instant.

    as_of: that instant, None: now. at: when it came in; began: the same on `perf_counter`.
    reasons: how many to give with each answer. explains_support: whether to say what is not known.
    levels: of the quantiles to give. claim: answers are written only with it. key_id: of the API
    key with which it was asked.
    """

    predictor: Predictor
    requests: Sequence[Request]
    at: datetime
    as_of: datetime | None = None
    arm: str = "champion"
    reasons: int = 0
    began: float = field(default_factory=perf_counter)
    claim: WriteOrTimeout = field(default_factory=WriteOrTimeout, compare=False)
    key_id: str | None = None
    explains_support: bool = False
    levels: tuple[float, ...] = ()

    @property
    def is_detailed(self) -> bool:
        """Whether its answers take longer than a prediction alone."""
        return bool(self.reasons or self.levels) or self.explains_support

    def keys(self) -> list[Keys]:
        """Of the states that each request needs."""
        return [self.predictor.reader.keys(request.subject) for request in self.requests]


@dataclass(frozen=True, slots=True)
class PredictionBatch:
    """Answers, with the ledger rows that must be written before anybody sees them."""

    answers: list[ServedPrediction]
    rows: list[Row]


def answer(
    connection: Connection, asks: Sequence[RequestBatch]
) -> list[PredictionBatch | Exception]:
    """Answer asks of many clients at once; all the states that they need are read in one query,
    unless they are more than may be locked together.

    An instant that was asked for is moved up to the latest fact that the states contain, so that
    no answer knows the future. What goes wrong with one ask is its own answer.
    """
    answers: list[PredictionBatch | Exception] = []
    for part, keys, names in _parts(asks):
        with stage("read states"):
            states, now = feature_states.read_states(connection, names)
        answers += _each_answered(part, keys, states, to_us(now))
    return answers


async def answer_async(
    read: ReadStates, asks: Sequence[RequestBatch]
) -> list[PredictionBatch | Exception]:
    """Like `answer`, but reads without blocking the event loop."""
    answers: list[PredictionBatch | Exception] = []
    for part, keys, names in _parts(asks):
        with stage("read states"):
            states, now = await read(names)
        answers += _each_answered(part, keys, states, to_us(now))
    return answers


def answer_alone(asks: Sequence[RequestBatch]) -> list[PredictionBatch | Exception]:
    """Answer without a database: no history is known, and nothing is written."""
    return _each_answered(asks, [[]] * len(asks), None, 0)


def _parts(
    asks: Sequence[RequestBatch],
) -> Iterator[tuple[Sequence[RequestBatch], list[list[Keys]], set[Name]]]:
    """Asks, with the keys of each and all of them, that may be locked together.

    One ask is never divided: it is answered for one instant.
    """
    keys = [ask.keys() for ask in asks]
    first, names = 0, set[Name]()
    for at, of_ask in enumerate(keys):
        needed = {name for of_request in of_ask for name in of_request}
        if names and len(names) + len(needed) > feature_states.MOST_LOCKED:
            yield asks[first:at], keys[first:at], names
            first, names = at, set()
        names |= needed
    yield asks[first:], keys[first:], names


def _each_answered(
    asks: Sequence[RequestBatch],
    keys: Sequence[Sequence[Keys]],
    states: States,
    now_us: int,
) -> list[PredictionBatch | Exception]:
    if len(asks) > 1:
        with contextlib.suppress(Exception):  # each is then answered alone
            return list(_answered(asks, keys, states, now_us))
    return [answer_one(ask, mine, states, now_us) for ask, mine in zip(asks, keys, strict=True)]


def answer_one(
    ask: RequestBatch, keys: Sequence[Keys], states: States, now_us: int
) -> PredictionBatch | Exception:
    """Answer an ask whose states are read already."""
    try:
        return next(iter(_answered([ask], [keys], states, now_us)))
    except Exception as error:  # noqa: BLE001  (the caller gets the error; the others are not affected)
        return error


def _answered(
    asks: Sequence[RequestBatch],
    keys: Sequence[Sequence[Keys]],
    states: States,
    now_us: int,
) -> Iterator[PredictionBatch]:
    """Answer the asks of each version together."""
    batches: dict[int, PredictionBatch] = {}
    for predictor in {id(ask.predictor): ask.predictor for ask in asks}.values():
        at = [i for i, ask in enumerate(asks) if ask.predictor is predictor]
        mine = [asks[i] for i in at]
        names = [key for i in at for key in keys[i]]
        with stage("features"):
            rows, instants = _rows(predictor.reader, mine, names, states, now_us)
        with stage("model"):
            output = predictor.bundle.predict(rows)
        first = 0
        for i, ask in zip(at, mine, strict=True):
            part = slice(first, first + len(ask.requests))
            as_of = from_us(int(instants[first]))
            history: History = "absent" if states is None else "known"
            answers = _answers(ask, rows[part], output.part(part), as_of, history)
            written = [] if states is None else _ledger_rows(ask, rows[part], answers)
            batches[i] = PredictionBatch(answers, written)
            first = part.stop
    return (batches[i] for i in range(len(asks)))


def _rows(
    reader: RowReader,
    asks: Sequence[RequestBatch],
    keys: Sequence[Keys],
    states: States,
    now_us: int,
) -> tuple[Rows, Instants]:
    """(N, F) and (N,): the features of every request, and the instant that they are of."""
    subjects = [request.subject for ask in asks for request in ask.requests]
    sizes = [len(ask.requests) for ask in asks]
    if states is None:
        alone = np.repeat([to_us(ask.as_of or ask.at) for ask in asks], sizes)
        return reader.rows_alone(subjects, alone), alone
    stacked = reader.stack(keys, states)
    as_of_us = np.array([now_us if ask.as_of is None else to_us(ask.as_of) for ask in asks])
    instants = np.repeat(moved_up(as_of_us, sizes, stacked), sizes)
    return reader.rows(subjects, instants, stacked), instants


def moved_up(as_of_us: Instants, sizes: Sequence[int], stacked: Sequence[Floats]) -> Instants:
    """The instants of asks of so many requests, none before what their states know."""
    if not stacked:
        return as_of_us
    starts = np.cumsum([0, *sizes[:-1]])
    return np.maximum(as_of_us, np.maximum.reduceat(latest_us(stacked), starts))


def read_prediction(store: Store, prediction_id: UUID) -> dict[str, Any]:
    """A row of the ledger."""
    row = ledger.read(store, prediction_id)
    if row is None:
        raise NotFound(f"prediction {prediction_id} is not on the ledger")
    return row


def _ledger_rows(ask: RequestBatch, rows: Rows, answers: Sequence[ServedPrediction]) -> list[Row]:
    latency_ms = (perf_counter() - ask.began) * 1e3
    return [
        Row(
            at=ask.at,
            id=answer.id,
            spec=answer.spec,
            version=answer.version,
            arm=ask.arm,
            status=200,
            as_of=answer.as_of,
            request=shown(request.subject),
            source=request.source,
            source_id=request.source_id,
            features=features,
            prediction=answer.prediction,
            low=answer.low,
            high=answer.high,
            reasons=None if answer.reasons is None else [vars(reason) for reason in answer.reasons],
            latency_ms=latency_ms,
            key_id=ask.key_id,
            support=answer.support,
            quantiles=answer.quantiles,
        )
        for request, features, answer in zip(ask.requests, rows, answers, strict=True)
    ]


def _answers(
    ask: RequestBatch,
    rows: Rows,
    output: "ModelOutput",
    as_of: datetime,
    history: History,
) -> list[ServedPrediction]:
    bundle = ask.predictor.bundle
    values = (output.prediction, output.low, output.high)
    if not all(np.isfinite(column).all() for column in values if column is not None):
        raise BadInput(
            f"inputs: version {bundle.version} has no number for these; is one far out of range?",
            "inputs",
        )
    predictions = output.prediction.tolist()
    is_small = len(rows) <= MOST_REASONED
    is_reasoned, is_explained = ask.reasons > 0 and is_small, ask.explains_support and is_small
    reader, subjects = ask.predictor.support, [request.subject for request in ask.requests]
    support = reader.read(rows, subjects)
    quantiles = _quantiles(bundle, rows, ask.levels)
    return [
        ServedPrediction(
            id=ledger.new_id(ask.at),
            spec=bundle.spec,
            version=bundle.version,
            prediction=predictions[i],
            low=_bound(output.low, i),
            high=_bound(output.high, i),
            reasons=bundle.reasons(row, ask.reasons) if is_reasoned else None,
            as_of=as_of,
            history=history,
            support=support[i],
            unknown=reader.unknown(row, subjects[i]) if is_explained else None,
            quantiles=quantiles[i],
        )
        for i, row in enumerate(rows)
    ]


def _quantiles(
    bundle: "Bundle", rows: Rows, levels: Sequence[float]
) -> Sequence[dict[str, float] | None]:
    """Of each row, the value at each level."""
    if not levels:
        return [None] * len(rows)
    names = [repr(level) for level in levels]
    values = bundle.quantiles(rows, levels).tolist()
    return [dict(zip(names, of_row, strict=True)) for of_row in values]


def _bound(bounds: "NDArray[np.float64] | None", at: int) -> float | None:
    return None if bounds is None else float(bounds[at])


def shown(subject: KeyParts) -> dict[str, Any]:
    """A subject as the ledger has it."""
    return {
        "actor": subject.actor,
        "kind": subject.kind,
        "scope": subject.scope,
        "inputs": dict(subject.inputs),
    }
