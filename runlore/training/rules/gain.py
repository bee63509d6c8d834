"""By how much one model is better than another on the same rows, with a 95 % interval.

What both answer hangs together for days (an outage, a person's bad week), so rows are no
independent sample. The rows are cut into consecutive blocks of two days or more, and the interval
is Student's t over what the blocks contribute: it allows for how few blocks there are, which a
bootstrap over blocks does not.
Ibragimov & Müller, t-statistic based correlation and heterogeneity robust inference, JBES 2010.
A score that is no mean of rows contributes by its influence function: DeLong et al., Comparing the
areas under two or more correlated ROC curves, Biometrics 1988.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.durations import DAY_US
from runlore.models import scores
from runlore.models.chance import calibration_chance
from runlore.models.scores import LOSSES, ROUNDING, RankedPredictions, bins_of
from runlore.specs.model_spec import HIGHER_IS_BETTER, LEAST_COMPARED_DAYS, Score
from runlore.training.rules.bootstrap import LEVEL
from runlore.training.rules.gates import ScoreInterval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_DAYS = 2
LEAST_BLOCKS, MOST_BLOCKS = 5, 10
LEAST_BUSY_DAYS = 5  # of the days that two versions are compared on, those with executions


def consecutive_blocks(as_of_us: Ints) -> Ints:
    """(blocks + 1,): where blocks of equal counts begin and end, among rows in time order."""
    blocks = int(np.clip(_busy_days(as_of_us) // BLOCK_DAYS, LEAST_BLOCKS, MOST_BLOCKS))
    return np.arange(blocks + 1) * len(as_of_us) // blocks


def single_rows(rows: int) -> Ints:
    """(rows + 1,): each row as its own block, for rows whose order plays no part."""
    return np.arange(rows + 1)


def span_days(as_of_us: Ints) -> float:
    return float((as_of_us[-1] - as_of_us[0]) / DAY_US) if len(as_of_us) else 0.0


def is_long_enough(as_of_us: Ints) -> bool:
    """Whether rows in time order hold a week, and work on most of its days."""
    return span_days(as_of_us) >= LEAST_COMPARED_DAYS and _busy_days(as_of_us) >= LEAST_BUSY_DAYS


def gain(score: Score, edges: Ints, actual: Floats, ours: Floats, theirs: Floats) -> ScoreInterval:
    """By how much `ours` is better; above 0 is better for every score.

    edges: of the blocks, see `consecutive_blocks`. A gain within the rounding error of numbers as
    large as the actual values is 0, so that two models with the same answers do not differ by the
    last digits of their scores.
    """
    better = 1 if score in HIGHER_IS_BETTER else -1
    value = better * (_value(score, actual, ours) - _value(score, actual, theirs))
    mine, other = (_contributions(score, actual, answers) for answers in (ours, theirs))
    reach = _reach(mine - other, edges)
    rounding = ROUNDING * (float(np.abs(actual).mean()) if score == "mae" else 1.0)
    value, reach = (0.0 if abs(number) <= rounding else number for number in (value, reach))
    return ScoreInterval(value, value - reach, value + reach)


def _value(score: Score, actual: Floats, predicted: Floats) -> float:
    """A calibration error without what chance gives, since sharper answers have more of it."""
    value = scores.measure(score, actual, predicted)
    if score != "calibration_error":
        return value
    return sqrt(max(value**2 - calibration_chance(predicted).typical ** 2, 0.0))


def _reach(values: Floats, edges: Ints) -> float:
    """Half of the interval of the mean of `values`, (n,): NaN for fewer than two blocks."""
    from scipy.special import stdtrit

    blocks = len(edges) - 1
    if blocks < 2 or not (np.diff(edges) > 0).all():
        return float("nan")
    sums = np.add.reduceat(values - values.mean(), edges[:-1])
    error = sqrt(blocks / (blocks - 1) * float(np.square(sums).sum())) / len(values)
    return float(stdtrit(blocks - 1, (1 + LEVEL) / 2)) * error


def _contributions(score: Score, actual: Floats, predicted: Floats) -> Floats:
    """(n,): what each row contributes to the score, which is the mean of these."""
    special = _CONTRIBUTIONS.get(score)
    return (special or LOSSES[score])(actual, predicted)


def _auc_contributions(actual: Floats, predicted: Floats) -> Floats:
    """A failure contributes the share of successes below it, and a success that of failures above;
    ties count half. NaN where all ended alike."""
    rate = actual.mean()
    if not 0 < rate < 1:
        return np.full(len(actual), np.nan)
    ranked = RankedPredictions(predicted)
    area = ranked.auc(actual)
    above = ranked.shares_above(actual)
    below = 1 - ranked.shares_above(1 - actual)
    failures = actual / rate * (below - area)
    return np.asarray(area + failures + (1 - actual) / (1 - rate) * (above - area))


def _calibration_contributions(actual: Floats, predicted: Floats) -> Floats:
    """How far a row is from its answer, counted towards the side on which its bin lies."""
    where, apart = bins_of(predicted), actual - predicted
    return np.asarray(np.sign(np.bincount(where, weights=apart))[where] * apart)


_CONTRIBUTIONS: dict[Score, Callable[[Floats, Floats], Floats]] = {
    "auc": _auc_contributions,
    "calibration_error": _calibration_contributions,
}


def _busy_days(as_of_us: Ints) -> int:
    return len(np.unique((as_of_us - as_of_us[:1]) // DAY_US))
