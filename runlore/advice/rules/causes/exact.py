"""Conditional tests of failures, like with like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
PRIOR = 4.0  # failures
GRID = 400
MAX_EXACT = 3_000  # failures; above, the normal approximation with a continuity correction


@dataclass(frozen=True)
class RiseCounts:
    """Failures with a value and without it, and those that are expected of like executions."""

    failed: int
    expected: float
    other_failed: int
    other_expected: float


def stratified_p(
    with_failed: Integers, with_rows: Integers, failed: Integers, rows: Integers
) -> float:
    """P(at least so many failures with the value), were failures alike within each stratum.

    All (S,): failures and rows with the value, and of the whole stratum. The distribution is the
    convolution of hypergeometric ones (Cochran 1954; exact: Mehta, Patel & Gray, JASA 80, 1985).
    Strata that say nothing are left out; 1.0 if none is left.
    """
    says = (failed > 0) & (failed < rows) & (with_rows > 0) & (with_rows < rows)
    if not says.any():
        return 1.0
    x, n, f, total = (part[says] for part in (with_failed, with_rows, failed, rows))
    observed = int(x.sum())
    if f.sum() > MAX_EXACT:
        return _normal(observed, n, f, total)
    return _convolved(observed, n, f, total)


def greater_rise_p(now: RiseCounts, before: RiseCounts) -> float:
    """P(at least so many failures with a value now), had their rate risen as that without it.

    What a rate was before, beside that of its like, is gamma distributed: PRIOR failures more than
    were seen, as many as expected. Given all failures of now, those with the value are binomial;
    the ratio of two gammas is F distributed (gamma-Poisson; Gelman et al., BDA3, 2013, 2.6).
    """
    from scipy.stats import binom, f

    ours, others = before.failed + PRIOR, before.other_failed + PRIOR
    ratio = (ours / (before.expected + PRIOR)) / (others / (before.other_expected + PRIOR))
    drawn = f(2 * ours, 2 * others)
    edges = np.geomspace(drawn.ppf(1e-7) + 1e-12, drawn.isf(1e-9), GRID)
    weights = -np.diff(drawn.sf(edges))
    middle = np.sqrt(edges[1:] * edges[:-1])
    odds = ratio * middle * now.expected / max(now.other_expected, 1e-12)
    tails = binom.sf(now.failed - 1, now.failed + now.other_failed, odds / (1 + odds))
    return float(min(1.0, (weights * tails).sum() + 1e-9))


def _convolved(observed: int, n: Integers, f: Integers, total: Integers) -> float:
    from scipy.stats import hypergeom

    low = np.maximum(0, f - (total - n))
    high = np.minimum(f, n)
    width = int((high - low).max()) + 1
    counts = low[:, None] + np.arange(width)
    table = hypergeom.pmf(counts, total[:, None], f[:, None], n[:, None])
    mass, start = np.ones(1), int(low.sum())
    for row, size in zip(table, high - low + 1, strict=True):
        mass = np.convolve(mass, row[:size])
    return float(min(1.0, mass[max(observed - start, 0) :].sum()))


def _normal(observed: int, n: Integers, f: Integers, total: Integers) -> float:
    from scipy.stats import norm

    mean = n * f / total
    spread = mean * (1 - n / total) * (total - f) / np.maximum(total - 1, 1)
    return float(norm.sf((observed - 0.5 - mean.sum()) / np.sqrt(spread.sum())))
