"""`/api/v3/ab-tests` and `/api/v3/test-results`: AI models and approaches against each other."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from bentos.api import experiments_schema as schema
from bentos.api.experiments import ask, by_of, do, intake, told
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.fields import Id
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.experiments.actions import analysis, lifecycle, unit_intake
from runlore.experiments.actions.analysis import ExperimentStatus
from runlore.experiments.actions.lifecycle import Assigned, By
from runlore.experiments.actions.plan import Plan, PlannedMetric, PlannedRule, PlannedVariant, Word
from runlore.experiments.actions.unit_intake import LARGEST, MOST_EVENTS, Instant, Key, Value
from runlore.experiments.queries.experiments import AbTest
from runlore.experiments.rules.design import LEAST_ALPHA, LEAST_SHARE
from runlore.experiments.views import report
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

TESTS, RESULTS = "/api/v3/ab-tests", "/api/v3/test-results"
STATES = {"created": "draft", "running": "running", "decided": "completed", "stopped": "stopped"}
PERCENT = 100.0
WORDS = {
    "variants": "approaches",
    "control": "baseline",
    "metrics": "success_metrics",
    "exposure": "traffic_percentage",
    "weight": "traffic",
}
NUMBER_OR_TRUTH = {
    "anyOf": [{"type": "number", "minimum": -LARGEST, "maximum": LARGEST}, {"type": "boolean"}]
}
Percentage = Annotated[float, Field(ge=LEAST_SHARE * PERCENT, le=PERCENT)]
State = Literal["draft", "running", "completed", "stopped"]
SOME_ID = "1d2fd1a8-8a53-4a5f-9d7d-6c1e1a0a9f11"


class Approach(Closed):
    """A model or another way of doing it. traffic: its part of the units, beside the others'."""

    name: Word
    traffic: Annotated[float, Field(gt=0, le=1e6)] = 1.0


class SuccessMetric(Closed):
    """proportion: of subjects with a result above 0. mean: of a subject's results."""

    name: Word = "success"
    type: Literal["proportion", "mean"] = "proportion"
    goal: Literal["maximize", "minimize"] = "maximize"

    def planned(self) -> PlannedMetric:
        take: Any = "last" if self.type == "proportion" else "mean"
        better: Any = "higher" if self.goal == "maximize" else "lower"
        return PlannedMetric(
            name=self.name, event=self.name, kind=self.type, take=take, better=better
        )


class ModelTest(Closed):
    """baseline: what the others are compared with; a control is added when there is none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "test_name": "planner v2",
                    "approaches": [{"name": "planner-v1"}, {"name": "planner-v2"}],
                    "baseline": "planner-v1",
                    "traffic_percentage": 10,
                }
            ]
        }
    )

    test_name: Word
    approaches: Annotated[list[Approach], Field(min_length=1, max_length=20)]
    baseline: Word | None = None
    success_metrics: Annotated[tuple[SuccessMetric, ...], Field(min_length=1, max_length=10)] = (
        SuccessMetric(),
    )
    significance_level: Annotated[float, Field(ge=LEAST_ALPHA, le=0.5)] = 0.05
    min_samples: Annotated[int, Field(ge=2, le=10**9)] = 100
    min_hours: Annotated[float, Field(ge=0, le=24 * 366)] = 24.0
    traffic_percentage: Percentage = 100.0


class ModelTestChange(Closed):
    """start, stop, rollout (to a larger traffic_percentage), or assign (subjects)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"test_id": SOME_ID, "action": "rollout", "traffic_percentage": 25}]
        }
    )

    test_id: UUID
    action: Literal["start", "stop", "rollout", "assign"]
    traffic_percentage: Percentage | None = None
    subjects: Annotated[tuple[Id, ...], Field(max_length=10_000)] = ()
    actor: Annotated[str, Field(min_length=1, max_length=100)] = "api"
    reason: str = Field(default="", max_length=500)


class ModelTestTold(Closed):
    test_id: UUID
    test_name: str
    status: State
    approaches: list[str]
    baseline: str
    traffic_percentage: float
    winner: str | None
    assignments: tuple[schema.AbAssigned, ...] = ()


class ModelTests(Closed):
    tests: list[ModelTestTold]


def _number(value: object) -> object:
    """A truth as 1 or 0."""
    return float(value) if isinstance(value, bool) else value


class Result(Closed):
    """id: the sender's own, so that it may be sent again. value: true, false, or a number."""

    id: Key
    subject: Annotated[Key, Field(serialization_alias="unit")]
    metric: Annotated[Word, Field(serialization_alias="event")] = "success"
    value: Annotated[Value, BeforeValidator(_number), WithJsonSchema(NUMBER_OR_TRUTH)]
    at: Instant | None = None


class ModelResults(Closed):
    """analyze: look at the test once they are in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "test_id": SOME_ID,
                    "results": [{"id": "r-1", "subject": "task-17", "value": True}],
                }
            ]
        }
    )

    test_id: UUID
    results: Annotated[tuple[Result, ...], Field(max_length=MOST_EVENTS)] = ()
    analyze: bool = False


class ModelComparison(Closed):
    """p_value, confidence_interval: right at every look. fixed_p_value: when looked at once."""

    metric: str
    approach: str
    samples: list[int]
    baseline_value: float | None
    value: float | None
    improvement: float | None
    confidence_interval: list[float | None]
    p_value: float
    fixed_p_value: float | None
    effect_size: float | None
    power: float | None
    verdict: Literal["better", "worse", "no difference shown"]


class ModelResultsTold(Closed):
    """accepted: of results sent; the others were known, or are among the rejects."""

    test_id: UUID
    status: State
    winner: str | None
    samples: dict[str, int]
    comparisons: list[ModelComparison]
    sample_ratio: schema.AbSampleRatio
    waiting_for: list[str]
    looks: int
    accepted: int = 0
    duplicates: int = 0
    rejects: tuple[schema.AbReject, ...] = ()


EVENTS: TypeAdapter[tuple[Result, ...]] = TypeAdapter(tuple[Result, ...])


async def read(request: Request) -> Response:
    number = _asked(request)
    if number is not None:
        one = await ask(request, lambda store: lifecycle.find(store, number))
        return told(ModelTests(tests=[_test(one)]))
    return told(ModelTests(tests=[_test(each) for each in await ask(request, lifecycle.every)]))


async def create(request: Request) -> Response:
    asked = ModelTest.model_validate_json(await read_body(request))
    plan, by = _plan(asked), by_of(request)
    with in_its_words(WORDS):
        test, is_new = await do(request, lambda store: lifecycle.create(store, plan, by))
    return told(_test(test), 201 if is_new else 200)


async def change(request: Request) -> Response:
    asked = ModelTestChange.model_validate_json(await read_body(request))
    by = by_of(request, asked.actor, asked.reason)
    with in_its_words(WORDS):
        test, dealt = await do(request, lambda store: _change(store, asked, by))
    return told(_test(test, dealt))


async def results(request: Request) -> Response:
    number, at = _asked(request), instants.now()
    if number is None:
        raise BadInput("test_id: say which test", "test_id")
    return told(_status(await ask(request, lambda s: analysis.status(s, number, at)), None))


async def record(request: Request) -> Response:
    asked, at = ModelResults.model_validate_json(await read_body(request)), instants.now()
    by = by_of(request)
    body = EVENTS.dump_json(asked.results, by_alias=True, exclude_none=True)

    def work(store: Store) -> tuple[ExperimentStatus, schema.AbIntake | None]:
        done = unit_intake.record(store, asked.test_id, body, at) if asked.results else None
        if asked.analyze:
            analysis.analyse(store, asked.test_id, by)
        found = analysis.status(store, asked.test_id, at)
        return found, None if done is None else intake(done)

    return told(_status(*await do(request, work)))


def _plan(asked: ModelTest) -> Plan:
    return Plan(
        name=asked.test_name,
        variants=tuple(PlannedVariant(name=a.name, weight=a.traffic) for a in asked.approaches),
        control=asked.baseline,
        metrics=tuple(each.planned() for each in asked.success_metrics),
        rule=PlannedRule(
            alpha=asked.significance_level,
            least_units=asked.min_samples,
            least_time_h=asked.min_hours,
        ),
        exposure=asked.traffic_percentage / PERCENT,
    )


def _change(store: Store, asked: ModelTestChange, by: By) -> tuple[AbTest, list[Assigned]]:
    number = asked.test_id
    if asked.action == "start":
        return lifecycle.start(store, number, by), []
    if asked.action == "stop":
        return lifecycle.stop(store, number, by), []
    if asked.action == "assign":
        dealt = lifecycle.assign(store, number, asked.subjects, by.at)
        return lifecycle.find(store, number), dealt
    if asked.traffic_percentage is None:
        raise BadInput("traffic_percentage: a rollout needs one", "traffic_percentage")
    return lifecycle.expose(store, number, asked.traffic_percentage / PERCENT, by), []


def _test(test: AbTest, dealt: list[Assigned] | None = None) -> ModelTestTold:
    return ModelTestTold(
        test_id=test.public_id,
        test_name=test.name,
        status=STATES[test.state],
        approaches=[each.name for each in test.design.variants],
        baseline=test.design.control,
        traffic_percentage=test.design.exposure * PERCENT,
        winner=test.winner,
        assignments=tuple(schema.AbAssigned(**vars(each)) for each in dealt or []),
    )


def _status(found: ExperimentStatus, done: schema.AbIntake | None) -> ModelResultsTold:
    plain = report.status_document(found)
    fixed = {(each["metric"], each["variant"]): each for each in plain["fixed"]}
    return ModelResultsTold(
        test_id=found.test.public_id,
        status=STATES[found.test.state],
        winner=found.test.winner,
        samples={name: each.assigned for name, each in found.observed.items()},
        comparisons=[
            _comparison(each, fixed.get((each["metric"], each["variant"]), {}))
            for each in plain["comparisons"]
        ],
        sample_ratio=schema.AbSampleRatio(**plain["sample_ratio"]),
        waiting_for=plain["missing"],
        looks=found.looks,
        accepted=done.added if done else 0,
        duplicates=done.duplicates if done else 0,
        rejects=tuple(done.rejects) if done else (),
    )


def _comparison(each: dict[str, Any], fixed: dict[str, Any]) -> ModelComparison:
    return ModelComparison(
        metric=each["metric"],
        approach=each["variant"],
        samples=each["units"],
        baseline_value=each["control_value"],
        value=each["variant_value"],
        improvement=each["relative"],
        confidence_interval=[each["interval"]["low"], each["interval"]["high"]],
        p_value=each["adjusted_p"],
        fixed_p_value=fixed.get("p_value"),
        effect_size=each["effect_size"],
        power=fixed.get("power"),
        verdict=each["answer"],
    )


def _asked(request: Request) -> UUID | None:
    query = request.query_params
    unknown = sorted(query.keys() - {"test_id"})
    if unknown:
        raise BadInput(f"{unknown[0][:80]}: no such filter", unknown[0][:80])
    given = query.get("test_id")
    try:
        return None if given is None else UUID(given)
    except ValueError:
        raise BadInput(f"test_id: {given!r:.80} is not the id of a test", "test_id") from None


ID = {"type": "string", "format": "uuid"}
ALL, OF_ONE = (
    in_query("test_id", "This test only", ID),
    in_query("test_id", "Of the test", ID, required=True),
)
FOUND = ("How it stands", ModelResultsTold)
WRITE = (400, 404, 409, 413, 422, 503)
ENDPOINTS = (
    Endpoint(
        "GET",
        TESTS,
        read,
        "read",
        "The tests, or one of them",
        {200: ("The tests", ModelTests)},
        (404, 422, 503),
        parameters=[ALL],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "POST",
        TESTS,
        create,
        "record",
        "Plan a test of models or approaches",
        {201: ("The test", ModelTestTold), 200: ("It was planned like this before", ModelTestTold)},
        (400, 409, 413, 422, 503),
        ModelTest,
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "PATCH",
        TESTS,
        change,
        "record",
        "Start, stop or roll a test out; assign subjects",
        {200: ("The test", ModelTestTold)},
        WRITE,
        ModelTestChange,
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "GET",
        RESULTS,
        results,
        "read",
        "What a test shows so far",
        {200: FOUND},
        (404, 422, 503),
        parameters=[OF_ONE],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "POST",
        RESULTS,
        record,
        "record",
        "Results of subjects, and a look at the test",
        {200: FOUND},
        WRITE,
        ModelResults,
        tag=Tag.AGENT_ZERO,
    ),
)
