"""How good predictions were. Vectorised; a score that cannot be measured is NaN, never 0."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from runlore.specs.model_spec import Score

Floats = NDArray[np.float64]

BINS = 10
LEAST_PROBABILITY = 1e-15
ROUNDING = 1e-12  # relative error of going through log1p and back, or into a mean


def brier_losses(actual: Floats, predicted: Floats) -> Floats:
    return np.square(predicted - actual)


def log_losses(actual: Floats, predicted: Floats) -> Floats:
    p = np.clip(predicted, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return -np.where(actual > 0, np.log(p), np.log1p(-p))


def absolute_errors(actual: Floats, predicted: Floats) -> Floats:
    return np.abs(predicted - actual)


def relative_accuracies(actual: Floats, predicted: Floats) -> Floats:
    """The smaller over the larger of the two; 1 where both are 0.

    Tsafrir, Etsion, Feitelson: Backfilling using system-generated predictions, TPDS 2007.
    """
    larger = np.maximum(actual, predicted)
    return np.divide(
        np.maximum(np.minimum(actual, predicted), 0.0),
        larger,
        out=np.ones_like(larger),
        where=larger > 0,
    )


def covered(actual: Floats, low: Floats, high: Floats) -> Floats:
    """(n,): 1 where the interval holds the actual value, up to rounding, else 0."""
    rounding = ROUNDING * np.abs(actual)
    return ((low - rounding <= actual) & (actual <= high + rounding)).astype(np.float64)


# The scores that are means over rows, with their loss of each row.
LOSSES: Mapping[Score, Callable[[Floats, Floats], Floats]] = {
    "brier": brier_losses,
    "log_loss": log_losses,
    "mae": absolute_errors,
    "relative_accuracy": relative_accuracies,
}

PROBABILITY_SCORES: tuple[Score, ...] = ("auc", "brier", "log_loss", "calibration_error")
QUANTITY_SCORES: tuple[Score, ...] = ("mae", "relative_accuracy")


def scores_of(*, is_probability: bool) -> tuple[Score, ...]:
    return PROBABILITY_SCORES if is_probability else QUANTITY_SCORES


def pinball_loss(actual: Floats, quantiles: Floats, levels: Floats) -> float:
    """The mean loss of (n, L) quantiles at (L,) levels; the true quantiles have the least.

    Koenker & Bassett, Regression quantiles, Econometrica 46, 1978.
    """
    above = actual[:, None] - quantiles
    return float(np.maximum(levels * above, (levels - 1.0) * above).mean())


def measure(score: Score, actual: Floats, predicted: Floats) -> float:
    if not len(actual):
        return float("nan")
    if score == "auc":
        return auc(actual, predicted)
    if score == "calibration_error":
        return calibration_error(actual, predicted)
    return float(LOSSES[score](actual, predicted).mean())


def auc(actual: Floats, predicted: Floats) -> float:
    """Area under the ROC curve, ties count half: .5 for a constant, NaN for a single class."""
    return RankedPredictions(predicted).auc(actual)


class RankedPredictions:
    """Predictions sorted once, for the AUC under many weights."""

    def __init__(self, predicted: Floats) -> None:
        self.order = np.argsort(predicted, kind="stable")
        ranked = predicted[self.order]
        self.starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])

    def auc(self, actual: Floats, weight: Floats | float = 1.0) -> float:
        up = np.add.reduceat((actual * weight)[self.order], self.starts)
        down = np.add.reduceat(((1 - actual) * weight)[self.order], self.starts)
        total = up.sum() * down.sum()
        if total == 0:
            return float("nan")
        return float((up * (np.cumsum(down) - down / 2)).sum() / total)

    def shares_above(self, weight: Floats) -> Floats:
        """(n,): the share of `weight`, (n,), above each prediction; ties count half."""
        tied = np.add.reduceat(weight[self.order], self.starts)
        above = (tied.sum() - np.cumsum(tied) + tied / 2) / tied.sum()
        shares = np.empty(len(self.order))
        shares[self.order] = np.repeat(above, np.diff(np.r_[self.starts, len(self.order)]))
        return shares


def bins_of(predicted: Floats, bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each prediction: equal counts, equal predictions never apart."""
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, predicted, side="right")


def calibration_error(actual: Floats, predicted: Floats) -> float:
    """Mean over ten bins of equal count of |what came - what was predicted|."""
    where = bins_of(predicted)
    apart = np.bincount(where, weights=actual - predicted)
    return float(np.abs(apart).sum() / len(actual))
