"""Scores of content among comparable posts, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal
from weakref import WeakKeyDictionary

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import AS_OF, TEXT, as_of_of
from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.identity import key_id_of
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from bentos.predict.live_versions import Serving
from runlore.engagement.actions.score_calibration import read_calibration
from runlore.engagement.actions.score_reference import ScoreReferences
from runlore.engagement.actions.scoring import (
    ENGAGEMENT,
    SUCCESS,
    ScoreModels,
    ScoreRequest,
    recorded_score,
    score_context,
)
from runlore.engagement.score_views import ScoreView, show_score
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.models.bundle import Bundle
from runlore.records.validate import LONGEST_KEY_BYTES

Method = Literal["model", "replay", "rules"]
Tier = Literal["excellent", "good", "average", "below average", "poor"]
Level = Literal["high", "medium", "low"]
CONTEXT_ID = in_path("id", "Of the post in its source, or source/id", TEXT)
SOURCE = in_query("source", "Its source, where several share the id", TEXT)


_of_service: WeakKeyDictionary[object, ScoreReferences] = WeakKeyDictionary()


class ScoreReasonBody(Closed):
    """effect: of a forecast, in percent of the audience; of a rule of thumb, its points."""

    name: str
    effect: float
    text: str


class ContentScoreBody(Closed):
    """low, high: at which place it will end, 80 %. null: by rules of thumb."""

    source: str
    context_id: str
    persona: str
    platform: str
    at: datetime
    method: Method = Field(description="replay: it was published before it had a score")
    score: float = Field(description="0 to 100: the share of comparable posts with less forecast")
    tier: Tier
    low: float | None
    high: float | None
    confidence: Level = Field(description="by the width from low to high")
    top_fifth: float | None = Field(description="the share of such posts that end in the top fifth")
    forecast: float | None = Field(description="of the engagement rate, percent")
    success_probability: float | None
    comparable_posts: int
    comparable_by: str | None
    reasons: list[ScoreReasonBody]
    why_rules: str = Field(description="why no model answers; else empty")
    version: str | None
    prediction_id: str | None = Field(description="on the ledger")
    engagement_rate: float | None = Field(description="what it reached, once that is final")
    ended_at: float | None = Field(description="at which place of 100")


class TierShareBody(Closed):
    """top, low, high: the share that ended in the top fifth, with its 95 % interval."""

    tier: Tier
    posts: int
    posts_share: float | None = Field(description="0.2 is promised")
    promised_top: float | None
    top: float | None
    low: float | None
    high: float | None


class ScoreCalibrationBody(Closed):
    """recorded: of scores from before publication. tested: of past posts, by a promise from those
    before them."""

    at: datetime
    persona: str | None
    recorded: list[TierShareBody]
    is_cut: bool = Field(description="only the newest 10,000 scores were read")
    tested: list[TierShareBody]
    version: str | None
    why: str = Field(description="why nothing was tried on past posts; else empty")


async def read_score(request: Request) -> Response:
    view = await score_view(request, request.path_params["id"])
    return model_response(ContentScoreBody.model_validate(asdict(view)))


async def read_score_calibration(request: Request) -> Response:
    at, persona = read_as_of(request), request.query_params.get("persona")
    references, bundle = _references(request), champion_of(request.app.state.serving)
    found = await read_store(
        request, lambda store: read_calibration(store, bundle, references, at, persona)
    )
    return model_response(ScoreCalibrationBody.model_validate(asdict(found)))


async def score_view(request: Request, context_id: str) -> ScoreView:
    """Of now it is made and recorded; of an earlier instant it is the one on record then."""
    as_of, source = as_of_of(request), request.query_params.get("source")
    for name, text in (("id", context_id), ("source", source or "")):
        if "\x00" in text or len(text.encode()) > 2 * LONGEST_KEY_BYTES:
            raise BadInput(f"{name}: no context has such a {name}", name)
    if as_of is not None:
        earlier = ScoreRequest(context_id, as_of, source)
        return await read_store(request, lambda store: show_score(recorded_score(store, earlier)))
    models = _models(request)
    asked = ScoreRequest(context_id, instants.now(), source)
    return await write_store(request, lambda store: show_score(score_context(store, models, asked)))


def references_of(service: object) -> ScoreReferences:
    """What a service has read of past posts, for all routes and pages.

    service: its App, or the application where it has none.
    """
    references = _of_service.get(service)
    if references is None:
        references = _of_service.setdefault(service, ScoreReferences())
    return references


def champion_of(serving: Serving) -> Bundle | None:
    """The version of `engagement` that answers."""
    live = serving.live.get(ENGAGEMENT)
    return None if live is None else live.bundle


def _references(request: Request) -> ScoreReferences:
    return references_of(getattr(request.app.state, "product", request.app))


def _models(request: Request) -> ScoreModels:
    serving: Serving = request.app.state.serving
    predictors = {
        spec: serving.live[spec].predictor for spec in (ENGAGEMENT, SUCCESS) if spec in serving.live
    }
    return ScoreModels(predictors, _references(request), serving.has_ledger, key_id_of(request))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/engagement/scores/{id:path}",
        read_score,
        "predict",
        "Score a draft or a post from 0 to 100 among comparable posts",
        {200: ("The score, on record", ContentScoreBody)},
        (404, 422, 503),
        parameters=[CONTEXT_ID, SOURCE, AS_OF],
        tag=Tag.ENGAGEMENT,
        name="read_content_score",
    ),
    Endpoint(
        "GET",
        "/engagement/calibration",
        read_score_calibration,
        "read",
        "Compare what scores promised with what came of the posts",
        {200: ("By tier, the best first", ScoreCalibrationBody)},
        (422, 503),
        parameters=[in_query("persona", "Only scores of this persona", TEXT), AS_OF],
        tag=Tag.ENGAGEMENT,
        name="read_score_calibration",
    ),
)
