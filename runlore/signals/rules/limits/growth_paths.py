"""Paths that a growing series may take: growth, noise, bursts and clean-ups, step by step."""

from dataclasses import dataclass

import numpy as np

from runlore.signals.rules.limits.clean_ups import CleanUps
from runlore.signals.rules.limits.growth_jumps import GrowthJumps
from runlore.signals.rules.limits.growth_model import GrowthDraws
from runlore.signals.rules.series.grid import Floats


@dataclass(frozen=True)
class Bursts:
    """sizes: of those that were seen, above 0. steps: in how many."""

    sizes: Floats
    steps: int

    def draw_rates(self, paths: int, rng: np.random.Generator) -> Floats:
        """Bursts a step."""
        count = len(self.sizes)
        return np.asarray(rng.gamma(count, 1 / self.steps, paths)) if count else np.zeros(paths)

    def draw_weights(self, paths: int, rng: np.random.Generator) -> Floats:
        """How often each size comes, cumulated: (paths, sizes). The Bayesian bootstrap of Rubin."""
        return np.cumsum(rng.dirichlet(np.ones(max(len(self.sizes), 1)), paths), axis=1)


def bursts_of(upward: GrowthJumps, steps: int) -> Bursts:
    return Bursts(upward.size, steps)


def simulate_growth(
    draws: GrowthDraws,
    bursts: Bursts,
    clean_ups: CleanUps,
    steps: int,
    rng: np.random.Generator,
) -> Floats:
    """The values of each path at each step to come: (steps, paths)."""
    paths = len(draws.level)
    level, noise = draws.level.copy(), draws.noise.copy()
    rates, weights = bursts.draw_rates(paths, rng), bursts.draw_weights(paths, rng)
    clean_rates = clean_ups.draw_rate(paths, rng)
    elapsed = np.full(paths, float(clean_ups.elapsed))
    is_in_time = clean_ups.rhythm == "in time"
    trigger = clean_ups.draw_trigger(
        paths, rng, clean_ups.elapsed if is_in_time else float(np.median(level))
    )
    found = np.empty((steps, paths))
    for step in range(steps):
        level += draws.slope + draws.wander * rng.normal(size=paths)
        is_burst = rng.random(paths) < rates
        if is_burst.any():
            level[is_burst] += _sizes(bursts, weights[is_burst], rng)
        noise = draws.correlation * noise + draws.shock * rng.normal(size=paths)
        elapsed += 1
        is_due = (elapsed if is_in_time else level + noise) >= trigger
        is_due |= rng.random(paths) < clean_rates
        if is_due.any():
            level[is_due] = clean_ups.draw_rest(level[is_due], rng)
            elapsed[is_due] = 0
            trigger[is_due] = clean_ups.draw_trigger(int(is_due.sum()), rng, _least(clean_ups))
        found[step] = level + noise
    return found


def _sizes(bursts: Bursts, weights: Floats, rng: np.random.Generator) -> Floats:
    drawn = rng.random((len(weights), 1))
    index = (weights < drawn).sum(axis=1)
    return np.asarray(bursts.sizes[np.minimum(index, len(bursts.sizes) - 1)])


def _least(clean_ups: CleanUps) -> float:
    """Of a new trigger: a step, or no level in particular."""
    return 1.0 if clean_ups.rhythm == "in time" else -np.inf
