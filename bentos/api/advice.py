"""What an actor, a kind or a host should do otherwise, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.fields import Id, Instant, Name, Values, Words
from bentos.http.identity import actor_of
from bentos.http.parameters import number_of, read_as_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.advice.actions import recommending, track_record
from runlore.advice.actions.mitigation import PlannedRun, find_mitigation
from runlore.advice.actions.recommending import PersonDecision
from runlore.advice.recommendation_views import (
    AdviceAnswer,
    record_text,
    show_entry,
    show_mitigation,
    show_subject,
)
from runlore.advice.rules.recommendations.searching import Subject
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

EXAMPLE: dict[str, Any] = {"actor": "ann", "requested_by": "ann"}
PLAN: dict[str, Any] = {"actor": "ann", "kind": "backup", "scope": "web-3", "inputs": {"size": 4}}
WHY: dict[str, Any] = {"actor": "ann", "reason": "web-2 has room"}
SUBJECTS: tuple[Subject, ...] = ("actor", "kind", "scope")
TEXT = {"type": "string", "maxLength": 1024}
Person = Annotated[Id, Field(max_length=100)]


class AdviceRequest(Closed):
    """Give one of actor, kind and scope."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    actor: Name | None = None
    kind: Name | None = None
    scope: Name | None = None
    requested_by: Person = "api"


class PlannedExecution(Closed):
    """submitted: absent, now."""

    model_config = ConfigDict(json_schema_extra={"examples": [PLAN]})

    actor: Name
    kind: Name
    scope: Name | None = None
    inputs: Values = Field(default_factory=dict)
    submitted: Instant | None = None


class AdviceDecisionBody(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [WHY]})

    actor: Person
    reason: Annotated[Words, Field(max_length=500)] = ""


class AdviceEntryBody(Closed):
    """effect, low, high: with the value minus without; failures as shares, duration as a share of
    the time. The interval is of the half of the runs that was not searched; it allows for all that
    is tested."""

    id: int
    subject_type: Literal["actor", "kind", "scope"]
    subject: str
    text: str
    kind: str = Field(description="whose runs; empty: of all kinds")
    lever: str = Field(description="hour, weekday, host, retry, order, input:NAME or size:NAME")
    value: str
    action: Literal["use", "avoid"]
    measure: Literal["failures", "duration"]
    effect: float
    low: float
    high: float
    base: float | None = Field(description="the failure rate of like runs without the value")
    plain: float = Field(description="the difference of means, which compares unlike runs")
    rival_low: float | None = Field(description="95 % interval for the other measure")
    rival_high: float | None
    runs_with: int
    runs_without: int
    share: float = Field(description="of the runs that had the value then")
    looked_at: int = Field(description="comparisons searched in both halves")
    confirmed: int = Field(description="comparisons tested, each in the other half")
    assumption: str
    track_record: str = Field(description="what came of advice of this kind")
    state: Literal["open", "followed", "dismissed", "withdrawn"]
    issued_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


class SubjectAdviceBody(Closed):
    """reason: why there is none. looked_at: of the last search; null: there was none."""

    subject_type: Literal["actor", "kind", "scope"]
    subject: str
    advice: list[AdviceEntryBody]
    looked_at: datetime | None
    runs: int = Field(description="finished runs at the last search")
    compared: int
    next_look: int = Field(description="so many finished runs bring the next search")
    reason: str


class AdvicePage(Closed):
    advice: list[AdviceEntryBody] = Field(description="the newest first, 1,000 at most")


class AdviceRecordRow(Closed):
    """Plain counts. did, did_not: runs since then as advised, and otherwise."""

    lever: str
    measure: Literal["failures", "duration"]
    text: str
    advice: int
    followed: int
    dismissed: int
    withdrawn: int
    runs_before: int = Field(description="of those that were followed, as long before as after")
    failed_before: int
    runs_after: int
    failed_after: int
    did_runs: int
    did_failed: int
    did_not_runs: int
    did_not_failed: int
    judged: int = Field(description="pieces with enough later runs to compare")
    held: int = Field(description="of those, that kept their direction")
    is_withdrawn: bool = Field(description="the kind has not kept its promise; it is not shown")


class AdviceRecordBody(Closed):
    as_of: datetime
    record: list[AdviceRecordRow]


class MitigationBody(Closed):
    """rate, low, high: failures of like runs. advice: what holds and the plan does not do."""

    text: str
    rate: float
    low: float
    high: float
    runs: int
    advice: list[AdviceEntryBody]
    assumption: str


class DecidedAdvice(Closed):
    id: int
    decision: Literal["follow", "dismiss"]


async def listing(request: Request) -> Response:
    subject, at = _subject(dict(request.query_params)), read_as_of(request)
    if subject is not None:
        view = await subject_view(request, subject, at)
        return model_response(AdvicePage.model_validate({"advice": _rows(view)}))

    def work(store: Store) -> list[dict[str, Any]]:
        records = track_record.track_record(store, at)
        gone = track_record.withdrawn_kinds(store, at)
        rows = recommending.list_advice(store, at)
        return [asdict(show_entry(one, records, gone)) for one in rows]

    return model_response(AdvicePage.model_validate({"advice": await read_store(request, work)}))


async def subject_view(
    request: Request, subject: tuple[Subject, str], at: datetime
) -> AdviceAnswer:
    """What the ledger has; nothing is searched."""

    def work(store: Store) -> AdviceAnswer:
        made = recommending.subject_advice(store, subject, at)
        return show_subject(made, track_record.track_record(store, at))

    return await read_store(request, work)


async def search(request: Request) -> Response:
    body = AdviceRequest.model_validate_json(await read_body(request))
    subject = _subject({name: getattr(body, name) for name in SUBJECTS})
    if subject is None:
        raise BadInput("actor: give one of actor, kind and scope", "actor")
    at, requester = instants.now(), actor_of(request, body.requested_by)

    def work(store: Store) -> AdviceAnswer:
        made = recommending.recommend(store, subject, requester, at)
        return show_subject(made, track_record.track_record(store, at))

    view = await write_store(request, work)
    return model_response(SubjectAdviceBody.model_validate(asdict(view)))


async def plan_risk(request: Request) -> Response:
    body = PlannedExecution.model_validate_json(await read_body(request))
    at = instants.now()
    plan = PlannedRun(
        body.actor, body.kind, body.scope or "", body.submitted or at, dict(body.inputs)
    )
    made = await read_store(request, lambda store: find_mitigation(store, plan, at))
    return model_response(MitigationBody.model_validate(asdict(show_mitigation(made))))


async def record(request: Request) -> Response:
    at = read_as_of(request)
    rows = await read_store(request, lambda store: track_record.track_record(store, at))
    shown = [{**asdict(one), "text": record_text(one)} for one in rows]
    return model_response(AdviceRecordBody.model_validate({"as_of": at, "record": shown}))


async def decide(decision: PersonDecision, request: Request) -> Response:
    body = AdviceDecisionBody.model_validate_json(await read_body(request))
    number, at = number_of(request.path_params["id"], "a piece of advice"), instants.now()
    actor = actor_of(request, body.actor)
    await write_store(
        request,
        lambda store: recommending.decide(store, number, decision, actor, body.reason, at),
    )
    return model_response(DecidedAdvice(id=number, decision=decision))


def _rows(view: AdviceAnswer) -> list[dict[str, Any]]:
    return [asdict(one) for one in view.advice]


def _subject(given: dict[str, Any]) -> tuple[Subject, str] | None:
    named: list[tuple[Subject, str]] = [
        (name, str(given[name])) for name in SUBJECTS if given.get(name) is not None
    ]
    if len(named) > 1:
        raise BadInput(f"{named[1][0]}: give one of actor, kind and scope", named[1][0])
    if named and (not named[0][1] or len(named[0][1]) > 1024 or "\x00" in named[0][1]):
        raise BadInput(f"{named[0][0]}: give a name of 1 to 1,024 characters", named[0][0])
    return named[0] if named else None


def _deciding(decision: PersonDecision, summary: str) -> Endpoint:
    return Endpoint(
        "POST",
        f"/advice/{{id}}/{decision}",
        partial(decide, decision),
        "record",
        summary,
        {200: ("It is on record", DecidedAdvice)},
        (400, 404, 409, 413, 422, 503),
        AdviceDecisionBody,
        [in_path("id", "As the list shows it", {"type": "string"})],
        tag=Tag.ADVICE,
        name=f"{decision}_advice",
    )


AS_OF = in_query("as_of", "Use what was known at this ISO instant; absent: now", {"type": "string"})
ENDPOINTS = (
    Endpoint(
        "GET",
        "/advice",
        listing,
        "read",
        "List advice: what holds for one actor, kind or host, or all of the ledger",
        {200: ("The newest first", AdvicePage)},
        (422, 503),
        parameters=[*(in_query(name, f"Only of this {name}", TEXT) for name in SUBJECTS), AS_OF],
        tag=Tag.ADVICE,
        name="read_advice",
    ),
    Endpoint(
        "POST",
        "/advice",
        search,
        "record",
        "Search what an actor, a kind or a host should do otherwise",
        {200: ("What holds now, or why there is none", SubjectAdviceBody)},
        (400, 404, 413, 422, 503),
        AdviceRequest,
        tag=Tag.ADVICE,
        name="search_advice",
    ),
    Endpoint(
        "GET",
        "/advice/record",
        record,
        "read",
        "What came of advice, by what it changes",
        {200: ("Counts of each kind of advice", AdviceRecordBody)},
        (422, 503),
        parameters=[AS_OF],
        tag=Tag.ADVICE,
        name="read_advice_record",
    ),
    Endpoint(
        "POST",
        "/advice/mitigation",
        plan_risk,
        "read",
        "How likely a planned execution is to fail, and what would help",
        {200: ("Failures of like runs, and advice that the plan does not follow", MitigationBody)},
        (400, 404, 413, 422, 503),
        PlannedExecution,
        tag=Tag.ADVICE,
        name="mitigate",
    ),
    _deciding("follow", "Follow a piece of advice"),
    _deciding("dismiss", "Dismiss a piece of advice; it is not given again"),
)
