"""Register agents, change them, and hear that they live."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from runlore.agents.queries import registry
from runlore.agents.queries.registry import AgentFilter, AgentRow
from runlore.agents.queries.task_rows import Connection
from runlore.agents.rules.registration import (
    AGENT_STATES,
    AGENT_TYPES,
    AgentProfile,
    AgentState,
    AgentStatus,
    check_profile,
    check_words,
    status_of,
)
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.store.engine import Store

MAX_PAGE = 1000
OF_PACKAGE = ("type", "version", "capabilities", "specializations", "tool")


@dataclass(frozen=True)
class AgentPage:
    """next_after: the name from which the next page begins; None: this was the last."""

    agents: Sequence[AgentRow]
    next_after: str | None


def register_agent(store: Store, profile: AgentProfile) -> AgentRow:
    """Raises BadInput for a wrong field, Refused when the name is taken."""
    with store.connect() as connection:
        return add_agent(connection, profile)


def add_agent(connection: Connection, profile: AgentProfile) -> AgentRow:
    """The same within a transaction."""
    check_profile(profile)
    row = registry.add_agent(connection, profile)
    if row is None:
        raise Refused(f"an agent named {profile.name.strip()[:80]!r} exists; choose another name")
    return row


def change_agent(store: Store, agent_id: UUID, profile: AgentProfile) -> AgentRow:
    """Put a profile in the place of the present one. Raises as above, and NotFound.

    Of an installed agent, its package decides what it is and where it works: Refused.
    """
    check_profile(profile)
    present = _existing(registry.read_agent(store, agent_id), agent_id)
    changed = _changed_of_package(profile, present)
    if changed and registry.is_installed(store, agent_id):
        raise Refused(
            f"{present.name} is installed from the marketplace: its package decides"
            f" {', '.join(changed)}"
        )
    return _existing(registry.change_agent(store, agent_id, profile), agent_id)


def set_agent_state(store: Store, agent_id: UUID, state: AgentState, reason: str) -> AgentRow:
    """`draining`: it finishes what it has. `maintenance`: it gets nothing. `active`: back."""
    if state not in AGENT_STATES:
        raise BadInput(f"state: use {', '.join(AGENT_STATES)}", "state")
    return _existing(registry.set_state(store, agent_id, state, reason[:500]), agent_id)


def hear_of_agent(store: Store, agent_id: UUID) -> AgentRow:
    """A heartbeat. It shows that the process lives, not that it does tasks. Raises NotFound."""
    return _existing(registry.mark_seen(store, agent_id), agent_id)


def find_agent(store: Store, agent_id: UUID) -> AgentRow:
    """One agent. Raises NotFound."""
    return _existing(registry.read_agent(store, agent_id), agent_id)


def list_agents(store: Store, wanted: AgentFilter) -> AgentPage:
    """By name, a page at a time. Raises BadInput for an unknown type or state."""
    _check_choice("agent_type", wanted.type, AGENT_TYPES)
    _check_choice("state", wanted.state, AGENT_STATES)
    check_words(wanted.capabilities, "capabilities")
    if not 1 <= wanted.limit <= MAX_PAGE:
        raise BadInput(f"limit: give 1 to {MAX_PAGE}", "limit")
    rows = registry.list_agents(store, wanted)
    return AgentPage(rows, rows[-1].name if len(rows) == wanted.limit else None)


def remove_agent(store: Store, agent_id: UUID) -> None:
    """Its tasks go back to the queue when their leases end. Raises NotFound, and Refused."""
    if not registry.remove_agent(store, agent_id):
        row = _existing(registry.read_agent(store, agent_id), agent_id)
        raise Refused(
            f"{row.name} is installed from the marketplace: `runlore marketplace uninstall"
            f" {agent_id}` removes it"
        )


def agent_status(row: AgentRow) -> AgentStatus:
    """Worked out from its state, its load and its last sign of life.

    `quarantine`: its outcomes say that it does not work; it gets nothing but probes.
    """
    if row.quarantined_at is not None:
        return "quarantine"
    return status_of(row.state, row.in_hand, row.max_concurrent_tasks, row.unseen_s)


def _changed_of_package(profile: AgentProfile, present: AgentRow) -> list[str]:
    """An address that comes with another card is that of the card, on the same host."""
    fixed = OF_PACKAGE if profile.card != present.card else (*OF_PACKAGE, "address")
    return [
        name for name in fixed if _plain(getattr(profile, name)) != _plain(getattr(present, name))
    ]


def _plain(value: object) -> object:
    return sorted(set(value)) if isinstance(value, list | tuple) else value


def _existing(row: AgentRow | None, agent_id: UUID) -> AgentRow:
    if row is None:
        raise NotFound(f"there is no agent {agent_id}; `runlore agents list` shows all")
    return row


def _check_choice(name: str, value: str | None, choices: Sequence[str]) -> None:
    if value is not None and value not in choices:
        raise BadInput(f"{name}: {value[:40]!r} is none of {', '.join(choices)}", name)
