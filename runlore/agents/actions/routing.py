"""Choose the agent for a task, and write down why."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from runlore.agents.queries.routings import add_routing, read_candidates
from runlore.agents.queries.task_rows import Connection
from runlore.agents.rules.fixed_score import ScoredAgent, score_agents
from runlore.agents.rules.registration import check_words
from runlore.store.engine import Store

POLICY = "fixed"
ALTERNATIVES = 3


@dataclass(frozen=True)
class AgentChoice:
    """confidence: the score's share of 100. chosen: None: no agent fits now, see the reason."""

    policy: str
    chosen: ScoredAgent | None
    alternatives: Sequence[ScoredAgent]
    confidence: float
    reason: str


def choose_agent(store: Store, required: Sequence[str]) -> AgentChoice:
    """Which agent a task with these required capabilities would get now. Changes nothing."""
    check_words(required, "required_capabilities")
    with store.connect() as connection:
        return rank_agents(connection, required)


def rank_agents(connection: Connection, required: Sequence[str]) -> AgentChoice:
    """The same within a transaction."""
    scored = score_agents(read_candidates(connection, required), frozenset(required))
    if not scored:
        reason = f"no active agent with a free slot has {', '.join(required) or 'been seen lately'}"
        return AgentChoice(POLICY, None, (), 0.0, reason)
    best, others = scored[0], scored[1 : 1 + ALTERNATIVES]
    return AgentChoice(POLICY, best, others, round(best.score / 100, 4), best.reason)


def record_choice(connection: Connection, task_id: UUID, choice: AgentChoice) -> None:
    """On the ledger of routing. The policy `fixed` always takes the best: its propensity is 1."""
    listed = [choice.chosen, *choice.alternatives] if choice.chosen else []
    candidates = [{"agent_id": str(one.agent_id), "score": one.score} for one in listed if one]
    chosen = choice.chosen.agent_id if choice.chosen else None
    propensity = 1.0 if choice.chosen else None
    add_routing(connection, task_id, choice.policy, chosen, propensity, candidates, choice.reason)
