"""A test of means whose arms have equal means and other shapes names a winner at most α often.

Each world is an A/B test of 20,000 units per arm that is looked at 50 times. "Before" is the rule
that trusted a mean from 30 units on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from promised.row import Row

from runlore.experiments.rules import sequence
from runlore.experiments.rules.comparison import compare
from runlore.experiments.rules.design import DecisionRule
from runlore.experiments.rules.estimate import cautious_arms, contrast
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.moments import Moments, moments_of, no_moments

Floats = NDArray[np.float64]
Generator = np.random.Generator
Draw = Callable[[Generator, int], tuple[Floats, ...]]

SEED, LOOKS, BATCH = 7, 50, 400
RULE = DecisionRule(correction="none")
MEAN, RATIO = Metric("x", "mean", "lower"), Metric("x", "ratio", "lower")
CUPED = replace(MEAN, has_covariate=True)


@dataclass(frozen=True)
class World:
    """Two arms. share: of the units that the variant gets. promise: what the share is to be."""

    label: str
    control: Draw
    variant: Draw
    metric: Metric = MEAN
    share: float = 0.5
    promise: str = "≤ 5 %"


def gamma(rng: Generator, n: int, shape: float = 1.0, mean: float = 1.0) -> tuple[Floats, ...]:
    return (rng.gamma(shape, mean / shape, n),)


def lognormal(rng: Generator, n: int, sigma: float, mean: float = 1.0) -> tuple[Floats, ...]:
    return (rng.lognormal(log(mean) - sigma**2 / 2, sigma, n),)


def gross(rng: Generator, n: int, share: float, gain: float) -> tuple[Floats, ...]:
    """Lower by `gain` but for gross errors, which make up for it."""
    value = (1 - (1 - share) * (1 - gain)) / share
    return (np.where(rng.random(n) < share, value, rng.exponential(1 - gain, n)),)


def per_view(draw: Draw, rng: Generator, n: int) -> tuple[Floats, ...]:
    """A value per view, and 1 + Poisson(4) views of each unit."""
    views = 1.0 + rng.poisson(4, n)
    return draw(rng, n)[0] * views, views


def after_usual(draw: Draw, rng: Generator, n: int) -> tuple[Floats, ...]:
    """A value that adds to what the unit did before."""
    usual = rng.gamma(2, 1, n)
    return draw(rng, n)[0] + usual, usual


def capped(draw: Draw, cap: float, rng: Generator, n: int) -> tuple[Floats, ...]:
    return (np.minimum(draw(rng, n)[0], cap),)


def heavy(sigma: float, mean: float = 1.0) -> Draw:
    return partial(lognormal, sigma=sigma, mean=mean)


def equal_means() -> Iterator[World]:
    yield World("gamma, log-normal σ 2", gamma, heavy(2))
    yield World("normal, log-normal σ 2, 10 % of units", normal, heavy(2), share=0.1)
    yield World("gamma, log-normal σ 1.5", gamma, heavy(1.5))
    yield World("gamma, log-normal σ 1", gamma, heavy(1))
    yield World("log-normal σ 2, log-normal σ 2", heavy(2), heavy(2))
    yield World("gamma, gamma", gamma, gamma)
    ratios = partial(per_view, gamma), partial(per_view, heavy(2))
    yield World("ratio: gamma, log-normal σ 2", *ratios, metric=RATIO)
    cuped = partial(after_usual, gamma), partial(after_usual, heavy(2))
    yield World("CUPED: gamma, log-normal σ 2", *cuped, metric=CUPED)
    for share in (0.01, 0.005, 0.002, 0.001):
        errors = partial(gross, share=share, gain=0.2)
        label = f"20 % lower, but {share:.1%} gross errors"
        yield World(label, gamma, errors)


def normal(rng: Generator, n: int) -> tuple[Floats, ...]:
    return (rng.normal(1, 1, n),)


def real_gains() -> Iterator[World]:
    """A tenth less, shown by 20,000 units per arm; caps are the 99th percentile of the control."""
    for sigma in (0.5, 1.0, 1.5):
        label, draws = f"10 % less, log-normal σ {sigma:g}", (heavy(sigma), heavy(sigma, 0.9))
        cap = exp(2.326 * sigma - sigma**2 / 2)
        limited = [partial(capped, draw, cap) for draw in draws]
        yield World(label, *draws, promise="power")
        yield World(f"{label}, capped at {cap:.1f}", limited[0], limited[1], promise="power")


def streams(world: World, rng: Generator) -> Iterator[tuple[Moments, Moments]]:
    """Both arms at every look."""
    held = [no_moments(world.metric.values), no_moments(world.metric.values)]
    for _ in range(LOOKS):
        mine = int(rng.binomial(2 * BATCH, world.share))
        fresh = world.control(rng, 2 * BATCH - mine), world.variant(rng, mine)
        held = [arm.merged(moments_of(*new)) for arm, new in zip(held, fresh, strict=True)]
        yield held[0], held[1]


def before(metric: Metric, pair: tuple[Moments, Moments]) -> bool:
    apart = contrast(cautious_arms(metric, *pair))
    return sequence.interval(apart, RULE.alpha).leaves_out(0.0)


def now(metric: Metric, pair: tuple[Moments, Moments]) -> bool:
    return compare(metric, "b", pair, RULE).p_value <= RULE.alpha


def shares(world: World, worlds: int, seed: int) -> Iterator[Row]:
    rng = np.random.default_rng([SEED, seed])
    said = np.zeros(2, dtype=np.int64)
    for _ in range(worlds):
        decided = [False, False]
        for pair in streams(world, rng):
            if min(arm.n for arm in pair) < RULE.least_units:
                continue
            decided[0] = decided[0] or before(world.metric, pair)
            decided[1] = decided[1] or now(world.metric, pair)
            if all(decided):
                break
        said += decided
    for rule, count in zip(("before", "now"), said.tolist(), strict=True):
        yield Row(world.label, rule, count / worlds, worlds, world.promise)


def run(worlds: int) -> Iterable[Row]:
    for seed, world in enumerate((*equal_means(), *real_gains())):
        yield from shares(world, worlds, seed)
