"""How far a model's answers are off, by features: the scale of normalised conformal intervals.

Lei, G'Sell, Rinaldo, Tibshirani & Wasserman, Distribution-free predictive inference for regression,
JASA 113, 2018, section 5.2. The scales that calibrate are those of trees that have not seen the
row: Johansson, Bostroem, Loefstroem & Linusson, Regression conformal prediction with random
forests, Machine Learning 97, 2014.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.warning_filters import lasting_filters
from runlore.training.rules.candidates import Fitted
from runlore.training.rules.fixed_choices import MISSING, SEED, THREADS

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

LEAST_ROWS = 60  # with fewer residuals, one scale for all
MOST_ROWS = 20_000  # with more, a forest's leaves know each row's distribution
TREE_ROWS = 10_000
TREES = 64  # a power of 2, so that a mean over them is exact
FLOOR = 0.05  # of the mean absolute residual, added to each: no scale is nearly 0
LARGEST = 15.0  # mean absolute residuals; larger ones count as this
STEP = 2.0**-14  # of the answers of trees, whose sums are then exact in float32, in any order


@dataclass(frozen=True)
class ResidualScale:
    """fitted: answers with the scale of a row's residual, 1 on average. unseen: (n,), the scales of
    the rows that it was fitted on, by trees that have not seen them."""

    fitted: Fitted
    unseen: Floats


def fit_scale(rows: Rows, residuals: Floats) -> ResidualScale | None:
    """Fit on (n, F) rows and their (n,) residuals of models that had not seen them.

    None with too few or too many rows, or where all answers were right.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    sizes = np.abs(residuals)
    if not LEAST_ROWS <= len(rows) <= MOST_ROWS or not sizes.any():
        return None
    forest = RandomForestRegressor(
        n_estimators=TREES,
        max_depth=10,
        min_samples_leaf=5,
        max_features=min(1.0, max(1 / 3, 12 / rows.shape[1])),
        max_samples=min(TREE_ROWS, len(rows)),
        oob_score=True,
        n_jobs=THREADS,
        random_state=SEED,
    )
    imputer = SimpleImputer(strategy="constant", fill_value=MISSING, keep_empty_features=True)
    sizes = np.minimum(sizes / sizes.mean(), LARGEST) + FLOOR
    with lasting_filters():
        model = make_pipeline(imputer, forest).fit(rows, sizes)
    forest.n_jobs = 1
    for tree in forest.estimators_:
        tree.tree_.value[:] = np.round(tree.tree_.value / STEP) * STEP
    unseen = np.asarray(forest.oob_prediction_, dtype=np.float64)
    return ResidualScale(Fitted("random-forest", model, is_probability=False), unseen)
