"""Whether the offline value of a routing policy is right: does its interval hold the true value?

    python bench/agent_policy_values.py [--seeds N] [--tasks N]

The worlds of agent_routing.py, where `learned` makes the choices; what each policy would have
chosen is on the ledger. True value: the mean chance of success of its choices in the same states.
"""

import argparse
import heapq
import json
from collections import defaultdict
from uuid import UUID

import numpy as np
from agent_routing import AGENTS, TYPES, _choose, _learn, _offered, worlds

from runlore.agents.rules.learned_score import ShownSkill, sample_agents
from runlore.agents.rules.policy_value import LoggedAgent, LoggedChoice, estimate_value

POLICIES = ("fixed", "learned", "random")


def logged(world, tasks: int, seed: int):
    """Choices as the ledger has them, and the true values, by policy."""
    generator = np.random.default_rng(seed)
    skills = {
        (a, t): ShownSkill(UUID(int=a), f"agent {a:02}", 0, 4)
        for a in range(AGENTS)
        for t in range(TYPES)
    }
    counts, in_hand, running = np.zeros((AGENTS, 2), int), np.zeros(AGENTS, int), []
    choices, truth = defaultdict(list), defaultdict(list)
    for number in range(tasks):
        kind = int(generator.integers(TYPES))
        while running and running[0][0] <= number:
            _, agent, done, success, took = heapq.heappop(running)
            in_hand[agent] -= 1
            counts[agent, 0 if success else 1] += 1
            skills[agent, done] = _learn(skills[agent, done], success=success, took=took)
        chances = world.at(number / tasks)[:, kind]
        able = [a for a in range(AGENTS) if world.tags[a, kind] and in_hand[a] < 4]
        if not able:
            continue
        best, _ = _choose("fixed", able, skills, kind, counts, in_hand, generator)
        ranked = sample_agents(
            [_offered(skills, a, kind, int(in_hand[a])) for a in able], None, generator
        )
        agent = ranked[0].agent_id.int
        success = bool(generator.random() < chances[agent])
        for policy in POLICIES:
            shares = [_share(policy, one, best, len(able)) for one in ranked]
            agents = [
                LoggedAgent(one.propensity, share, one.chance)
                for one, share in zip(ranked, shares, strict=True)
            ]
            choices[policy].append(LoggedChoice(agents, success))
            true = [
                share * chances[o.agent_id.int] for o, share in zip(ranked, shares, strict=True)
            ]
            truth[policy].append(sum(true))
        took = float(generator.lognormal(np.log(8 * world.speed[agent]), 0.4))
        heapq.heappush(running, (number + took, agent, kind, success, took))
        in_hand[agent] += 1
    return choices, {policy: float(np.mean(values)) for policy, values in truth.items()}


def _share(policy: str, one, best: int, able: int) -> float:
    if policy == "fixed":
        return float(one.agent_id.int == best)
    return one.propensity if policy == "learned" else 1 / able


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tasks", type=int, default=1000)
    args = parser.parse_args()
    held, halves, off = defaultdict(list), defaultdict(list), defaultdict(list)
    for seed in range(args.seeds):
        for world in worlds(np.random.default_rng(seed)):
            choices, truth = logged(world, args.tasks, 2000 + seed)
            for policy in POLICIES:
                found = estimate_value(policy, choices[policy])
                if found.value is None:
                    continue
                held[policy].append(found.low <= truth[policy] <= found.high)
                halves[policy].append((found.high - found.low) / 2)
                off[policy].append(found.value - truth[policy])
    for policy in POLICIES:
        row = {
            "policy": policy,
            "ledgers": len(held[policy]),
            "interval_holds_truth": round(float(np.mean(held[policy])), 3),
            "half_width": round(float(np.mean(halves[policy])), 3),
            "mean_error": round(float(np.mean(off[policy])), 4),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
