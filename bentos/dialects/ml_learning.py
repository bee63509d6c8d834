"""`/api/v1/ml-learning/ab-tests`: content experiments, in the words of their spec."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.experiments import by_of
from bentos.api.experiments_schema import AbSampleRatio
from bentos.api.store_access import model_response, read_store, write_store
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.experiments.actions import analysis, lifecycle
from runlore.experiments.actions.analysis import ExperimentStatus
from runlore.experiments.actions.plan import Plan, PlannedMetric, PlannedRule, PlannedVariant, Word
from runlore.experiments.queries.experiments import AbTest, RecordedLook
from runlore.experiments.rules.design import LEAST_ALPHA
from runlore.kernel import instants
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import BadInput

PREFIX = "/api/v1/ml-learning/ab-tests"
WORDS = {
    "name": "test_name",
    "control": "variants",
    "metrics": "success_metric",
    "weight": "traffic_percentage",
}
EVENTS = {"engagement_rate": "engagement", "ctr": "click", "conversion_rate": "conversion"}
COUNTED = {
    "impressions": "impression",
    "clicks": "click",
    "conversions": "conversion",
    "engagements": "engagement",
}
STATES = {"created": "draft", "running": "active", "decided": "completed", "stopped": "cancelled"}
EFFECTS = ((0.8, "large"), (0.5, "medium"), (0.2, "small"), (0.0, "negligible"))
EXAMPLE: dict[str, Any] = {
    "test_name": "Evening posts",
    "variants": [{"name": "evening"}, {"name": "night"}],
    "success_metric": "engagement_rate",
}
Metric = Literal["engagement_rate", "ctr", "conversion_rate"]
State = Literal["draft", "active", "completed", "cancelled"]


class ContentVariant(Closed):
    name: Word
    description: str = Field(default="", max_length=1000)
    is_control: bool = False
    traffic_percentage: Annotated[float, Field(gt=0, le=100)] | None = None


class ContentTest(Closed):
    """A control is added when no variant is one."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    test_name: Word
    description: str = Field(default="", max_length=2000)
    variants: Annotated[list[ContentVariant], Field(min_length=1, max_length=20)]
    success_metric: Metric = "engagement_rate"
    min_sample_size: Annotated[int, Field(ge=30, le=10**9, description="of each variant")] = 100
    min_runtime_hours: Annotated[float, Field(ge=0, le=24 * 366)] = 24.0
    confidence_level: Annotated[float, Field(ge=0.5, le=1 - LEAST_ALPHA)] = 0.95
    outcome_window_hours: Annotated[
        float, Field(gt=0, le=24 * 366, description="a unit's events count so long")
    ] = 24.0


class ContentTestTold(Closed):
    test_id: UUID
    test_name: str
    status: State
    control_variant: str
    variants: list[str]
    success_metric: str
    min_sample_size: int
    min_runtime_hours: float
    confidence_level: float
    winner: str | None


class ContentTests(Closed):
    tests: list[ContentTestTold]
    total: int


class VariantMetrics(Closed):
    """Rates are shares of units that did it at least once."""

    variant: str
    is_control: bool
    sample_size: int
    impressions: int
    clicks: int
    conversions: int
    engagements: int
    ctr: float | None
    conversion_rate: float | None
    engagement_rate: float | None


class ContentStatus(ContentTestTold):
    """waiting_for: what a decision takes."""

    runtime_hours: float
    has_min_sample_size: bool
    has_min_runtime: bool
    waiting_for: list[str]
    looks: int
    sample_ratio: AbSampleRatio
    variant_metrics: list[VariantMetrics]


class VariantResult(Closed):
    """p_value: two-proportion z, right when looked at once. anytime_p_value: at every look, and
    the one that the winner is chosen by. lift: relative to the control.
    """

    variant: str
    rate: float | None
    control_rate: float | None
    lift: float | None
    p_value: float | None
    anytime_p_value: float
    confidence_interval: list[float | None]
    effect_size: float | None = Field(description="Cohen's h")
    effect: Literal["large", "medium", "small", "negligible", "unknown"]
    power: float | None
    is_significant: bool


class ContentAnalysis(Closed):
    """confidence: 1 - p of the winner. ranking: the best first."""

    test_id: UUID
    status: State
    look: int
    is_significant: bool
    winner: str | None
    confidence: float | None
    chi_square_p_value: float | None
    results: list[VariantResult]
    ranking: list[str]
    sample_ratio: AbSampleRatio
    reasons: list[str]


async def create(request: Request) -> Response:
    body = ContentTest.model_validate_json(await read_body(request))
    plan, by = _plan(body), by_of(request)
    with in_its_words(WORDS):
        test, is_new = await write_store(request, lambda store: lifecycle.create(store, plan, by))
    return model_response(_test(test), 201 if is_new else 200)


async def start(request: Request) -> Response:
    number, by = _id(request), by_of(request)
    return model_response(
        _test(await write_store(request, lambda store: lifecycle.start(store, number, by)))
    )


async def status(request: Request) -> Response:
    number, at = _id(request), instants.now()
    return model_response(
        _status(await read_store(request, lambda store: analysis.status(store, number, at)))
    )


async def analyze(request: Request) -> Response:
    number, by = _id(request), by_of(request)
    look = await write_store(request, lambda store: analysis.analyse(store, number, by))
    test = await read_store(request, lambda store: lifecycle.find(store, number))
    return model_response(_analysis(test, look))


async def every(request: Request) -> Response:
    state = request.query_params.get("status")
    if state is not None and state not in STATES.values():
        raise BadInput(f"status: {state[:80]!r} is none of {', '.join(STATES.values())}", "status")
    tests = [_test(test) for test in await read_store(request, lifecycle.every)]
    chosen = [test for test in tests if state in (None, test.status)]
    return model_response(ContentTests(tests=chosen, total=len(chosen)))


def _plan(body: ContentTest) -> Plan:
    controls = [variant.name for variant in body.variants if variant.is_control]
    if len(controls) > 1:
        raise BadInput(f"variants: {len(controls)} are controls; one can be", "variants")
    shares = [variant.traffic_percentage for variant in body.variants]
    if any(shares) and not all(shares):
        raise BadInput("variants: give all a traffic_percentage, or none", "traffic_percentage")
    return Plan(
        name=body.test_name,
        description=body.description,
        variants=tuple(
            PlannedVariant(
                name=variant.name,
                description=variant.description,
                weight=variant.traffic_percentage or 1.0,
            )
            for variant in body.variants
        ),
        control=controls[0] if controls else None,
        metrics=(PlannedMetric(name=body.success_metric, event=EVENTS[body.success_metric]),),
        rule=PlannedRule(
            alpha=round(1 - body.confidence_level, 12),
            least_units=body.min_sample_size,
            least_time_h=body.min_runtime_hours,
        ),
        window_s=body.outcome_window_hours * HOUR_S,
    )


def _summary(test: AbTest) -> dict[str, Any]:
    rule = test.design.rule
    return {
        "test_id": test.public_id,
        "test_name": test.name,
        "status": STATES[test.state],
        "control_variant": test.design.control,
        "variants": [variant.name for variant in test.design.variants],
        "success_metric": test.design.primary[0].name,
        "min_sample_size": rule.least_units,
        "min_runtime_hours": rule.least_time_s / 3600,
        "confidence_level": 1 - rule.alpha,
        "winner": test.winner,
    }


def _test(test: AbTest) -> ContentTestTold:
    return ContentTestTold(**_summary(test))


def _status(status: ExperimentStatus) -> ContentStatus:
    rule, ratio = status.test.design.rule, status.seen.sample_ratio
    units = [observed.assigned for observed in status.observed.values()]
    return ContentStatus(
        **_summary(status.test),
        runtime_hours=status.ran_s / 3600,
        has_min_sample_size=min(units) >= rule.least_units,
        has_min_runtime=status.ran_s >= rule.least_time_s,
        waiting_for=list(status.missing),
        looks=status.looks,
        sample_ratio=AbSampleRatio(**vars(ratio), is_mismatch=ratio.is_mismatch),
        variant_metrics=[
            _metrics(status, name, observed.assigned) for name, observed in status.observed.items()
        ],
    )


def _metrics(status: ExperimentStatus, name: str, units: int) -> VariantMetrics:
    mine = {total.event: total for total in status.totals if total.variant == name}
    events = {word: mine[event].events if event in mine else 0 for word, event in COUNTED.items()}
    did = {rate: mine[event].units if event in mine else 0 for rate, event in EVENTS.items()}
    rates = {rate: count / units if units else None for rate, count in did.items()}
    is_control = name == status.test.design.control
    return VariantMetrics(variant=name, is_control=is_control, sample_size=units, **events, **rates)


def _analysis(test: AbTest, look: RecordedLook) -> ContentAnalysis:
    document, metric = look.analysis, test.design.primary[0].name
    fixed = {
        figure["variant"]: figure for figure in document["fixed"] if figure["metric"] == metric
    }
    primary = [
        comparison for comparison in document["comparisons"] if comparison["metric"] == metric
    ]
    results = [_result(comparison, fixed.get(comparison["variant"], {})) for comparison in primary]
    rates = {result.variant: result.rate or 0.0 for result in results}
    if results:
        rates[test.design.control] = results[0].control_rate or 0.0
    relevant = [
        comparison
        for comparison in primary
        if look.winner in (comparison["variant"], test.design.control)
    ]
    return ContentAnalysis(
        test_id=test.public_id,
        status=STATES[test.state],
        look=look.look,
        is_significant=any(result.is_significant for result in results),
        winner=look.winner,
        confidence=1 - max(comparison["adjusted_p"] for comparison in relevant)
        if relevant
        else None,
        chi_square_p_value=next((figure["chi_square_p"] for figure in fixed.values()), None),
        results=results,
        ranking=sorted(rates, key=lambda name: rates[name], reverse=True),
        sample_ratio=AbSampleRatio(**document["sample_ratio"]),
        reasons=document["reasons"],
    )


def _result(comparison: dict[str, Any], fixed: dict[str, Any]) -> VariantResult:
    size = comparison["effect_size"]
    effect = "unknown" if size is None else next(w for least, w in EFFECTS if abs(size) >= least)
    return VariantResult(
        variant=comparison["variant"],
        rate=comparison["variant_value"],
        control_rate=comparison["control_value"],
        lift=comparison["relative"],
        p_value=fixed.get("p_value"),
        anytime_p_value=comparison["adjusted_p"],
        confidence_interval=[comparison["interval"]["low"], comparison["interval"]["high"]],
        effect_size=size,
        effect=effect,
        power=fixed.get("power"),
        is_significant=comparison["answer"] != "no difference shown",
    )


def _id(request: Request) -> UUID:
    text = request.path_params["test_id"]
    try:
        return UUID(text)
    except ValueError:
        raise BadInput(f"test_id: {text[:80]!r} is not the id of a test", "test_id") from None


TEST_ID = in_path("test_id", "Of the test", {"type": "string", "format": "uuid"})
TEST = ("The test", ContentTestTold)
STATUS = in_query("status", "Of this status only", {"enum": list(STATES.values())})
ENDPOINTS = (
    Endpoint(
        "POST",
        f"{PREFIX}/create",
        create,
        "record",
        "Plan a content test",
        {201: TEST, 200: ("It was planned like this before", ContentTestTold)},
        (400, 409, 413, 422, 503),
        ContentTest,
        tag=Tag.ML_LEARNING,
    ),
    Endpoint(
        "POST",
        f"{PREFIX}/{{test_id}}/start",
        start,
        "record",
        "Start it",
        {200: TEST},
        (404, 409, 422, 503),
        parameters=[TEST_ID],
        tag=Tag.ML_LEARNING,
    ),
    Endpoint(
        "GET",
        f"{PREFIX}/{{test_id}}/status",
        status,
        "read",
        "How it stands",
        {200: ("Its status", ContentStatus)},
        (404, 422, 503),
        parameters=[TEST_ID],
        tag=Tag.ML_LEARNING,
    ),
    Endpoint(
        "POST",
        f"{PREFIX}/{{test_id}}/analyze",
        analyze,
        "record",
        "Look at it, once",
        {200: ("What was found", ContentAnalysis)},
        (404, 409, 422, 503),
        parameters=[TEST_ID],
        tag=Tag.ML_LEARNING,
    ),
    Endpoint(
        "GET",
        f"{PREFIX}/",
        every,
        "read",
        "All content tests",
        {200: ("The tests", ContentTests)},
        (422, 503),
        parameters=[STATUS],
        tag=Tag.ML_LEARNING,
    ),
)
