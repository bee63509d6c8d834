"""How far apart two histograms are. Each has its formula, source and unit, and how far chance goes.

Counts are of the reference first, of the current window second, in the same bins. n and m are the
rows that they hold. Nothing here looks at a row.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from runlore.monitoring.rules.histogram import Floats, Histogram, Ints

ONE_IN = 1e-3  # how often chance alone may reach a statistic's `…_by_chance`
PRIOR = 0.5
LEAST_SHARE = 1e-4
LEAST_EXPECTED = 5.0
FEW_ROWS = 1000


def psi(reference: Ints, current: Ints) -> float:
    """Population stability index, from 0, in nats.

    ``Σ (q - p) ln(q / p)`` over bins (Siddiqi, "Credit Risk Scorecards", 2006), which is Jeffreys'
    divergence (1946). Shares are smoothed, ``p = (count + ½) / (n + ½ bins)``, and at least
    LEAST_SHARE, so that an empty bin costs what so many rows can tell and no more. Bins empty on
    both sides are left out.
    """
    used = (reference > 0) | (current > 0)
    if not reference.sum() or not current.sum():
        return 0.0
    p, q = _smoothed(reference[used]), _smoothed(current[used])
    return float(np.sum((q - p) * np.log(q / p)))


def _smoothed(counts: Ints) -> Floats:
    shares = (counts + PRIOR) / (counts.sum() + PRIOR * counts.size)
    return np.asarray(np.maximum(shares, LEAST_SHARE), dtype=np.float64)


def psi_by_chance(reference: Ints, current: Ints) -> float:
    """What PSI reaches once in a thousand times when nothing has changed.

    Without a change PSI is distributed as ``(1/n + 1/m) χ²(bins - 1)`` (Yurdakul & Naranjo,
    "Statistical properties of the population stability index", J. Risk Model Validation, 2020).
    """
    return _chance(reference, current) * _chi_square_limit(reference, current)


def ks(reference: Ints, current: Ints) -> float:
    """Kolmogorov-Smirnov: the largest distance of the two distribution functions, 0 .. 1.

    ``max |F - G|`` at the cuts. Exact where every value has a bin; else short of the distance over
    all rows by the share of one bin at most.
    """
    apart = _cumulated(reference) - _cumulated(current)
    return float(np.abs(apart).max(initial=0.0))


def ks_by_chance(reference: Ints, current: Ints) -> float:
    """``sqrt(-ln(α/2) / 2 · (1/n + 1/m))`` (Smirnov, 1948)."""
    return float(np.sqrt(-np.log(ONE_IN / 2) / 2 * _chance(reference, current)))


def wasserstein(reference: Histogram, current: Histogram) -> float:
    """Normalised earth mover's distance: how far values moved, in the reference's sd.

    ``∫ |F - G| dx / sd`` (Vallender, 1974). Over one bin, ``∫ F dx = b F(b) - a F(a) - Σx / n``, so
    the bins' sums give it exactly, tails included, but where F and G cross inside a bin. A
    reference that is constant has no sd; that of both together stands in.
    """
    if not reference.moments.n or not current.moments.n:
        return 0.0
    scale = reference.moments.sd or reference.moments.merged(current.moments).sd
    cuts = reference.bins.cuts.astype(np.float64)
    f, g = _cumulated(reference.counts)[:-1], _cumulated(current.counts)[:-1]
    means = reference.sums / reference.known - current.sums / current.known
    areas = np.diff(np.r_[0.0, cuts * (f - g), 0.0]) - means
    return float(np.abs(areas).sum()) / scale if scale else 0.0


def wasserstein_by_chance(reference: Ints, current: Ints) -> float:
    """In sd: what a mean of so many rows strays by itself, ``z(α/2) sqrt(1/n + 1/m)``."""
    return float(np.sqrt(chdtri(1, ONE_IN) * _chance(reference, current)))


def jensen_shannon(reference: Ints, current: Ints) -> float:
    """Jensen-Shannon distance, 0 .. sqrt(ln 2) = 0.83.

    ``sqrt(½ Σ p ln(p/m) + ½ Σ q ln(q/m))``, ``m = ½ (p + q)`` (Endres & Schindelin, 2003).
    """
    if not reference.sum() or not current.sum():
        return 0.0
    p, q = reference / reference.sum(), current / current.sum()
    middle = (p + q) / 2
    return float(np.sqrt(max(_relative_entropy(p, middle) + _relative_entropy(q, middle), 0) / 2))


def _relative_entropy(p: Floats, of: Floats) -> float:
    held = p > 0
    return float(np.sum(p[held] * np.log(p[held] / of[held])))


def jensen_shannon_by_chance(reference: Ints, current: Ints) -> float:
    """For small changes the squared distance is an eighth of PSI (Lin, 1991)."""
    return float(np.sqrt(psi_by_chance(reference, current) / 8))


def chi_square(reference: Ints, current: Ints) -> float:
    """Pearson's χ² of homogeneity, from 0: ``Σ (observed - expected)² / expected``.

    It grows with the rows: Cramér's V, its size whatever the rows, is ``sqrt(χ² / (n + m))``.
    """
    table = np.vstack([reference, current]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    total = table.sum()
    if not total:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    held = expected > 0
    return float(np.sum((table[held] - expected[held]) ** 2 / expected[held]))


def chi_square_by_chance(reference: Ints, current: Ints) -> float:
    return _chi_square_limit(reference, current)


def _chi_square_limit(reference: Ints, current: Ints) -> float:
    bins = int(((reference > 0) | (current > 0)).sum())
    return float(chdtri(bins - 1, ONE_IN)) if bins > 1 else 0.0


def _chance(reference: Ints, current: Ints) -> float:
    n, m = int(reference.sum()), int(current.sum())
    return 1 / n + 1 / m if n and m else 0.0


def quantile_groups(reference: Ints, rows: int) -> NDArray[np.intp]:
    """Where to join fine bins into some 20 of equal share of the reference; 10 for few rows.

    The starts are for `joined`. A bin is never split: a value that most rows hold is one group.
    What lies beyond all of the reference, on either side, stays a group.
    """
    groups = 20 if rows >= FEW_ROWS else 10
    total = max(int(reference.sum()), 1)
    middle = (np.cumsum(reference) - reference / 2) / total
    group = np.minimum((middle * groups).astype(np.int64), groups - 1)
    group[0] = -1 if reference[0] == 0 else group[0]
    group[-1] = groups if reference[-1] == 0 else group[-1]
    return np.flatnonzero(np.r_[True, np.diff(group) > 0]).astype(np.intp)


def joined(counts: Ints, starts: NDArray[np.intp]) -> Ints:
    return np.asarray(np.add.reduceat(counts, starts), dtype=np.int64)


def common(reference: Ints, current: Ints) -> tuple[Ints, Ints]:
    """Categories that at least 5 rows are expected of, on either side; all others are one.

    (Cochran, "Some methods for strengthening the common χ² tests", 1954.)
    """
    share = (reference + current) / max(int(reference.sum() + current.sum()), 1)
    is_common = share * min(int(reference.sum()), int(current.sum())) >= LEAST_EXPECTED
    if is_common.all():
        return reference, current
    return _rest_as_one(reference, is_common), _rest_as_one(current, is_common)


def _rest_as_one(counts: Ints, is_common: NDArray[np.bool_]) -> Ints:
    return np.append(counts[is_common], counts[~is_common].sum())


def quantile(column: Histogram, share: float) -> float:
    """The value below which `share` of a number's known rows lie, on a line inside its bin.

    In an open bin, which may be as wide as you like, it is the bin's mean.
    """
    if not column.moments.n:
        return np.nan
    at = int(np.searchsorted(_cumulated(column.counts), share))
    held = int(column.counts[at])
    if at in (0, len(column.bins.cuts)):
        return float(column.sums[at]) / held
    low, high = column.bins.cuts[at - 1 : at + 1].astype(np.float64)
    inside = (share * column.known - int(column.counts[:at].sum())) / held
    return float(low + inside * (high - low))


def _cumulated(counts: Ints) -> Floats:
    return np.asarray(np.cumsum(counts) / max(int(counts.sum()), 1), dtype=np.float64)
