"""Cards of Runlore's agents, as A2A clients read them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from runlore import __version__
from runlore.agents.actions.registering import find_agent
from runlore.agents.queries.a2a_tasks import read_shown, read_whole_load
from runlore.agents.queries.registry import AgentRow
from runlore.agents.rules.a2a.agent_card import (
    AgentNumbers,
    CardAddress,
    agent_card,
    extended_card,
    whole_card,
)
from runlore.agents.rules.registration import AgentProfile
from runlore.store.engine import Store


def open_card(address: CardAddress) -> dict[str, Any]:
    """The card of Runlore as a whole. It tells nothing of agents and tasks."""
    return whole_card(address, __version__)


def read_extended_card(store: Store, address: CardAddress, now: datetime) -> dict[str, Any]:
    """The same with the skills and the load of all agents."""
    load = read_whole_load(store)
    numbers = AgentNumbers(now, load.in_hand, load.slots, read_shown(store))
    return extended_card(address, __version__, numbers, load.words)


def read_agent_card(
    store: Store, agent_id: UUID, address: CardAddress, now: datetime
) -> dict[str, Any]:
    """The card of one agent. Raises NotFound."""
    row = find_agent(store, agent_id)
    shown = read_shown(store, agent_id)
    numbers = AgentNumbers(now, row.in_hand, row.max_concurrent_tasks, shown)
    return agent_card(address, str(agent_id), profile_of(row), numbers)


def profile_of(row: AgentRow) -> AgentProfile:
    """What an agent says of itself, from its row."""
    return AgentProfile(**{name: getattr(row, name) for name in AgentProfile.__dataclass_fields__})
