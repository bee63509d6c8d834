"""Errors as shares of the truth, in the measures of effort estimation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import absolute_errors

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RelativeErrors:
    """pred_15, pred_25: the share with |error| within 15, 25 % of the truth.

    md_mre: the median of |error| / truth. sa: standardised accuracy, 1 - MAE / MAE of guessing one
    row by another (Shepperd & MacDonell 2012); None where all are the same.
    """

    pred_15: float
    pred_25: float
    md_mre: float
    sa: float | None


def measure_relative_errors(actual: Floats, predicted: Floats) -> RelativeErrors:
    """actual, predicted: (n,), n > 0. Of a truth of 0, any other answer is infinitely far off."""
    errors = absolute_errors(actual, predicted)
    relative = np.full_like(errors, np.inf)
    np.divide(errors, np.abs(actual), out=relative, where=actual != 0)
    relative[errors == 0] = 0.0
    guessing = random_guessing_error(actual)
    return RelativeErrors(
        pred_15=float((relative <= 0.15).mean()),
        pred_25=float((relative <= 0.25).mean()),
        md_mre=float(np.median(relative)),
        sa=float(1 - errors.mean() / guessing) if guessing > 0 else None,
    )


def random_guessing_error(actual: Floats) -> float:
    """The mean |difference| of two different rows, exactly.

    >>> random_guessing_error(np.array([1.0, 2.0, 4.0]))
    2.0
    """
    count = len(actual)
    if count < 2:
        return 0.0
    places = 2 * np.arange(1, count + 1) - count - 1
    return float(2 * (places * np.sort(actual)).sum() / (count * (count - 1)))
