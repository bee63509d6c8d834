"""Choose the agent for a task, and write down why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

import numpy as np

from runlore.agents.queries.routings import add_routing, read_candidates, read_skills
from runlore.agents.queries.task_rows import Connection
from runlore.agents.rules.fixed_score import score_agents
from runlore.agents.rules.learned_score import sample_agents
from runlore.agents.rules.registration import check_words
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

RoutingPolicy = Literal["fixed", "learned"]
POLICIES: tuple[RoutingPolicy, ...] = get_args(RoutingPolicy)
ALTERNATIVES = 3


@dataclass(frozen=True)
class RoutingRequest:
    """seconds_left: until the task's deadline; None: it has none."""

    required: Sequence[str] = ()
    task_type: str = ""
    seconds_left: float | None = None
    policy: RoutingPolicy = "fixed"


@dataclass(frozen=True)
class ConsideredAgent:
    """score: 0 to 100. propensity: how probable the policy made this choice."""

    agent_id: UUID
    name: str
    score: float
    propensity: float
    reason: str


@dataclass(frozen=True)
class AgentChoice:
    """considered: the chosen one first; none: no agent fits now, see the reason."""

    policy: RoutingPolicy
    considered: Sequence[ConsideredAgent]
    reason: str

    @property
    def chosen(self) -> ConsideredAgent | None:
        return self.considered[0] if self.considered else None

    @property
    def alternatives(self) -> Sequence[ConsideredAgent]:
        return self.considered[1 : 1 + ALTERNATIVES]

    @property
    def confidence(self) -> float:
        """Of `fixed` the score's share of 100, of `learned` the chance of success in time."""
        return round(self.considered[0].score / 100, 4) if self.considered else 0.0


def choose_agent(store: Store, request: RoutingRequest) -> AgentChoice:
    """Which agent such a task would get now. Changes nothing. Raises BadInput."""
    check_words(request.required, "required_capabilities")
    if request.policy not in POLICIES:
        raise BadInput(f"policy: use {', '.join(POLICIES)}", "policy")
    with store.connect() as connection:
        return rank_agents(connection, request)


def rank_agents(connection: Connection, request: RoutingRequest) -> AgentChoice:
    """The same within a transaction."""
    rank = _ranked_by_draws if request.policy == "learned" else _ranked_by_score
    considered = rank(connection, request)
    if considered:
        return AgentChoice(request.policy, considered, considered[0].reason)
    missing = ", ".join(request.required) or "been seen lately"
    return AgentChoice(request.policy, (), f"no active agent with a free slot has {missing}")


def record_choice(
    connection: Connection, task_id: UUID, request: RoutingRequest, choice: AgentChoice
) -> None:
    """Write a choice on the ledger of routing, with what each policy would have chosen."""
    chosen = choice.chosen
    candidates = compare_policies(connection, request, choice) if chosen else []
    add_routing(
        connection,
        task_id,
        choice.policy,
        chosen.agent_id if chosen else None,
        chosen.propensity if chosen else None,
        candidates,
        choice.reason,
    )


def compare_policies(
    connection: Connection, request: RoutingRequest, choice: AgentChoice
) -> list[dict[str, Any]]:
    """The chosen agent first; fixed, learned: how probable that policy's choice of each was.

    chance: of success in time, by what each has shown; for the value of a policy offline.
    """
    drawn: Sequence[ConsideredAgent] = choice.considered
    best: ConsideredAgent | None = choice.considered[0]
    if choice.policy == "learned":
        best = next(iter(_ranked_by_score(connection, request)), None)
    else:
        drawn = _ranked_by_draws(connection, request)
    learned = {one.agent_id: one.propensity for one in drawn}
    chances = {one.agent_id: one.score / 100 for one in drawn}
    first = choice.considered[0].agent_id
    logged = {one.agent_id: one.propensity for one in choice.considered}
    scores = {one.agent_id: one.score for one in choice.considered}
    ids = dict.fromkeys([first, *scores, *([best.agent_id] if best else []), *learned])
    return [
        {
            "agent_id": str(one),
            "score": scores.get(one),
            "propensity": logged.get(one, 0.0),
            "chance": chances.get(one, 0.5),
            "fixed": float(best is not None and one == best.agent_id),
            "learned": round(learned.get(one, 0.0), 6),
        }
        for one in ids
    ]


def _ranked_by_score(connection: Connection, request: RoutingRequest) -> list[ConsideredAgent]:
    """The policy `fixed` always takes the best: its propensity is 1."""
    records = read_candidates(connection, request.required)
    scored = score_agents(records, frozenset(request.required))[: 1 + ALTERNATIVES]
    return [
        ConsideredAgent(one.agent_id, one.name, one.score, float(place == 0), one.reason)
        for place, one in enumerate(scored)
    ]


def _ranked_by_draws(connection: Connection, request: RoutingRequest) -> list[ConsideredAgent]:
    skills = read_skills(connection, request.required, request.task_type)
    sampled = sample_agents(skills, request.seconds_left, np.random.default_rng())
    return [
        ConsideredAgent(
            one.agent_id, one.name, round(100 * one.chance, 2), round(one.propensity, 6), one.reason
        )
        for one in sampled
    ]
