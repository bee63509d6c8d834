"""The geometric mean of two answers: of the best expected score, and of the most likely value.

The first answer comes from a `DistributionForest`, the second from the kind `xgboost-modal`. They
err in different ways: the mean is nearly as good by ratio as the first, and by absolute error often
better than both. Equal weights, as in Clemen, Combining forecasts, Int. J. Forecasting 5, 1989:
fitted ones gain too little to pay for their variance.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.training.rules.distribution_forest import DistributionForest

if TYPE_CHECKING:
    from xgboost import XGBRegressor

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DistributionMean:
    forest: DistributionForest
    modal: "XGBRegressor"

    def predict(self, rows: Rows) -> Floats:
        """(n,): the mean of both answers, log1p scale."""
        most_likely = np.asarray(self.modal.predict(rows), dtype=np.float64)
        return np.asarray((self.forest.predict(rows) + most_likely) / 2)


def forest_of(estimator: object) -> DistributionForest | None:
    """The forest that an estimator answers with, alone or together with another; else None."""
    if isinstance(estimator, DistributionMean):
        return estimator.forest
    return estimator if isinstance(estimator, DistributionForest) else None
