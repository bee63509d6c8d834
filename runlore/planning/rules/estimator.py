"""Estimates of one kind of task, from its own past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import Refused
from runlore.kernel.readable import readable_share
from runlore.planning.rules.estimate_scores import EstimateScores, score_estimates
from runlore.planning.rules.holding_out import HeldOut, OutcomeTimes, hold_out
from runlore.planning.rules.promise import HIGH, LOW, Promise, learn_promise
from runlore.planning.rules.residual_spread import ResidualSpread, local_scales, scales_of_held
from runlore.planning.rules.small_models import Answers, distances, usable_models
from runlore.planning.rules.task_table import Description, TaskEncoder, learn_encoder
from runlore.planning.rules.weighting import weigh_models

Floats = NDArray[np.float64]

LEAST_LEARNED = 10  # tasks, for the folds of cross-validation
COVERAGES = (0.5, 0.8, 0.9)
MOST_WIDENED = 3.0  # times the usual width, for a task unlike any before
ALIKE = 3  # past tasks that are shown


@dataclass(frozen=True)
class AmountEstimate:
    """value: the median, in the quantity's unit. quantiles: by level.

    within_15: the probability that the truth lies within 15 %. similarity: the share of past tasks
    whose own nearest one is no nearer; 0: unlike any before. alike: positions of the most similar.
    unknown: inputs that the past says nothing about. reason: why it is promised, or not.
    """

    value: float
    quantiles: Mapping[float, float]
    within_15: float
    is_promised: bool
    similarity: float
    alike: tuple[int, ...]
    unknown: tuple[str, ...]
    reason: str


@dataclass(frozen=True, eq=False)
class Estimator:
    """rows: (n, p) past tasks, values: (n,) logs of what they took. weights: by model."""

    encoder: TaskEncoder
    rows: Floats
    values: Floats
    models: Mapping[str, Answers]
    weights: Mapping[str, float]
    held: HeldOut
    residuals: Floats
    spread: ResidualSpread
    promise: Promise
    scores: EstimateScores

    def estimate(
        self, task: Description, levels: Sequence[float] = (0.1, 0.5, 0.9)
    ) -> AmountEstimate:
        row = self.encoder.encode([task])
        answer = float(self._answers(row)[0])
        far = distances(row, self.rows)[0]
        nearest = float(far.min())
        scale = float(local_scales(far[None, self.held.at], np.abs(self.residuals))[0])
        scale *= self._widening(nearest)
        quantiles = {
            level: float(np.exp(answer + scale * self.spread.quantile(level))) for level in levels
        }
        within = float(
            self.spread.share_between(np.array([LOW / scale]), np.array([HIGH / scale]))[0]
        )
        similarity = float((self._nearest >= nearest).mean())
        promised, reason = self._promises(within, similarity)
        return AmountEstimate(
            value=float(np.exp(answer)),
            quantiles=quantiles,
            within_15=within,
            is_promised=promised,
            similarity=similarity,
            alike=tuple(int(at) for at in np.argsort(far, kind="stable")[:ALIKE]),
            unknown=self.encoder.unknown(task),
            reason=reason,
        )

    def _answers(self, rows: Floats) -> Floats:
        parts = [weight * self.models[name](rows) for name, weight in self.weights.items()]
        answers: Floats = np.sum(parts, axis=0)
        return answers

    def _promises(self, within: float, similarity: float) -> tuple[bool, str]:
        threshold = self.promise.threshold
        if threshold is None:
            return False, (
                f"no promise: of {self.promise.tasks} past tasks, no group came surely within 15 %"
                " in 80 % of cases"
            )
        if similarity == 0 and self.rows.shape[1]:
            return False, "no promise: no past task is like this one"
        if within < threshold:
            return False, (
                f"no promise: the truth lies within 15 % with {readable_share(within)}, and"
                f" promises were kept from {readable_share(threshold)} on"
            )
        return True, (
            f"promised: {readable_share(self.promise.kept or 0)} of such past estimates came"
            " within 15 %"
        )

    def _widening(self, nearest: float) -> float:
        usual = float(np.quantile(self._nearest, 0.9))
        return (
            float(np.clip(nearest / usual, 1.0, MOST_WIDENED))
            if usual > 0
            else (1.0 if nearest == 0 else MOST_WIDENED)
        )

    @cached_property
    def _nearest(self) -> Floats:
        """(n,): how far the nearest other task of each past task is."""
        far = distances(self.rows, self.rows)
        np.fill_diagonal(far, np.inf)
        nearest: Floats = far.min(axis=1)
        return nearest


def fit_estimator(
    tasks: Sequence[Description], amounts: Floats, times: OutcomeTimes | None = None
) -> Estimator:
    """Learn from (n,) amounts above 0, of tasks in order where they have times.

    Raises Refused below 10 tasks, and where all took the same.
    """
    _check(amounts)
    encoder = learn_encoder(tasks)
    rows, values = encoder.encode(tasks), np.log(amounts)
    models = usable_models(rows.shape[1])
    held = hold_out(rows, values, times, models)
    has_order = held.validation == "by time"
    truth = values[held.at]
    weights = _weights(list(models), held.answers, truth, has_order=has_order)
    combined = held.answers @ weights
    residuals = truth - combined
    scales = scales_of_held(rows[held.at], np.abs(residuals), has_order=has_order)
    spread = ResidualSpread(np.sort(residuals / scales))
    is_within = (residuals >= LOW) & (residuals <= HIGH)
    names = list(models)
    used = {name: float(at) for name, at in zip(names, weights, strict=True) if at > 0}
    return Estimator(
        encoder=encoder,
        rows=rows,
        values=values,
        models={name: models[name](rows, values) for name in used},
        weights=used,
        held=held,
        residuals=residuals,
        spread=spread,
        promise=learn_promise(spread.share_between(LOW / scales, HIGH / scales), is_within),
        scores=score_estimates(
            np.exp(truth),
            np.exp(combined),
            np.exp(held.answers[:, names.index("median")]),
            {f"{level:.0%}": _coverage(spread, residuals / scales, level) for level in COVERAGES},
        ),
    )


def _weights(names: Sequence[str], answers: Floats, truth: Floats, *, has_order: bool) -> Floats:
    """The median alone, unless the combination has a smaller error than it."""
    errors = np.abs(answers - truth[:, None])
    weights = weigh_models(errors, has_order=has_order)
    median = names.index("median")
    if np.abs(answers @ weights - truth).mean() < errors[:, median].mean():
        return weights
    alone: Floats = np.eye(len(names))[median]
    return alone


def _coverage(spread: ResidualSpread, scaled: Floats, level: float) -> float:
    """The share of held-out tasks inside an interval of that level."""
    low, high = spread.quantile((1 - level) / 2), spread.quantile((1 + level) / 2)
    return float(((scaled >= low) & (scaled <= high)).mean())


def _check(amounts: Floats) -> None:
    if len(amounts) < LEAST_LEARNED:
        raise Refused(f"{len(amounts)} tasks are too few to learn from; give {LEAST_LEARNED}")
    if not (np.isfinite(amounts) & (amounts > 0)).all():
        raise Refused("an estimate needs amounts above 0; some past ones are not")
    if amounts.min() == amounts.max():
        raise Refused(f"all {len(amounts)} past tasks took the same; there is nothing to estimate")
