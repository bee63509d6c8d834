"""What chance alone gives a calibration error.

Bins are apart even where every answer is right, and the fewer rows, the further: an error as
measured is not yet an error of the model.
Bröcker & Smith, Increasing the reliability of reliability diagrams, Weather and Forecasting 2007;
Kumar, Liang & Ma, Verified uncertainty calibration, NeurIPS 2019.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import bins_of

Floats = NDArray[np.float64]

DRAWS = 1000
LEVEL = 0.975


@dataclass(frozen=True)
class CalibrationChance:
    """The calibration errors of answers that are right, with labels drawn from the answers.

    typical: their root mean square. most: 97.5 % of them do not exceed it.
    """

    typical: float
    most: float


def calibration_chance(predicted: Floats, weight: Floats | None = None) -> CalibrationChance:
    """What chance gives these answers, (n,); weight: (n,), how much each row counts.

    The labels of a bin are drawn as one binomial number with the bin's mean answer, scaled to the
    variance that the answers and weights have. The same answers always give the same.
    """
    weight = np.ones(len(predicted)) if weight is None else weight
    where = bins_of(predicted)
    variance = np.bincount(where, np.square(weight) * predicted * (1 - predicted))
    rows = np.bincount(where)
    rate = np.clip(np.bincount(where, predicted) / np.maximum(rows, 1), 0.0, 1.0)
    spread = rows * rate * (1 - rate)
    scale = np.sqrt(np.divide(variance, spread, out=np.zeros_like(spread), where=spread > 0))
    drawn = np.random.default_rng(0).binomial(rows, rate, (DRAWS, len(rows)))
    errors = (np.abs(drawn - rows * rate) * scale).sum(axis=1) / weight.sum()
    return CalibrationChance(
        float(np.sqrt(np.mean(np.square(errors)))), float(np.quantile(errors, LEVEL))
    )
