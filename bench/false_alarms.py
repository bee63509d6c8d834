"""Count alarms on simulated quiet series beside the budget that was set.

    python bench/false_alarms.py [--series 1000] [--seeds 20] [--first 100] [--days 28] [--kinds]

Hourly points with a day, a week, a trend, autocorrelation and heavy tails; nothing is wrong with
any series. They are learned for 28 days before the alarms are counted. With --kinds, lost rhythms
and hours with many unusual series, of scopes of 20, are counted beside them.
"""

import argparse
import sys
import time

import numpy as np

from runlore.signals.actions.anomalies import CROWD_SHARE, RHYTHM_SHARE
from runlore.signals.rules.anomalies import crowds, detector, lost_rhythm
from runlore.signals.rules.anomalies.alarm_budget import LEAST_EXCESS, WEEK_US, Unusual, spend

HOUR_US = 3_600 * 1_000_000
LEARNING_DAYS = 28
BUDGETS = (1.0, 5.0)
SCOPE = 20  # series of one


def simulate(rng: np.random.Generator, hours: int) -> np.ndarray:
    """A quiet series: noise of Student's distribution with 3 to 8 degrees, autocorrelated."""
    noise = rng.standard_t(rng.uniform(3, 8), hours)
    strength = rng.choice([0.0, 0.4, 0.8])
    for hour in range(1, hours):
        noise[hour] += strength * noise[hour - 1]
    time_h = np.arange(hours)
    day = rng.uniform(0, 6) * np.sin(2 * np.pi * (time_h / 24 + rng.uniform()))
    week = rng.uniform(0, 4) * np.sin(2 * np.pi * (time_h / 168 + rng.uniform()))
    return 100 + day + week + rng.normal(0, 0.004) * time_h + noise


def score(seed: int, series: int, days: int) -> Unusual:
    """The unusual points of quiet series."""
    rng = np.random.default_rng(seed)
    hours = (LEARNING_DAYS + days) * 24
    at = np.arange(hours, dtype=np.int64) * HOUR_US
    parts = []
    for one in range(series):
        excess = detector.scan(3_600, at, simulate(rng, hours)).score
        places = np.flatnonzero(excess > LEAST_EXCESS)
        parts.append((np.full(len(places), one), at[places], excess[places]))
    ids, times, excess = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(times, kind="stable")
    return Unusual(ids[order], times[order], excess[order], series * hours, 0, hours * HOUR_US)


def count_kinds(seed: int, unusual: Unusual, series: int, days: int) -> dict[float, int]:
    """Lost rhythms and crowds after the learning, by budget."""
    rng, hours = np.random.default_rng(seed), (LEARNING_DAYS + days) * 24
    at, first = np.arange(hours, dtype=np.int64) * HOUR_US, LEARNING_DAYS * 24
    counts = dict.fromkeys(BUDGETS, 0)
    rarest = lost_rhythm.most_probability(max(BUDGETS), RHYTHM_SHARE, series)
    for _ in range(series):
        found = lost_rhythm.find_lost_rhythms(3_600, at, simulate(rng, hours), rarest)
        for budget in BUDGETS:
            most = lost_rhythm.most_probability(budget, RHYTHM_SHARE, series)
            counts[budget] += sum(
                one.probability <= most and one.until_us >= first * HOUR_US for one in found
            )
    is_odd = np.zeros((series, hours), bool)
    is_odd[unusual.series, unusual.at // HOUR_US] = True
    for budget in BUDGETS:
        most = CROWD_SHARE * budget / (series / SCOPE * crowds.TESTS_A_WEEK)
        for scope in range(0, series, SCOPE):
            found = crowds.find_crowds(is_odd[scope : scope + SCOPE], most)
            counts[budget] += sum(one.first >= first for one in found)
    return counts


def count(unusual: Unusual) -> dict[float, int]:
    """Alarms after the learning, by budget."""
    counted_us = LEARNING_DAYS * 24 * HOUR_US
    return {
        budget: sum(int(unusual.at[alarm.place]) >= counted_us for alarm in spend(unusual, budget))
        for budget in BUDGETS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--kinds", action="store_true", help="count the other kinds, too")
    asked = parser.parse_args()
    weeks = asked.days * 24 * HOUR_US / WEEK_US
    begun, counts = time.process_time(), []
    for seed in range(asked.first, asked.first + asked.seeds):
        unusual = score(seed, asked.series, asked.days)
        counts.append(count(unusual))
        if asked.kinds:
            kinds = count_kinds(seed, unusual, asked.series, asked.days)
            sys.stdout.write(f"seed {seed}, of other kinds: {kinds}\n")
        sys.stdout.write(f"seed {seed}: {counts[-1]}\n")
        sys.stdout.flush()
    points = asked.seeds * asked.series * (LEARNING_DAYS + asked.days) * 24
    for budget in BUDGETS:
        a_week = np.array([one[budget] for one in counts]) / weeks
        sys.stdout.write(
            f"budget {budget:g} a week: {a_week.mean():.2f} a week"
            f" ({a_week.mean() / budget - 1:+.0%}), by seed {a_week.min():.2f} to"
            f" {a_week.max():.2f}\n"
        )
    sys.stdout.write(f"{(time.process_time() - begun) / points * 1e6:.1f} µs of CPU a point\n")


if __name__ == "__main__":
    main()
