"""`/api/v3/ab-tests` and `/api/v3/test-results`: AI models and approaches against each other."""

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.experiments import by_of, intake
from bentos.api.experiments_schema import AbAssigned, AbIntake, AbSampleRatio
from bentos.api.store_access import model_response, read_store, write_store
from bentos.dialects.agent_zero_ab_schema import (
    PERCENT,
    ModelComparison,
    ModelResults,
    ModelResultsTold,
    ModelTest,
    ModelTestChange,
    ModelTests,
    ModelTestTold,
    Result,
)
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.routing import Endpoint, Tag, in_query
from runlore.experiments.actions import analysis, lifecycle, unit_intake
from runlore.experiments.actions.analysis import ExperimentStatus
from runlore.experiments.actions.lifecycle import AssignedUnit, Attribution
from runlore.experiments.actions.plan import Plan, PlannedRule, PlannedVariant
from runlore.experiments.queries.experiments import AbTest
from runlore.experiments.views import report
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

TESTS, RESULTS = "/api/v3/ab-tests", "/api/v3/test-results"
STATES = {"created": "draft", "running": "running", "decided": "completed", "stopped": "stopped"}
WORDS = {
    "variants": "approaches",
    "control": "baseline",
    "metrics": "success_metrics",
    "exposure": "traffic_percentage",
    "weight": "traffic",
}
EVENTS: TypeAdapter[tuple[Result, ...]] = TypeAdapter(tuple[Result, ...])


async def read(request: Request) -> Response:
    number = _requested_id(request)
    if number is not None:
        one = await read_store(request, lambda store: lifecycle.find(store, number))
        return model_response(ModelTests(tests=[_test(one)]))
    return model_response(
        ModelTests(tests=[_test(test) for test in await read_store(request, lifecycle.every)])
    )


async def create(request: Request) -> Response:
    body = ModelTest.model_validate_json(await read_body(request))
    plan, by = _plan(body), by_of(request)
    with in_its_words(WORDS):
        test, is_new = await write_store(request, lambda store: lifecycle.create(store, plan, by))
    return model_response(_test(test), 201 if is_new else 200)


async def change(request: Request) -> Response:
    body = ModelTestChange.model_validate_json(await read_body(request))
    by = by_of(request, body.actor, body.reason)
    with in_its_words(WORDS):
        test, dealt = await write_store(request, lambda store: _change(store, body, by))
    return model_response(_test(test, dealt))


async def results(request: Request) -> Response:
    number, at = _requested_id(request), instants.now()
    if number is None:
        raise BadInput("test_id: say which test", "test_id")
    return model_response(
        _status(await read_store(request, lambda s: analysis.status(s, number, at)), None)
    )


async def record(request: Request) -> Response:
    submitted, at = ModelResults.model_validate_json(await read_body(request)), instants.now()
    by = by_of(request)
    body = EVENTS.dump_json(submitted.results, by_alias=True, exclude_none=True)

    def work(store: Store) -> tuple[ExperimentStatus, AbIntake | None]:
        done = unit_intake.record(store, submitted.test_id, body, at) if submitted.results else None
        if submitted.analyze:
            analysis.analyse(store, submitted.test_id, by)
        status = analysis.status(store, submitted.test_id, at)
        return status, None if done is None else intake(done)

    return model_response(_status(*await write_store(request, work)))


def _plan(body: ModelTest) -> Plan:
    return Plan(
        name=body.test_name,
        variants=tuple(PlannedVariant(name=a.name, weight=a.traffic) for a in body.approaches),
        control=body.baseline,
        metrics=tuple(metric.planned() for metric in body.success_metrics),
        rule=PlannedRule(
            alpha=body.significance_level,
            least_units=body.min_samples,
            least_time_h=body.min_hours,
        ),
        exposure=body.traffic_percentage / PERCENT,
    )


def _change(
    store: Store, body: ModelTestChange, by: Attribution
) -> tuple[AbTest, list[AssignedUnit]]:
    number = body.test_id
    if body.action == "start":
        return lifecycle.start(store, number, by), []
    if body.action == "stop":
        return lifecycle.stop(store, number, by), []
    if body.action == "assign":
        dealt = lifecycle.assign(store, number, body.subjects, by.at)
        return lifecycle.find(store, number), dealt
    if body.traffic_percentage is None:
        raise BadInput("traffic_percentage: a rollout needs one", "traffic_percentage")
    return lifecycle.expose(store, number, body.traffic_percentage / PERCENT, by), []


def _test(test: AbTest, dealt: list[AssignedUnit] | None = None) -> ModelTestTold:
    return ModelTestTold(
        test_id=test.public_id,
        test_name=test.name,
        status=STATES[test.state],
        approaches=[variant.name for variant in test.design.variants],
        baseline=test.design.control,
        traffic_percentage=test.design.exposure * PERCENT,
        winner=test.winner,
        assignments=tuple(AbAssigned(**vars(assignment)) for assignment in dealt or []),
    )


def _status(status: ExperimentStatus, done: AbIntake | None) -> ModelResultsTold:
    plain = report.status_document(status)
    fixed = {(figure["metric"], figure["variant"]): figure for figure in plain["fixed"]}
    return ModelResultsTold(
        test_id=status.test.public_id,
        status=STATES[status.test.state],
        winner=status.test.winner,
        samples={name: observed.assigned for name, observed in status.observed.items()},
        comparisons=[
            _comparison(comparison, fixed.get((comparison["metric"], comparison["variant"]), {}))
            for comparison in plain["comparisons"]
        ],
        sample_ratio=AbSampleRatio(**plain["sample_ratio"]),
        waiting_for=plain["missing"],
        looks=status.looks,
        accepted=done.added if done else 0,
        duplicates=done.duplicates if done else 0,
        rejects=tuple(done.rejects) if done else (),
    )


def _comparison(comparison: dict[str, Any], fixed: dict[str, Any]) -> ModelComparison:
    return ModelComparison(
        metric=comparison["metric"],
        approach=comparison["variant"],
        samples=comparison["units"],
        baseline_value=comparison["control_value"],
        value=comparison["variant_value"],
        improvement=comparison["relative"],
        confidence_interval=[comparison["interval"]["low"], comparison["interval"]["high"]],
        p_value=comparison["adjusted_p"],
        fixed_p_value=fixed.get("p_value"),
        effect_size=comparison["effect_size"],
        power=fixed.get("power"),
        verdict=comparison["answer"],
    )


def _requested_id(request: Request) -> UUID | None:
    query = request.query_params
    unknown = sorted(query.keys() - {"test_id"})
    if unknown:
        raise BadInput(f"{unknown[0][:80]}: no such filter", unknown[0][:80])
    text = query.get("test_id")
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise BadInput(f"test_id: {text!r:.80} is not the id of a test", "test_id") from None


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
