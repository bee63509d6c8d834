"""Which agent a task would get, and how busy agents are, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.agents_schema import Words
from bentos.api.store_access import model_response, read_store
from bentos.http.bodies import read_body
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.agents.actions import policy_values, routing, workload
from runlore.agents.actions.policy_values import WINDOW_D
from runlore.agents.actions.routing import (
    AgentChoice,
    ConsideredAgent,
    RoutingPolicy,
    RoutingRequest,
)
from runlore.agents.actions.workload import AgentLoad
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.errors import BadInput


class RoutingBody(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [{"required_capabilities": ["text"]}]})

    required_capabilities: Words = Field(default_factory=list)
    task_type: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    policy: RoutingPolicy | None = Field(default=None, description="null: that of the setting")
    seconds_left: Annotated[float, Field(gt=0, le=366 * DAY_S)] | None = Field(
        default=None, description="until the task's deadline"
    )


class RoutedAgent(Closed):
    agent_id: UUID
    agent_name: str
    score: float = Field(description="0 to 100; of `learned`: the chance of success in time")
    propensity: float = Field(description="how probable the policy makes this choice")
    reason: str


class RoutingAnswer(Closed):
    """agent: null: none fits now. confidence: the score as a share of 100."""

    policy: str
    agent: RoutedAgent | None
    alternatives: list[RoutedAgent]
    confidence: float
    reason: str


class AgentTypeLoad(Closed):
    agent_type: str
    agents: int
    active_agents: int
    idle_agents: int
    offline_agents: int
    agents_in_maintenance: int
    agents_in_quarantine: int
    slots: int
    current_load: int


class AgentSlotsNeeded(Closed):
    """So that 95 % of tasks begin within 10 minutes, with an interval of 90 %. null: not known."""

    middle: int | None
    low: int | None
    high: int | None
    tasks: int = Field(description="of the window that were looked at, the newest")
    reason: str = Field(description="why it is not known")


class AgentWorkload(Closed):
    """Rates and times: of tasks created within the window. null: unknown, since there is none."""

    window_h: float
    total_agents: int
    active_agents: int
    idle_agents: int
    offline_agents: int
    agents_in_maintenance: int
    agents_in_quarantine: int
    slots: int
    utilization_percent: float | None
    pending_tasks: int = Field(description="that could begin")
    blocked_tasks: int = Field(description="that wait for other tasks")
    assigned_tasks: int
    tasks_in_progress: int
    oldest_open_task_s: float | None
    median_pending_age_s: float | None
    completed_tasks: int
    failed_tasks: int
    success_rate: float | None
    median_completion_time_s: float | None
    p95_completion_time_s: float | None
    slots_needed: AgentSlotsNeeded
    types: list[AgentTypeLoad]


class RoutingPolicyValue(Closed):
    """success_rate, low, high: had it made these choices, with a 95 % interval; null: not known."""

    policy: str
    choices: int
    success_rate: float | None
    low: float | None
    high: float | None
    reason: str


class RoutingPolicyValues(Closed):
    as_of: datetime
    window_d: float
    choices: int = Field(description="on the ledger, with an outcome")
    policies: list[RoutingPolicyValue]


async def route(request: Request) -> Response:
    body = RoutingBody.model_validate_json(await read_body(request))
    policy = body.policy or request.app.state.product.settings.routing_policy
    asked = RoutingRequest(body.required_capabilities, body.task_type, body.seconds_left, policy)
    choice = await read_store(request, lambda store: routing.choose_agent(store, asked))
    return model_response(_choice(choice))


async def load(request: Request) -> Response:
    text = request.query_params.get("window_h", "24")
    try:
        window_s = float(text[:40]) * HOUR_S
    except ValueError:
        raise BadInput(f"window_h: {text[:40]!r} is no number of hours", "window_h") from None
    read = await read_store(request, lambda store: workload.read_workload(store, window_s))
    needed = await read_store(request, lambda store: workload.suggest_slots(store, window_s))
    return model_response(_workload(read, AgentSlotsNeeded(**asdict(needed))))


async def policies(request: Request) -> Response:
    at, text = read_as_of(request), request.query_params.get("window_d", f"{WINDOW_D:g}")
    try:
        window_d = float(text[:40])
    except ValueError:
        raise BadInput(f"window_d: {text[:40]!r} is no number of days", "window_d") from None
    read = await read_store(
        request, lambda store: policy_values.compare_values(store, at, window_d)
    )
    values = [
        RoutingPolicyValue(
            policy=one.policy,
            choices=one.choices,
            success_rate=one.value,
            low=one.low,
            high=one.high,
            reason=one.reason,
        )
        for one in read.policies
    ]
    return model_response(
        RoutingPolicyValues(
            as_of=read.as_of, window_d=read.window_d, choices=read.choices, policies=values
        )
    )


def _choice(choice: AgentChoice) -> RoutingAnswer:
    return RoutingAnswer(
        policy=choice.policy,
        agent=_agent(choice.chosen) if choice.chosen else None,
        alternatives=[_agent(one) for one in choice.alternatives],
        confidence=choice.confidence,
        reason=choice.reason,
    )


def _agent(one: ConsideredAgent) -> RoutedAgent:
    return RoutedAgent(
        agent_id=one.agent_id,
        agent_name=one.name,
        score=one.score,
        propensity=one.propensity,
        reason=one.reason,
    )


def _workload(read: AgentLoad, needed: AgentSlotsNeeded) -> AgentWorkload:
    types = [
        AgentTypeLoad(
            agent_type=one.type,
            agents=one.agents,
            active_agents=one.active,
            idle_agents=one.idle,
            offline_agents=one.offline,
            agents_in_maintenance=one.in_maintenance,
            agents_in_quarantine=one.in_quarantine,
            slots=one.slots,
            current_load=one.in_hand,
        )
        for one in read.types
    ]
    used, durations = read.utilisation, read.ended.durations_s
    return AgentWorkload(
        window_h=read.window_s / HOUR_S,
        total_agents=sum(one.agents for one in types),
        active_agents=sum(one.active_agents for one in types),
        idle_agents=sum(one.idle_agents for one in types),
        offline_agents=sum(one.offline_agents for one in types),
        agents_in_maintenance=sum(one.agents_in_maintenance for one in types),
        agents_in_quarantine=sum(one.agents_in_quarantine for one in types),
        slots=sum(one.slots for one in types),
        utilization_percent=None if used is None else round(100 * used, 2),
        pending_tasks=read.queue.pending,
        blocked_tasks=read.queue.blocked,
        assigned_tasks=read.queue.assigned,
        tasks_in_progress=read.queue.in_progress,
        oldest_open_task_s=read.queue.oldest_open_s,
        median_pending_age_s=read.queue.median_age_s,
        completed_tasks=read.ended.completed,
        failed_tasks=read.ended.failed,
        success_rate=read.success_rate,
        median_completion_time_s=durations[0] if durations else None,
        p95_completion_time_s=durations[1] if durations else None,
        slots_needed=needed,
        types=types,
    )


HOURS: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "default": DAY_S / HOUR_S}
WINDOW = in_query("window_h", "Tasks created in the last so many hours", HOURS)
DAYS: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "default": WINDOW_D}
POLICY_QUERY = [
    in_query("window_d", "Choices of the last so many days", DAYS),
    in_query("as_of", "As known at this instant", {"type": "string", "format": "date-time"}),
]
ENDPOINTS = (
    Endpoint(
        "GET",
        "/agent-routing/policies",
        policies,
        "read",
        "Compare the policies of routing by the ledger of choices",
        {200: ("The value of each policy", RoutingPolicyValues)},
        (422, 503),
        parameters=POLICY_QUERY,
        tag=Tag.AGENTS,
        name="compare_routing_policies",
    ),
    Endpoint(
        "POST",
        "/agent-routing",
        route,
        "read",
        "Ask which agent a task would get now",
        {200: ("The choice, its alternatives and the reason", RoutingAnswer)},
        (400, 413, 422, 503),
        RoutingBody,
        tag=Tag.AGENTS,
        name="route_agent_task",
    ),
    Endpoint(
        "GET",
        "/agent-workload",
        load,
        "read",
        "Read how busy agents are",
        {200: ("The workload", AgentWorkload)},
        (422, 503),
        parameters=[WINDOW],
        tag=Tag.AGENTS,
        name="read_agent_workload",
    ),
)
