"""The statistics of tests straight from their definitions: integrals, loops, resampling."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import beta as beta_distribution
from scipy.stats import norm


def mixture_e_value(value: float, error: float, units: float, prior_units: float) -> float:
    """A Gaussian mixture of likelihood ratios against "the difference is 0", by integration.

    The difference is believed to lie around 0 with the variance that prior_units of the units
    would leave.
    """
    spread = error * math.sqrt(units / prior_units)

    def likelihood(truth: float) -> float:
        ratio = math.exp((2 * value * truth - truth**2) / (2 * error**2))
        return ratio * float(norm.pdf(truth, 0, spread))

    middle = value * spread**2 / (spread**2 + error**2)
    width = error * spread / math.hypot(error, spread)
    return float(quad(likelihood, middle - 12 * width, middle + 12 * width, limit=200)[0])


def mixture_interval(
    value: float, error: float, units: float, prior_units: float, alpha: float
) -> tuple[float, float]:
    """All differences that the mixture does not refute at 1 / alpha."""

    def left(truth: float) -> float:
        return mixture_e_value(value - truth, error, units, prior_units) - 1 / alpha

    reach = brentq(lambda away: left(value + away), 1e-9 * error, 30 * error)
    return value - reach, value + reach


def jackknife_variance(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Of the ratio of sums, leaving out one unit after the other."""
    n = len(numerators)
    left = [
        sum(v for i, v in enumerate(numerators) if i != out)
        / sum(v for i, v in enumerate(denominators) if i != out)
        for out in range(n)
    ]
    middle = sum(left) / n
    return (n - 1) / n * sum((each - middle) ** 2 for each in left)


def regression_adjusted(
    control: np.ndarray, variant: np.ndarray, before: tuple[np.ndarray, np.ndarray]
) -> float:
    """The difference of arms by least squares on an arm's dummy and the covariate."""
    y = np.r_[control, variant]
    x = np.r_[before[0], before[1]]
    dummy = np.r_[np.zeros(len(control)), np.ones(len(variant))]
    design = np.column_stack([np.ones_like(y), dummy, x])
    return float(np.linalg.lstsq(design, y, rcond=None)[0][1])


def dirichlet_log_e(arms: Sequence[int], shares: Sequence[float], concentration: float) -> float:
    """Unit by unit: the chance of its arm as predicted, over its chance under the shares."""
    counts = [0] * len(shares)
    total = 0.0
    for n, arm in enumerate(arms):
        predicted = (concentration * shares[arm] + counts[arm]) / (concentration + n)
        total += math.log(predicted / shares[arm])
        counts[arm] += 1
    return total


def quantile_log_e(rank: int, n: int, share: float, prior: float) -> float:
    """Of `rank` of n below: a beta mixture of coins over the coin `share`, summed over many."""
    coins = (np.arange(5_000) + 0.5) / 5_000
    log = rank * np.log(coins / share) + (n - rank) * np.log((1 - coins) / (1 - share))
    weights = beta_distribution(prior * share, prior * (1 - share)).pdf(coins)
    return math.log(float(np.mean(np.exp(log) * weights)))


def quantile_interval(
    control: Sequence[float], variant: Sequence[float], share: float, prior: float, alpha: float
) -> tuple[float, float]:
    """Every pair of observed values as the two quantiles: those that are not refuted."""

    def against(values: Sequence[float], place: float) -> float:
        below = sum(v < place for v in values)
        within = sum(v <= place for v in values)
        rank = min(max(round(len(values) * share), below), within)
        return quantile_log_e(rank, len(values), share, prior)

    mine = {place: against(variant, place) for place in variant}
    theirs = {place: against(control, place) for place in control}
    kept = [
        one - other
        for one, e_one in mine.items()
        for other, e_other in theirs.items()
        if e_one + e_other < -math.log(alpha)
    ]
    return min(kept), max(kept)
