"""The policy `learned`: Thompson sampling of who succeeds in time at this type of task.

Each agent's chance of success at a type of task has a Beta distribution: a prior, and the outcomes
seen, of which old ones count less. One draw of each decides, so that an agent is tried as often as
it may still be the best (Thompson 1933; Chapelle & Li, NeurIPS 2011; forgetting: Raj & Kalyani,
arXiv 1707.09727). How often each would have been chosen is its propensity, which makes policies
comparable afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, log, sqrt
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

FORGETTING = 0.94  # weight of what is known after each new outcome: about the last 17 count
PRIOR_STRENGTH = 2.0  # outcomes that a prior counts for, at least
MAX_STRENGTH = 8.0  # a stronger prior is slow to see that an agent has changed
PRIOR_MEAN = 0.5
POOLED_OUTCOMES = 5.0  # from so many outcomes of a type, all agents' share is the prior's mean
CERTAINTY = 6.0  # above 1: narrower draws, so less is tried; chosen in simulated worlds
EXPLORED = 0.02  # share of tasks that go to any able agent: all can prove themselves
MAX_DRAWS = 400
MAX_SAMPLES = 100_000  # of all agents: bounds the time of a choice
MAX_LOGGED = 50
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ShownSkill:
    """What an agent has shown at a type of task; sums are weighted, the newest by 1.

    log_s, log_s2: sums of log seconds of completed tasks and of their squares.
    """

    agent_id: UUID
    name: str
    in_hand: int
    slots: int
    successes: float = 0.0
    failures: float = 0.0
    log_s: float = 0.0
    log_s2: float = 0.0
    other_successes: float = 0.0  # at all other types
    other_failures: float = 0.0
    predicted: float | None = None  # probability of success by a trained model; None: none


@dataclass(frozen=True)
class SampledAgent:
    """chance: mean of the distribution of success in time. propensity: how often it is chosen."""

    agent_id: UUID
    name: str
    chance: float
    propensity: float
    reason: str


def sample_agents(
    skills: Sequence[ShownSkill], seconds_left: float | None, generator: np.random.Generator
) -> list[SampledAgent]:
    """Able agents: the chosen one first, then by propensity.

    seconds_left: until the deadline; None: there is none.
    """
    able = [one for one in skills if one.in_hand < one.slots]
    if not able:
        return []
    successes, failures = posterior(able)
    in_time = np.array([on_time(one, seconds_left) for one in able])
    load = np.array([one.in_hand / one.slots for one in able])
    rounds = max(1, min(MAX_DRAWS, MAX_SAMPLES // len(able)))
    draws = generator.beta(CERTAINTY * successes, CERTAINTY * failures, size=(rounds, len(able)))
    draws *= in_time
    # Of equal chances the less loaded agent wins.
    winners = (draws - 1e-3 * load).argmax(axis=1)
    counts = np.bincount(winners, minlength=len(able))
    propensities = (1 - EXPLORED) * counts / rounds + EXPLORED / len(able)
    chosen = int(generator.choice(len(able), p=propensities))
    chances = successes / (successes + failures) * in_time
    order = sorted(range(len(able)), key=lambda i: (i != chosen, -propensities[i], able[i].name))
    return [
        SampledAgent(
            able[i].agent_id,
            able[i].name,
            round(float(chances[i]), 4),
            float(propensities[i]),
            _reason(able[i], float(chances[i]), float(propensities[i])),
        )
        for i in order[:MAX_LOGGED]
    ]


def posterior(skills: Sequence[ShownSkill]) -> tuple[Floats, Floats]:
    """Both parameters of each agent's Beta distribution of success at this type of task.

    The prior's mean is a model's prediction; else the agent's share at other types, drawn towards
    that of all agents and moved to this type. How strong both pulls are is learned from how much
    agents and types differ beyond chance (method of moments; Casella, Am. Stat. 39, 1985).
    """
    own, other = _counts(skills)
    of_all = _share(other.sum(axis=0), PRIOR_MEAN)
    level = _shrunk(other, of_all, _strength(_spread(other, of_all), of_all))
    pooled = _share(own.sum(axis=0), of_all)
    predicted = [one.predicted for one in skills]
    mean = np.array(
        [level[i] + pooled - of_all if p is None else p for i, p in enumerate(predicted)]
    )
    mean = np.clip(mean, 0.05, 0.95)
    strength = _strength(_spread(own, mean), pooled)
    return own[:, 0] + strength * mean, own[:, 1] + strength * (1 - mean)


def _counts(skills: Sequence[ShownSkill]) -> tuple[Floats, Floats]:
    """Successes and failures of each agent: at this type, and at all others. (agents, 2) each."""
    own = np.array([(one.successes, one.failures) for one in skills])
    other = np.array([(one.other_successes, one.other_failures) for one in skills])
    return own, other


def _share(counts: Floats, unknown: float) -> float:
    seen = float(counts.sum())
    return float(counts[0]) / seen if seen >= POOLED_OUTCOMES else unknown


def _shrunk(counts: Floats, towards: float, strength: float) -> Floats:
    shares: Floats = (counts[:, 0] + strength * towards) / (counts.sum(axis=1) + strength)
    return shares


def _spread(counts: Floats, mean: Floats | float) -> float | None:
    """Variance of true shares around `mean`, beyond that of chance. None: too little is known."""
    seen = counts.sum(axis=1)
    is_known = seen >= 1.0
    if is_known.sum() < 3 or seen.sum() < 3 * POOLED_OUTCOMES:
        return None
    around = np.broadcast_to(mean, seen.shape)[is_known]
    n = seen[is_known]
    off = counts[is_known, 0] - n * around
    chance = n * around * (1 - around)
    return max(0.0, float((off**2 - chance).sum() / (n * (n - 1) + 1e-9).sum()))


def _strength(spread: float | None, share: float) -> float:
    """Outcomes that a prior counts for, whose Beta distribution has this variance."""
    if spread is None:
        return PRIOR_STRENGTH
    share = min(0.95, max(0.05, share))
    if spread <= 0.0:
        return MAX_STRENGTH
    return float(min(MAX_STRENGTH, max(PRIOR_STRENGTH, share * (1 - share) / spread - 1)))


def on_time(skill: ShownSkill, seconds_left: float | None) -> float:
    """Probability that the task is done within the time, of log-normal durations.

    1.0 without a deadline, and for an agent that has completed nothing like it yet.

    >>> from uuid import UUID
    >>> quick = ShownSkill(UUID(int=1), "q", 0, 1, 10, 0, 10 * log(60), 10 * log(60) ** 2)
    >>> round(on_time(quick, 60.0), 2), round(on_time(quick, 600.0), 2), on_time(quick, None)
    (0.5, 1.0, 1.0)
    """
    if seconds_left is None or skill.successes < 1:
        return 1.0
    if seconds_left <= 0:
        return 0.0
    mean = skill.log_s / skill.successes
    spread = sqrt(max(0.01, skill.log_s2 / skill.successes - mean**2))
    return 0.5 * (1 + erf((log(seconds_left) - mean) / spread / sqrt(2)))


def _reason(one: ShownSkill, chance: float, propensity: float) -> str:
    seen = one.successes + one.failures
    past = f"{one.successes:.1f} of {seen:.1f} recent tasks of this type succeeded"
    basis = past if seen else "no task of this type ended yet"
    return f"{basis}; chance {chance:.0%}; chosen in {propensity:.0%} of draws"
