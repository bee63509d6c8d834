"""Split a task into parts, which other agents do; the task comes back when all have ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from runlore.agents.actions.task_steps import check_related, find_task, refuse_token
from runlore.agents.queries.splitting import read_depth, suspend_task
from runlore.agents.queries.task_rows import TaskRow, add_task
from runlore.agents.rules.task import NewTask, check_task
from runlore.kernel.errors import BadInput, Refused
from runlore.store.engine import Store

MAX_PARTS = 100
MAX_DEPTH = 10


@dataclass(frozen=True)
class SplitTask:
    """task: waits without an agent until its parts have ended, in whatever way."""

    task: TaskRow
    parts: Sequence[TaskRow]


def split_task(
    store: Store, task_id: UUID, token: int, parts: Sequence[NewTask], now: datetime
) -> SplitTask:
    """All in one transaction. A split is not an attempt; repeating it changes nothing.

    Raises BadInput for a wrong part, NotFound, and Refused when the lease was lost.
    """
    if not 1 <= len(parts) <= MAX_PARTS:
        raise BadInput(f"tasks: give 1 to {MAX_PARTS}", "tasks")
    for part in parts:
        check_task(part, now)
    with store.connect() as connection:
        row = suspend_task(connection, task_id, token, len(parts))
        if row is not None:
            if read_depth(connection, task_id) >= MAX_DEPTH:
                raise Refused(f"task {task_id} is a part of a part, {MAX_DEPTH} deep; do it whole")
            added = []
            for part in parts:
                check_related(connection, part)
                child = add_task(connection, replace(part, parent_id=task_id))
                if child is None:
                    raise Refused("idempotency_key: it belongs to an earlier task; use a new one")
                added.append(child)
            return SplitTask(row, added)
    earlier = find_task(store, task_id)
    if earlier.token == token and earlier.status == "pending" and earlier.waits_for:
        return SplitTask(earlier, ())
    return SplitTask(refuse_token(store, task_id, token), ())
