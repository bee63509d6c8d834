"""What requests and answers look like: the same for records, made from the plan for predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
    create_model,
)
from pydantic_core import PydanticCustomError

from runlore.features.declaration import FeaturePlan
from runlore.features.keys import Subject
from runlore.models.spec import ModelSpec, Quantity
from runlore.records.execution import FINAL_STATUSES, OPEN_STATUSES, Scalar
from runlore.records.validate import LONGEST_KEY_BYTES

LARGEST = 1e30
MOST_ROWS = 10_000
MOST_INPUTS = 500
LONGEST_TEXT = 10_000
NO_NUL = r"^[^\x00\x1f]*$"

Clock = Literal["wall", "record"]


def _number(value: object) -> float | bool:
    if isinstance(value, int | float) and abs(value) <= LARGEST:
        return value
    raise PydanticCustomError("number", "Input should be a number between -1e30 and 1e30")


def _scalar(value: object) -> Scalar:
    if value is None:
        return None
    if isinstance(value, str):
        return WORDS.validate_python(value)
    if isinstance(value, int | float):
        return _number(value)
    raise PydanticCustomError("scalar", "Input should be a number, text, true, false or null")


Name = Annotated[str, StringConstraints(max_length=LONGEST_KEY_BYTES, pattern=NO_NUL, strict=True)]
Id = Annotated[Name, StringConstraints(min_length=1)]
Words = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=NO_NUL, strict=True)]
WORDS: TypeAdapter[str] = TypeAdapter(Words)
BOUNDS = {"minimum": -LARGEST, "maximum": LARGEST}
Number = Annotated[
    float | bool,
    PlainValidator(_number),
    WithJsonSchema({"anyOf": [{"type": "number", **BOUNDS}, {"type": "boolean"}]}),
]
AnyScalar = Annotated[
    str | float | bool | None,
    PlainValidator(_scalar),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": LONGEST_TEXT, "pattern": NO_NUL},
                {"type": "number", **BOUNDS},
                {"type": "boolean"},
                {"type": "null"},
            ]
        }
    ),
]
InputName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Values = Annotated[dict[InputName, AnyScalar], Field(max_length=MOST_INPUTS)]
Instant = Annotated[
    AwareDatetime,
    Field(
        strict=True,
        ge=datetime.fromisoformat("1970-01-01T00:00:00Z"),
        lt=datetime.fromisoformat("2200-01-01T00:00:00Z"),
        description="ISO 8601 with a time zone",
    ),
]
ForReplay = Annotated[
    Instant | None, Field(default=None, description="when replaying a log: its own instant")
]


class Closed(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Execution(Closed):
    """Work that was submitted. Send `id` to be able to repeat the request safely."""

    id: Id | None = None
    actor: Name = Field(description="who asked for it; empty: not known")
    kind: Name = Field(description="what sort of work; empty: not known")
    scope: Name = Field(default="", description="on or for what; empty: not known")
    inputs: Values = Field(default_factory=dict)
    submitted: Instant | None = Field(default=None, description="absent: now")
    started: Instant | None = None
    status: Literal[tuple(sorted(OPEN_STATUSES))] = "submitted"  # type: ignore[valid-type]


class Ending(Closed):
    """What came of work. What is absent stays as it was; another outcome is a correction."""

    status: Literal[tuple(sorted(FINAL_STATUSES))]  # type: ignore[valid-type]
    started: Instant | None = None
    finished: Instant | None = None
    outcome: Values | None = Field(default=None, description="measured results, such as cost")


class ReplayedExecution(Execution):
    known_at: ForReplay


class ReplayedEnding(Ending):
    known_at: ForReplay


class Recorded(Closed):
    """What is known now. is_new: whether this request added to it."""

    id: str
    source: str
    submitted: datetime
    status: str
    known_at: datetime
    revision: int
    is_new: bool


class Fact(Closed):
    """What one request or one line of a log said."""

    revision: int
    status: str
    started: datetime | None
    finished: datetime | None
    outcome: dict[str, Any]
    known_at: datetime


class History(Closed):
    """All that is known of an execution; `facts` in the order in which they came in."""

    id: str
    source: str
    actor: str
    kind: str
    scope: str
    inputs: dict[str, Any]
    submitted: datetime
    submission_known_at: datetime
    facts: list[Fact]


class Reason(Closed):
    """effect: the prediction less what it would be with the feature at its reference."""

    feature: str
    value: float | None
    reference: float | None
    effect: float


class Answer(Closed):
    """history: "absent" when the service has no database: then every actor looks new."""

    id: UUID
    spec: str
    version: str | None
    prediction: float
    low: float | None
    high: float | None
    unit: str
    reasons: list[Reason] | None = Field(
        description="what moved it most; null in batches of more than 100"
    )
    as_of: datetime
    history: Literal["known", "absent"]


class Prediction(Closed):
    """A row of the ledger: an answer or a refusal."""

    id: UUID
    at: datetime
    spec: str
    version: str | None
    arm: str
    status: int
    as_of: datetime
    source: str | None
    source_id: str | None
    request: dict[str, Any]
    features: list[float | None] | None
    prediction: float | None
    low: float | None
    high: float | None
    reasons: list[Reason] | None
    error: str | None
    latency_ms: float | None


class ProblemBody(Closed):
    """RFC 9457. field: what is wrong in the request, when something is."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    errors: list[dict[str, str]] | None = None


@dataclass(frozen=True)
class Question:
    """The request of one spec, as its version reads it."""

    request: type[BaseModel]
    batch: TypeAdapter[list[BaseModel]]

    @classmethod
    def of(cls, spec: ModelSpec, plan: FeaturePlan | None, clock: Clock) -> "Question":
        """plan: of the version that answers; None: any inputs."""
        title = "".join(part.capitalize() for part in spec.name.split("-"))
        inputs = Values if plan is None else _inputs(f"{title}Inputs", plan)
        fields: dict[str, Any] = {
            "actor": (Name, Field(description="who asks for the work")),
            "kind": (Name, Field(description="what sort of work it is")),
            "scope": (Name, Field(default="", description="on or for what")),
            "inputs": (inputs, Field(default_factory=dict, validate_default=True)),
            "execution": (Id | None, Field(default=None, description="its id, if it has one")),
        }
        if clock == "record":
            fields["as_of"] = (ForReplay, None)
        config = ConfigDict(json_schema_extra={"examples": [_example(plan)]})
        request = create_model(f"{title}Request", __base__=(Closed,), **fields)
        request.model_config |= config
        request.model_rebuild(force=True)
        rows = Annotated[list[request], Field(min_length=1, max_length=MOST_ROWS)]  # type: ignore[valid-type]
        return cls(request, TypeAdapter(rows))


def subject_of(request: BaseModel) -> Subject:
    """The parts of a validated request that its features are made of."""
    told: Any = request
    inputs = told.inputs
    if isinstance(inputs, BaseModel):
        inputs = inputs.model_dump(by_alias=True, exclude_none=True)
    return Subject(told.actor, told.kind, told.scope, inputs)


def unit_of(spec: ModelSpec) -> str:
    return spec.question.unit if isinstance(spec.question, Quantity) else "probability"


def _inputs(title: str, plan: FeaturePlan) -> type[BaseModel]:
    """One optional field per input that the version knows; names need not be Python's."""
    texts = [v.name.removeprefix("inputs.") for v in plan.categories if "inputs." in v.name]
    kinds: dict[str, Any] = dict.fromkeys(plan.others, AnyScalar)
    kinds |= dict.fromkeys(_keyed(plan), AnyScalar)
    kinds |= dict.fromkeys(plan.inputs, Number | None) | dict.fromkeys(texts, Words | None)
    fields: dict[str, Any] = {
        f"input_{at}": (kind, Field(default=None, alias=name))
        for at, (name, kind) in enumerate(sorted(kinds.items()))
    }
    return create_model(title, __base__=Closed, **fields)


def _keyed(plan: FeaturePlan) -> list[str]:
    parts = (part for history in plan.histories for part in history.keys)
    return [part.removeprefix("inputs.") for part in parts if part.startswith("inputs.")]


def _example(plan: FeaturePlan | None) -> dict[str, Any]:
    words = {} if plan is None else {v.name: v.words[0] for v in plan.categories}
    inputs: Mapping[str, Scalar] = {name: 1.0 for name in plan.inputs} if plan else {}
    texts = {name.removeprefix("inputs."): w for name, w in words.items() if "inputs." in name}
    parts = {name: words.get(name, "") for name in ("actor", "kind", "scope")}
    return {**parts, "inputs": {**inputs, **texts}}


@lru_cache(maxsize=1)
def id_adapter() -> TypeAdapter[str]:
    return TypeAdapter(Id)
