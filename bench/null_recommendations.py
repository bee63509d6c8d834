"""How often logs without any effect bring a recommendation, and how often a real effect is found.

    python bench/null_recommendations.py [--worlds N] [--powered N]

A world has 6 to 24 projects with 40 to 200 sessions. Projects differ in failures and durations, and
in which values their inputs have. A session is 1 to 7 runs of one actor, with one value of each
input and its own chance of failure and pace: runs are clustered, and inputs correlate with actors
and projects. Actors work in several projects. Durations are heavy-tailed. In a powered world one
value of one input takes failures from 12 to 7 % (odds in proportion elsewhere).
"""

import argparse
import time

import numpy as np
import pandas as pd

from runlore.planning.rules.recommendations.choosing import (
    SUMS,
    HeldEffect,
    find_effects,
    reference_groups,
)

KINDS = ("build", "test")
INPUTS = {"tool": 3, "cache": 2, "region": 4, "debug": 2}
PROJECTS = np.array([f"p{at:03}" for at in range(999)])
LABELS = np.array(["v0", "v1", "v2", "v3"])
ACTORS = 40
ODDS = (0.07 / 0.93) / (0.12 / 0.88)


def world(seed: int, *, has_effect: bool = False, projects: int | None = None) -> pd.DataFrame:
    """The strata of a log, as the store would give them."""
    random = np.random.default_rng(seed)
    count = projects or int(random.integers(6, 25))
    sessions = random.integers(40, 200, count)
    project = np.repeat(np.arange(count), sessions)
    total = len(project)
    teams = random.integers(0, ACTORS, (count, 6))
    actor = teams[project, random.integers(0, 6, total)]
    month, kind = random.integers(0, 6, total), random.integers(0, len(KINDS), total)
    values = {}
    for name, size in INPUTS.items():
        liked, usual = (random.dirichlet(np.ones(size), n) for n in (ACTORS, count))
        chance = (liked[actor] + usual[project]).cumsum(axis=1) / 2
        values[name] = np.minimum((random.random(total)[:, None] > chance).sum(axis=1), size - 1)
    habits = random.normal(0, 0.7, (2, ACTORS))
    odds = random.normal(-2, 0.6, count)[project] + habits[0, actor]
    odds += random.normal(0, 0.3, (count, 6))[project, month] + random.normal(0, 0.8, total)
    if has_effect:
        odds += np.log(ODDS) * (values["cache"] == 0)
    pace = random.normal(4, 1, count)[project] + habits[1, actor] + random.normal(0, 0.5, total)
    runs = random.integers(1, 8, total)
    at = np.repeat(np.arange(total), runs)
    failed = random.random(len(at)) < 1 / (1 + np.exp(-odds[at]))
    logs = (pace[at] + 0.4 * random.standard_t(2.5, len(at))) * ~failed
    sums = [np.ones(len(at)), failed, ~failed, logs, logs**2]
    by_session = np.array([np.bincount(at, one, total) for one in sums])
    return strata(by_session, (kind, project, actor, month), values)


def strata(
    sums: np.ndarray, keys: tuple[np.ndarray, ...], values: dict[str, np.ndarray]
) -> pd.DataFrame:
    tables = []
    for name, value in values.items():
        shape = [int(key.max()) + 1 for key in (*keys, value)]
        code, index = np.unique(np.ravel_multi_index((*keys, value), shape), return_inverse=True)
        kind, project, actor, month, label = np.unravel_index(code, shape)
        columns = {
            "kind": np.array(KINDS)[kind],
            "scope": PROJECTS[project],
            "actor": actor,
            "month": month,
            "name": name,
            "label": LABELS[label],
        }
        columns |= {
            column: np.bincount(index, one, len(code))
            for column, one in zip(SUMS, sums, strict=True)
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def effects_of(table: pd.DataFrame) -> tuple[HeldEffect, ...]:
    """Projects are in two categories, as they would be."""
    scopes = sorted(table["scope"].unique())
    half = len(scopes) // 2
    groups = reference_groups({"some": scopes[:half], "others": scopes[half:]})
    return find_effects(table, groups).held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1_000)
    parser.add_argument("--powered", type=int, default=200)
    args = parser.parse_args()
    begin = time.process_time()
    found = [effects_of(world(seed)) for seed in range(args.worlds)]
    wrong = sum(bool(one) for one in found)
    print(f"{args.worlds} null worlds: {wrong} with a recommendation ({wrong / args.worlds:.1%})")
    for projects in (12, 24, 48):
        held = 0
        for seed in range(args.powered):
            made = effects_of(world(10_000 + seed, has_effect=True, projects=projects))
            held += any(
                one.comparison.name == "cache" and one.comparison.measure == "failures"
                for one in made
            )
        print(f"failures 12 -> 7 %, {projects} projects: found in {held / args.powered:.1%}")
    print(f"{time.process_time() - begin:.0f} CPU seconds")


if __name__ == "__main__":
    main()
