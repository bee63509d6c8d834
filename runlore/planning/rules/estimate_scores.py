"""How good estimates of held-out tasks were, in the measures of effort estimation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.models.relative_errors import measure_relative_errors
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
    relative = measure_relative_errors(truth, estimates)
    return EstimateScores(
        mae=float(absolute_errors(truth, estimates).mean()),
        mae_median=float(absolute_errors(truth, medians).mean()),
        sa=relative.sa,
        md_mre=relative.md_mre,
        pred_15=relative.pred_15,
        pred_25=relative.pred_25,
        coverage=coverage,
    )
