"""`GET /ai/learning/recommendations/{id}`: what a user should do otherwise."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.advice import subject_view
from bentos.api.store_access import model_response
from bentos.dialects import query_parameters
from bentos.http.routing import Endpoint, Tag, in_path
from bentos.http.schemas import Closed
from runlore.advice.recommendation_views import AdviceEntry
from runlore.kernel import instants
from runlore.kernel.errors import BadInput

PATH = "/ai/learning/recommendations/{id}"
MOST = 1_024


class PersonalRecommendation(Closed):
    """expected_change: of the failure rate, or of the time as a share; low, high: its interval."""

    recommendation_id: int
    type: Literal["risk_mitigation", "performance_optimization"]
    recommendation: str
    operation: str = Field(description="whose runs; empty: of all kinds")
    change: str = Field(description="hour, weekday, host, retry, order, input:NAME or size:NAME")
    value: str
    expected_change: float
    low: float
    high: float
    based_on_executions: int
    assumption: str
    track_record: str
    status: Literal["open", "followed"]


class PersonalRecommendations(Closed):
    """message: why there is none. decide: the route that follows or dismisses one."""

    user_id: str
    as_of: datetime
    last_searched: datetime | None
    recommendations: list[PersonalRecommendation]
    message: str
    decide: str = "/advice/{id}/follow"


async def recommendations(request: Request) -> Response:
    query_parameters.filters(request, ())
    user, at = request.path_params["id"], instants.now()
    if not user or len(user) > MOST or "\x00" in user:
        raise BadInput("id: name a user in 1 to 1,024 characters", "id")
    view = await subject_view(request, ("actor", user), at)
    return model_response(
        PersonalRecommendations(
            user_id=user,
            as_of=at,
            last_searched=view.looked_at,
            recommendations=[_row(one) for one in view.advice],
            message=view.reason,
        )
    )


def _row(one: AdviceEntry) -> PersonalRecommendation:
    is_risk = one.measure == "failures"
    return PersonalRecommendation(
        recommendation_id=one.id,
        type="risk_mitigation" if is_risk else "performance_optimization",
        recommendation=one.text,
        operation=one.kind,
        change=one.lever,
        value=one.value,
        expected_change=one.effect,
        low=one.low,
        high=one.high,
        based_on_executions=one.runs_with + one.runs_without,
        assumption=one.assumption,
        track_record=one.track_record,
        status="followed" if one.state == "followed" else "open",
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        recommendations,
        "read",
        "What a user should do otherwise, as far as it holds",
        {200: ("What holds now, or why there is none", PersonalRecommendations)},
        (422, 503),
        parameters=[in_path("id", "The user: an actor of executions", {"type": "string"})],
        tag=Tag.OPSCONDUCTOR,
    ),
)
