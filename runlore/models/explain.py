"""Which features matter: over a test part, and for one answer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import measure
from runlore.specs.model_spec import HIGHER_IS_BETTER, Score

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

MOST_ROWS = 1_000
REPEATS = 3


@dataclass(frozen=True)
class Importance:
    """By how much the score gets worse when the feature's values are shuffled among rows."""

    feature: str
    mean: float
    sd: float


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
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(rows))[:MOST_ROWS])
    rows, actual = rows[chosen], actual[chosen]
    best = measure(score, actual, predict(rows))
    sign = 1.0 if score in HIGHER_IS_BETTER else -1.0
    shuffles = [rng.permutation(len(rows)) for _ in range(REPEATS)]
    importances = []
    for column, name in enumerate(names):
        stacked = np.tile(rows, (REPEATS, 1))
        stacked[:, column] = np.concatenate([rows[order, column] for order in shuffles])
        answers = predict(stacked).reshape(REPEATS, -1)
        losses = [sign * (best - measure(score, actual, answer)) for answer in answers]
        importances.append(Importance(name, float(np.mean(losses)), float(np.std(losses))))
    return tuple(sorted(importances, key=lambda importance: -importance.mean))


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
