"""The policy `fixed`: a sum of five weighted parts, 0 to 100."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from uuid import UUID

CAPABILITY, SUCCESS, LOAD, HISTORY, RESPONSIVENESS = 30.0, 25.0, 20.0, 15.0, 10.0
FRESH_S, RECENT_S = 60.0, 300.0
UNPROVEN = 0.5  # success rate of an agent without any ended task


@dataclass(frozen=True)
class AgentRecord:
    """An agent as routing sees it.

    in_hand: tasks assigned to it or in progress. unseen_s: since its last sign of life.
    """

    agent_id: UUID
    name: str
    capabilities: Set[str]
    in_hand: int
    slots: int
    completed: int
    failed: int
    unseen_s: float

    @property
    def ended(self) -> int:
        return self.completed + self.failed

    @property
    def success_rate(self) -> float:
        return self.completed / self.ended if self.ended else UNPROVEN


@dataclass(frozen=True)
class ScoredAgent:
    agent_id: UUID
    name: str
    score: float
    reason: str


def score_agents(candidates: Sequence[AgentRecord], required: Set[str]) -> list[ScoredAgent]:
    """Agents that have all required capabilities and a free slot, the best first.

    Equal scores: the less loaded first, then by name, so that the order is always the same.
    """
    able = [one for one in candidates if required <= one.capabilities and one.in_hand < one.slots]
    scored = [(_score(one), one) for one in able]
    scored.sort(key=lambda pair: (-pair[0], pair[1].in_hand / pair[1].slots, pair[1].name))
    return [
        ScoredAgent(one.agent_id, one.name, round(score, 2), _reason(one, required))
        for score, one in scored
    ]


def _score(one: AgentRecord) -> float:
    """
    >>> free = AgentRecord(UUID(int=1), "a", frozenset(), 0, 10, 0, 0, 5.0)
    >>> _score(free)
    72.5
    """
    history = one.completed / one.ended if one.ended else 0.0
    return (
        CAPABILITY
        + SUCCESS * one.success_rate
        + LOAD * (1 - one.in_hand / one.slots)
        + HISTORY * history
        + _responsiveness(one.unseen_s)
    )


def _responsiveness(unseen_s: float) -> float:
    if unseen_s < FRESH_S:
        return RESPONSIVENESS
    return RESPONSIVENESS / 2 if unseen_s < RECENT_S else 0.0


def _reason(one: AgentRecord, required: Set[str]) -> str:
    able = f"has {', '.join(sorted(required))}" if required else "no capability is required"
    past = (
        f"{one.success_rate:.0%} of {one.ended} tasks succeeded" if one.ended else "no task ended"
    )
    load = f"{one.in_hand} of {one.slots} slots in use"
    return f"{able}; {past}; {load}; seen less than {_minutes(one.unseen_s)} min ago"


def _minutes(unseen_s: float) -> int:
    return 1 if unseen_s < FRESH_S else 5 if unseen_s < RECENT_S else 1 + int(unseen_s // 60)
