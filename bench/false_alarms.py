"""Count alarms on simulated quiet series beside the budget that was set.

    python bench/false_alarms.py [--series 1000] [--seeds 20] [--first 100] [--days 28]

Hourly points with a day, a week, a trend, autocorrelation and heavy tails; nothing is wrong with
any series. They are learned for 28 days before the alarms are counted.
"""

import argparse
import sys
import time

import numpy as np

from runlore.signals.rules import detector
from runlore.signals.rules.alarm_budget import LEAST_EXCESS, WEEK_US, Unusual, spend

HOUR_US = 3_600 * 1_000_000
LEARNING_DAYS = 28
BUDGETS = (1.0, 5.0)


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
    asked = parser.parse_args()
    weeks = asked.days * 24 * HOUR_US / WEEK_US
    begun, counts = time.process_time(), []
    for seed in range(asked.first, asked.first + asked.seeds):
        counts.append(count(score(seed, asked.series, asked.days)))
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
