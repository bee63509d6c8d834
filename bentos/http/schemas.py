"""Requests and answers that are the same for every spec."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from bentos.http.fields import ForReplay, Id, Instant, Name, StatusWord, Values
from runlore.records.execution import FINAL_STATUSES, OPEN_STATUSES

STATUS_WORDS = "in any case; words of other tools that mean the same, such as COMPLETED, too"


class Closed(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Execution(Closed):
    """Work that was submitted. Send `id` to be able to repeat the request safely.

    A known `id` with another `submitted` is another execution.
    """

    id: Id | None = None
    actor: Name = Field(description="who asked for it; empty: not known")
    kind: Name = Field(description="what sort of work; empty: not known")
    scope: Name = Field(default="", description="on or for what; empty: not known")
    inputs: Values = Field(default_factory=dict)
    submitted: Instant | None = Field(default=None, description="absent: now")
    started: Instant | None = None
    status: Annotated[
        Literal[tuple(sorted(OPEN_STATUSES))],  # type: ignore[valid-type]
        StatusWord,
        Field(description=STATUS_WORDS),
    ] = "submitted"


class Ending(Closed):
    """What came of work. What is absent stays as it was; another outcome is a correction."""

    status: Annotated[
        Literal[tuple(sorted(FINAL_STATUSES))],  # type: ignore[valid-type]
        StatusWord,
        Field(description=STATUS_WORDS),
    ]
    submitted: Instant | None = Field(
        default=None,
        description="of the execution, should its id be used again; absent: the one submitted last",
    )
    started: Instant | None = None
    finished: Instant | None = None
    outcome: Values | None = Field(default=None, description="measured results, such as cost")
    correction: bool = Field(
        default=False, description="needed to change the outcome of work that ended long ago"
    )


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
    key_id: str | None = Field(description="of the API key that it came with; null: without one")


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
    text: str | None = Field(
        default=None, description="the same as a sentence; null in answers of older versions"
    )


class Unknown(Closed):
    """What the version does not know about a request. field: of the request. nearest: the nearest
    word or number that it knows. low, high: of a number, the range in training."""

    field: str
    reason: Literal["never seen", "out of range", "few outcomes"]
    text: str
    nearest: str | float | None
    low: float | None
    high: float | None


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
    support: Literal["none", "little", "good"] = Field(
        description="how much of the request training and the history have seen"
    )
    quantiles: dict[str, float] | None = Field(
        default=None,
        description="value by level, with `?quantiles=0.5,0.95`: what that share of outcomes does"
        " not exceed; null for a probability",
    )
    unknown: list[Unknown] | None = Field(
        default=None,
        description="what is not known, with `?support=1`; null in batches of more than 100",
    )


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
    key_id: str | None = Field(description="of the API key that asked; null: it had none")
    support: Literal["none", "little", "good"] | None = Field(
        description="of the answer; null: a refusal, a scoring run, or an older row"
    )
    quantiles: dict[str, float] | None


class Alert(Closed):
    """One cause: what changed, since when, how sure that is, and what to do."""

    id: int
    kind: str
    subject: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["open", "acknowledged", "silenced", "resolved"]
    what: str
    certainty: str
    advice: str
    since: datetime
    opened_at: datetime
    seen_at: datetime
    count: int
    returns: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    undelivered: list[str] = Field(description="channels that have not taken all of its messages")


class AlertEvent(Closed):
    """A line of an alert's history."""

    at: datetime
    event: str
    severity: str
    actor: str
    note: str


class AlertDelivery(Closed):
    """A message of an alert on its way to a channel."""

    event: str
    channel: str
    state: Literal["waiting", "delivered", "lost"]
    attempts: int
    settled_at: datetime | None
    error: str | None


class AlertDetail(Alert):
    evidence: dict[str, Any]
    history: list[AlertEvent]
    deliveries: list[AlertDelivery]


class Undelivered(Closed):
    """What a channel did not take."""

    channel: str
    deliveries: int
    lost: int
    since: datetime
    error: str | None


class AlertPage(Closed):
    """The newest first. next: the `before` of the next page; null: this is the last one."""

    alerts: list[Alert]
    undelivered: list[Undelivered]
    next: int | None


class Acknowledgement(Closed):
    """Somebody takes care of it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"actor": "ann", "note": "rolling back"}]}
    )

    actor: Annotated[Name, Field(min_length=1, max_length=100)]
    note: Annotated[Name, Field(max_length=500)] = ""


class ProblemBody(Closed):
    """RFC 9457. field: what is wrong in the request, when something is. request_id: as in the
    header `X-Request-ID` of the answer, and in the service's log."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    field: str | None = None
    errors: list[dict[str, str]] | None = None
