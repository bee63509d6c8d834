"""The models of an interval's bounds: boosted quantile regressions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.training.rules.training_set import TrainingSet, in_pieces

if TYPE_CHECKING:
    from xgboost import XGBRegressor

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
QUANTILE_ROWS = 150_000


LEAST_QUANTILE_ROWS = 1000


@dataclass(frozen=True)
class Quantiles:
    """Models of the lower and the upper bound; None: too little data, no bounds."""

    low: "XGBRegressor | None" = None
    high: "XGBRegressor | None" = None

    def predict(self, rows: Rows, raw: Floats) -> tuple[Floats, Floats]:
        """The bounds of (n, F) rows on the log1p scale; without models both are `raw` itself."""
        return self.predict_at(rows, np.arange(len(rows)), raw)

    def predict_at(self, rows: Rows, positions: Ints, raw: Floats) -> tuple[Floats, Floats]:
        """`predict` for the rows at n positions; raw: (n,)."""
        if self.low is None or self.high is None:
            return raw, raw
        one, other = (_bound(model, rows, positions) for model in (self.low, self.high))
        return np.minimum(one, other), np.maximum(one, other)


def _bound(model: "XGBRegressor", rows: Rows, positions: Ints) -> Floats:
    return in_pieces(
        lambda piece: model.predict(rows[positions[piece]]).astype(np.float64), positions.size
    )


def fit_quantiles(data: TrainingSet, train: Ints, coverage: float) -> Quantiles:
    """Fit two boosted quantile regressions on the newest `QUANTILE_ROWS` rows of `train`."""
    newest = train[-QUANTILE_ROWS:]
    rows, target = data.rows[newest], np.log1p(data.target[newest])
    tail = (1 - coverage) / 2
    low, high = (_fit_quantile(rows, target, alpha) for alpha in (tail, 1 - tail))
    return Quantiles(low, high)


def no_quantiles(data: TrainingSet, train: Ints, coverage: float) -> Quantiles:
    """Replaces `fit_quantiles` where a fold has fewer than LEAST_QUANTILE_ROWS rows."""
    return Quantiles()


def _fit_quantile(rows: Rows, target: Floats, alpha: float) -> "XGBRegressor":
    from xgboost import XGBRegressor

    from runlore.training.rules.candidates import BOOSTED

    return XGBRegressor(
        objective="reg:quantileerror",
        quantile_alpha=alpha,
        n_estimators=150,
        learning_rate=0.08,
        max_bin=64,
        **BOOSTED,
    ).fit(rows, target)
