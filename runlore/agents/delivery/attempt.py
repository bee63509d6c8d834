"""One attempt of an agent of others at a task."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runlore.kernel.errors import RunloreError


class AttemptFailed(RunloreError):
    """The agent did not do the task. may_retry: another attempt may be of use."""

    def __init__(self, message: str, *, may_retry: bool = True) -> None:
        super().__init__(message)
        self.may_retry = may_retry


class LeaseLost(RunloreError):
    """Another agent has the task, or it was cancelled."""


@dataclass(frozen=True)
class SentTask:
    """What an agent gets of a task. token: to be sent with each of its effects.

    renew: renews the lease; raises LeaseLost.
    """

    id: UUID
    type: str
    name: str
    input: Mapping[str, Any]
    token: int
    lease_s: float
    renew: Callable[[], Awaitable[None]]

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "task_id": str(self.id),
            "task_type": self.type,
            "task_name": self.name,
            "fencing_token": self.token,
        }


@dataclass(frozen=True)
class OutsideAgent:
    """Where an agent gets its tasks. token: its secret."""

    address: str
    tool: str | None = None
    card: Mapping[str, Any] | None = None
    token: str | None = None
