"""The life of a task: created, assigned, leased, renewed, and completed, failed or cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runlore.agents.actions.routing import (
    AgentChoice,
    RoutingPolicy,
    RoutingRequest,
    rank_agents,
    record_choice,
)
from runlore.agents.queries import leases, task_rows
from runlore.agents.queries.leases import Backoff, LeaseBatch
from runlore.agents.queries.routings import RoutingRow, read_routings
from runlore.agents.queries.task_rows import Connection, TaskEvent, TaskFilter, TaskRow
from runlore.agents.rules.documents import check_document
from runlore.agents.rules.task import (
    ENDED,
    FIRST_BACKOFF_S,
    LONGEST_BACKOFF_S,
    TASK_STATUSES,
    NewTask,
    check_task,
)
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.store.engine import Store

MAX_PAGE = 1000
MAX_LEASED = 100
MAX_FAILURE_CHARACTERS = 2000
EMA_WEIGHT = 0.2  # of the newest duration in an agent's moving average
BACKOFF = Backoff(FIRST_BACKOFF_S, LONGEST_BACKOFF_S)


@dataclass(frozen=True)
class CreatedTask:
    """is_new: False: its idempotency key was used before, and this is that task."""

    task: TaskRow
    is_new: bool
    choice: AgentChoice | None = None


@dataclass(frozen=True)
class TaskStory:
    """A task, all that happened to it, and why it went where it went."""

    task: TaskRow
    events: Sequence[TaskEvent]
    routings: Sequence[RoutingRow]


@dataclass(frozen=True)
class TaskOutcome:
    """failure: None: it is completed. token: None: of the only lease that there was."""

    output: object = None
    failure: str | None = None
    token: int | None = None


def create_task(
    store: Store,
    task: NewTask,
    now: datetime,
    *,
    assign_by: RoutingPolicy | None = None,
    agent_id: UUID | None = None,
) -> CreatedTask:
    """Put a task into the queue; assign_by: give it at once to an agent that this policy chooses.

    agent_id: give it at once to this agent; when it cannot take it, there is no task.
    Raises BadInput for a wrong field, or a dependency that does not exist or has failed, and
    Refused where the agent cannot take it.
    """
    check_task(task, now)
    with store.connect() as connection:
        check_related(connection, task)
        row = task_rows.add_task(connection, task)
        if row is None:
            return CreatedTask(_earlier(connection, task), is_new=False)
        if agent_id is not None:
            return CreatedTask(_assign_to(connection, row, agent_id), is_new=True)
        if assign_by is None or row.waits_for:
            return CreatedTask(row, is_new=True)
        left = None if task.deadline is None else (task.deadline - now).total_seconds()
        request = RoutingRequest(row.required_capabilities, row.type, left, assign_by)
        return _assign_chosen(connection, row, request)


def assign_task(store: Store, task_id: UUID, agent_id: UUID) -> TaskRow:
    """Reserve a task for an agent, which must begin within the task's lease.

    Raises NotFound, or Refused when the task is not free or the agent cannot take it.
    """
    with store.connect() as connection:
        row = leases.assign_task(connection, task_id, agent_id, "by request")
    if row is not None:
        return row
    task = find_task(store, task_id)
    if task.status != "pending" or task.waits_for:
        state = f"waits for {task.waits_for} tasks" if task.waits_for else f"is {task.status}"
        raise Refused(f"task {task_id} {state}; only a pending task can be assigned")
    raise Refused(
        f"agent {agent_id} cannot take it: it must exist, be active, have the required"
        f" capabilities ({', '.join(task.required_capabilities) or 'none'}) and a free slot"
    )


def lease_tasks(
    store: Store, agent_id: UUID, most: int = 1, types: Sequence[str] | None = None
) -> list[TaskRow]:
    """What an agent shall do now: tasks assigned to it, then those of the queue.

    types: of the tasks that it takes from the queue; None: any.

    Each comes with a fencing token. Tasks of silent agents come back to the queue here, too.
    Raises BadInput, and NotFound for an agent that is not registered, or no longer.
    """
    if not 1 <= most <= MAX_LEASED:
        raise BadInput(f"most: give 1 to {MAX_LEASED}", "most")
    batch = _lease(store, agent_id, most, types)
    rows = batch.tasks
    if batch.has_late and leases.end_leases(store, BACKOFF) and len(rows) < most:
        rows += _lease(store, agent_id, most - len(rows), types).tasks
    return rows


def renew_lease(store: Store, task_id: UUID, token: int) -> TaskRow:
    """An agent's sign that it works on a task. Raises Refused when it has lost the lease."""
    return leases.renew_lease(store, task_id, token) or refuse_token(store, task_id, token)


def complete_task(store: Store, task_id: UUID, token: int, output: object) -> TaskRow:
    """Repeating it with the same token changes nothing. Raises BadInput, NotFound, Refused."""
    check_document(output, "output_data")
    row = leases.complete_task(store, task_id, token, output, EMA_WEIGHT)
    if row is not None:
        return row
    earlier = find_task(store, task_id)
    if earlier.status == "completed" and earlier.token == token:
        return earlier
    return refuse_token(store, task_id, token)


def fail_task(
    store: Store, task_id: UUID, token: int, failure: str, *, may_retry: bool = True
) -> TaskRow:
    """It is tried again after a pause, or has failed for good. Raises NotFound, Refused."""
    if not failure.strip():
        raise BadInput("failure: say why it failed", "failure")
    text = failure.strip()[:MAX_FAILURE_CHARACTERS]
    row = leases.fail_task(store, task_id, token, text, BACKOFF, may_retry=may_retry)
    return row or refuse_token(store, task_id, token)


def end_task(store: Store, task_id: UUID, outcome: TaskOutcome) -> TaskRow:
    """Complete or fail a task for callers that know no leases: they assign, and report the end.

    Raises NotFound, and Refused without a token when the task was leased twice: then nobody knows
    which of the two agents speaks.
    """
    task = leases.begin_assigned(store, task_id) or find_task(store, task_id)
    if task.token is None:
        raise Refused(f"task {task_id} is {task.status}; assign it to an agent first")
    if outcome.token is None and task.attempts > 1:
        raise Refused(
            f"fencing_token: task {task_id} was leased {task.attempts} times; name the token of"
            " your lease"
        )
    token = outcome.token or task.token
    if outcome.failure is None:
        return complete_task(store, task_id, token, outcome.output)
    return fail_task(store, task_id, token, outcome.failure)


def cancel_task(store: Store, task_id: UUID, reason: str) -> TaskRow:
    """Cancel it, also while an agent works on it. Repeating it changes nothing."""
    row = leases.cancel_task(store, task_id, reason[:MAX_FAILURE_CHARACTERS] or "cancelled")
    if row is not None:
        return row
    earlier = find_task(store, task_id)
    if earlier.status == "cancelled":
        return earlier
    raise Refused(f"task {task_id} has {earlier.status} already")


def end_leases(store: Store) -> int:
    """Take tasks back from silent agents; returns how many."""
    return leases.end_leases(store, BACKOFF)


def find_task(store: Store, task_id: UUID) -> TaskRow:
    """One task. Raises NotFound."""
    row = task_rows.read_task(store, task_id)
    if row is None:
        raise NotFound(f"there is no task {task_id}")
    return row


def tell_task(store: Store, task_id: UUID) -> TaskStory:
    """The same with all that happened to it. Raises NotFound."""
    task = find_task(store, task_id)
    return TaskStory(task, task_rows.read_events(store, task_id), read_routings(store, task_id))


def list_tasks(store: Store, wanted: TaskFilter) -> list[TaskRow]:
    """The newest first. Raises BadInput for an unknown status or a wrong limit."""
    if wanted.status is not None and wanted.status not in TASK_STATUSES:
        raise BadInput(f"status: use {', '.join(TASK_STATUSES)}", "status")
    if not 1 <= wanted.limit <= MAX_PAGE:
        raise BadInput(f"limit: give 1 to {MAX_PAGE}", "limit")
    return task_rows.list_tasks(store, wanted)


def _lease(store: Store, agent_id: UUID, most: int, types: Sequence[str] | None) -> LeaseBatch:
    batch = leases.lease_tasks(store, agent_id, most, types)
    if batch is None:
        raise NotFound(f"there is no agent {agent_id}; register it")
    return batch


def _assign_chosen(connection: Connection, row: TaskRow, request: RoutingRequest) -> CreatedTask:
    choice = rank_agents(connection, request)
    record_choice(connection, row.id, request, choice)
    if choice.chosen is None:
        return CreatedTask(row, is_new=True, choice=choice)
    assigned = leases.assign_task(connection, row.id, choice.chosen.agent_id, choice.reason)
    return CreatedTask(assigned or row, is_new=True, choice=choice)


def _assign_to(connection: Connection, row: TaskRow, agent_id: UUID) -> TaskRow:
    assigned = leases.assign_task(connection, row.id, agent_id, "by request")
    if assigned is None:
        raise Refused(
            f"agent {agent_id} takes no such task now: it must exist, be active, have the required"
            " capabilities and a free slot"
        )
    return assigned


def check_related(connection: Connection, task: NewTask) -> None:
    """Raises BadInput for a parent or dependency that does not exist, or has failed."""
    parents = [] if task.parent_id is None else [task.parent_id]
    if not (task.depends_on or parents):
        return
    statuses = task_rows.lock_tasks(connection, [*task.depends_on, *parents])
    for one in parents:
        if one not in statuses:
            raise BadInput(f"parent_id: there is no task {one}", "parent_id")
    for one in task.depends_on:
        if one not in statuses:
            raise BadInput(f"depends_on: there is no task {one}", "depends_on")
        if statuses[one] in {"failed", "cancelled"}:
            raise BadInput(f"depends_on: task {one} has {statuses[one]}", "depends_on")


def _earlier(connection: Connection, task: NewTask) -> TaskRow:
    row = task_rows.read_task_by_key(connection, task.idempotency_key or "")
    if row is None:
        raise Refused("a task with this idempotency key is being created; try again")
    if (row.type, row.name) != (task.type.strip(), task.name.strip()):
        raise Refused(
            f"idempotency_key: it belongs to task {row.id}, {row.type!r} {row.name[:80]!r};"
            " use a new key for another task"
        )
    return row


def refuse_token(store: Store, task_id: UUID, token: int) -> TaskRow:
    """Say why this token is not that of a present lease. Raises NotFound, or Refused."""
    task = find_task(store, task_id)
    if task.token is not None and task.token != token:
        raise Refused(f"token {token} is not that of the present lease ({task.token}): it was lost")
    if task.status in ENDED:
        raise Refused(f"task {task_id} has {task.status} already")
    raise Refused(f"token {token}: the lease was lost; task {task_id} is {task.status}")
