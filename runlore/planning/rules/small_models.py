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
TEXT_NEIGHBOURS = 20
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
    trees = [tree.tree_ for tree in model.fit(train, values).estimators_]

    def answer(rows: Floats) -> Floats:
        """As `predict`, without its threads: few rows are answered 20 times as fast."""
        narrow = np.ascontiguousarray(rows, dtype=np.float32)
        means: Floats = np.mean([tree.predict(narrow)[:, 0] for tree in trees], axis=0)
        return means

    return answer


def boosting(train: Floats, values: Floats) -> Answers:
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=TREES, max_depth=2, learning_rate=0.08, subsample=0.8, random_state=SEED
    )
    answers: Answers = model.fit(train, values).predict
    return answers


def text_neighbours(train: Floats, values: Floats) -> Answers:
    """The mean of the 20 most similar tasks, texts included."""
    count = min(TEXT_NEIGHBOURS, len(train))
    scale = np.maximum(train.std(axis=0), 1e-9)

    def answer(rows: Floats) -> Floats:
        far = distances(rows / scale, train / scale)
        near = np.argpartition(far, count - 1, axis=1)[:, :count]
        means: Floats = values[near].mean(axis=1)
        return means

    return answer


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
WITH_TEXTS: Mapping[str, SmallModel] = {
    "text, linear": linear,
    "text, analogy": text_neighbours,
}


def usable_models(columns: int, texts: int = 0) -> Mapping[str, SmallModel]:
    """columns: of numbers and words, before those of texts. Without an input that varies, only the
    past as a whole can answer. Texts have models of their own, so that they disturb no other."""
    models = {**WITHOUT_INPUTS, **WITH_INPUTS} if columns else dict(WITHOUT_INPUTS)
    usable = {name: _of_columns(model, columns) for name, model in models.items()}
    return {**usable, **(WITH_TEXTS if texts else {})}


def _of_columns(model: SmallModel, columns: int) -> SmallModel:
    def fit(train: Floats, values: Floats) -> Answers:
        answers = model(train[:, :columns], values)
        return lambda rows: answers(rows[:, :columns])

    return fit
