"""`/api/v3/live-insights`: how everything stands, and what has happened since a cursor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from bentos.api import live
from bentos.api.store_access import model_response, read_store
from bentos.dialects import query_parameters
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from bentos.live.admission import subscription_of
from runlore.kernel import instants
from runlore.live.actions.reading import read_new
from runlore.live.actions.snapshot import LiveSnapshot, read_snapshot
from runlore.live.rules.stream import Cursor, EventPage, Subscription
from runlore.store.engine import Store

AT = "/api/v3/live-insights"
WEBSOCKET = "/ws/v3/ml-insights"
FILTERS = {"after", "topics", "limit"}
USUAL, MOST = 200, 1000
DESCRIPTION = (
    "Without `after`: how everything stands, in `state`, and the cursor after which changes"
    " follow. With `after`: the events since then, the oldest first; while `more` is true, ask"
    " again with the new cursor. 410: events after the cursor are no longer kept; ask without"
    f" `after`, and go on from there. `{WEBSOCKET}` sends the same events as they happen: it takes"
    " `after` and `topics`, sends the messages `hello`, `events`, `heartbeat`, `reload` and `end`,"
    ' and hears `{"type": "subscribe", "topics": [...]}`.'
)


class PredictionRate(Closed):
    """Requests a second of all workers together, over about two seconds."""

    spec: str
    answered_per_s: float
    refused_per_s: float


class LiveAlert(Closed):
    id: int
    kind: str
    subject: str
    severity: Literal["info", "warning", "critical"]
    what: str
    advice: str
    since: datetime
    acknowledged_by: str | None


class LiveChampion(Closed):
    spec: str
    version: str
    at: datetime


class LiveRollout(Closed):
    """Where the newest rollout of a spec stands. share: the challenger's, 0 to 1."""

    spec: str
    rollout: int
    challenger: str
    event: str
    share: float
    at: datetime


class LiveTraining(Closed):
    """The newest request for a training of a spec. event: where it stands."""

    spec: str
    training: int
    event: str
    reason: str
    at: datetime


class LiveIngest(Closed):
    ingest: int
    source: str
    path: str
    started_at: datetime
    finished_at: datetime | None
    new: int
    known: int
    rejected: int


class LiveScore(Closed):
    """The newest window of a score. source: `realised` by outcomes, or `estimated`."""

    spec: str
    version: str
    score: str
    value: float
    low: float | None
    high: float | None
    source: str
    window_from: datetime
    window_to: datetime
    answers: int
    labelled: int
    at: datetime


class LiveAnomaly(Closed):
    """The columns that drifted in the newest window of a spec."""

    spec: str
    version: str
    window_from: datetime
    window_to: datetime
    columns: list[str]


class LiveState(Closed):
    """open_alerts: by severity. alerts, ingests: the newest of them."""

    predictions: list[PredictionRate]
    open_alerts: dict[str, int]
    alerts: list[LiveAlert]
    champions: list[LiveChampion]
    rollouts: list[LiveRollout]
    trainings: list[LiveTraining]
    ingests: list[LiveIngest]
    scores: list[LiveScore]
    anomalies: list[LiveAnomaly]


class StreamEvent(Closed):
    """seq: of the stream; topic_seq: of the topic. text: a sentence for people; data: by topic."""

    seq: int
    topic: str
    topic_seq: int
    subject: str
    at: datetime
    text: str
    data: dict[str, Any]


class LiveInsights(Closed):
    """state: null where events were asked for. more: there are further events now."""

    at: datetime
    cursor: str
    more: bool
    events: list[StreamEvent]
    state: LiveState | None


@dataclass(frozen=True)
class LiveQuery:
    subscription: Subscription
    after: Cursor | None
    limit: int


async def read_live_insights(request: Request) -> Response:
    query = query_parameters.filters(request, FILTERS)
    subscription, after = subscription_of(query)
    limit = query_parameters.count("limit", query.get("limit", str(USUAL)), MOST)
    live_query = LiveQuery(subscription, after, limit)
    at = instants.now()
    return model_response(await read_store(request, lambda store: _answer(store, live_query, at)))


def _answer(store: Store, query: LiveQuery, at: datetime) -> LiveInsights:
    if query.after is None:
        return _standing(read_snapshot(store, at))
    return _since(read_new(store, query.after, query.subscription, query.limit), at)


def _standing(snapshot: LiveSnapshot) -> LiveInsights:
    state = LiveState(
        predictions=[PredictionRate(**vars(rate)) for rate in snapshot.predictions],
        open_alerts=dict(snapshot.open_alerts),
        alerts=_models(LiveAlert, snapshot.alerts),
        champions=_models(LiveChampion, snapshot.champions),
        rollouts=_models(LiveRollout, snapshot.rollouts),
        trainings=_models(LiveTraining, snapshot.trainings),
        ingests=_models(LiveIngest, snapshot.ingests),
        scores=_models(LiveScore, snapshot.scores),
        anomalies=_models(LiveAnomaly, snapshot.anomalies),
    )
    cursor = str(snapshot.cursor)
    return LiveInsights(at=snapshot.at, cursor=cursor, more=False, events=[], state=state)


def _since(page: EventPage, at: datetime) -> LiveInsights:
    events = [
        StreamEvent(
            seq=event.seq,
            topic=event.topic,
            topic_seq=event.topic_seq,
            subject=event.subject,
            at=event.at,
            text=event.text,
            data=dict(event.data),
        )
        for event in page.events
    ]
    return LiveInsights(at=at, cursor=str(page.cursor), more=page.more, events=events, state=None)


def _models(model: Any, rows: tuple[Mapping[str, Any], ...]) -> list[Any]:  # noqa: ANN401  (a model of such rows)
    return [model(**row) for row in rows]


ENDPOINTS = (
    Endpoint(
        "GET",
        AT,
        read_live_insights,
        "read",
        "See how everything stands, or what has happened since",
        {200: ("How everything stands, or the events after a cursor", LiveInsights)},
        (410, 422, 503),
        parameters=[
            live.AFTER,
            live.TOPICS_PARAMETER,
            in_query(
                "limit",
                "How many events at most",
                {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
            ),
        ],
        tag=Tag.LIVE,
        name="read_live_insights",
        description=DESCRIPTION,
    ),
)
