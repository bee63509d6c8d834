"""Exact conditional tests of failures, like with like: within strata."""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
MAX_EXACT = 3_000  # failures; above, the normal approximation with a continuity correction


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


def rate_ratio_p(observed: int, other: int, before: int, other_before: int, ratio: float) -> float:
    """P(at least `observed`), had the failures with a value risen as those without it have.

    ratio: exposure now by exposure before, with the value, over the same without it. Conditional on
    the sums, Fisher's noncentral hypergeometric (Poisson counts; Przyborowski & Wilenski 1940).
    """
    from scipy.stats import nchypergeom_fisher

    total = observed + other + before + other_before
    now, ours = observed + other, observed + before
    if before + other_before == 0 or now == 0 or ours == 0:
        return 1.0
    return float(nchypergeom_fisher.sf(observed - 1, total, now, ours, ratio))


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
