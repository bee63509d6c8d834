"""Which features matter: over a test part, and for one answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import measure
from runlore.specs.model_spec import HIGHER_IS_BETTER, Score

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

MOST_ROWS = 1_000
REPEATS = 3
ALIKE = 0.7  # Spearman's |rho| of features that say the same, on average within their group
MOST_GROUPS = 20  # the ones with the most features; each costs as much as a feature


@dataclass(frozen=True)
class Importance:
    """By how much the score gets worse when the feature's values are shuffled among rows."""

    feature: str
    mean: float
    sd: float


@dataclass(frozen=True)
class GroupImportance:
    """By how much the score gets worse when the values of all these features are shuffled together.

    features: the one that matters most alone comes first. alone: the sum of their importances.
    """

    features: tuple[str, ...]
    mean: float
    sd: float
    alone: float

    @property
    def label(self) -> str:
        """The first feature, and how many more."""
        return f"{self.features[0]} + {len(self.features) - 1} more"


@dataclass(frozen=True)
class FeatureEffect:
    """effect: the prediction minus the prediction with the feature at its reference.

    text: the same as a sentence; see `reason_text`.
    """

    feature: str
    value: float | None
    reference: float | None
    effect: float
    text: str = ""


def permutation_importance(
    predict: Callable[[Rows], Floats],
    rows: Rows,
    actual: Floats,
    names: tuple[str, ...],
    score: Score,
) -> tuple[Importance, ...]:
    """The features' importances, the largest first. Breiman, Random forests, ML 2001."""
    shuffled = _Shuffled.draw(predict, rows, actual, score)
    importances = [Importance(name, *shuffled.loss([column])) for column, name in enumerate(names)]
    return tuple(sorted(importances, key=lambda importance: -importance.mean))


def joint_importance(
    predict: Callable[[Rows], Floats],
    rows: Rows,
    actual: Floats,
    alone: Sequence[Importance],
    names: tuple[str, ...],
    score: Score,
) -> tuple[GroupImportance, ...]:
    """The importances of groups of features that say the same, the largest first.

    A model that may use any of several such features loses little by each of them. alone: the
    importances of single features, in any order. Au, Herbinger, Stachl, Bischl & Casalicchio,
    Grouped feature importance and combined features effect plot, DMKD 36, 2022.
    """
    shuffled = _Shuffled.draw(predict, rows, actual, score)
    loss_of = {importance.feature: importance.mean for importance in alone}
    found = []
    for columns in correlated_groups(shuffled.rows)[:MOST_GROUPS]:
        members = sorted((names[column] for column in columns), key=lambda name: -loss_of[name])
        together = sum(loss_of[name] for name in members)
        found.append(GroupImportance(tuple(members), *shuffled.loss(columns), together))
    return tuple(sorted(found, key=lambda group: -group.mean))


def correlated_groups(rows: Rows) -> list[list[int]]:
    """The columns of (n, F) rows in groups of two or more that say the same, the largest first.

    Average linkage by Spearman's |rho|, which is ALIKE or more. What is unknown counts as less
    than any value, as trees take it.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from scipy.stats import rankdata

    ranks = rankdata(np.where(np.isnan(rows), -np.inf, rows), axis=0)
    varies = np.flatnonzero(np.ptp(ranks, axis=0) > 0)
    if varies.size < 2:
        return []
    distance = 1.0 - np.abs(np.corrcoef(ranks[:, varies], rowvar=False))
    np.fill_diagonal(distance, 0.0)
    condensed = squareform(np.clip(distance, 0.0, 1.0), checks=False)
    of_column = fcluster(linkage(condensed, "average"), 1.0 - ALIKE, "distance")
    groups = [varies[of_column == number].tolist() for number in np.unique(of_column)]
    return sorted((group for group in groups if len(group) > 1), key=lambda group: -len(group))


@dataclass(frozen=True, eq=False)
class _Shuffled:
    """(n, F) rows with their outcomes and score, and the orders in which values are shuffled."""

    predict: Callable[[Rows], Floats]
    rows: Rows
    actual: Floats
    score: Score
    best: float
    orders: tuple[NDArray[np.int64], ...]

    @classmethod
    def draw(
        cls, predict: Callable[[Rows], Floats], rows: Rows, actual: Floats, score: Score
    ) -> "_Shuffled":
        rng = np.random.default_rng(0)
        chosen = np.sort(rng.permutation(len(rows))[:MOST_ROWS])
        rows, actual = rows[chosen], actual[chosen]
        orders = tuple(rng.permutation(len(rows)) for _ in range(REPEATS))
        best = measure(score, actual, predict(rows))
        return cls(predict, rows, actual, score, best, orders)

    def loss(self, columns: list[int]) -> tuple[float, float]:
        """The mean and deviation of the loss when these columns are shuffled, all alike."""
        values = self.rows[:, columns]
        if np.array_equal(values, np.broadcast_to(values[:1], values.shape), equal_nan=True):
            return 0.0, 0.0
        stacked = np.tile(self.rows, (REPEATS, 1))
        stacked[:, columns] = np.concatenate([values[order] for order in self.orders])
        answers = self.predict(stacked).reshape(REPEATS, -1)
        sign = 1.0 if self.score in HIGHER_IS_BETTER else -1.0
        losses = [
            sign * (self.best - measure(self.score, self.actual, answer)) for answer in answers
        ]
        return float(np.mean(losses)), float(np.std(losses))


def reference_row(rows: Rows, categories: int, first: int) -> Rows:
    """(F,): the usual value of each feature in training; NaN where it is mostly unknown.

    Medians; of the `categories` columns from `first` on, 0, the most frequent word's code.
    """
    known = ~np.isnan(rows)
    usual = np.full(rows.shape[1], np.nan, dtype=np.float32)
    often = known.mean(axis=0) >= 0.5
    if often.any():
        usual[often] = np.nanmedian(rows[:, often], axis=0)
    usual[first : first + categories] = 0.0
    return usual


def replaced(row: Rows, reference: Rows) -> Rows:
    """(F + 1, F): the row, then the row with each feature in turn at its reference."""
    stacked = np.repeat(row[None, :], len(row) + 1, axis=0)
    at = np.arange(len(row))
    stacked[at + 1, at] = reference
    return stacked


def reasons(
    names: tuple[str, ...], row: Rows, reference: Rows, answers: Floats, k: int
) -> tuple[FeatureEffect, ...]:
    """The `k` features that move the answer most; `answers` belong to `replaced`.

    What has no number at its reference is no reason.
    """
    effects = np.nan_to_num(answers[0] - answers[1:], nan=0.0, posinf=0.0, neginf=0.0)
    order = np.argsort(-np.abs(effects), kind="stable")[:k]
    return tuple(
        FeatureEffect(names[at], _known(row[at]), _known(reference[at]), float(effects[at]))
        for at in order
        if effects[at] != 0
    )


def _known(value: np.float32) -> float | None:
    return None if np.isnan(value) else float(value)
