"""The distribution beside a chosen candidate: fitted, and calibrated on walk-forward rows."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runlore.models.distribution import LEVELS, Distribution, calibrated_places, worst_tails
from runlore.specs.model_spec import CandidateKind, ModelSpec, Quantity
from runlore.training.rules.distribution_forest import (
    LEAST_ROWS,
    DistributionForest,
    fit_forest_at,
)
from runlore.training.rules.distribution_mean import forest_of
from runlore.training.rules.split import Division
from runlore.training.rules.trained import Candidate, QuantityDistribution
from runlore.training.rules.training_set import TrainingSet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def fit_distribution(
    spec: ModelSpec,
    data: TrainingSet,
    division: Division,
    winner: Candidate,
    done: Mapping[CandidateKind, Candidate],
) -> QuantityDistribution | None:
    """Fit the distribution on all training rows, and calibrate it on walk-forward rows.

    The forests of the candidate `distribution` are reused. With fewer than LEAST_ROWS rows in a
    fold, the distribution is the winner's answer and its residuals. None for a probability.
    """
    if not isinstance(spec.question, Quantity):
        return None
    actual = np.log1p(data.target[division.valid])
    fewest = min(len(fold.train) for fold in division.folds)
    if fewest < LEAST_ROWS and forest_of(winner.fitted.estimator) is None:
        return QuantityDistribution(residual_distribution(actual - winner.valid_raw))
    forests = _forests(spec, data, division, winner, done.get("distribution"))
    places = [
        Distribution(tuple(forest.edges), LEVELS).places_of(
            forest.shares_at(data.rows, fold.valid), raw, np.log1p(data.target[fold.valid])
        )
        for forest, fold, raw in zip(
            forests, division.folds, _by_fold(division, winner), strict=False
        )
    ]
    final = forests[-1]
    calibrated = calibrated_places(np.concatenate(places))
    tails = worst_tails(places, spec.question.coverage)
    edges = tuple(final.edges.tolist())
    return QuantityDistribution(Distribution(edges, calibrated, tails=tails), final)


def _by_fold(division: Division, winner: Candidate) -> list[Floats]:
    return np.split(winner.valid_raw, np.cumsum([len(f.valid) for f in division.folds])[:-1])


def _forests(
    spec: ModelSpec,
    data: TrainingSet,
    division: Division,
    winner: Candidate,
    candidate: Candidate | None,
) -> list[DistributionForest]:
    """Those of the folds, and at the end that of all training rows."""
    for holder in (winner, candidate):
        models = (*holder.folds, holder.fitted) if holder else ()
        forests = [forest for model in models if (forest := forest_of(model.estimator))]
        if forests:
            return forests
    parts = [*(fold.train for fold in division.folds), division.train]
    return [fit_forest_at(data, train, spec.select_by) for train in parts]


def residual_distribution(residuals: Floats) -> Distribution:
    """The distribution of (n,) residuals of validation rows, log1p scale, around any answer."""
    edges = np.unique(np.quantile(residuals, np.linspace(0, 1, 201), method="inverted_cdf"))
    edges = np.concatenate([np.nextafter(edges[:1], -np.inf), edges])
    at = np.clip(np.searchsorted(edges, residuals, side="left") - 1, 0, len(edges) - 2)
    shares = np.bincount(at, minlength=len(edges) - 1) / len(residuals)
    raw = Distribution(tuple(edges.tolist()), LEVELS, tuple(shares.tolist()))
    places = raw.places_of(None, np.zeros(len(residuals)), residuals)
    return replace(raw, places=calibrated_places(places))
