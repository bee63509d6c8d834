"""What tasks will take, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.bodies import read_body
from bentos.http.fields import Id, Instant, Name, Values
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.models.bundle import Bundle
from runlore.planning.actions.champion_answers import answers_for
from runlore.planning.actions.estimates import (
    DURATION,
    EstimatorCache,
    PlannedTask,
    TaskEstimate,
    estimate_task,
)
from runlore.planning.actions.project_estimates import (
    MOST_TASKS_OF_PROJECT,
    ProjectTask,
    estimate_project,
)
from runlore.planning.actions.task_files import ListedTask, TaskList
from runlore.planning.project_estimate_views import ProjectView, show_project
from runlore.planning.views import EstimateView, show_estimate

EXAMPLE: dict[str, Any] = {"kind": "build", "actor": "ann", "inputs": {"nodes": 4}}
PROJECT_EXAMPLE: dict[str, Any] = {
    "scope": "web",
    "tasks": [
        {"id": "A", "kind": "build", "inputs": {"nodes": 4}},
        {"id": "B", "kind": "build", "inputs": {"nodes": 8}, "after": ["A"]},
    ],
}
MEASURE = Field(
    max_length=200,
    pattern=r"^[^\x00\x1f]+$",
    description="duration_s, or the name of a number in outcomes, such as cost",
)
AFTER = Field(max_length=MOST_TASKS_OF_PROJECT, description="ids of the tasks to wait for")
TASKS = Field(min_length=1, max_length=MOST_TASKS_OF_PROJECT)


class ProjectTaskBody(Closed):
    """A task of a project. actor, scope: absent, those of the project."""

    id: Id
    kind: Name
    actor: Name | None = None
    scope: Name | None = None
    inputs: Values = Field(default_factory=dict)
    after: Annotated[list[Id], AFTER] = Field(default_factory=list)


class TaskBody(Closed):
    """A task that is not done yet, or with `tasks` a project of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE, PROJECT_EXAMPLE]})

    kind: Name | None = Field(default=None, description="needed without `tasks`")
    measure: Annotated[str, MEASURE] = DURATION
    actor: Name | None = None
    scope: Name | None = None
    inputs: Values = Field(default_factory=dict)
    as_of: Instant | None = Field(default=None, description="use only what was known then")
    tasks: Annotated[list[ProjectTaskBody], TASKS] | None = None

    def planned(self) -> list[ProjectTask]:
        """Raises BadInput where a field belongs to a single task only."""
        for name in ("kind", "inputs"):
            if getattr(self, name):
                raise BadInput(f"{name}: each of `tasks` has its own; leave it out", name)
        listed = [ListedTask.model_construct(**vars(one)) for one in self.tasks or ()]
        whole = TaskList.model_construct(
            tasks=listed, measure=self.measure, actor=self.actor, scope=self.scope
        )
        return whole.planned()


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
    champion: str = Field(description="what became of the registered model; empty: there is none")


class InputEffectBody(Closed):
    """change: against the same task with the usual value; 0.5: half as much more."""

    input: str
    value: str | float | bool | None
    usual: str | float
    change: float


class EstimateBody(Closed):
    """value: the median. quantiles: by level. reasons: inputs that push it up or down most."""

    kind: str
    measure: str
    unit: str
    value: float
    quantiles: dict[str, float]
    reasons: list[InputEffectBody]
    promise: PromiseBody
    evidence: EvidenceBody
    learned_at: datetime


class ProjectAmountBody(Closed):
    """value: the median. within_15: the simulated share within 15 % of it; no promise."""

    value: float
    quantiles: dict[str, float]
    within_15: float


class ProjectTaskEstimateBody(Closed):
    id: str
    kind: str
    after: list[str]
    value: float
    quantiles: dict[str, float]
    critical: float | None = Field(
        description="how often it is on the longest path; null: the measure is no time"
    )
    promise: PromiseBody
    similarity: float
    tasks: int = Field(description="finished ones that were learned from")


class ProjectBody(Closed):
    """total: the sum of all tasks."""

    measure: str
    unit: str
    total: ProjectAmountBody
    span: ProjectAmountBody | None = Field(
        description="from the first start to the last end, with as many tasks at once as"
        " dependencies allow; null: the measure is no time"
    )
    correlations: dict[str, float] = Field(description="of the errors of two tasks, by kind")
    tasks: list[ProjectTaskEstimateBody]
    learned_at: datetime


class EstimateAnswer(RootModel[EstimateBody | ProjectBody]):
    """Of a task, or of a project where `tasks` were given."""


async def estimate(request: Request) -> Response:
    body = TaskBody.model_validate_json(await read_body(request))
    if body.tasks is not None:
        project = await project_view(request, body.planned(), body.as_of)
        return model_response(ProjectBody.model_validate(asdict(project)))
    if body.kind is None:
        raise BadInput("kind: is missing; name it, or give `tasks`", "kind")
    task = PlannedTask(body.kind, body.measure, body.actor, body.scope, body.inputs)
    [view] = await estimate_views(request, [task], body.as_of)
    return model_response(EstimateBody.model_validate(asdict(view)))


async def project_view(
    request: Request, tasks: list[ProjectTask], as_of: datetime | None
) -> ProjectView:
    at, kept = _learned_for(request, as_of)
    return await read_store(
        request, lambda store: show_project(estimate_project(store, tasks, at, kept))
    )


async def estimate_views(
    request: Request, tasks: list[PlannedTask], as_of: datetime | None
) -> list[EstimateView]:
    """Of now from what was learned in the last minutes; of an earlier instant learned anew."""
    at, kept = _learned_for(request, as_of)
    made: list[TaskEstimate] = await read_store(
        request, lambda store: [estimate_task(store, task, at, kept) for task in tasks]
    )
    return [show_estimate(one) for one in made]


def _learned_for(request: Request, as_of: datetime | None) -> tuple[datetime, EstimatorCache]:
    cache = estimators_of(request.app.state)
    return (instants.now(), cache) if as_of is None else (as_of, EstimatorCache(cache.champions))


def estimators_of(state: State) -> EstimatorCache:
    """What the service has learned of kinds, for all routes and pages."""
    if not hasattr(state, "estimators"):
        state.estimators = EstimatorCache(partial(_live_champion, state.serving))
    cache: EstimatorCache = state.estimators
    return cache


def _live_champion(serving: Serving, measure: str) -> Bundle | None:
    """The version that answers for a quantity, as this process has loaded it."""
    bundles = (live.bundle for live in serving.live.values())
    return next((one for one in bundles if answers_for(one, measure)), None)


ENDPOINTS = (
    Endpoint(
        "POST",
        "/estimates",
        estimate,
        "read",
        "Estimate what a task or a project will take, before it is done",
        {200: ("The estimate, with an interval and its evidence", EstimateAnswer)},
        (400, 404, 409, 413, 422, 503),
        request=TaskBody,
        tag=Tag.PLANNING,
        name="estimate_task",
    ),
)
