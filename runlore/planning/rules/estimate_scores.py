"""How good estimates of held-out tasks were, in the measures of effort estimation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import absolute_errors

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EstimateScores:
    """mae, mae_median: of the estimates, and of the median of all; in the quantity's unit.

    sa: standardised accuracy, 1 - MAE / MAE of random guessing (Shepperd & MacDonell 2012).
    md_mre: median of |error| / truth. pred_15, pred_25: share with |error| within 15, 25 % of the
    truth. coverage: of the intervals, by their level.
    """

    mae: float
    mae_median: float
    sa: float | None
    md_mre: float
    pred_15: float
    pred_25: float
    coverage: Mapping[str, float]


def score_estimates(
    truth: Floats, estimates: Floats, medians: Floats, coverage: Mapping[str, float]
) -> EstimateScores:
    errors = absolute_errors(truth, estimates)
    relative = errors / truth
    guessing = _random_guessing(truth)
    return EstimateScores(
        mae=float(errors.mean()),
        mae_median=float(absolute_errors(truth, medians).mean()),
        sa=float(1 - errors.mean() / guessing) if guessing > 0 else None,
        md_mre=float(np.median(relative)),
        pred_15=float((relative <= 0.15).mean()),
        pred_25=float((relative <= 0.25).mean()),
        coverage=coverage,
    )


def _random_guessing(truth: Floats) -> float:
    """The mean |difference| of two different tasks: guessing one by another (exact, sorted)."""
    count = len(truth)
    if count < 2:
        return 0.0
    places = 2 * np.arange(1, count + 1) - count - 1
    return float(2 * (places * np.sort(truth)).sum() / (count * (count - 1)))
