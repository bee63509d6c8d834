"""The uncertainty of a score: circular block bootstrap over time.

Neighbouring executions share users, releases and outages, so single rows are not independent;
blocks of consecutive rows keep what holds inside a day together.
Künsch, The jackknife and the bootstrap for general stationary observations, Ann. Stat. 1989;
Politis & Romano, A circular block-resampling procedure, 1992.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.durations import DAY_US
from runlore.kernel.intervals import Interval
from runlore.models.scores import LOSSES, ROUNDING, RankedPredictions, bins_of
from runlore.specs.model_spec import HIGHER_IS_BETTER, Score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REPLICATES = 200
LEVEL = 0.95
LEAST_BLOCKS = 10
LEAST_MEASURED = 0.9


@dataclass(frozen=True)
class Blocks:
    """Blocks drawn from `rows` rows. starts: (replicates, blocks), each block's first row."""

    rows: int
    length: int
    starts: Ints

    def sums(self, values: Floats) -> Floats:
        """(replicates, ...): the sums of (rows, ...) values over each replicate's rows."""
        around = np.concatenate([values, values[: self.length]])
        total = np.concatenate([np.zeros_like(around[:1]), np.cumsum(around, axis=0)])
        drawn: Floats = total[self.starts + self.length] - total[self.starts]
        return np.asarray(drawn.sum(axis=1))

    def means(self, values: Floats) -> Floats:
        """(replicates, ...): the means of (rows, ...) values over each replicate's rows."""
        return np.asarray(self.sums(values) / (self.starts.shape[1] * self.length))

    def weights(self, replicate: int) -> Floats:
        """(rows,): the number of times that each row is in this replicate."""
        steps = np.zeros(self.rows + self.length + 1)
        np.add.at(steps, self.starts[replicate], 1.0)
        np.add.at(steps, self.starts[replicate] + self.length, -1.0)
        counts = np.cumsum(steps)[:-1]
        counts[: self.length] += counts[self.rows :]
        return counts[: self.rows]


def draw_blocks(as_of_us: Ints, replicates: int = REPLICATES, seed: int = 0) -> Blocks:
    """Blocks of a day's rows, at least n^(1/3) and at most a tenth of the rows each."""
    n = len(as_of_us)
    days = max((int(as_of_us[-1]) - int(as_of_us[0])) / DAY_US, 1.0)
    most = max(n // LEAST_BLOCKS, 1)
    length = round(float(np.clip(max(n ** (1 / 3), n / days), 1, most)))
    starts = np.random.default_rng(seed).integers(0, n, (replicates, -(-n // length)))
    return Blocks(n, length, starts)


def percentile(replicates: Floats, level: float = LEVEL) -> Interval:
    """NaN unless most replicates could be measured (a single class has no AUC)."""
    finite = replicates[np.isfinite(replicates)]
    if len(finite) < LEAST_MEASURED * len(replicates):
        return Interval(float("nan"), float("nan"))
    tail = (1 - level) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return Interval(float(low), float(high))


def interval(score: Score, value: float, replicates: Floats) -> Interval:
    """The interval of a score that is `value` on the series itself.

    By chance alone the bins of a calibration error are apart, in a replicate once more than in the
    series: there the replicates are reflected at the value (the basic bootstrap interval: Davison &
    Hinkley, Bootstrap methods and their application, 1997, 5.2), which takes the surplus back.
    """
    bounds = percentile(replicates)
    if score != "calibration_error":
        return bounds
    return Interval(max(2 * value - bounds.high, 0.0), max(2 * value - bounds.low, value))


def replicate_scores(score: Score, blocks: Blocks, actual: Floats, predicted: Floats) -> Floats:
    """(replicates,): the score in each resampled series."""
    return _WAYS.get(score, _mean_scores)(score, blocks, actual, predicted)


def gains(score: Score, actual: Floats, ours: Floats, theirs: Floats) -> Floats:
    """(replicates,): by how much ours is better; above 0 is better for every score.

    A gain within the rounding error of numbers as large as the actual values is 0, so that two
    models with the same answers do not differ by the last digits of their scores.
    """
    gain = ours - theirs if score in HIGHER_IS_BETTER else theirs - ours
    size = np.abs(actual).mean() if score == "mae" else 1.0
    return np.where(np.abs(gain) <= ROUNDING * size, 0.0, gain)


def _mean_scores(score: Score, blocks: Blocks, actual: Floats, predicted: Floats) -> Floats:
    return blocks.means(LOSSES[score](actual, predicted))


def _calibration_errors(score: Score, blocks: Blocks, actual: Floats, predicted: Floats) -> Floats:
    """(replicates,): calibration errors over the bins of the whole series."""
    where = bins_of(predicted)
    apart = np.zeros((len(actual), where.max() + 1))
    apart[np.arange(len(actual)), where] = actual - predicted
    return np.asarray(np.abs(blocks.means(apart)).sum(axis=1))


def _aucs(score: Score, blocks: Blocks, actual: Floats, predicted: Floats) -> Floats:
    ranked = RankedPredictions(predicted)
    weights = (blocks.weights(replicate) for replicate in range(len(blocks.starts)))
    return np.array([ranked.auc(actual, weight) for weight in weights])


_WAYS: dict[Score, Callable[[Score, Blocks, Floats, Floats], Floats]] = {
    "auc": _aucs,
    "calibration_error": _calibration_errors,
}
