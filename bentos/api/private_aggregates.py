"""What holds across personas, at a charged privacy loss, over HTTP."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.fields import NO_NUL
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.privacy.actions.aggregates import (
    LONGEST_NAME,
    MOST_DAYS,
    USUAL_DAYS,
    AggregateAnswer,
    BenchmarkAnswer,
    aggregate,
    benchmark_persona,
    question_of,
)
from runlore.privacy.actions.budgets import read_report
from runlore.privacy.aggregate_views import show_aggregate, show_benchmark
from runlore.privacy.budget_views import PrivacyReportView, show_report
from runlore.privacy.queries.answers import AggregateQuestion
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.store.engine import Store

PlatformTier = Literal["top_performer", "above_average", "average", "below_average"]
NAME = {"type": "string", "maxLength": LONGEST_NAME, "pattern": NO_NUL}
SUPPRESSED = "null: suppressed"


class NoisyFigure(Closed):
    """low, high: 95 %, of the noise."""

    value: float
    low: float
    high: float


class HourShareBody(Closed):
    hour: int = Field(description="local hour, 0 .. 23")
    share: float | None = Field(description=f"of the personas whose best hour it is; {SUPPRESSED}")


class HashtagEffectBody(Closed):
    hashtag: str
    personas: int = Field(description="noisy")
    lift: NoisyFigure = Field(description="percentage points beside the personas' other posts")


class PrivateAggregateBody(Closed):
    platform: str | None = Field(description="null: all")
    days: int
    since: datetime = Field(description="of publications")
    until: datetime = Field(description="what was known then")
    is_new: bool = Field(description="false: told before, at no further cost")
    is_suppressed: bool
    personas: NoisyFigure | None = Field(description=SUPPRESSED)
    mean_rate: NoisyFigure | None = Field(description=f"percent; {SUPPRESSED}")
    sd_between_personas: float | None = Field(description="null: the noise hides it")
    hours: list[HourShareBody]
    hashtags: list[HashtagEffectBody] = Field(description="the best first")
    reasons: list[str] = Field(description="why something is missing")


class PersonaBenchmarkBody(Closed):
    persona: str
    platform: str | None = Field(description="null: all")
    days: int
    since: datetime
    until: datetime
    own_rate: float = Field(description="percent; exact, since it is the persona's own")
    own_posts: int
    own_best_hour: int | None
    mean_rate: NoisyFigure | None = Field(description=f"of all personas; {SUPPRESSED}")
    percentile: NoisyFigure | None = Field(description="share of personas below, 0 .. 100")
    z_score: float | None
    tier: PlatformTier | None
    is_tier_sure: bool = Field(description="the interval of the percentile lies in the tier")
    advice: list[str]
    reasons: list[str]
    is_new: bool


class PrivacyMechanismBody(Closed):
    tells: str
    noise: str
    scale: float = Field(description="Laplace: b; Gaussian: standard deviation")
    sensitivity: str = Field(description="what one persona changes")
    share: float = Field(description="of the loss of an aggregate")
    threshold: int | None = Field(description="keys below it are not told")


class PrivacyMonthBody(Closed):
    period: date
    rho_granted: float
    rho_spent: float
    delta_granted: float
    delta_spent: float
    epsilon_spent: float


class PrivacySpendBody(Closed):
    spent_at: datetime
    purpose: str
    query: str
    rho: float
    delta: float


class PrivacyReportBody(Closed):
    persona: str | None = Field(description="null: what is asked of all personas")
    epsilon: float
    delta: float
    accounting: str
    unit: str
    least_personas: int
    least_hashtag_personas: int
    period: date
    renewed: date = Field(description="when the budget is renewed, UTC")
    epsilon_spent: float
    epsilon_left: float
    rho_granted: float
    rho_spent: float
    rho_left: float
    delta_spent: float
    aggregates_left: int
    epsilon_all_months: float
    highest_rate: float = Field(description="rates are clipped here, in percent")
    most_lift: float = Field(description="effects of hashtags are clipped here")
    hashtags_each: int
    mechanisms: list[PrivacyMechanismBody]
    months: list[PrivacyMonthBody]
    spends: list[PrivacySpendBody] = Field(description="of this month, 1,000 at most")
    assumptions: list[str]


async def aggregates(request: Request) -> Response:
    view = show_aggregate(await aggregate_answer(request))
    return model_response(PrivateAggregateBody.model_validate(asdict(view)))


async def benchmark(request: Request) -> Response:
    persona = request.query_params.get("persona", "")
    view = show_benchmark(await benchmark_answer(request, persona))
    return model_response(PersonaBenchmarkBody.model_validate(asdict(view)))


async def budget(request: Request) -> Response:
    view = await report_view(request, request.query_params.get("persona", ""))
    return model_response(PrivacyReportBody.model_validate(asdict(view)))


async def aggregate_answer(request: Request) -> AggregateAnswer:
    question, policy = _question(request), policy_of(request)

    def work(store: Store) -> AggregateAnswer:
        return aggregate(store, question, policy, instants.now())

    return await write_store(request, work)


async def benchmark_answer(request: Request, persona: str) -> BenchmarkAnswer:
    question, policy = _question(request), policy_of(request)

    def work(store: Store) -> BenchmarkAnswer:
        return benchmark_persona(store, persona, question, policy, instants.now())

    return await write_store(request, work)


async def report_view(request: Request, persona: str) -> PrivacyReportView:
    policy, at = policy_of(request), instants.now()
    return await read_store(
        request, lambda store: show_report(read_report(store, policy, at, persona))
    )


def policy_of(request: Request) -> PrivacyPolicy:
    settings = request.app.state.product.settings
    return PrivacyPolicy(
        settings.privacy_epsilon, settings.privacy_delta, settings.privacy_aggregates
    )


def _question(request: Request) -> AggregateQuestion:
    query = request.query_params
    days = query.get("days", str(USUAL_DAYS))
    if not (days.isascii() and days.isdecimal() and len(days) < 6):
        raise BadInput(f"days: {days[:40]!r} is not a whole number from 1 to {MOST_DAYS}", "days")
    return question_of(query.get("platform"), int(days), read_as_of(request))


INSTANT = {"type": "string", "format": "date-time"}
QUESTION = [
    in_query("platform", "Only of this one, such as instagram; else all", NAME),
    in_query(
        "days",
        "Publications of so many days before `as_of`",
        {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": USUAL_DAYS},
    ),
    in_query("as_of", "What was known then; else now", INSTANT),
]
PROBLEMS = (404, 409, 422, 503)
AGGREGATE = {200: ("Noisy figures; 409: the month's budget is spent", PrivateAggregateBody)}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/privacy/aggregates",
        aggregates,
        "read",
        "Tell what holds across personas, with noise that hides each of them",
        AGGREGATE,
        PROBLEMS,
        parameters=QUESTION,
        tag=Tag.PRIVACY,
        name="read_private_aggregate",
    ),
    Endpoint(
        "GET",
        "/privacy/benchmark",
        benchmark,
        "read",
        "Say where a persona stands among the others",
        {200: ("Its own figures beside noisy ones", PersonaBenchmarkBody)},
        PROBLEMS,
        parameters=[in_query("persona", "Whose posts", NAME), *QUESTION],
        tag=Tag.PRIVACY,
        name="read_private_benchmark",
    ),
    Endpoint(
        "GET",
        "/privacy/budget",
        budget,
        "read",
        "Say what may be told this month, what was, and what is left",
        {200: ("Budgets, mechanisms and assumptions", PrivacyReportBody)},
        (404, 422, 503),
        parameters=[in_query("persona", "Of one; else what is asked of all", NAME)],
        tag=Tag.PRIVACY,
        name="read_privacy_budget",
    ),
)
