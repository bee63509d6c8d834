"""What to change about posts, over HTTP."""

import math
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import AS_OF, TEXT
from bentos.api.store_access import model_response, read_store, write_store
from bentos.api.suggestion_sources import suggestion_sources
from bentos.http.bodies import read_body
from bentos.http.fields import Id
from bentos.http.identity import actor_of
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.engagement.actions.suggesting import SuggestionRequest, search_post, suggest
from runlore.engagement.actions.suggestion_record import suggestion_record
from runlore.engagement.suggestion_views import SuggestionsView, show_suggestions
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

EXAMPLE: dict[str, Any] = {"requested_by": "ann"}
Lever = Annotated[
    str,
    Field(
        description="hour, hashtag_count, content_length, has_media, has_call_to_action or"
        " hashtag:NAME"
    ),
]


class SuggestionSearch(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    requested_by: Annotated[Id, Field(max_length=100)] = "api"


class SuggestionBody(Closed):
    """gain, low, high: points of the engagement rate, 90 %; null for a rule of thumb."""

    lever: Lever
    value: str
    current: str
    text: str
    basis: Literal["data", "rule of thumb"]
    priority: Literal["high", "medium", "low"]
    gain: float | None
    low: float | None
    high: float | None
    posts_with: int | None
    posts_without: int | None
    claim: str = Field(description="what a rule of thumb says it brings")
    why: str
    id: int | None = Field(description="on the ledger of advice; null: not recorded")
    track_record: str = Field(description="what the posts since then brought")


class TargetBody(Closed):
    """rate: what the score takes. reached: with the changes of `levers`."""

    score: float
    rate: float
    reached: float
    levers: list[str]
    answer: Literal["reached already", "would be reached", "not reachable by what the data support"]


class SuggestionsBody(Closed):
    context_id: str
    source: str
    persona: str
    platform: str
    posts: int = Field(description="final posts of the persona on this platform")
    expected_rate: float | None = Field(description="percent")
    score: float | None = Field(description="the content score, 0 to 100")
    score_among: Literal["comparable posts", "own posts"] | None = Field(
        description="own posts: no model scores posts"
    )
    suggestions: list[SuggestionBody]
    overridden: list[str] = Field(description="rules of thumb that the posts contradict")
    target: TargetBody | None
    searched_at: datetime | None = Field(description="null: searched for this answer alone")
    compared: int
    reason: str = Field(description="why the data support none; else empty")
    assumption: str


class SuggestionRecordRow(Closed):
    """did, did_not: posts since then that did as suggested, or otherwise; rates: percent."""

    lever: str
    suggestions: int
    followed: int
    dismissed: int
    withdrawn: int
    next_posts: int = Field(description="suggestions that a next post is known for")
    next_did: int
    did: int
    did_rate: float | None
    did_not: int
    did_not_rate: float | None


class SuggestionRecordBody(Closed):
    as_of: datetime
    record: list[SuggestionRecordRow]


async def read_suggestions(request: Request) -> Response:
    wanted = suggestion_request(request, request.path_params["id"], read_as_of(request))
    return model_response(suggestions_body(await suggestions_view(request, wanted)))


async def search_suggestions(request: Request) -> Response:
    body = SuggestionSearch.model_validate_json(await read_body(request))
    wanted = suggestion_request(request, request.path_params["id"], instants.now())
    requester = actor_of(request, body.requested_by)

    def work(store: Store) -> SuggestionsView:
        search_post(store, wanted, requester)
        sources = suggestion_sources(request, store, wanted.at)
        return show_suggestions(suggest(store, wanted, sources))

    return model_response(suggestions_body(await write_store(request, work)))


async def record(request: Request) -> Response:
    at = read_as_of(request)
    rows = await read_store(request, lambda store: suggestion_record(store, at))
    shown = [asdict(one) for one in rows]
    return model_response(SuggestionRecordBody.model_validate({"as_of": at, "record": shown}))


async def suggestions_view(request: Request, wanted: SuggestionRequest) -> SuggestionsView:
    """What the data support now; nothing is recorded."""

    def work(store: Store) -> SuggestionsView:
        is_now = "as_of" not in request.query_params
        sources = suggestion_sources(request, store, wanted.at) if is_now else None
        return show_suggestions(suggest(store, wanted, sources))

    return await read_store(request, work)


def suggestions_body(view: SuggestionsView) -> SuggestionsBody:
    return SuggestionsBody.model_validate(asdict(view))


def suggestion_request(request: Request, context_id: str, at: datetime) -> SuggestionRequest:
    """Raises BadInput for an id that no post can have, or a target that is no score."""
    text, source = request.query_params.get("target_score"), request.query_params.get("source")
    for name, value in (("id", context_id), ("source", source)):
        if value is not None and (not value or len(value) > 2_048 or "\x00" in value):
            raise BadInput(f"{name}: give 1 to 2,048 characters without NUL", name)
    return SuggestionRequest(context_id, at, source, None if text is None else _score(text))


def _score(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise BadInput(f"target_score: {text[:40]!r} is no score; give 0 to 100", "target_score")
    return value


ID = in_path("id", "Of the post in its source, or source/id", TEXT)
SOURCE = in_query("source", "Its source, where several sources share the id", TEXT)
TARGET = in_query(
    "target_score",
    "Say what would reach this score",
    {"type": "number", "minimum": 0, "maximum": 100},
)
ENDPOINTS = (
    Endpoint(
        "GET",
        "/engagement/suggestions",
        record,
        "read",
        "What came of suggestions, by what they change",
        {200: ("Counts and mean rates", SuggestionRecordBody)},
        (422, 503),
        parameters=[AS_OF],
        tag=Tag.ENGAGEMENT,
        name="read_suggestion_record",
    ),
    Endpoint(
        "GET",
        "/engagement/suggestions/{id}",
        read_suggestions,
        "read",
        "Suggest what to change about a post; nothing is recorded",
        {200: ("The largest gain first, rules of thumb last", SuggestionsBody)},
        (404, 422, 503),
        parameters=[ID, SOURCE, TARGET, AS_OF],
        tag=Tag.ENGAGEMENT,
    ),
    Endpoint(
        "POST",
        "/engagement/suggestions/{id}",
        search_suggestions,
        "record",
        "Search a post's persona when that is due, keep what holds, and suggest",
        {200: ("The largest gain first, rules of thumb last", SuggestionsBody)},
        (400, 404, 413, 422, 503),
        SuggestionSearch,
        [ID, SOURCE, TARGET],
        tag=Tag.ENGAGEMENT,
    ),
)
