"""Regret of routing policies in simulated worlds with known skills, and their value offline.

    python bench/agent_routing.py [--seeds N] [--tasks N] [--only WORLD]

Each task goes to one of 20 agents; its success is drawn by the agent's true chance at its type.
Regret: the best able agent's chance minus the chosen one's, summed over tasks. `fixed` is the score
of the spec, `random` any able agent. An agent has the task for as long as it takes; the best agent
may have no free slot.
"""

import argparse
import heapq
import json
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np

from runlore.agents.rules.fixed_score import AgentRecord, score_agents
from runlore.agents.rules.learned_score import FORGETTING, ShownSkill, sample_agents

AGENTS, TYPES = 20, 5
Chances = np.ndarray


@dataclass(frozen=True)
class World:
    """chances: (phases, agents, types). tags: agents x types: which it says it can do."""

    name: str
    chances: Chances
    tags: np.ndarray
    speed: np.ndarray

    def at(self, share: float) -> Chances:
        return self.chances[min(len(self.chances) - 1, int(share * len(self.chances)))]


def worlds(generator: np.random.Generator) -> list[World]:
    def skills(low: float = 0.2, high: float = 0.95) -> Chances:
        return generator.uniform(low, high, (AGENTS, TYPES))

    all_tags = np.ones((AGENTS, TYPES), bool)
    speed = generator.uniform(0.5, 2.0, AGENTS)
    special = np.full((AGENTS, TYPES), 0.35)
    special[np.arange(AGENTS), np.arange(AGENTS) % TYPES] = 0.9
    one_star = np.full((AGENTS, TYPES), 0.5)
    one_star[3] = 0.9
    honest = generator.random((AGENTS, TYPES)) < 0.6
    honest[:, 0] = True
    liar = skills()
    liar[0] = 0.05
    first, second = skills(), skills()
    fallen = one_star.copy()
    fallen[3] = 0.2
    fallen[7] = 0.9
    slow = np.stack([first + (second - first) * share for share in np.linspace(0, 1, 10)])
    alike = np.full((AGENTS, TYPES), 0.7) + generator.uniform(-0.05, 0.05, (AGENTS, TYPES))
    rare = np.full((AGENTS, TYPES), 0.97)
    rare[::3] = 0.7

    def world(name: str, *phases: Chances, tags: np.ndarray = all_tags) -> World:
        return World(name, np.stack(phases), tags, speed)

    return [
        world("uniform skills", skills()),
        world("specialists", special),
        world("one star", one_star),
        world("honest tags", np.where(honest, skills(0.5, 0.95), 0.0), tags=honest),
        world("useless tags", skills(), tags=generator.random((AGENTS, TYPES)) < 0.7),
        world("a liar", liar),
        world("drift at half", first, second),
        world("the star falls", one_star, fallen),
        World("slow drift", slow, all_tags, speed),
        world("rare failures", rare if generator.random() < 0.5 else np.minimum(rare, alike + 0.2)),
    ]


@dataclass
class Logged:
    """What a policy did: for the offline estimate. All of length `tasks` (candidates: lists)."""

    regret: np.ndarray
    rewards: np.ndarray
    chosen: list[int]
    propensities: list[dict[int, float]]
    types: list[int]


def run(world: World, policy: str, tasks: int, seed: int) -> Logged:
    generator = np.random.default_rng(seed)
    skills = {
        (a, t): ShownSkill(UUID(int=a), f"agent {a:02}", 0, 4)
        for a in range(AGENTS)
        for t in range(TYPES)
    }
    counts, in_hand = np.zeros((AGENTS, 2), int), np.zeros(AGENTS, int)
    running: list[tuple[float, int, int, bool, float]] = []
    regret, rewards = np.zeros(tasks), np.zeros(tasks)
    log = Logged(regret, rewards, [], [], [])
    for number in range(tasks):
        now, kind = float(number), int(generator.integers(TYPES))
        while running and running[0][0] <= now:
            _, agent, done, success, took = heapq.heappop(running)
            in_hand[agent] -= 1
            counts[agent, 0 if success else 1] += 1
            skills[agent, done] = _learn(skills[agent, done], success=success, took=took)
        chances = world.at(number / tasks)[:, kind]
        able = [a for a in range(AGENTS) if world.tags[a, kind] and in_hand[a] < 4]
        if not able:
            able = [a for a in range(AGENTS) if world.tags[a, kind]] or list(range(AGENTS))
        agent, propensities = _choose(policy, able, skills, kind, counts, in_hand, generator)
        success = bool(generator.random() < chances[agent])
        took = float(generator.lognormal(np.log(8 * world.speed[agent]), 0.4))
        heapq.heappush(running, (now + took, agent, kind, success, took))
        in_hand[agent] += 1
        regret[number] = max(chances[a] for a in able) - chances[agent]
        rewards[number] = success
        log.chosen.append(agent)
        log.propensities.append(propensities)
        log.types.append(kind)
    return log


def _choose(policy, able, skills, kind, counts, in_hand, generator):
    if policy == "random":
        return int(generator.choice(able)), {a: 1 / len(able) for a in able}
    if policy == "fixed":
        records = [
            AgentRecord(
                UUID(int=a),
                f"agent {a:02}",
                frozenset(),
                0 if in_hand[a] >= 4 else int(in_hand[a]),
                4,
                int(counts[a, 0]),
                int(counts[a, 1]),
                1.0,
            )
            for a in able
        ]
        best = score_agents(records, frozenset())[0].agent_id.int
        return best, {best: 1.0}
    offered = [_offered(skills, a, kind, int(in_hand[a])) for a in able]
    ranked = sample_agents(offered, None, generator)
    return ranked[0].agent_id.int, {one.agent_id.int: one.propensity for one in ranked}


def _offered(skills, agent: int, kind: int, in_hand: int) -> ShownSkill:
    others = [skills[agent, t] for t in range(TYPES) if t != kind]
    return replace(
        skills[agent, kind],
        in_hand=min(3, in_hand),
        other_successes=sum(one.successes for one in others),
        other_failures=sum(one.failures for one in others),
    )


def _learn(skill: ShownSkill, *, success: bool, took: float) -> ShownSkill:
    seconds = np.log(took) if success else 0.0
    return replace(
        skill,
        successes=FORGETTING * skill.successes + success,
        failures=FORGETTING * skill.failures + (not success),
        log_s=FORGETTING * skill.log_s + seconds,
        log_s2=FORGETTING * skill.log_s2 + seconds**2,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    names = [one.name for one in worlds(np.random.default_rng(0))]
    for place, name in enumerate(names):
        if args.only and args.only != name:
            continue
        sums = {policy: [] for policy in ("learned", "fixed", "random")}
        for seed in range(args.seeds):
            world = worlds(np.random.default_rng(seed))[place]
            for policy, found in sums.items():
                found.append(float(run(world, policy, args.tasks, 1000 + seed).regret.sum()))
        print(json.dumps(_row(name, sums)), flush=True)


def _row(name: str, sums: dict[str, list[float]]) -> dict[str, object]:
    """ratio: of the sums over seeds, 95 % by bootstrap over seeds. mean_ratio: of each seed's."""
    learned, fixed, chance = (np.array(sums[one]) for one in ("learned", "fixed", "random"))
    drawn = np.random.default_rng(0).integers(len(fixed), size=(2000, len(fixed)))
    ratios = learned[drawn].sum(axis=1) / fixed[drawn].sum(axis=1)
    return {
        "world": name,
        "learned": round(float(learned.mean()), 1),
        "fixed": round(float(fixed.mean()), 1),
        "random": round(float(chance.mean()), 1),
        "ratio": round(float(learned.sum() / fixed.sum()), 3),
        "ratio_interval": [round(float(one), 3) for one in np.quantile(ratios, (0.025, 0.975))],
        "mean_ratio": round(float((learned / fixed).mean()), 3),
        "seeds_worse_than_random": int((learned > chance).sum()),
        "seeds": len(fixed),
    }


if __name__ == "__main__":
    main()
