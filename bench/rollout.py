"""How often the rules for tests and rollouts are wrong, and what it costs not to be.

    python bench/rollout.py
    python bench/rollout.py --runs 200
    python bench/rollout.py --cookie-cats FOLDER/cookie_cats.csv.gz --report docs/rollout

Simulated units go through the product's own `analyse`, `decide` and intervals, looked at after
every batch. Beside it is what a z-test for a fixed sample says of the same units.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from trials import streams
from trials.cookie_cats import published
from trials.pages import Part, write_page

from runlore.experiments.rules import fixed_horizon
from runlore.experiments.rules.design import DecisionRule
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.sample_ratio import WATCHED_LEVEL
from runlore.rollout.rules.policy import RampPolicy

SEED = 4
ALPHA = 0.05
LOOKS, BATCH = 50, 400
REGRESSION = 0.1
TOLERATED = 0.02
RAMP_BATCH, RAMP_MOST, TOLERATED_MOST = 2_000, 600_000, 200_000
FAIR = ((0.5, 0.5), (0.8, 0.2), (0.99, 0.01), (0.4, 0.3, 0.3))
FAIR_UNITS, UNFAIR_UNITS = 10_000, 1_000
COVERED_FROM, COVERED_TO, COVERED_LOOKS = 100, 20_000, 25
RATES = (0.10, 0.12)
POWER_LOOKS, PLANNED_LOOKS = 60, 20


def part(name: str, ours: float, theirs: dict[str, float], unit: str, **more: Any) -> Part:
    other = next(iter(theirs.values()), None)
    ratio = round(other / ours, 2) if other is not None and ours else None
    figures = {"bench": name, "ours": ours, "theirs": theirs, "ratio": ratio, "unit": unit}
    return Part(figures | more)


def peeking(runs: int) -> Part:
    """Nothing differs; every winner is wrong."""
    rng = np.random.default_rng([SEED, 1])
    counts = streams.proportions((0.1, 0.1), runs, LOOKS, BATCH, rng)
    ours, _ = streams.first_decision(counts, DecisionRule(alpha=ALPHA))
    theirs = streams.first_z(counts, DecisionRule().least_units)
    unit = f"share of {runs} A/A tests with a winner, {LOOKS} looks, {LOOKS * BATCH} units"
    wrong = {"z-test at every look": float((theirs < LOOKS).mean())}
    found = part("rollout.peeking", float((ours < LOOKS).mean()), wrong, unit)
    return found.drawn(ours=(ours + 1) * BATCH, theirs=(theirs + 1) * BATCH, most=LOOKS * BATCH)


def power(runs: int) -> Part:
    """A real difference: how many more units does it take to be allowed to look?"""
    rng = np.random.default_rng([SEED, 2])
    planned = 2 * fixed_horizon.units_for_proportions(*RATES, alpha=ALPHA, power=0.8)
    batch = planned // PLANNED_LOOKS
    counts = streams.proportions(RATES, runs, POWER_LOOKS, batch, rng)
    once = streams.z(counts)[:, PLANNED_LOOKS - 1] > streams.Z_95
    at, winners = streams.first_decision(
        counts, DecisionRule(alpha=ALPHA, narrowest_at_units=planned)
    )
    units = np.where([winner == "b" for winner in winners], (at + 1) * batch, np.inf)
    return part(
        "rollout.power",
        round(float((units <= planned).mean()), 4),
        {"z-test once, at the end": round(float(once.mean()), 4)},
        f"share of {runs} tests won by {planned} units, {RATES[0]:.0%} against {RATES[1]:.0%}",
        by_one_and_a_half_times_the_units=round(float((units <= 1.5 * planned).mean()), 4),
        by_twice_the_units=round(float((units <= 2 * planned).mean()), 4),
        median_units=int(np.median(units)),
        wrong_winner=float(np.mean([winner == "control" for winner in winners])),
    )


def climbs(runs: int, drawn: str, regression: float, most: int) -> list[streams.Climb]:
    rng = np.random.default_rng([SEED, 3, int(regression * 100), len(drawn)])
    better = "higher" if drawn == "hits" else "lower"
    kind = "proportion" if drawn == "hits" else "mean"
    draw = streams.hits(0.8, regression) if drawn == "hits" else streams.seconds(regression)
    policy = RampPolicy((Metric(drawn, kind, better, tolerated_loss=TOLERATED),), alpha=ALPHA)
    return [streams.climb(policy, draw, RAMP_BATCH, most, rng) for _ in range(runs)]


def just_tolerated(runs: int) -> Part:
    """The worst that may still be promoted: neither answer is right, and both must be rare."""
    told = Counter(end.action for end in climbs(runs, "hits", TOLERATED, TOLERATED_MOST))
    unit = f"share of {runs} ramps promoted, hits {TOLERATED:.0%} worse, as is just tolerated"
    back = round(told["roll back"] / runs, 4)
    return part(
        "rollout.just_tolerated", round(told["promote"] / runs, 4), {}, unit, rolled_back=back
    )


def ramp(runs: int, drawn: str, regression: float) -> Part:
    ends = climbs(runs, drawn, regression, RAMP_MOST)
    told = Counter(end.action for end in ends)
    wanted = [end for end in ends if end.action == ("roll back" if regression else "promote")]
    return part(
        "rollout.regression" if regression else "rollout.no_regression",
        round(told["roll back"] / runs, 4),
        {},
        f"share of {runs} ramps rolled back, {drawn} {regression:.0%} worse",
        promoted=round(told["promote"] / runs, 4),
        median_units=int(np.median([end.units for end in wanted])),
        median_units_of_challenger=int(np.median([end.challenged for end in wanted])),
        ended_on_step=dict(sorted(Counter(end.step for end in wanted).items())),
    )


def coverage(runs: int, at: int, share: float) -> Part:
    looks = np.unique(np.geomspace(COVERED_FROM, COVERED_TO, COVERED_LOOKS).astype(np.int64))
    kind = streams.kinds()[at]
    rng = np.random.default_rng([SEED, 4, at, int(share * 100)])
    held = streams.coverage(kind, share, looks, runs, rng)
    found = part(
        "rollout.coverage",
        round(float(held.all(axis=1).mean()), 4),
        {"nominal": 1 - ALPHA},
        f"share of {runs} streams covered at all of {looks.size} looks: {kind.label}, "
        f"{share:.0%} of units to b",
        least_at_a_look=round(float(held.mean(axis=0).min()), 4),
    )
    return found.drawn(label=kind.label, share=share, looks=looks, held=held)


def fair(runs: int) -> Part:
    alarms = {}
    for at, shares in enumerate(FAIR):
        rng = np.random.default_rng([SEED, 5, at])
        after = streams.watched(shares, shares, runs // len(FAIR), FAIR_UNITS, rng)
        alarms[" / ".join(f"{share:.0%}" for share in shares)] = int((after <= FAIR_UNITS).sum())
    counted = runs // len(FAIR) * len(FAIR)
    return part(
        "rollout.sample_ratio.fair",
        sum(alarms.values()) / counted,
        {"level": WATCHED_LEVEL},
        f"share of {counted} fair streams called a mismatch in {FAIR_UNITS} units",
        alarms=alarms,
    )


def unfair(runs: int) -> Part:
    rng = np.random.default_rng([SEED, 6])
    after = streams.watched((0.8, 0.2), (0.67, 0.33), runs, UNFAIR_UNITS, rng)
    return part(
        "rollout.sample_ratio.33_for_20",
        float((after <= UNFAIR_UNITS).mean()),
        {},
        f"share of {runs} streams called a mismatch within {UNFAIR_UNITS} units",
        median_units=int(np.median(after)),
        slowest_units=int(after.max()),
    )


def jobs(runs: int) -> list[Callable[[], Part]]:
    """The full number for what is claimed of 2,000 runs, parts of it for what takes longer."""
    half, fifth = max(runs // 2, 4), max(runs // 5, 2)
    ramps = [(drawn, worse) for worse in (0.0, REGRESSION) for drawn in ("hits", "seconds")]
    kinds = [(at, share) for at in range(len(streams.kinds())) for share in (0.5, 0.1)]
    return [
        partial(peeking, runs),
        partial(fair, half),
        partial(unfair, half),
        partial(power, half),
        *(partial(ramp, half, *each) for each in ramps),
        partial(just_tolerated, fifth),
        *(partial(coverage, fifth, *each) for each in kinds),
    ]


def call(job: Callable[[], Part]) -> Part:
    return job()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--cookie-cats", type=Path, help="the public test of that name")
    parser.add_argument("--report", type=Path, help="a folder for a page and its figures")
    asked = parser.parse_args()
    parts = []
    with ProcessPoolExecutor() as processes:
        for found in processes.map(call, jobs(asked.runs)):
            print(json.dumps(found.figures), flush=True)
            parts.append(found)
    if asked.cookie_cats:
        parts.append(Part({"bench": "rollout.cookie_cats", **published(asked.cookie_cats)}))
        print(json.dumps(parts[-1].figures))
    if asked.report:
        write_page(asked.report, parts)


if __name__ == "__main__":
    main()
