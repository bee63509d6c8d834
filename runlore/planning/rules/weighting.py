"""How much each model counts, by its past errors."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HALF_LIFE = 400.0  # tasks after which an error counts half
SHARPNESS = 8.0  # a model with twice the error of the best counts 1/256 of it
LEAST_WEIGHT = 0.02  # below, a model is left out


def weigh_models(errors: Floats, *, has_order: bool) -> Floats:
    """(K,) weights that sum to 1, from (h, K) absolute errors of K models on the log scale.

    has_order: later rows count more, so the choice follows what has worked of late.
    """
    age = np.arange(len(errors))[::-1] if has_order else np.zeros(len(errors))
    mean = np.average(errors, axis=0, weights=0.5 ** (age / HALF_LIFE))
    weights = (np.maximum(mean.min(), 1e-9) / np.maximum(mean, 1e-9)) ** SHARPNESS
    weights /= weights.sum()
    weights = np.where(weights >= LEAST_WEIGHT, weights, 0.0)
    normalised: Floats = weights / weights.sum()
    return normalised
