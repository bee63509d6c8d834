"""How busy the agents are, and how their work went."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runlore.agents.queries.workload import (
    EndedCounts,
    QueueCounts,
    TypeCounts,
    read_ended,
    read_newest,
    read_queue,
    read_types,
)
from runlore.agents.rules.slots_needed import MOST_TASKS, SlotsNeeded, find_slots
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

LONGEST_WINDOW_S = 366 * DAY_S


@dataclass(frozen=True)
class AgentLoad:
    """ended: of tasks created within the window.

    utilisation: tasks in hand by slots of active agents; None: no active agent.
    """

    queue: QueueCounts
    ended: EndedCounts
    types: Sequence[TypeCounts]
    window_s: float

    @property
    def utilisation(self) -> float | None:
        slots = sum(one.slots for one in self.types)
        return sum(one.in_hand for one in self.types) / slots if slots else None

    @property
    def success_rate(self) -> float | None:
        ended = self.ended.completed + self.ended.failed
        return self.ended.completed / ended if ended else None


def read_workload(store: Store, window_s: float = DAY_S) -> AgentLoad:
    """Of now, and of tasks created in the last `window_s` seconds. Raises BadInput."""
    _check(window_s)
    return AgentLoad(read_queue(store), read_ended(store, window_s), read_types(store), window_s)


def suggest_slots(store: Store, window_s: float = DAY_S) -> SlotsNeeded:
    """How many slots let tasks like those of the window begin soon. Raises BadInput."""
    _check(window_s)
    created, services = read_newest(store, window_s, MOST_TASKS)
    return find_slots(np.array(created), np.array(services))


def _check(window_s: float) -> None:
    if not 0 < window_s <= LONGEST_WINDOW_S:
        raise BadInput("window_h: give more than 0 and at most 8784 hours", "window_h")
