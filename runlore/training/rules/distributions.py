"""The distribution beside a chosen candidate, fitted and calibrated on walk-forward rows.

Three are tried: the forest's, which knows the distribution of each row; the residuals of the
candidate in units of their expected size; and the residuals as they are. The one with the least
pinball loss on walk-forward rows is taken: Gneiting & Raftery, JASA 102, 2007.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runlore.models.distribution import LEVELS, Distribution, calibrated_places, worst_tails
from runlore.models.scores import pinball_loss
from runlore.specs.model_spec import CandidateKind, ModelSpec, Quantity
from runlore.training.rules.distribution_forest import (
    LEAST_ROWS,
    DistributionForest,
    fit_forest_at,
)
from runlore.training.rules.distribution_mean import forest_of
from runlore.training.rules.residual_scale import MOST_ROWS, ResidualScale, fit_scale
from runlore.training.rules.split import Division
from runlore.training.rules.trained import CHECKED_LEVELS, Candidate, QuantityDistribution
from runlore.training.rules.training_set import TrainingSet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ValidationRows:
    """What the walk-forward rows say of a candidate: its answers and what came, log1p scale.

    ends: the positions at which the windows but the last one end. levels: at which quantiles are
    compared.
    """

    raw: Floats
    actual: Floats
    ends: Ints
    coverage: float

    @property
    def levels(self) -> Floats:
        tail = (1 - self.coverage) / 2
        return np.unique([tail, *CHECKED_LEVELS, 1 - tail])

    def windows(self, values: Floats) -> list[Floats]:
        return np.split(values, self.ends)


def fit_distribution(
    spec: ModelSpec,
    data: TrainingSet,
    division: Division,
    winner: Candidate,
    done: Mapping[CandidateKind, Candidate],
) -> QuantityDistribution | None:
    """Fit the distribution on all training rows, and calibrate it on walk-forward rows.

    The forests of the candidate `distribution` are reused. A forest needs LEAST_ROWS rows in each
    fold; with more than MOST_ROWS walk-forward rows it is taken without trying others. None for a
    probability.
    """
    if not isinstance(spec.question, Quantity):
        return None
    valid = ValidationRows(
        raw=winner.valid_raw,
        actual=np.log1p(data.target[division.valid]),
        ends=np.cumsum([len(fold.valid) for fold in division.folds])[:-1],
        coverage=spec.question.coverage,
    )
    tried = []
    fewest = min(len(fold.train) for fold in division.folds)
    if fewest >= LEAST_ROWS or forest_of(winner.fitted.estimator) is not None:
        forests = fit_forests(spec, data, division, winner, done.get("distribution"))
        tried.append(of_forests(forests, data, division, valid))
    if len(valid.raw) <= MOST_ROWS or not tried:
        tried += of_residuals(data, division, valid)
    return min(tried, key=lambda found: found[1])[0]


def of_forests(
    forests: list[DistributionForest],
    data: TrainingSet,
    division: Division,
    valid: ValidationRows,
) -> tuple[QuantityDistribution, float]:
    """The distribution of the last forest, calibrated with those of the folds, and its loss."""
    folds = [
        (
            Distribution(tuple(forest.edges.tolist()), LEVELS),
            forest.shares_at(data.rows, fold.valid),
        )
        for forest, fold in zip(forests, division.folds, strict=False)
    ]
    raws, actuals = valid.windows(valid.raw), valid.windows(valid.actual)
    places = [
        distribution.places_of(shares, raw, actual)
        for (distribution, shares), raw, actual in zip(folds, raws, actuals, strict=True)
    ]
    calibrated = calibrated_places(np.concatenate(places))
    tails = worst_tails(places, valid.coverage)
    quantiles = [
        replace(distribution, places=calibrated).quantiles(shares, raw, valid.levels)
        for (distribution, shares), raw in zip(folds, raws, strict=True)
    ]
    final = forests[-1]
    whole = Distribution(tuple(final.edges.tolist()), calibrated, tails=tails)
    return QuantityDistribution(whole, final), _loss(valid, np.concatenate(quantiles))


def of_residuals(
    data: TrainingSet, division: Division, valid: ValidationRows
) -> Iterator[tuple[QuantityDistribution, float]]:
    """Distributions of the residuals, in units of their expected size and as they are."""
    residuals = valid.actual - valid.raw
    scale = fit_scale(data.rows[division.valid], residuals)
    scales: list[ResidualScale | None] = [None] if scale is None else [scale, None]
    for one in scales:
        unseen = None if one is None else one.unseen
        whole = residual_distribution(residuals, unseen, valid)
        quantiles = whole.quantiles(None, valid.raw, valid.levels, unseen)
        fitted = None if one is None else one.fitted
        yield QuantityDistribution(whole, scale=fitted), _loss(valid, quantiles)


def residual_distribution(
    residuals: Floats, scale: Floats | None = None, valid: ValidationRows | None = None
) -> Distribution:
    """The distribution of (n,) residuals of validation rows, log1p scale, around any answer.

    scale: (n,), in units of which they are taken. valid: in whose every window the interval is to
    hold.
    """
    units = residuals if scale is None else residuals / scale
    edges = np.unique(np.quantile(units, np.linspace(0, 1, 201), method="inverted_cdf"))
    edges = np.concatenate([np.nextafter(edges[:1], -np.inf), edges])
    at = np.clip(np.searchsorted(edges, units, side="left") - 1, 0, len(edges) - 2)
    shares = np.bincount(at, minlength=len(edges) - 1) / len(units)
    raw = Distribution(tuple(edges.tolist()), LEVELS, tuple(shares.tolist()))
    places = raw.places_of(None, np.zeros(len(units)), units)
    tails = () if valid is None else worst_tails(valid.windows(places), valid.coverage)
    return replace(raw, places=calibrated_places(places), tails=tails)


def _loss(valid: ValidationRows, quantiles: Floats) -> float:
    """On the log1p scale, where a miss by a third costs the same for short and for long work."""
    return pinball_loss(valid.actual, np.log1p(quantiles), valid.levels)


def fit_forests(
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
