"""Agents and their queue for `/metrics`."""

from dataclasses import dataclass

from runlore.agents.actions.workload import read_workload
from runlore.store.engine import Store


@dataclass(frozen=True, slots=True)
class AgentGauges:
    """agents, tasks: by status. utilisation: slots in use; None: no active agent.

    oldest_s: age of the oldest open task; 0: none is open.
    """

    agents: dict[str, int]
    tasks: dict[str, int]
    utilisation: float | None
    oldest_s: float


def read_agent_gauges(store: Store) -> AgentGauges:
    """Raises Unavailable."""
    load = read_workload(store)
    queue, types = load.queue, load.types
    agents = {
        "active": sum(one.active for one in types),
        "idle": sum(one.idle for one in types),
        "maintenance": sum(one.in_maintenance for one in types),
        "offline": sum(one.offline for one in types),
        "quarantine": sum(one.in_quarantine for one in types),
    }
    tasks = {
        "pending": queue.pending,
        "blocked": queue.blocked,
        "assigned": queue.assigned,
        "in_progress": queue.in_progress,
    }
    return AgentGauges(agents, tasks, load.utilisation, queue.oldest_open_s or 0.0)
