"""Bodies about agents, their tasks and messages. The dialect of multi-agent has the same ones."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from bentos.http.schemas import Closed
from runlore.agents.actions.registering import agent_status
from runlore.agents.actions.routing import RoutingPolicy
from runlore.agents.queries.messages import MessageRow
from runlore.agents.queries.registry import AgentRow
from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.registration import (
    MAX_SLOTS,
    MAX_WORDS,
    AgentProfile,
    AgentState,
    AgentStatus,
    AgentType,
    AgentWay,
)
from runlore.agents.rules.task import (
    LONGEST_LEASE_S,
    MAX_DEPENDENCIES,
    MAX_RETRIES,
    PRIORITIES,
    SHORTEST_LEASE_S,
    NewTask,
    Priority,
    TaskStatus,
)
from runlore.kernel.errors import BadInput

WORD = r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$"
NO_NUL = r"^[^\x00]*$"
Word = Annotated[str, Field(pattern=WORD)]
Words = Annotated[list[Word], Field(max_length=MAX_WORDS)]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Text = Annotated[str, Field(max_length=2000, pattern=NO_NUL)]
Slots = Annotated[int, Field(ge=1, le=MAX_SLOTS)]
WebAddress = Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=2000)]
TokenVariable = Annotated[str, Field(pattern=r"^RUNLORE_AGENT_TOKEN_[A-Z0-9_]{1,60}$")]
Version = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+", max_length=100)]
AGENT_EXAMPLE: dict[str, Any] = {
    "agent_name": "ContentGenerator1",
    "agent_type": "generator",
    "capabilities": ["generate", "text", "image"],
    "max_concurrent_tasks": 10,
}
TASK_EXAMPLE: dict[str, Any] = {
    "task_type": "content_generation",
    "task_name": "Generate social media post",
    "priority": "high",
    "required_capabilities": ["generate"],
    "auto_assign": True,
}


class AgentBody(Closed):
    """An agent to register. config: stored for the agent, and not read by Runlore."""

    model_config = ConfigDict(json_schema_extra={"examples": [AGENT_EXAMPLE]})

    agent_name: Line | None = Field(default=None, description="left out: the name on its card")
    agent_type: AgentType = "custom"
    version: Version = "1.0.0"
    capabilities: Words = Field(default_factory=list)
    specializations: Words = Field(default_factory=list)
    max_concurrent_tasks: Slots = 10
    config: dict[str, Any] = Field(default_factory=dict)
    is_plugin: bool = False
    plugin_source: Line | None = None
    plugin_author: Line | None = None
    way: AgentWay = Field(default="pull", description="it asks for tasks, or is sent them")
    address: WebAddress | None = Field(default=None, description="of the A2A or MCP server")
    tool: Line | None = Field(default=None, description="of the MCP server, that does its tasks")
    token_variable: TokenVariable | None = Field(
        default=None, description="environment variable of the dispatcher with the agent's secret"
    )

    card_url: WebAddress | None = Field(
        default=None, description="of an A2A agent: its card tells what is left out here"
    )

    def profile(self) -> AgentProfile:
        """Raises BadInput without a name."""
        values = self.model_dump(exclude={"agent_name", "agent_type"})
        if self.agent_name is None:
            raise BadInput("agent_name: give a name, or card_url", "agent_name")
        return AgentProfile(name=self.agent_name, type=self.agent_type, **values)

    def given(self) -> dict[str, Any]:
        """Only what was sent, by the names of a profile; for agents with a card."""
        names = {"agent_name": "name", "agent_type": "type"}
        sent = self.model_dump(exclude_unset=True, exclude={"card_url", "way", "address", "tool"})
        return {names.get(key, key): value for key, value in sent.items() if value is not None}


class AgentChange(Closed):
    """What shall be different; fields that are left out stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"max_concurrent_tasks": 5}]})

    agent_name: Line | None = None
    agent_type: AgentType | None = None
    version: Version | None = None
    capabilities: Words | None = None
    specializations: Words | None = None
    max_concurrent_tasks: Slots | None = None
    config: dict[str, Any] | None = None
    address: WebAddress | None = None
    tool: Line | None = None
    token_variable: TokenVariable | None = None
    state: AgentState | None = Field(
        default=None, description="draining: it gets no new tasks; maintenance: it gets none"
    )
    reason: Text = Field(default="", description="of the state")

    def apply(self, row: AgentRow) -> AgentProfile:
        present = agent_body(row).model_dump()
        changes = self.model_dump(exclude={"state", "reason"}, exclude_none=True)
        body = {name: changes.get(name, present[name]) for name in AgentBody.model_fields}
        return AgentBody.model_validate(body).profile()


class RegisteredAgent(Closed):
    """success_rate: null: no task of it has ended. avg_completion_time_s: a moving average."""

    id: UUID
    agent_name: str
    agent_type: AgentType
    version: str
    status: AgentStatus
    state: AgentState
    state_reason: str
    capabilities: list[str]
    specializations: list[str]
    tasks_completed: int
    tasks_failed: int
    success_rate: float | None
    avg_completion_time_s: float | None
    current_load: int
    max_concurrent_tasks: int
    config: dict[str, Any]
    is_plugin: bool
    plugin_source: str | None
    plugin_author: str | None
    way: AgentWay
    address: str | None
    tool: str | None
    token_variable: str | None
    card_url: str | None
    card_read_at: datetime | None
    last_seen_at: datetime | None
    created_at: datetime
    updated_at: datetime


class AgentList(Closed):
    agents: list[RegisteredAgent] = Field(description="by name")
    next_after: str | None = Field(description="pass it as `after` for the next page")


class CardReadAgain(Closed):
    """changes: sentences; none: the card is the same."""

    agent: RegisteredAgent
    changes: list[str]


class RemovedAgent(Closed):
    id: UUID
    is_removed: bool


class AgentTaskBody(Closed):
    """A task. lease_s: how long its agent may be silent before another gets it."""

    model_config = ConfigDict(json_schema_extra={"examples": [TASK_EXAMPLE]})

    task_type: Line
    task_name: Line
    description: Text = ""
    priority: Priority = "normal"
    required_capabilities: Words = Field(default_factory=list)
    input_data: dict[str, Any] = Field(default_factory=dict)
    acd_context_id: Line | None = Field(default=None, description="content that it is about")
    parent_id: UUID | None = Field(default=None, description="the task that it is a part of")
    depends_on: Annotated[list[UUID], Field(max_length=MAX_DEPENDENCIES)] = Field(
        default_factory=list, description="tasks that must be completed first"
    )
    deadline: AwareDatetime | None = None
    lease_s: Annotated[float, Field(ge=SHORTEST_LEASE_S, le=LONGEST_LEASE_S)] = 60.0
    max_retries: Annotated[int, Field(ge=0, le=MAX_RETRIES)] = 3
    idempotency_key: Line | None = None
    auto_assign: bool = Field(default=False, description="to an agent that is free now")
    routing_policy: RoutingPolicy | None = Field(
        default=None,
        description="who chooses it: the fixed score, or what agents have shown; null: the setting",
    )

    def assign_by(self, usual: RoutingPolicy) -> RoutingPolicy | None:
        """usual: of the setting. None: nobody chooses."""
        return (self.routing_policy or usual) if self.auto_assign else None

    def task(self) -> NewTask:
        values = self.model_dump(
            exclude={
                "task_type",
                "task_name",
                "input_data",
                "acd_context_id",
                "auto_assign",
                "routing_policy",
            }
        )
        return NewTask(
            type=self.task_type,
            name=self.task_name,
            input=self.input_data,
            context_id=self.acd_context_id,
            **values,
        )


class AgentTask(Closed):
    """fencing_token: of the last lease. retry_count: attempts after the first."""

    id: UUID
    task_type: str
    task_name: str
    description: str
    priority: Priority
    status: TaskStatus
    agent_id: UUID | None
    required_capabilities: list[str]
    input_data: dict[str, Any]
    output_data: Any
    failure: str | None
    acd_context_id: str | None
    parent_id: UUID | None
    waits_for: int = Field(description="tasks that must be completed first")
    started_at: datetime | None
    completed_at: datetime | None
    available_at: datetime = Field(description="not before; later after a failed attempt")
    deadline: datetime | None
    lease_s: float
    lease_until: datetime | None
    fencing_token: int | None
    retry_count: int
    max_retries: int
    created_at: datetime
    updated_at: datetime


class AgentTaskList(Closed):
    tasks: list[AgentTask] = Field(description="the newest first")


class LeasedTasks(Closed):
    tasks: list[AgentTask]


class AgentMessage(Closed):
    """number: higher than those of earlier messages to the same agent."""

    id: UUID
    number: int
    from_agent_id: UUID
    to_agent_id: UUID
    message_type: str
    subject: str
    message_body: dict[str, Any]
    task_id: UUID | None
    reply_to: UUID | None
    delivered: bool
    read: bool
    replied: bool
    created_at: datetime
    delivered_at: datetime | None
    read_at: datetime | None


def agent_body(row: AgentRow) -> RegisteredAgent:
    ended = row.tasks_completed + row.tasks_failed
    return RegisteredAgent(
        id=row.id,
        agent_name=row.name,
        agent_type=row.type,
        version=row.version,
        status=agent_status(row),
        state=row.state,
        state_reason=row.state_reason,
        capabilities=row.capabilities,
        specializations=row.specializations,
        tasks_completed=row.tasks_completed,
        tasks_failed=row.tasks_failed,
        success_rate=row.tasks_completed / ended if ended else None,
        avg_completion_time_s=row.mean_duration_s,
        current_load=row.in_hand,
        max_concurrent_tasks=row.max_concurrent_tasks,
        config=row.config,
        is_plugin=row.is_plugin,
        plugin_source=row.plugin_source,
        plugin_author=row.plugin_author,
        way=row.way,
        address=row.address,
        tool=row.tool,
        token_variable=row.token_variable,
        card_url=row.card_url,
        card_read_at=row.card_read_at,
        last_seen_at=row.seen_at,
        created_at=row.registered_at,
        updated_at=row.updated_at,
    )


def task_body(row: TaskRow) -> AgentTask:
    return AgentTask(
        id=row.id,
        task_type=row.type,
        task_name=row.name,
        description=row.description,
        priority=PRIORITIES[row.priority],
        status=row.status,
        agent_id=row.agent_id,
        required_capabilities=row.required_capabilities,
        input_data=row.input,
        output_data=row.output,
        failure=row.failure,
        acd_context_id=row.context_id,
        parent_id=row.parent_id,
        waits_for=row.waits_for,
        started_at=row.started_at,
        completed_at=row.completed_at,
        available_at=row.available_at,
        deadline=row.deadline,
        lease_s=row.lease_s,
        lease_until=row.lease_until,
        fencing_token=row.token,
        retry_count=max(0, row.attempts - 1),
        max_retries=row.max_retries,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def message_body(row: MessageRow) -> AgentMessage:
    return AgentMessage(
        id=row.public_id,
        number=row.id,
        from_agent_id=row.from_agent_id,
        to_agent_id=row.to_agent_id,
        message_type=row.type,
        subject=row.subject,
        message_body=row.body,
        task_id=row.task_id,
        reply_to=row.reply_to,
        delivered=row.delivered_at is not None,
        read=row.read_at is not None,
        replied=row.replied_at is not None,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
        read_at=row.read_at,
    )
