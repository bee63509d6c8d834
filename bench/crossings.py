"""Dates on which simulated growths reach a limit, beside a straight line: an object per line.

    python bench/crossings.py [--series 500] [--seed 2028]

Each growth draws its slope, its noise (AR(1) around the level, heavy-tailed steps of the level),
bursts, and clean-ups: none, one, by chance, in time or at a level, that leave a floor, a share, or
less by an amount. A limit is set from the past and the generator's mean growth alone, never from
the future that is judged. The horizon is twice the past. Held: the share of true dates inside the
interval of 90 %, of those within the horizon, and of all: one that is not is held by an open
interval. Width: of the interval, as a share of the horizon. No date: series for which none is said.
Line: least squares through the whole past, with its prediction interval of 90 %.
Seeds below 100 were used for choosing, 2028 for the figures.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from runlore.signals.rules.limits.crossing import LimitRule, find_crossing

Floats = NDArray[np.float64]
Interval = tuple[float, float] | None  # steps ahead, infinite beyond the horizon; None: not said
KINDS = ("none", "one", "by chance", "in time", "at a level")
RESTS = ("floor", "share", "amount")


@dataclass(frozen=True)
class CleanUpHabit:
    """every: steps, or the growth of so many. jitter: a share of it. part: of growth that goes."""

    kind: str
    rest: str
    every: float
    jitter: float
    part: float


@dataclass(frozen=True)
class SimulatedGrowth:
    habit: CleanUpHabit
    past: Floats
    future: Floats
    limit: float

    @property
    def truth(self) -> float:
        beyond = np.flatnonzero(self.future >= self.limit)
        return float(beyond[0] + 1) if len(beyond) else np.inf


def simulate(rng: np.random.Generator) -> SimulatedGrowth:
    count = int(rng.integers(60, 241))
    habit = CleanUpHabit(
        str(rng.choice(KINDS)),
        str(rng.choice(RESTS)),
        float(rng.uniform(12, count / 3)),
        float(rng.uniform(0, 0.3)),
        float(rng.uniform(0.3, 0.9)),
    )
    slope = float(np.exp(rng.normal(0, 2)))
    rate = float(rng.choice([0.0, 1 / rng.uniform(15, 60)]))
    size = slope * float(rng.uniform(5, 30))
    growth = slope + rate * size
    wander = slope * float(rng.choice([0.0, 0.5, 2.0])) * rng.standard_t(5, 3 * count)
    bursts = (rng.random(3 * count) < rate) * rng.exponential(size, 3 * count)
    level = clean(rng, slope + wander + bursts, growth, habit, count)
    values = level + slope * float(np.exp(rng.uniform(-1, 3))) * noise(rng, 3 * count)
    lasting = growth if habit.kind in {"none", "one"} else (1 - habit.part) * growth
    room = float(rng.uniform(0.02, 1.2)) * lasting * count
    return SimulatedGrowth(
        habit, values[:count], values[count:], float(values[:count].max() + room)
    )


def noise(rng: np.random.Generator, count: int) -> Floats:
    correlation = float(rng.uniform(0, 0.95))
    steps = rng.normal(0, np.sqrt(1 - correlation**2), count + 100)
    values, last = np.empty(len(steps)), 0.0
    for at, step in enumerate(steps):
        values[at] = last = correlation * last + step
    return values[100:]


def clean(
    rng: np.random.Generator, gains: Floats, growth: float, habit: CleanUpHabit, count: int
) -> Floats:
    """The level after gains and clean-ups."""
    base = growth * habit.every
    level, found = base * float(rng.uniform(0, 2)), np.empty(len(gains))
    once = int(rng.integers(count // 4, count))
    since, start = 0, level
    jitter = float(rng.normal(0, habit.jitter))
    for at, gain in enumerate(gains):
        level, since = level + gain, since + 1
        due = {
            "none": False,
            "one": at == once,
            "by chance": rng.random() < 1 / habit.every,
            "in time": since >= max(habit.every * (1 + jitter), 3),
            "at a level": level >= start + base * (1 + jitter),
        }[habit.kind]
        if due:
            left = {
                "floor": start + base * 0.1 * float(rng.normal()),
                "share": (1 - habit.part) * level,
                "amount": level - habit.part * base * (1 + 0.1 * float(rng.normal())),
            }[habit.rest]
            level, since = min(left, level), 0
            start = level if habit.rest == "amount" else start
            jitter = float(rng.normal(0, habit.jitter))
        found[at] = level
    return found


def runlore(growth: SimulatedGrowth) -> Interval:
    horizon = 2 * len(growth.past)
    found = find_crossing(growth.past, LimitRule(growth.limit, horizon))
    if found.reason:
        return None
    early, late = (np.inf if step is None else step for step in (found.early, found.late))
    return float(early), float(late)


def line(growth: SimulatedGrowth) -> Interval:
    count = len(growth.past)
    steps = np.arange(count)
    slope, start = np.polyfit(steps, growth.past, 1)
    if slope <= 0:
        return None
    rest = growth.past - start - slope * steps
    sd = np.sqrt(rest @ rest / (count - 2))
    ahead = count - 1 + np.arange(1, 2 * count + 1)
    centre = (ahead - steps.mean()) ** 2 / ((steps - steps.mean()) ** 2).sum()
    half = student.ppf(0.95, count - 2) * sd * np.sqrt(1 + 1 / count + centre)
    ends = [np.flatnonzero(start + slope * ahead + side * half >= growth.limit) for side in (1, -1)]
    early, late = (float(end[0] + 1) if len(end) else np.inf for end in ends)
    return early, late


def measure(
    name: str, method: Callable[[SimulatedGrowth], Interval], growths: Sequence[SimulatedGrowth]
) -> None:
    began = time.process_time()
    answers = [(one, method(one)) for one in growths]
    seconds = (time.process_time() - began) / len(growths)
    for kind in ("all", *KINDS):
        taken = [pair for pair in answers if kind in {"all", pair[0].habit.kind}]
        print(json.dumps({"method": name, "clean_ups": kind} | judge(taken)), flush=True)
    print(json.dumps({"method": name, "ms": round(1000 * seconds, 1)}), flush=True)


def judge(answers: Sequence[tuple[SimulatedGrowth, Interval]]) -> dict[str, float]:
    said = [(one, interval) for one, interval in answers if interval]
    held = [early <= one.truth <= late for one, (early, late) in said]
    came = [inside for inside, (one, _) in zip(held, said, strict=True) if one.truth < np.inf]
    widths = [
        (min(late, 2 * len(one.past)) - min(early, 2 * len(one.past))) / (2 * len(one.past))
        for one, (early, late) in said
    ]
    return {
        "series": len(answers),
        "no_date": round(1 - len(said) / len(answers), 3),
        "came": len(came),
        "held_of_those_that_came": round(float(np.mean(came)), 3),
        "held_of_all": round(float(np.mean(held)), 3),
        "before_early": round(float(np.mean([one.truth < ends[0] for one, ends in said])), 3),
        "width": round(float(np.mean(widths)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=500)
    parser.add_argument("--seed", type=int, default=2028)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    growths = [simulate(rng) for _ in range(options.series)]
    measure("runlore", runlore, growths)
    measure("line", line, growths)


if __name__ == "__main__":
    main()
