"""What an actor, a kind or a scope usually does, over HTTP."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.pattern_cache import pattern_cache
from bentos.api.projects import AS_OF, TEXT, as_of_of
from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.advice.actions.patterns import PatternSubject, patterns_of, subject_of
from runlore.advice.pattern_views import PatternsView, show_patterns
from runlore.advice.rules.patterns.behaviour import PARTS, Part
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

Sort = Literal["time", "weekday", "period", "sequence", "failures", "cluster", "drift"]


class LikeRunsBody(Closed):
    """medians: by input or outcome. usual: around which local time; null: at any."""

    runs: int
    share: float
    medians: dict[str, float]
    usual: str | None


class PatternBody(Closed):
    """actor, kind, scope: of the executions that it is about; null: any."""

    sort: Sort
    text: str
    actor: str | None
    kind: str | None
    scope: str | None
    n: int = Field(description="executions")
    support: int = Field(description="days, weeks or executions that count as independent")
    unit: Literal["days", "weeks", "intervals", "executions"]
    share: float = Field(description="how often it was so")
    chance: float = Field(description="how often it would be so without the habit")
    p: float = Field(description="probability by chance, all alternatives of its own allowed for")
    q: float = Field(description="the same, corrected for all patterns that were looked for")
    begins: str | None = Field(description="local time")
    until: str | None = Field(description="local time")
    usual: str | None = Field(description="local time in the middle of its runs")
    spread_s: float | None
    weekdays: list[str]
    period_s: float | None
    first: str | None
    then: str | None
    within_s: float | None
    is_after_failure: bool | None
    measure: str | None
    before: float | None
    after: float | None
    since: date | None
    method: str | None
    clusters: list[LikeRunsBody]


class OutlierBody(Closed):
    source: str
    id: str
    submitted: datetime
    kind: str
    scope: str
    text: str
    n: int
    p: float
    q: float


class RiskBody(Closed):
    """part, name: a kind, scope or actor; empty: all. low, high: 95 % of the failure rate."""

    part: str
    name: str
    failed: int
    ended: int
    rate: float
    low: float
    high: float


class OpenRunBody(Closed):
    source: str
    id: str
    submitted: datetime
    kind: str
    scope: str


class PatternsBody(Closed):
    """tested, searched: patterns that were looked for, and alternatives within them."""

    part: Part
    name: str
    zone: str
    as_of: datetime
    executions: int
    is_cut: bool = Field(description="there are older executions than those looked at")
    first_at: datetime
    last_at: datetime
    compared_days: float = Field(description="days of others' work that make the common cycle")
    tested: int
    searched: int
    false_discovery_rate: float
    patterns: list[PatternBody] = Field(description="the least likely by chance first")
    reason: str = Field(description="why there is no pattern; else empty")
    outliers: list[OutlierBody] = Field(description="of the newest 30 days, unlike its others")
    outlier_days: int
    hours: list[int] = Field(description="168 counts by local hour of the week, from Monday on")
    risks: list[RiskBody]
    open: list[OpenRunBody] = Field(description="the oldest that have not ended, 20 at most")
    open_count: int


async def patterns(request: Request) -> Response:
    query = request.query_params
    named: list[Part] = [part for part in PARTS if part in query]
    if len(named) != 1:
        raise BadInput("actor: name one actor, kind or scope, such as ?actor=ann", "actor")
    subject = subject_of(named[0], query[named[0]], query.get("zone", "UTC"))
    view = await patterns_view(request, subject, as_of_of(request))
    return model_response(PatternsBody.model_validate(asdict(view)))


async def patterns_view(
    request: Request, subject: PatternSubject, as_of: datetime | None
) -> PatternsView:
    """Of now from what was found in the last minutes; of an earlier instant found anew."""

    def work(store: Store) -> PatternsView:
        if as_of is not None:
            return show_patterns(patterns_of(store, subject, as_of))
        return show_patterns(pattern_cache(request).get(store, subject, instants.now()))

    return await read_store(request, work)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/patterns",
        patterns,
        "read",
        "Say what an actor, a kind or a scope usually does, beyond chance",
        {200: ("The least likely by chance first", PatternsBody)},
        (404, 422, 503),
        parameters=[
            in_query("actor", "Whose patterns", TEXT),
            in_query("kind", "Instead: of a kind of work", TEXT),
            in_query("scope", "Instead: of a scope, such as a host", TEXT),
            in_query("zone", "Whose clocks are meant, such as Europe/Berlin; else UTC", TEXT),
            AS_OF,
        ],
        tag=Tag.ADVICE,
        name="read_patterns",
    ),
)
