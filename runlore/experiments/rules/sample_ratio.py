"""Check for a sample ratio mismatch: with one, nothing may be concluded."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runlore.kernel.errors import BadInput

Floats = NDArray[np.float64]

WATCHED_LEVEL = 0.001  # false alarm rate over all looks at a fair split
ONCE_LEVEL = 0.01  # false alarm rate of a single look at a fair split
# Larger values find small mismatches among many units, smaller ones large mismatches among few.
CONCENTRATION = 1_000.0


@dataclass(frozen=True)
class UnitSplit:
    """Units that each arm got, and the shares that were to come, while nobody changed them."""

    units: Mapping[str, int]
    shares: Mapping[str, float]

    def __post_init__(self) -> None:
        if set(self.units) != set(self.shares) or len(self.shares) < 2:
            raise BadInput(f"split: units of {sorted(self.units)}, shares of {sorted(self.shares)}")
        if not all(share > 0 for share in self.shares.values()):
            raise BadInput("split: every share must be above 0")

    @property
    def n(self) -> int:
        return sum(self.units.values())

    def expected(self, arm: str) -> float:
        """The share of an arm; shares are scaled to add up to 1."""
        return self.shares[arm] / sum(self.shares.values())


@dataclass(frozen=True)
class SampleRatio:
    p_value: float
    level: float
    method: Literal["sequential", "chi-square"]
    reason: str

    @property
    def is_mismatch(self) -> bool:
        return self.p_value < self.level


def watch(splits: Sequence[UnitSplit], level: float = WATCHED_LEVEL) -> SampleRatio:
    """Check at any time, as often as one likes. splits: one for each time with constant shares.

    ``p = 1 / e``, e the likelihood of the counts under a Dirichlet around the shares that were to
    be, against those shares themselves (Lindon & Malek, Anytime-valid inference for multinomial
    count data, NeurIPS 2022; arXiv 2011.03567).
    """
    log_e = sum(_log_e(split) for split in splits)
    return _with_reason(splits, math.exp(-max(log_e, 0.0)), level, "sequential")


def check_once(split: UnitSplit, level: float = ONCE_LEVEL) -> SampleRatio:
    """Pearson's chi-square, for a test of fixed length that is looked at once, at its end."""
    from scipy.stats import chisquare

    if not split.n:
        return _with_reason([split], 1.0, level, "chi-square")
    arms = list(split.units)
    expected = [split.expected(arm) * split.n for arm in arms]
    result = chisquare([split.units[arm] for arm in arms], expected)
    return _with_reason([split], float(result.pvalue), level, "chi-square")


def log_e_value(units: ArrayLike, shares: Sequence[float]) -> Floats:
    """Of the counts against the shares, which add up to 1. units: (..., arms); gives (...)."""
    from scipy.special import gammaln

    counts = np.asarray(units, dtype=np.float64)
    expected = np.asarray(shares, dtype=np.float64)
    prior = CONCENTRATION * expected
    of_arms = gammaln(prior + counts) - gammaln(prior) - counts * np.log(expected)
    of_all = gammaln(CONCENTRATION) - gammaln(CONCENTRATION + counts.sum(axis=-1))
    return np.asarray(of_all + of_arms.sum(axis=-1), dtype=np.float64)


def _log_e(split: UnitSplit) -> float:
    arms = list(split.units)
    units = [split.units[arm] for arm in arms]
    return float(log_e_value(units, [split.expected(arm) for arm in arms]))


def _with_reason(
    splits: Sequence[UnitSplit],
    p_value: float,
    level: float,
    method: Literal["sequential", "chi-square"],
) -> SampleRatio:
    ratio = SampleRatio(p_value, level, method, "")
    newest = splits[-1] if splits else None
    if newest is None or not newest.n:
        return SampleRatio(p_value, level, method, "no units yet")
    shares = ", ".join(
        f"{arm} {units:,} ({units / newest.n:.2%} for {newest.expected(arm):.2%})"
        for arm, units in newest.units.items()
    )
    verdict = "arms did not get their shares" if ratio.is_mismatch else "as expected"
    return SampleRatio(p_value, level, method, f"{verdict}: {shares}; p = {p_value:.2g}")
