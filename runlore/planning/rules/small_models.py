"""Small models of what a task takes. All learn and answer on the log scale.

A model learns from (n, p) rows and their (n,) log values; what it returns answers (m, p) rows with
(m,) log values.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Answers = Callable[[Floats], Floats]
SmallModel = Callable[[Floats, Floats], Answers]

NEIGHBOURS = 3
TREES = 60
SEED = 29
PIECE = 500  # rows whose distances are taken at once


def median(train: Floats, values: Floats) -> Answers:
    return _constant(float(np.median(values)))


def mean(train: Floats, values: Floats) -> Answers:
    """The mean of the log values: the geometric mean of the past."""
    return _constant(float(values.mean()))


def linear(train: Floats, values: Floats) -> Answers:
    """Ridge regression on logs; its penalty by generalised cross-validation."""
    from sklearn.linear_model import RidgeCV

    return _bounded(RidgeCV(np.logspace(-1, 3, 9)).fit(train, values).predict, values)


def least_absolute(train: Floats, values: Floats) -> Answers:
    """Least absolute deviations on logs, as LP4EE does (Sarro & Petrozziello, TOSEM 27, 2018)."""
    from sklearn.linear_model import QuantileRegressor

    model = QuantileRegressor(quantile=0.5, alpha=0.01, solver="highs")
    return _bounded(model.fit(train, values).predict, values)


def analogy(train: Floats, values: Floats) -> Answers:
    """The mean of the most similar tasks, nearer ones weighing more (Shepperd & Schofield 1997)."""
    count = min(NEIGHBOURS, len(train))

    def answer(rows: Floats) -> Floats:
        answers = np.empty(len(rows))
        for start in range(0, len(rows), PIECE):
            part = slice(start, start + PIECE)
            far = distances(rows[part], train)
            near = np.argsort(far, axis=1, kind="stable")[:, :count]
            weights = 1 / (np.take_along_axis(far, near, axis=1) + 0.1)
            answers[part] = (weights * values[near]).sum(axis=1) / weights.sum(axis=1)
        return answers

    return answer


def forest(train: Floats, values: Floats) -> Answers:
    from sklearn.ensemble import ExtraTreesRegressor

    model = ExtraTreesRegressor(TREES, min_samples_leaf=2, max_features=0.5, random_state=SEED)
    answers: Answers = model.fit(train, values).predict
    return answers


def boosting(train: Floats, values: Floats) -> Answers:
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=TREES, max_depth=2, learning_rate=0.08, subsample=0.8, random_state=SEED
    )
    answers: Answers = model.fit(train, values).predict
    return answers


def distances(rows: Floats, others: Floats) -> Floats:
    """(m, n): Euclidean."""
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None, :]
    far: Floats = np.sqrt(np.maximum(squares - 2 * rows @ others.T, 0.0))
    return far


def _constant(value: float) -> Answers:
    return lambda rows: np.full(len(rows), value)


def _bounded(answers: Answers, values: Floats) -> Answers:
    """A line is not trusted beyond the past by more than its own spread."""
    reach = float(values.std())
    low, high = float(values.min()) - reach, float(values.max()) + reach
    return lambda rows: np.clip(answers(rows), low, high)


WITHOUT_INPUTS: Mapping[str, SmallModel] = {"median": median, "mean": mean}
WITH_INPUTS: Mapping[str, SmallModel] = {
    "linear": linear,
    "least absolute deviations": least_absolute,
    "analogy": analogy,
    "forest": forest,
    "boosting": boosting,
}


def usable_models(columns: int) -> Mapping[str, SmallModel]:
    """Without an input that varies, only the past as a whole can answer."""
    return {**WITHOUT_INPUTS, **WITH_INPUTS} if columns else WITHOUT_INPUTS
