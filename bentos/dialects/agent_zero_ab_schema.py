"""Requests and answers of `/api/v3/ab-tests` and `/api/v3/test-results`."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from bentos.api.experiments_schema import AbAssigned, AbReject, AbSampleRatio
from bentos.http.fields import Id
from bentos.http.schemas import Closed
from runlore.experiments.actions.plan import PlannedMetric, Word
from runlore.experiments.actions.unit_intake import LARGEST, MOST_EVENTS, Instant, Key, Value
from runlore.experiments.rules.design import LEAST_ALPHA, LEAST_SHARE

PERCENT = 100.0
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
    """proportion: of subjects with a result above 0. mean: of a subject's results.

    cap: of a mean; a subject's value beyond it counts as the cap.
    """

    name: Word = "success"
    type: Literal["proportion", "mean"] = "proportion"
    goal: Literal["maximize", "minimize"] = "maximize"
    cap: Annotated[float, Field(gt=0, le=LARGEST)] | None = None

    def planned(self) -> PlannedMetric:
        take: Any = "last" if self.type == "proportion" else "mean"
        better: Any = "higher" if self.goal == "maximize" else "lower"
        return PlannedMetric(
            name=self.name,
            event=self.name,
            kind=self.type,
            take=take,
            better=better,
            cap=self.cap,
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
    assignments: tuple[AbAssigned, ...] = ()


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
    sample_ratio: AbSampleRatio
    waiting_for: list[str]
    looks: int
    accepted: int = 0
    duplicates: int = 0
    rejects: tuple[AbReject, ...] = ()
