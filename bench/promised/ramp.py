"""A ramp promotes a challenger that loses more than is tolerated at most alpha often.

2,000 units an hour, looked at every two hours; 5 % of the loss are tolerated. "Before" compares
the outcomes known of units that are `outcome_due_s` old; "now" follows units for longer where
outcomes come late.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from promised.row import Row
from trials.delayed import DelayedWorld, RampEnd, Units, climb

SEED = 26
EVERY_H = 2
WRONG = "at most 5.0%"


def lognormal(
    rng: np.random.Generator,
    n: int,
    sigma: float,
    short: float,
    long: float,
    long_h: float = 24.0,
) -> Units:
    """Work of 1 h in the median, with errors that grow with it.

    short, long: the challenger's errors as multiples of the champion's, of work below and above
    `long_h`.
    """
    hours = rng.lognormal(0, sigma, n)
    champion, challenger = 0.5 * hours * np.abs(rng.normal(size=(2, n)))
    times = np.where(hours < long_h, short, long)
    return Units(hours, hours, np.stack([champion, times * challenger]))


def within_a_day(rng: np.random.Generator, n: int, times: float) -> Units:
    """All outcomes come between 0 and 24 h."""
    hours = rng.uniform(0, 24, n)
    champion, challenger = 0.5 * hours * np.abs(rng.normal(size=(2, n)))
    return Units(hours, hours, np.stack([champion, times * challenger]))


def failures_come_early(rng: np.random.Generator, n: int, shift: float) -> Units:
    """Brier scores of a rate of .2: failures are known in hours, a fifth of the rest after days.

    shift: what the challenger adds to every probability, which helps failures and harms successes.
    """
    risk = rng.beta(2, 8, n)
    failed = rng.random(n) < risk
    hours = np.where(failed, rng.lognormal(-0.7, 1, n), rng.lognormal(2.1, 1.6, n))
    champion, challenger = np.clip(risk + rng.normal(0, 0.05, (2, n)) + [[0], [shift]], 0, 1)
    return Units(hours, failed.astype(float), (np.stack([champion, challenger]) - failed) ** 2)


WORSE = DelayedWorld(
    "better on short work, 12 % worse in all", partial(lognormal, sigma=1.5, short=0.8, long=2.0)
)
SAME = DelayedWorld("as good", partial(lognormal, sigma=1.5, short=1.0, long=1.0))
BETTER = DelayedWorld("20 % better", partial(lognormal, sigma=1.5, short=0.8, long=0.8))
RARE_WORSE = DelayedWorld(
    "five times as bad on one unit in 1,000, 6 % worse in all",
    partial(lognormal, sigma=1.5, short=0.8, long=5.0, long_h=96.0),
)
LIGHT_SAME = DelayedWorld(
    "lighter tail, as good", partial(lognormal, sigma=1.0, short=1.0, long=1.0)
)
EARLY_WORSE = DelayedWorld("failures come early, worse", partial(failures_come_early, shift=0.1))
EARLY_SAME = DelayedWorld("failures come early, as good", partial(failures_come_early, shift=0.0))
DAY_SAME = DelayedWorld("all within a day, as good", partial(within_a_day, times=1.0))
DAY_WORSE = DelayedWorld("all within a day, 12 % worse", partial(within_a_day, times=1.12))


def ends(world: DelayedWorld, worlds: int, *, follow_ups: bool) -> list[RampEnd]:
    rngs = (np.random.default_rng([SEED, number]) for number in range(worlds))
    return [climb(world, rng, follow_ups=follow_ups, every_h=EVERY_H) for rng in rngs]


def rows(world: DelayedWorld, worlds: int, *, is_worse: bool) -> Iterator[Row]:
    """Promotions and roll-backs under both rules, with the days that promotions took."""
    for follow_ups in (False, True):
        done = ends(world, worlds, follow_ups=follow_ups)
        rule = "now" if follow_ups else "before"
        days = [end.days for end in done if end.action == "promote"]
        took = f"{np.median(days):.1f} days" if days else "never"
        promoted = sum(end.action == "promote" for end in done) / worlds
        back = sum(end.action == "roll back" for end in done) / worlds
        promise = WRONG if is_worse else took
        yield Row(f"{world.name}: promoted", rule, promoted, worlds, promise)
        yield Row(f"{world.name}: rolled back", rule, back, worlds, "" if is_worse else WRONG)


def run(worlds: int) -> Iterator[Row]:
    few = max(worlds // 5, 10)
    yield from rows(WORSE, worlds, is_worse=True)
    yield from rows(RARE_WORSE, few, is_worse=True)
    yield from rows(EARLY_WORSE, few, is_worse=True)
    yield from rows(DAY_WORSE, few, is_worse=True)
    yield from rows(SAME, few, is_worse=False)
    yield from rows(BETTER, few, is_worse=False)
    yield from rows(EARLY_SAME, few, is_worse=False)
    yield from rows(DAY_SAME, few, is_worse=False)
    yield from rows(LIGHT_SAME, few, is_worse=False)
