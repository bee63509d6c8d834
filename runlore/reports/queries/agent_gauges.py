"""Agents and their queue for `/metrics`."""

from collections import Counter
from dataclasses import dataclass

from runlore.agents.actions.registering import agent_status
from runlore.agents.actions.workload import read_workload
from runlore.agents.queries.registry import AgentFilter, list_agents
from runlore.store.engine import Store

MOST = 10_000  # agents that are counted


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
    rows = list_agents(store, AgentFilter(limit=MOST))
    load = read_workload(store)
    queue = load.queue
    tasks = {
        "pending": queue.pending,
        "blocked": queue.blocked,
        "assigned": queue.assigned,
        "in_progress": queue.in_progress,
    }
    statuses: Counter[str] = Counter(agent_status(row) for row in rows)
    return AgentGauges(dict(statuses), tasks, load.utilisation, queue.oldest_open_s or 0.0)
