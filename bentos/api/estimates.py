"""What tasks will take, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.bodies import read_body
from bentos.http.fields import Instant, Name, Values
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.planning.actions.estimates import (
    DURATION,
    EstimatorCache,
    PlannedTask,
    TaskEstimate,
    estimate_task,
)
from runlore.planning.views import EstimateView, show_estimate

EXAMPLE: dict[str, Any] = {"kind": "build", "actor": "ann", "inputs": {"nodes": 4}}
MEASURE = Field(
    max_length=200,
    pattern=r"^[^\x00\x1f]+$",
    description="duration_s, or the name of a number in outcomes, such as cost",
)


class TaskBody(Closed):
    """A task that is not done yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    kind: Name
    measure: Annotated[str, MEASURE] = DURATION
    actor: Name | None = None
    scope: Name | None = None
    inputs: Values = Field(default_factory=dict)
    as_of: Instant | None = Field(default=None, description="use only what was known then")


class SimilarTaskBody(Closed):
    id: str
    amount: float


class PromiseBody(Closed):
    """share, kept: of past tasks, what would have been promised and what of that came true."""

    is_made: bool
    reason: str
    probability: float = Field(description="that the truth lies within 15 % of the value")
    threshold: float | None = Field(description="from which a promise is made; null: from none")
    share: float
    kept: float | None
    kept_low: float | None


class EvidenceBody(Closed):
    """Errors are those on tasks held out. similarity: 0 is unlike any finished task."""

    tasks: int
    held_out: int
    validation: Literal["by time", "cross-validation"]
    similarity: float
    alike: list[SimilarTaskBody]
    unknown: list[str] = Field(description="inputs that the past says nothing about")
    models: dict[str, float] = Field(description="weights in the combination")
    mae: float
    mae_median: float = Field(description="of the median of past tasks")
    sa: float | None = Field(description="standardised accuracy")
    md_mre: float
    pred_15: float
    pred_25: float
    coverage: dict[str, float] = Field(description="of intervals, by their level")


class EstimateBody(Closed):
    """value: the median. quantiles: by level."""

    kind: str
    measure: str
    unit: str
    value: float
    quantiles: dict[str, float]
    promise: PromiseBody
    evidence: EvidenceBody
    learned_at: datetime


async def estimate(request: Request) -> Response:
    body = TaskBody.model_validate_json(await read_body(request))
    task = PlannedTask(body.kind, body.measure, body.actor, body.scope, body.inputs)
    [view] = await estimate_views(request, [task], body.as_of)
    return model_response(EstimateBody.model_validate(asdict(view)))


async def estimate_views(
    request: Request, tasks: list[PlannedTask], as_of: datetime | None
) -> list[EstimateView]:
    """Of now from what was learned in the last minutes; of an earlier instant learned anew."""
    state = request.app.state
    if not hasattr(state, "estimators"):
        state.estimators = EstimatorCache()
    cache: EstimatorCache = state.estimators
    at, kept = (instants.now(), cache) if as_of is None else (as_of, None)
    made: list[TaskEstimate] = await read_store(
        request, lambda store: [estimate_task(store, task, at, kept) for task in tasks]
    )
    return [show_estimate(one) for one in made]


ENDPOINTS = (
    Endpoint(
        "POST",
        "/estimates",
        estimate,
        "read",
        "Estimate what a task will take, before it is done",
        {200: ("The estimate, with an interval and its evidence", EstimateBody)},
        (400, 404, 409, 413, 422, 503),
        request=TaskBody,
        tag=Tag.PLANNING,
        name="estimate_task",
    ),
)
