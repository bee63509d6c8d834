"""A task as a line of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.agents.queries.skills import read_agent_names
from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.task import ENDED, PRIORITIES, Priority
from runlore.store.engine import Store


@dataclass(frozen=True)
class TaskLine:
    """age_s: since its creation, until its end where it has ended. lease_s: left of its lease."""

    task: TaskRow
    priority: Priority
    agent: str | None
    age_s: float
    lease_s: float | None

    @property
    def is_open(self) -> bool:
        return self.task.status not in ENDED


def show_lines(store: Store, tasks: Sequence[TaskRow], now: datetime) -> list[TaskLine]:
    names = read_agent_names(store, [task.agent_id for task in tasks if task.agent_id])
    return [_line(task, names.get(task.agent_id) if task.agent_id else None, now) for task in tasks]


def _line(task: TaskRow, agent: str | None, now: datetime) -> TaskLine:
    age = ((task.completed_at or now) - task.created_at).total_seconds()
    until = task.lease_until
    left = None if until is None else (until - now).total_seconds()
    return TaskLine(task, PRIORITIES[task.priority], agent, max(age, 0.0), left)
