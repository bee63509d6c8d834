"""What a task is, its place in the queue, and when it is tried again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from runlore.agents.rules.documents import check_document
from runlore.agents.rules.registration import check_words
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.errors import BadInput

Priority = Literal["critical", "high", "normal", "low"]
TaskStatus = Literal["pending", "assigned", "in_progress", "completed", "failed", "cancelled"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
TASK_STATUSES: tuple[TaskStatus, ...] = get_args(TaskStatus)
MINUTE_S = 60.0
ENDED: tuple[TaskStatus, ...] = ("completed", "failed", "cancelled")

# A task's place in the queue is its creation plus this, so that a waiting task of low priority
# comes before every critical one that is created an hour after it: nothing starves.
QUEUE_DELAY_S: Mapping[Priority, float] = {
    "critical": 0.0,
    "high": 5 * MINUTE_S,
    "normal": 15 * MINUTE_S,
    "low": HOUR_S,
}
SHORTEST_LEASE_S = 1.0
LONGEST_LEASE_S = DAY_S
MAX_RETRIES = 100
MAX_DEPENDENCIES = 1000
FIRST_BACKOFF_S = 2.0
LONGEST_BACKOFF_S = 10 * MINUTE_S


@dataclass(frozen=True)
class NewTask:
    """lease_s: how long an agent may be silent before another gets the task.

    idempotency_key: a second task with the same key is the first one.
    """

    type: str
    name: str
    description: str = ""
    priority: Priority = "normal"
    required_capabilities: Sequence[str] = ()
    input: Mapping[str, Any] = field(default_factory=dict)
    context_id: str | None = None
    parent_id: UUID | None = None
    depends_on: Sequence[UUID] = ()
    deadline: datetime | None = None
    lease_s: float = 60.0
    max_retries: int = 3
    idempotency_key: str | None = None


def check_task(task: NewTask, now: datetime) -> None:
    """Raises BadInput that names the field, its value and what is allowed."""
    for value, name in ((task.type, "task_type"), (task.name, "task_name")):
        if not 1 <= len(value.strip()) <= 200:
            raise BadInput(f"{name}: give 1 to 200 characters", name)
    if task.priority not in PRIORITIES:
        raise BadInput(
            f"priority: {str(task.priority)[:40]!r} is none of {', '.join(PRIORITIES)}", "priority"
        )
    if not SHORTEST_LEASE_S <= task.lease_s <= LONGEST_LEASE_S:
        raise BadInput(
            f"lease_s: {task.lease_s:g} is not between {SHORTEST_LEASE_S:g} and"
            f" {LONGEST_LEASE_S:g} seconds",
            "lease_s",
        )
    if not 0 <= task.max_retries <= MAX_RETRIES:
        raise BadInput(f"max_retries: give 0 to {MAX_RETRIES}", "max_retries")
    if len(task.depends_on) > MAX_DEPENDENCIES:
        raise BadInput(f"depends_on: more than {MAX_DEPENDENCIES} tasks", "depends_on")
    if task.deadline is not None and task.deadline <= now:
        raise BadInput(f"deadline: {task.deadline.isoformat()} has passed", "deadline")
    check_document(dict(task.input), "input_data")
    check_words(task.required_capabilities, "required_capabilities")
