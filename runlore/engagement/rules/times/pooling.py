"""Effects of hours and weekdays, partially pooled.

The log of the rate is a linear model of what else is known of a post, plus an hour curve (a few
waves a day), weekday effects and waves that differ by weekday, each with a normal prior around
none. How large these are is averaged over a grid by its marginal likelihood, so that little data
shrinks to "no difference" (Gelman & Hill, Data Analysis Using Regression and Multilevel Models,
2007, chapters 12 and 18).
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HOURS, DAYS, SLOTS = 24, 7, 168
WAVES = 4  # a day
# Variances beside that of the noise.
HOUR_SHARES = (0.001, 0.01, 0.03, 0.1, 0.3)
DAY_SHARES = (0.001, 0.01, 0.05)
BOTH_SHARES = (0.0003, 0.003, 0.03)
FIXED = (0.05, 0.02, 0.005)
VAGUE = 10.0  # of what else is known


@dataclass(frozen=True, eq=False)
class SlotEffects:
    """(168,) of hours of the week, Monday 0:00 first: logs beside the mean of all slots."""

    mean: Floats
    covariance: Floats

    def of(self, functionals: Floats) -> tuple[Floats, Floats]:
        """(k,) means and standard errors. functionals: (k, 168)."""
        variance = np.einsum("ij,jk,ik->i", functionals, self.covariance, functionals)
        return functionals @ self.mean, np.sqrt(np.maximum(variance, 0))


@dataclass(frozen=True, eq=False)
class TimedRates:
    """logs: (n,) of rates. known: (n, d) of each post, but not its time. slot: (n,) 0 .. 167."""

    logs: Floats
    known: Floats
    slot: Integers
    block: Integers

    @property
    def fixed(self) -> Floats:
        """(n, 1 + d)"""
        centred = self.known - self.known.mean(axis=0)
        return np.column_stack([np.ones(len(centred)), centred])


def slot_basis() -> tuple[Floats, Integers]:
    """(168, q) waves, weekdays, and waves by weekday; (q,) which of the three, from 0."""
    hour, day = np.arange(SLOTS) % HOURS, np.arange(SLOTS) // HOURS
    angle = 2 * np.pi * hour / HOURS
    waves = np.column_stack(
        [turn(angle * one) / one for one in range(1, WAVES + 1) for turn in (np.cos, np.sin)]
    )
    waves = waves / np.sqrt((waves**2).sum(axis=1).mean())
    days = np.eye(DAYS)[day]
    both = (waves[:, :, None] * days[:, None, :]).reshape(SLOTS, -1)
    parts = [np.full(one.shape[1], at) for at, one in enumerate((waves, days, both))]
    return np.column_stack([waves, days, both]), np.concatenate(parts)


def centring() -> Floats:
    """(168, 168): beside the mean of all slots."""
    return np.eye(SLOTS) - 1 / SLOTS


def pool_slots(rates: TimedRates, design_effect: float = 1.0) -> SlotEffects:
    """The posterior of all slots. design_effect: by which posts of a stretch are alike."""
    basis, part = slot_basis()
    fixed, inner = rates.fixed, centring() @ basis
    design = np.column_stack([fixed, basis[rates.slot]])
    gram, cross = design.T @ design, design.T @ rates.logs
    total, n = float(rates.logs @ rates.logs), len(rates.logs)
    begin = fixed.shape[1]
    fits, weights = [], []
    for shares in product(HOUR_SHARES, DAY_SHARES, BOTH_SHARES):
        prior = np.concatenate([np.full(begin, VAGUE), np.array(shares)[part]])
        inverse = np.linalg.inv(gram + np.diag(1 / prior))
        solved = inverse @ cross
        left = max(total - float(cross @ solved), 1e-12)
        size = -np.linalg.slogdet(inverse)[1] + np.log(prior).sum()
        weights.append(-(size + n / design_effect * np.log(left)) / 2)
        spread = design_effect * left / n * inverse[begin:, begin:]
        fits.append((inner @ solved[begin:], inner @ spread @ inner.T))
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    mean = np.asarray(sum(one * fit[0] for one, fit in zip(share, fits, strict=True)))
    covariance = np.zeros((SLOTS, SLOTS))
    for one, (middle, spread) in zip(share, fits, strict=True):
        apart = middle - mean
        covariance += one * (spread + np.outer(apart, apart))
    return SlotEffects(mean, covariance)


def smoother(rates: TimedRates) -> tuple[Floats, Floats, float]:
    """(168, n) what a fixed amount of pooling makes of the outcome; (n,) what is left of it
    without effects of time; the share of its freedom that is left."""
    basis, part = slot_basis()
    fixed = rates.fixed
    design = np.column_stack([fixed, basis[rates.slot]])
    prior = np.concatenate([np.full(fixed.shape[1], VAGUE), np.array(FIXED)[part]])
    solve = np.linalg.solve(design.T @ design + np.diag(1 / prior), design.T)
    made = centring() @ basis @ solve[fixed.shape[1] :]
    gram = fixed.T @ fixed + np.eye(fixed.shape[1]) / VAGUE
    hat = np.linalg.solve(gram, fixed.T)
    freedom = 1 - float(np.einsum("ij,ji->", fixed, hat)) / len(fixed)
    return made, rates.logs - fixed @ (hat @ rates.logs), max(freedom, 0.05)
