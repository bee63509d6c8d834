"""Declare probes, and read an agent's health with its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runlore.agents.actions.registering import find_agent
from runlore.agents.queries import health, probes
from runlore.agents.queries.health import EvidenceRow, FallenSkill, QuarantinedAgent
from runlore.agents.queries.probes import ProbeRow
from runlore.agents.rules.probe import NewProbe, check_probe
from runlore.kernel.errors import NotFound, Refused
from runlore.store.engine import Store

EVIDENCE_ROWS = 100


@dataclass(frozen=True)
class AgentHealth:
    """since, reason: of the quarantine, or of the return from one; None: there was none.

    evidence: the newest first; of outcomes that count for it, only while there is suspicion.
    """

    agent_id: UUID
    name: str
    is_quarantined: bool
    since: datetime | None
    reason: str | None
    score: float
    evidence: Sequence[EvidenceRow]


@dataclass(frozen=True)
class HealthOverview:
    quarantined: Sequence[QuarantinedAgent]
    fallen: Sequence[FallenSkill]


def add_probe(store: Store, probe: NewProbe) -> ProbeRow:
    """Raises BadInput for a wrong field, Refused when the name is taken."""
    check_probe(probe)
    row = probes.add_probe(store, probe)
    if row is None:
        raise Refused(f"a probe named {probe.name.strip()[:80]!r} exists; remove it first")
    return row


def list_probes(store: Store) -> list[ProbeRow]:
    """By name."""
    return probes.list_probes(store)


def remove_probe(store: Store, probe_id: UUID) -> None:
    """Raises NotFound."""
    if not probes.remove_probe(store, probe_id):
        raise NotFound(f"there is no probe {probe_id}; `runlore agents probe list` shows all")


def read_health(store: Store, agent_id: UUID, as_of: datetime) -> AgentHealth:
    """What was known of an agent's health at that instant. Raises NotFound."""
    agent = find_agent(store, agent_id)
    with store.connect() as connection:
        rows = health.read_evidence(connection, agent_id, as_of, EVIDENCE_ROWS)
        change = health.read_last_change(connection, agent_id, as_of)
    is_out = change is not None and change[0] == "quarantined"
    return AgentHealth(
        agent_id,
        agent.name,
        is_out,
        None if change is None else change[1],
        None if change is None else change[2],
        rows[0].score if rows else 0.0,
        rows,
    )


def read_overview(store: Store) -> HealthOverview:
    """Agents in quarantine, and skills that have fallen, now."""
    with store.connect() as connection:
        quarantined = health.read_quarantined(connection)
        return HealthOverview(quarantined, health.read_fallen(connection))
