"""How often actors without habits get a pattern, and how often a planted habit is found.

    python bench/patterns.py [--actors N] [--planted N] [--days N] [--seed N]

A world is one log of N actors over some days, each with one to three kinds, hosts and failures of
its own, without habits. `even`: a Poisson process. `office`: the common cycle of a working day and
week. `bursts`: the common cycle, in sessions of several runs, with failures in spells. Everybody
else's work is the common cycle that an actor is compared with, as in the product.
"""

import argparse
import time
from collections import Counter
from datetime import UTC
from typing import Literal

import numpy as np

from runlore.advice.rules.patterns.behaviour import (
    Behaviour,
    ComparedBehaviour,
    Labels,
    StreamCounts,
    common_cycle,
    own_counts,
)
from runlore.advice.rules.patterns.finding import FoundPatterns, find_patterns

World = Literal["even", "office", "bursts"]
Columns = dict[str, np.ndarray]
WORLDS: tuple[World, ...] = ("even", "office", "bursts")
DAY_S, MONDAY_S = 86_400.0, 4 * 86_400.0
OFFICE = np.concatenate([np.full(7, 0.1), np.linspace(0.3, 1, 3), np.ones(7), np.full(7, 0.25)])
WEEK = np.array([1.0, 1.0, 1.05, 1.0, 0.9, 0.15, 0.1])
STRENGTHS = (0.5, 0.7, 0.9)
SORTS = {
    "nightly": "time",
    "weekly": "weekday",
    "period": "period",
    "retry": "sequence",
    "order": "sequence",
    "failing day": "failures",
}


def actor(random: np.random.Generator, world: World, days: int) -> Columns:
    """Columns of one actor without habits."""
    rate = float(np.exp(random.uniform(np.log(0.4), np.log(12))))
    begin = random.uniform(0, days * 0.3)
    at = _instants(random, world, random.poisson(rate * (days - begin)), begin, days)
    if world == "bursts":
        runs = random.geometric(0.3, len(at))
        gaps = [np.cumsum(random.exponential(200, one)) for one in runs]
        at = np.sort(np.repeat(at, runs) + np.concatenate([*gaps, np.empty(0)]))
    n = len(at)
    odds = random.normal(-2, 0.8) + (spells(random, at) if world == "bursts" else 0)
    return {
        "at": at,
        "kind": random.choice(3, n, p=random.dirichlet(np.ones(3))),
        "scope": random.choice(3, n, p=random.dirichlet(np.ones(3))),
        "failed": random.random(n) < 1 / (1 + np.exp(-odds)),
        "took": np.exp(random.normal(5, 0.5) + 0.8 * random.standard_t(4, n)),
        "size": random.choice([1, 2, 4, 8], n),
    }


def _instants(
    random: np.random.Generator, world: World, n: int, begin: float, days: int
) -> np.ndarray:
    at = random.uniform(begin, days, 60 * n + 200)
    if world != "even":
        day, hour = at.astype(int), (at % 1 * 24).astype(int)
        at = at[random.random(len(at)) < OFFICE[hour] * WEEK[day % 7] / 1.05]
    first: np.ndarray = np.sort(at[:n])
    return first * DAY_S + MONDAY_S


def spells(random: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """Of each hour, wandering with a memory of half a day."""
    hours = ((at - MONDAY_S) / 3_600).astype(int)
    steps = random.normal(0, np.sqrt(1 - 0.92**2), int(hours.max(initial=0)) + 1)
    for place in range(1, len(steps)):
        steps[place] += 0.92 * steps[place - 1]
    return 1.2 * steps[hours]


def plant(
    random: np.random.Generator, own: Columns, habit: str, strength: float, days: int
) -> Columns:
    """strength: share of the days, weeks, intervals, runs or failures that the habit holds for."""
    if habit == "failing day":
        weekday = ((own["at"] - MONDAY_S) // DAY_S).astype(int) % 7
        is_bad = (weekday == 1) & (random.random(len(weekday)) < strength)
        return own | {"failed": own["failed"] | is_bad}
    if habit in ("retry", "order"):
        return _joined(own, _following(random, own, habit, strength))
    at = _on_the_clock(random, habit, strength, days) + MONDAY_S
    n = len(at)
    new = {
        "at": at,
        "kind": np.full(n, 3),
        "scope": np.zeros(n, dtype=int),
        "failed": random.random(n) < 0.05,
        "took": np.exp(random.normal(5, 0.5, n)),
        "size": random.choice([1, 2, 4, 8], n),
    }
    return _joined(own, new)


def _on_the_clock(
    random: np.random.Generator, habit: str, strength: float, days: int
) -> np.ndarray:
    if habit == "nightly":
        on = random.random(days) < strength
        usual = 2 + 10 / 60 + random.normal(0, 0.1, days)
        hours: np.ndarray = np.where(on, usual, random.uniform(0, 24, days))
        return (np.arange(days) + hours / 24) * DAY_S
    if habit == "weekly":
        weeks = np.arange(days // 7)
        on = random.random(len(weeks)) < strength
        weekday: np.ndarray = np.where(on, 1, random.integers(0, 7, len(weeks)))
        at: np.ndarray = weeks * 7 + weekday + random.uniform(0.3, 0.75, len(weeks))
        return at * DAY_S
    on = random.random(days * 4) < strength
    hours = np.where(on, 6 * random.normal(1, 0.02, days * 4), random.exponential(6, days * 4))
    at = np.cumsum(hours) * 3_600.0
    kept: np.ndarray = at[at < days * DAY_S]
    return kept


def _following(random: np.random.Generator, own: Columns, habit: str, strength: float) -> Columns:
    chosen = own["failed"] if habit == "retry" else own["kind"] == 0
    chosen = chosen & (random.random(len(chosen)) < strength)
    new = {name: values[chosen] for name, values in own.items()}
    new["at"] = new["at"] + new["took"] + random.exponential(150, int(chosen.sum()))
    new["failed"] = random.random(len(new["at"])) < 0.05
    if habit == "order":
        new["kind"] = np.full(len(new["at"]), 3)
    return new


def _joined(own: Columns, new: Columns) -> Columns:
    joined = {name: np.concatenate([values, new[name]]) for name, values in own.items()}
    order = np.argsort(joined["at"], kind="stable")
    return {name: values[order] for name, values in joined.items()}


def behaviour(own: Columns, name: str) -> Behaviour:
    at = own["at"]
    return Behaviour(
        part="actor",
        name=name,
        zone=UTC,
        submitted_s=at,
        ended_s=at + own["took"],
        duration_s=own["took"],
        failed=own["failed"].astype(np.float64),
        labels={
            "actor": Labels(np.zeros(len(at), dtype=np.int64), (name,)),
            "kind": Labels(own["kind"].astype(np.int64), tuple("abcd")),
            "scope": Labels(own["scope"].astype(np.int64), ("x", "y", "z")),
        },
        inputs={"size": own["size"].astype(np.float64)},
    )


def everybody(counts: list[StreamCounts]) -> StreamCounts:
    """The sum of all actors' streams."""
    sums = []
    for place, streams in (("hour", "hour_streams"), ("day", "day_streams")):
        places = np.concatenate([getattr(one, place) for one in counts])
        values, at = np.unique(places, return_inverse=True)
        weights = np.concatenate([getattr(one, streams) for one in counts])
        sums += [values, np.bincount(at, weights)]
    return StreamCounts(*sums)


def find_all(actors: list[Behaviour], total: StreamCounts) -> list[FoundPatterns]:
    return [
        find_patterns(ComparedBehaviour(one, common_cycle(total, own_counts(one))))
        for one in actors
    ]


def without_habits(world: World, raw: list[Columns]) -> StreamCounts:
    actors = [behaviour(one, f"actor-{at}") for at, one in enumerate(raw)]
    total = everybody([own_counts(one) for one in actors])
    began = time.perf_counter()
    found = find_all(actors, total)
    took = (time.perf_counter() - began) / len(actors)
    with_any = sum(bool(one.patterns) for one in found)
    sorts = Counter(p.test.sort for one in found for p in one.patterns)
    odd = sum(bool(one.outliers) for one in found)
    runs = [len(one) for one in actors]
    print(
        f"{world}: {with_any} of {len(actors)} actors without habits get a pattern"
        f" {dict(sorts)}, {odd} an outlier; {min(runs)} to {max(runs)} executions,"
        f" {np.mean([one.tested for one in found]):.0f} patterns looked for each,"
        f" {1000 * took:.0f} ms each",
        flush=True,
    )
    return total


def planted(
    random: np.random.Generator, raw: list[Columns], total: StreamCounts, said: argparse.Namespace
) -> None:
    """Shares of actors whose planted habit is found, by the sort of pattern that names it."""
    for habit, sort in SORTS.items():
        shares = []
        for strength in STRENGTHS:
            own = [
                plant(random, raw[at % len(raw)], habit, strength, said.days)
                for at in range(said.planted)
            ]
            found = find_all([behaviour(one, "planted") for one in own], total)
            hits = [any(p.test.sort == sort for p in one.patterns) for one in found]
            shares.append(f"{strength:.0%}: {np.mean(hits):.0%}")
        print(f"  planted {habit}, found by strength: {', '.join(shares)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actors", type=int, default=200)
    parser.add_argument("--planted", type=int, default=40)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    for world in WORLDS:
        random = np.random.default_rng([said.seed, WORLDS.index(world)])
        raw = [actor(random, world, said.days) for _ in range(said.actors)]
        total = without_habits(world, raw)
        if world == "office":
            planted(random, raw, total, said)


if __name__ == "__main__":
    main()
