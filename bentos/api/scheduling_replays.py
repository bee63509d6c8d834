"""What past jobs would have waited under other scheduling policies, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.bodies import read_body
from bentos.http.fields import InputName, Instant, Name
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.planning.actions.scheduling_replay import (
    MOST_SLOTS,
    ReplayRequest,
    replay_scheduling,
)
from runlore.planning.replay_views import show_replay

MOST_JOBS = 5_000  # a replay of so many takes about 2 s of a processor
EXAMPLE: dict[str, Any] = {
    "slots": 338,
    "size_input": "processors",
    "limit_input": "requested_time_s",
    "what_if": [406],
}
Slots = Annotated[float, Field(gt=0, le=MOST_SLOTS)]


class ReplayBody(Closed):
    """A pool, and how its past jobs are read."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    slots: Slots = Field(description="of the pool, such as processors or runners")
    kind: Name | None = Field(default=None, description="only jobs of this kind")
    size_input: InputName | None = Field(
        default=None, description="input with the slots of a job; null: each holds one"
    )
    limit_input: InputName | None = Field(
        default=None, description="input with the requested time in seconds"
    )
    since: Instant | None = Field(default=None, description="jobs submitted from then on")
    until: Instant | None = Field(default=None, description="jobs submitted before")
    what_if: list[Slots] = Field(
        default_factory=list, max_length=3, description="further numbers of slots to replay on"
    )
    jobs: int = Field(
        default=MOST_JOBS, ge=100, le=MOST_JOBS, description="of the newest jobs, at most"
    )
    as_of: Instant | None = Field(default=None, description="use only what was known then")


class ReplayedWaitsBody(Closed):
    """slowdown: mean bounded slowdown, threshold 10 s."""

    jobs: int
    slowdown: float
    wait_mean_s: float
    wait_median_s: float
    wait_p99_s: float
    wait_longest_s: float


class ReplayGainBody(Closed):
    """share: by which the mean falls against EASY; null: it was 0. low, high: 95 % over weeks."""

    share: float | None
    low: float | None
    high: float | None
    is_shown: bool


class ReplayedPolicyBody(Closed):
    name: str
    is_possible: bool = Field(description="false: it needs exact run times, known to nobody")
    quantile: float | None
    earlier_slowdown: float
    waits: ReplayedWaitsBody
    slowdown_gain: ReplayGainBody
    wait_gain: ReplayGainBody


class ReplayedSlotsBody(Closed):
    slots: float
    easy: ReplayedWaitsBody
    best: ReplayedWaitsBody


class ReplayFoundBody(Closed):
    """Waits and gains are of the later 30 % of the jobs; choices were made on the others."""

    finding: str
    slots: float
    jobs: int
    left_out: dict[str, int]
    without_request: int
    first_at: datetime
    later_from: datetime
    last_at: datetime
    patience_s: float
    best: str = Field(description="the policy with the least slowdown on the earlier jobs")
    recorded: ReplayedWaitsBody = Field(description="what the later jobs really waited")
    policies: list[ReplayedPolicyBody]
    what_if: list[ReplayedSlotsBody]


async def replay_plan(request: Request) -> Response:
    body = ReplayBody.model_validate_json(await read_body(request))
    asked = ReplayRequest(
        body.slots,
        body.kind,
        body.size_input,
        body.limit_input,
        body.since,
        body.until,
        tuple(body.what_if),
        body.jobs,
    )
    at = body.as_of or instants.now()
    made = await read_store(request, lambda store: replay_scheduling(store, asked, at))
    return model_response(ReplayFoundBody.model_validate(asdict(show_replay(made))))


ENDPOINTS = (
    Endpoint(
        "POST",
        "/plans/replay",
        replay_plan,
        "read",
        "Replay past jobs on a pool under several scheduling policies",
        {200: ("Waits and gains by policy", ReplayFoundBody)},
        (400, 404, 409, 413, 422, 503),
        request=ReplayBody,
        tag=Tag.PLANNING,
        name="replay_plan",
    ),
)
