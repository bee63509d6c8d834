"""Dates on which simulated demand exceeds capacity, and alerts before them: an object per line.

    python bench/capacity.py [--growths 500] [--flat 200] [--seed 2029]

A growth is linear, exponential, or seasonal (a cycle of 60 to 365 days on a slow growth), with
weekdays, log-normal noise (AR(1), now and then heavy-tailed), and a past of 90 to 364 days.
Capacity is set from the generator's mean alone, so that the mean reaches it 14 to 120 days after
the past. The truth is the first week of the simulated future whose demand exceeds its capacity; all
are judged within 180 days. Held: the share of true dates inside the interval. Line: least squares
through the weeks of the past, with its prediction interval of 90 %.

Alerts: lead is kept if the alert stands 7 days before the true date, of dates at least 14 days
after the past. A flat world has no growth and a mean of 50 to 90 % of capacity; it is watched
weekly for 13 weeks. False: worlds with any alert though no week of the next 60 days was full; also
by utilisation.
Seeds below 100 were used for choosing, 2029 for the figures.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from runlore.planning.rules.capacity.alert_rule import is_due
from runlore.planning.rules.capacity.demand_paths import WEEK, simulate_demand
from runlore.planning.rules.capacity.full_date import FullDate, find_full_date, week_sums

Floats = NDArray[np.float64]
Interval = tuple[float, float]
SORTS = ("linear", "exponential", "seasonal")
HORIZON = 180
LEAD = 7


@dataclass(frozen=True)
class SimulatedDemand:
    sort: str
    demand: Floats
    capacity: Floats
    past: int

    @property
    def full_day(self) -> float:
        """Days after the past; infinite beyond the horizon."""
        is_full = self.fullness[self.past - WEEK + 2 :] > 1
        return float(is_full.argmax() + 1) if is_full.any() else np.inf

    @property
    def fullness(self) -> Floats:
        return np.asarray(week_sums(self.demand) / week_sums(self.capacity))

    def seen_from(self, day: int) -> FullDate:
        """What is said when `day` days have passed since the past."""
        end = self.past + day
        kinds = np.arange(end + HORIZON) % WEEK
        capacity = np.resize(self.capacity[: 2 * WEEK], end + HORIZON)
        paths = simulate_demand(self.demand[:end], kinds, HORIZON)
        return find_full_date(self.demand[:end], paths, capacity)


def simulate(rng: np.random.Generator, sort: str) -> SimulatedDemand:
    past = int(rng.integers(90, 365))
    days = past + HORIZON
    time_ = np.arange(days)
    weekdays = weekday_pattern(rng)
    mean = growth(rng, sort, time_, past)
    demand = mean * weekdays[time_ % WEEK] * np.exp(noise(rng, days))
    if sort == "flat":
        usual = float(np.mean(demand)) / float(rng.uniform(0.5, 0.9))
    else:
        ahead = past + int(rng.integers(14, 121))
        usual = float(max(mean[ahead], mean[past - WEEK : past].max() * 1.02))
    return SimulatedDemand(sort, demand, np.full(days, usual), past)


def growth(rng: np.random.Generator, sort: str, time_: NDArray[np.int64], past: int) -> Floats:
    """The mean of a day; a growth adds 10 to 150 % over 180 days."""
    gain = float(np.exp(rng.uniform(np.log(0.1), np.log(1.5))))
    if sort == "flat":
        return np.full(len(time_), 100.0)
    if sort == "exponential":
        return np.asarray(100 * (1 + gain) ** ((time_ - past) / HORIZON))
    slope = 100 * gain / HORIZON
    line = 100 + slope * np.maximum(time_ - past, -0.8 * HORIZON / max(gain, 0.8))
    if sort == "linear":
        return np.asarray(line)
    period, size = float(rng.uniform(60, 365)), float(rng.uniform(0.05, 0.25))
    return np.asarray(line * (1 + size * np.sin(2 * np.pi * time_ / period + rng.uniform(0, 6.3))))


def weekday_pattern(rng: np.random.Generator) -> Floats:
    pattern = np.ones(WEEK)
    if rng.random() < 0.7:
        pattern = rng.uniform(0.8, 1.2, WEEK)
        pattern[5:] *= float(rng.choice([0.1, 0.3, 0.6]))
    return np.asarray(pattern / pattern.mean())


def noise(rng: np.random.Generator, days: int) -> Floats:
    size, correlation = float(rng.uniform(0.05, 0.5)), float(rng.choice([0.0, 0.3, 0.7]))
    heavy = rng.random() < 0.3
    shocks = rng.standard_t(4, days + 50) / np.sqrt(2) if heavy else rng.normal(size=days + 50)
    values = np.empty(days + 50)
    last = 0.0
    for at, shock in enumerate(shocks):
        values[at] = last = correlation * last + np.sqrt(1 - correlation**2) * float(shock)
    return np.asarray(size * values[50:] - size**2 / 2)


def runlore(world: SimulatedDemand) -> Interval | None:
    found = world.seen_from(0)
    if found.state in {"full", "unknown"}:
        return None
    early, late = (np.inf if day is None else float(day) for day in (found.early, found.late))
    return early, late


def line(world: SimulatedDemand) -> Interval | None:
    weeks = world.demand[world.past % WEEK : world.past].reshape(-1, WEEK).sum(axis=1)
    count, steps = len(weeks), np.arange(len(weeks))
    slope, start = np.polyfit(steps, weeks, 1)
    if slope <= 0:
        return None
    rest = weeks - start - slope * steps
    ahead = count - 1 + np.arange(1, HORIZON + 1) / WEEK
    centre = (ahead - steps.mean()) ** 2 / ((steps - steps.mean()) ** 2).sum()
    sd = np.sqrt(rest @ rest / (count - 2)) * np.sqrt(1 + 1 / count + centre)
    half = student.ppf(0.95, count - 2) * sd
    limit = world.capacity[:WEEK].sum()
    ends = [np.flatnonzero(start + slope * ahead + side * half > limit) for side in (1, -1)]
    early, late = (float(end[0] + 1) if len(end) else np.inf for end in ends)
    return early, late


def judge(
    worlds: Sequence[SimulatedDemand], answers: Sequence[Interval | None]
) -> dict[str, float]:
    said = [(w, a) for w, a in zip(worlds, answers, strict=True) if a]
    held = [a[0] <= w.full_day <= a[1] for w, a in said]
    came = [inside for inside, (w, _) in zip(held, said, strict=True) if np.isfinite(w.full_day)]
    widths = [min(a[1], HORIZON) - min(a[0], HORIZON) for _, a in said]
    return {
        "worlds": len(worlds),
        "no_date": round(1 - len(said) / max(len(worlds), 1), 3),
        "came": len(came),
        "held_of_those_that_came": round(float(np.mean(came)), 3) if came else np.nan,
        "held_of_all": round(float(np.mean(held)), 3),
        "before_early": round(float(np.mean([w.full_day < a[0] for w, a in said])), 3),
        "median_width_days": float(np.median(widths)),
    }


def measure_dates(worlds: Sequence[SimulatedDemand]) -> None:
    for name, method in (("runlore", runlore), ("line", line)):
        began = time.process_time()
        answers = [method(one) for one in worlds]
        spent_s = time.process_time() - began
        for sort in ("all", *SORTS):
            pairs = [
                (w, a) for w, a in zip(worlds, answers, strict=True) if sort in {"all", w.sort}
            ]
            found = judge([w for w, _ in pairs], [a for _, a in pairs])
            print(json.dumps({"method": name, "sort": sort} | found), flush=True)
        print(
            json.dumps({"method": name, "ms": round(1000 * spent_s / len(worlds), 1)}), flush=True
        )


def measure_alerts(worlds: Sequence[SimulatedDemand], flat: Sequence[SimulatedDemand]) -> None:
    filling = [one for one in worlds if 14 <= one.full_day < np.inf]
    stands = [is_due(one.seen_from(int(one.full_day) - LEAD)) for one in filling]
    leads = {"filling": len(filling), "lead_of_7_days": round(float(np.mean(stands)), 3)}
    print(json.dumps(leads), flush=True)
    rows = [(float(one.demand.mean() / one.capacity.mean()), *watch(one)) for one in flat]
    for low, high in ((0.5, 0.9), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9)):
        taken = [(alerts, false) for use, alerts, false in rows if low <= use < high]
        if taken:
            print(
                json.dumps(
                    {
                        "flat": len(taken),
                        "utilisation": [low, high],
                        "worlds_with_a_false_alert": round(
                            float(np.mean([false > 0 for _, false in taken])), 3
                        ),
                        "false_of_looks": round(
                            sum(false for _, false in taken) / 13 / len(taken), 3
                        ),
                        "alerts": sum(alerts for alerts, _ in taken),
                    }
                ),
                flush=True,
            )


def watch(world: SimulatedDemand) -> tuple[int, int]:
    """Looks with an alert, and those of them before 60 days without a full week."""
    alerts = false = 0
    for day in range(0, 13 * WEEK, WEEK):
        if is_due(world.seen_from(day)):
            first = world.past + day - WEEK + 1
            alerts += 1
            false += not (world.fullness[first : first + 60] > 1).any()
    return alerts, false


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--growths", type=int, default=500)
    parser.add_argument("--flat", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2029)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    worlds = [simulate(rng, str(rng.choice(SORTS))) for _ in range(options.growths)]
    flat = [simulate(rng, "flat") for _ in range(options.flat)]
    measure_dates(worlds)
    measure_alerts(worlds, flat)


if __name__ == "__main__":
    main()
