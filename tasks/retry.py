"""What is worth another try."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from runlore.kernel.errors import Unavailable


def if_unavailable(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Only what was away may be back; bad input stays bad."""
    return isinstance(state.result(raise_on_failure=False), Unavailable)


RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [1, 10, 60],
    "retry_condition_fn": if_unavailable,
}
