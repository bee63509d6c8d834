"""The effect of an input's value: like compared with like, then projects as the units.

Within a project, runs with the value and runs without it are compared inside strata (the same
kind, actor and month): by Mantel and Haenszel for failures (variance: Greenland & Robins,
Biometrics 41, 1985), by means of logs for durations. Over projects: random effects (DerSimonian &
Laird 1986), with the interval of Hartung and Knapp, whose factor is never below 1 (Röver, Knapp &
Friede 2015).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Measure = Literal["failures", "duration"]


@dataclass(frozen=True, eq=False)
class StrataArm:
    """(S,) strata. rows and failed: finished runs. known, total, squares: of logs of durations."""

    rows: Floats
    failed: Floats
    known: Floats
    total: Floats
    squares: Floats


@dataclass(frozen=True, eq=False)
class ProjectEffects:
    """(k,) projects. effects: with minus without; failures as shares, durations as logs.

    base: the failure rate without the value; durations have none.
    """

    projects: Integers
    effects: Floats
    variances: Floats
    base: Floats


@dataclass(frozen=True)
class PooledEffect:
    """p: two-sided, of no effect. error: standard error, of `projects` - 1 degrees of freedom."""

    effect: float
    error: float
    projects: int
    p: float

    def interval(self, alpha: float) -> tuple[float, float]:
        from scipy.stats import t

        reach = float(t.isf(alpha / 2, self.projects - 1)) * self.error
        return self.effect - reach, self.effect + reach


def failure_effects(
    projects: Integers, used: StrataArm, other: StrataArm, least: int
) -> ProjectEffects:
    """Of projects with at least `least` runs in each arm of strata that have both."""
    rows = used.rows + other.rows
    both = (used.rows > 0) & (other.rows > 0)
    at, index = np.unique(projects[both], return_inverse=True)
    with_rows, without_rows, rows = used.rows[both], other.rows[both], rows[both]
    with_failed, without_failed = used.failed[both], other.failed[both]
    weight = _sums(index, with_rows * without_rows / rows)
    effect = _sums(index, (with_failed * without_rows - without_failed * with_rows) / rows)
    rate = (with_failed + 0.5) / (with_rows + 1)
    without_rate = (without_failed + 0.5) / (without_rows + 1)
    spread = (rate * (1 - rate) / with_rows + without_rate * (1 - without_rate) / without_rows) * (
        with_rows * without_rows / rows
    ) ** 2
    base = _sums(index, without_failed * with_rows / rows) / weight
    kept = _enough(index, with_rows, without_rows, least)
    return ProjectEffects(
        at[kept],
        (effect / weight)[kept],
        (_sums(index, spread) / weight**2)[kept],
        base[kept],
    )


def duration_effects(
    projects: Integers, used: StrataArm, other: StrataArm, least: int
) -> ProjectEffects:
    """Differences of means of logs; the variance of a run is that within the arms of a project."""
    both = (used.known > 0) & (other.known > 0)
    at, index = np.unique(projects[both], return_inverse=True)
    n1, n0 = used.known[both], other.known[both]
    mean1, mean0 = used.total[both] / n1, other.total[both] / n0
    squares = used.squares[both] - n1 * mean1**2 + other.squares[both] - n0 * mean0**2
    freedom = _sums(index, n1 + n0 - 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.maximum(_sums(index, squares), 0) / freedom
    weights = n1 * n0 / (n1 + n0)
    weight = _sums(index, weights)
    effect = _sums(index, weights * (mean1 - mean0)) / weight
    spread = variance * _sums(index, weights**2 * (1 / n1 + 1 / n0)) / weight**2
    kept = _enough(index, n1, n0, least) & (freedom >= least) & (spread > 0)
    return ProjectEffects(at[kept], effect[kept], spread[kept], np.full(kept.sum(), np.nan))


def pool_effects(effects: Floats, variances: Floats) -> PooledEffect:
    """Random effects over (k,) projects, k at least 2."""
    from scipy.stats import t

    count = len(effects)
    fixed = 1 / variances
    centre = fixed @ effects / fixed.sum()
    excess = fixed @ (effects - centre) ** 2 - (count - 1)
    between = max(0.0, excess / (fixed.sum() - (fixed**2).sum() / fixed.sum()))
    weights = 1 / (variances + between)
    effect = float(weights @ effects / weights.sum())
    factor = max(1.0, float(weights @ (effects - effect) ** 2) / (count - 1))
    error = float(np.sqrt(factor / weights.sum()))
    return PooledEffect(effect, error, count, float(2 * t.sf(abs(effect) / error, count - 1)))


def _enough(index: Integers, used: Floats, other: Floats, least: int) -> NDArray[np.bool_]:
    return (_sums(index, used) >= least) & (_sums(index, other) >= least)


def _sums(index: Integers, values: Floats) -> Floats:
    count = int(index.max()) + 1 if len(index) else 0
    sums: Floats = np.bincount(index, values, minlength=count).astype(np.float64)
    return sums
