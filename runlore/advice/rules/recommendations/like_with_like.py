"""The difference that a lever's value makes among runs that are alike.

Runs are alike when they share a stratum (coarsened exact matching: Iacus, King & Porro, Political
Analysis 20, 2012). What remains is adjusted by models of outcome and of choice that have not seen
the runs they adjust: residual on residual, cross-fitted (Robinson 1988; Chernozhukov et al.,
Econometrics Journal 21, 2018). Strata count by n1 n0 / n, so that no run weighs without a match
(overlap weights: Li, Morgan & Zaslavsky, JASA 113, 2018). Variance: leave-one-block-out jackknife
over stretches of time (MacKinnon, Nielsen & Webb, Journal of Applied Econometrics 38, 2023).
"""

from dataclasses import dataclass

import numpy as np

from runlore.advice.rules.recommendations.run_log import Floats, Integers


@dataclass(frozen=True, eq=False)
class ValueEffects:
    """(V,) values of a lever, each against all other values, in strata that have both.

    effect: of the outcome, with the value minus without. error: its standard error. freedom:
    degrees of freedom, from the blocks that carry the comparison. used, other: runs compared. base:
    the outcome without the value, weighted like the effect.
    """

    effect: Floats
    error: Floats
    freedom: Floats
    used: Floats
    other: Floats
    base: Floats

    def z(self) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.nan_to_num(self.effect / self.error, posinf=0.0, neginf=0.0)


def compare_values(
    outcome: Floats, codes: Integers, strata: Integers, blocks: Integers
) -> ValueEffects:
    """All values of a lever, without models. (n,) each; codes >= 0; blocks count from 0."""
    values = int(codes.max(initial=-1)) + 1
    made = [
        compare_arms(outcome, (codes == at).astype(np.float64), strata, blocks)
        for at in range(values)
    ]
    columns = ("effect", "error", "freedom", "used", "other", "base")
    return ValueEffects(*(np.array([getattr(one, name) for one in made]) for name in columns))


@dataclass(frozen=True)
class ArmEffect:
    """As `ValueEffects`, of one value. overlap: share of the runs that have a like one."""

    effect: float
    error: float
    freedom: float
    used: float
    other: float
    base: float
    overlap: float

    def interval(self, alpha: float) -> tuple[float, float]:
        from scipy.special import stdtrit

        reach = float(stdtrit(self.freedom, 1 - alpha / 2)) * self.error
        return self.effect - reach, self.effect + reach

    def z(self) -> float:
        return self.effect / self.error if np.isfinite(self.error) else 0.0

    def p(self) -> float:
        """Two-sided, of no effect."""
        from scipy.special import stdtr

        return float(2 * stdtr(self.freedom, -abs(self.effect / self.error)))


NOTHING = ArmEffect(np.nan, np.inf, 1.0, 0.0, 0.0, np.nan, 0.0)


def compare_arms(
    outcome: Floats,
    used: Floats,
    strata: Integers,
    blocks: Integers,
    adjusted: tuple[Floats, Floats] | None = None,
) -> ArmEffect:
    """used: 1 with the value, 0 without. adjusted: what models predict of outcome and of use."""
    total = np.bincount(strata)
    with_value = np.bincount(strata, used)
    both = (with_value > 0) & (with_value < total)
    rows = np.flatnonzero(both[strata])
    if len(rows) < 2:
        return NOTHING
    stratum, y, t, block = strata[rows], outcome[rows], used[rows], blocks[rows]
    weight = with_value * (total - with_value) / np.maximum(total, 1)
    failed = np.bincount(stratum, y * (1 - t), len(total))
    base = (weight[both] * failed[both] / (total - with_value)[both]).sum() / weight[both].sum()
    y_rest, t_rest = (y, t) if adjusted is None else (y - adjusted[0][rows], t - adjusted[1][rows])
    y_rest, t_rest = _within(y_rest, stratum), _within(t_rest, stratum)
    effect, error, freedom = _regress(y_rest, t_rest, block)
    return ArmEffect(
        effect, error, freedom, t.sum(), len(rows) - t.sum(), float(base), len(rows) / len(used)
    )


def _within(values: Floats, strata: Integers) -> Floats:
    count = np.maximum(np.bincount(strata), 1)
    return np.asarray(values - (np.bincount(strata, values) / count)[strata], dtype=np.float64)


def _regress(y: Floats, t: Floats, blocks: Integers) -> tuple[float, float, float]:
    """Slope, its jackknife error, and degrees of freedom."""
    squares = np.bincount(blocks, t * t)
    total = squares.sum()
    if total <= 0:
        return np.nan, np.inf, 1.0
    effect = float(t @ y / total)
    scores = np.bincount(blocks, t * (y - effect * t), len(squares))
    used = squares > 0
    count, carried = int(used.sum()), total**2 / (squares**2).sum()
    if count < 2:
        return effect, np.inf, 1.0
    without = total - squares[used]
    error = float(np.sqrt((count - 1) / count * ((scores[used] / without) ** 2).sum()))
    return effect, error, max(float(carried) - 1, 1.0)


def time_blocks(submitted_s: Floats, most: int) -> Integers:
    """(n,) stretches of whole days, of equal length, `most` at most."""
    day = (submitted_s // 86_400).astype(np.int64)
    if not len(day):
        return day
    first = int(day.min())
    span = int(day.max()) - first + 1
    return np.asarray((day - first) // max(1, -(-span // most)), dtype=np.int64)
