"""`GET /ai/learning/patterns/{id}`: what a user usually does."""

from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.patterns import Sort, patterns_view
from bentos.api.store_access import model_response
from bentos.dialects import query_parameters
from bentos.dialects.words import in_its_words
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.advice.actions.patterns import subject_of
from runlore.advice.pattern_views import PatternView

PATTERNS = "/ai/learning/patterns/{id}"


class ExecutionPattern(Closed):
    """kind, scope: of the executions that it is about; null: any."""

    pattern_id: int
    pattern_type: Sort
    description: str
    kind: str | None
    scope: str | None
    executions: int
    support: int
    support_unit: str
    frequency: float = Field(description="how often it was so")
    expected_frequency: float = Field(description="how often it would be so without the habit")
    probability_by_chance: float = Field(description="corrected for all that was looked for")


class UserPatterns(Closed):
    """follow: the route with times, medians, outliers and risks as numbers."""

    user_id: str
    as_of: datetime
    time_zone: str
    executions: int
    success_rate: float | None
    patterns: list[ExecutionPattern] = Field(description="the least likely by chance first")
    patterns_looked_for: int
    message: str
    follow: str = "/patterns"


async def user_patterns(request: Request) -> Response:
    zone = query_parameters.filters(request, ("zone",)).get("zone", "UTC")
    with in_its_words({"actor": "id"}):
        subject = subject_of("actor", request.path_params["id"], zone)
        view = await patterns_view(request, subject, None)
    return model_response(
        UserPatterns(
            user_id=view.name,
            as_of=view.as_of,
            time_zone=view.zone,
            executions=view.executions,
            success_rate=1 - view.risks[0].rate if view.risks else None,
            patterns=[_pattern(at, one) for at, one in enumerate(view.patterns, start=1)],
            patterns_looked_for=view.tested,
            message=view.reason,
        )
    )


def _pattern(number: int, one: PatternView) -> ExecutionPattern:
    return ExecutionPattern.model_validate(
        {
            "pattern_id": number,
            "pattern_type": one.sort,
            "description": one.text,
            "kind": one.kind,
            "scope": one.scope,
            "executions": one.n,
            "support": one.support,
            "support_unit": one.unit,
            "frequency": one.share,
            "expected_frequency": one.chance,
            "probability_by_chance": one.q,
        }
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        PATTERNS,
        user_patterns,
        "read",
        "Say what a user usually does, beyond chance",
        {200: ("The least likely by chance first", UserPatterns)},
        (404, 422, 503),
        parameters=[
            in_path("id", "The user: an actor of the log", {"type": "string"}),
            in_query("zone", "Whose clocks are meant; else UTC", {"type": "string"}),
        ],
        tag=Tag.OPSCONDUCTOR,
    ),
)
