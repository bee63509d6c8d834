"""Requests and answers of A/B tests."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, RootModel

from bentos.http.fields import Id, Instant
from bentos.http.schemas import Closed
from runlore.experiments.actions.plan import Share
from runlore.experiments.actions.unit_intake import MOST_EVENTS, UnitEvent

MOST_UNITS = 10_000
Actor = Annotated[str, Field(min_length=1, max_length=100)]
Reason = Annotated[str, Field(max_length=500)]
Number = float | None


class AbAction(Closed):
    """Who does it, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"actor": "ann", "reason": "go"}]})

    actor: Actor = "api"
    reason: Reason = ""


class AbExposure(AbAction):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"exposure": 0.5, "actor": "ann", "reason": "no harm yet"}]}
    )

    exposure: Annotated[Share, Field(description="the share of units; it only rises")]


class AbUnit(Closed):
    """variant: only where a test does not deal them out itself. at: now, when there is none."""

    unit: Id
    variant: Id | None = None
    at: Instant | None = None


class AbUnits(Closed):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"units": [{"unit": "user-17"}, {"unit": "user-18"}]}]}
    )

    units: Annotated[list[AbUnit], Field(min_length=1, max_length=MOST_UNITS)]


class AbAssigned(Closed):
    """is_in_test: the unit's outcomes count."""

    unit: str
    variant: str
    is_in_test: bool
    exposed_at: datetime | None


class AbReject(Closed):
    """place: in the request, from 0. reason: begins with the field."""

    place: int
    id: str
    reason: str


class AbAssignments(Closed):
    assignments: list[AbAssigned]
    rejects: list[AbReject]


class AbEvents(RootModel[Annotated[list[UnitEvent], Field(min_length=1, max_length=MOST_EVENTS)]]):
    """What units did. An id that was sent before counts once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                [
                    {"id": "c-1", "unit": "user-17", "event": "conversion"},
                    {"id": "l-1", "unit": "user-17", "event": "latency_ms", "value": 31.5},
                ]
            ]
        }
    )


class AbIntake(Closed):
    """faults: reason -> how many. rejects: the first hundred of them."""

    given: int
    added: int
    duplicates: int
    rejected: int
    faults: dict[str, int]
    rejects: list[AbReject]


class AbTestTold(Closed):
    """shares: what each variant is to get of the units that take part."""

    id: UUID
    name: str
    state: Literal["created", "running", "decided", "stopped"]
    control: str
    shares: dict[str, float]
    exposure: float
    group: dict[str, Any] | None
    plan: dict[str, Any]
    winner: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class AbList(Closed):
    tests: list[AbTestTold]


class AbSampleRatio(Closed):
    p_value: float
    level: float
    method: str
    reason: str
    is_mismatch: bool


class AbInterval(Closed):
    """null: not bounded yet."""

    low: Number
    high: Number


class AbComparison(Closed):
    """A variant beside the control. interval: of the difference, right at every look.

    withheld: why nothing is said of the difference yet. needs_units: of each variant until then.
    """

    metric: str
    variant: str
    units: list[int]
    control_value: Number
    variant_value: Number
    difference: Number
    relative: Number
    interval: AbInterval
    p_value: float
    adjusted_p: float
    effect_size: Number
    loss: Literal["kept", "broken", "open"]
    answer: Literal["better", "worse", "no difference shown"]
    withheld: str = ""
    needs_units: int = 0


class AbFixed(Closed):
    """Right only when looked at once, at a size chosen before."""

    metric: str
    variant: str
    method: str
    p_value: float
    effect_size: Number
    power: Number
    units_needed: int | None
    chi_square_p: Number


class AbVariant(Closed):
    """known: units whose value is known, by metric. events: what they did, by kind.

    crossed: units that met another variant as well; they count for this one, their first.
    """

    name: str
    units: int
    crossed: int
    share: float
    known: dict[str, int]
    events: dict[str, dict[str, float]]


class AbDone(Closed):
    at: datetime
    action: str
    actor: str
    reason: str


Answer = Literal["not yet", "winner", "no winner", "invalid"]


class AbStatus(Closed):
    """missing: what a decision waits for. guardrails: kept, broken or open, by metric.

    headline: the verdict in one sentence. advice: what to do about it.
    """

    headline: str
    advice: str
    test: AbTestTold
    at: datetime
    ran_h: float
    answer: Answer
    missing: list[str]
    looks: int
    sample_ratio: AbSampleRatio
    variants: list[AbVariant]
    comparisons: list[AbComparison]
    fixed: list[AbFixed]
    guardrails: dict[str, Literal["kept", "broken", "open"]]
    actions: list[AbDone]


class AbLook(Closed):
    """A look that was kept. look: 1 for the first."""

    look: int
    at: datetime
    actor: str
    answer: Answer
    winner: str | None
    is_final: bool
    comparisons: list[AbComparison]
    sample_ratio: AbSampleRatio
    reasons: list[str]
    fixed: list[AbFixed]
    chi_square: dict[str, float]
    ran_s: float


class AbLooks(Closed):
    looks: list[AbLook]
