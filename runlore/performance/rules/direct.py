"""Estimate the errors of quantities before their outcomes are known.

Direct loss estimation: on answers whose outcome is known a regression tree learns how much is lost
by what the model says of itself, its answer and its interval; of newer answers it says what to
expect.
Nothing tells an error beforehand but errors like it: when they change, the estimate is withdrawn.
After Elsahar & Gallé, To annotate or not? Predicting performance drop under domain shift, EMNLP
2019, who learn a drop from what a model says of its own answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import LOSSES, QUANTITY_SCORES
from runlore.performance.rules.assumption import Assumption, assumption
from runlore.performance.rules.maturity import MatchedPredictions, weights
from runlore.performance.rules.trust import halves
from runlore.specs.model_spec import Score
from runlore.training.rules.gates import ScoreInterval

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEWEST = 4_000  # known outcomes to learn from, the newest first

LEAST_LABELS = 400
TESTED = 0.4  # The newest part of those outcomes, on which what the older ones taught is tested

LEAST_RECENT = 200  # tested outcomes of the shortest look at the newest ones
BLOCKS = 20
ALPHA = 0.01
MATERIAL_SHARE = 0.1  # the relative change of a mean loss from which it matters

# Of the shares of a leaf, now and then; no outcome is left out altogether.
LEAST_RATIO = 1e-3
TINY = 1e-12


@dataclass(frozen=True)
class Estimate:
    """scores: nothing where the errors are not what they were, or too few are known to tell."""

    scores: Mapping[Score, ScoreInterval]
    errors: Assumption


@dataclass(frozen=True, eq=False)
class LossForecast:
    """expected: (n,), of the current answers. residuals, loss, weight: (m,), of the tested outcomes
    in their order; residuals are what came less what was expected. alike: (m,), how much more
    often such answers are among the current ones. taught: the outcomes that said what to expect."""

    expected: Floats
    residuals: Floats
    loss: Floats
    weight: Floats
    alike: Floats
    taught: int

    @property
    def mean(self) -> float:
        """What came on average."""
        return float(np.average(self.loss, weights=self.weight))

    def newest(self, labels: int) -> "LossForecast":
        """The same with so many of the tested outcomes, the newest ones."""
        held = slice(-labels, None)
        return replace(
            self,
            residuals=self.residuals[held],
            loss=self.loss[held],
            weight=self.weight[held],
            alike=self.alike[held],
        )

    @property
    def bias(self) -> float:
        return float(np.average(self.residuals, weights=self.weight))

    @property
    def error(self) -> float:
        """Standard error of `bias`, by consecutive blocks, since outcomes come in bursts. What was
        expected rests on outcomes, too, and is off by as much, in proportion."""
        edges = (np.arange(BLOCKS) * len(self.residuals)) // BLOCKS
        sums = np.add.reduceat(self.residuals * self.weight, edges)
        means = sums / np.add.reduceat(self.weight, edges)
        more = 1 + len(self.residuals) / self.taught
        return float(means.std(ddof=1) * np.sqrt(more / BLOCKS))

    @property
    def chance(self) -> float:
        """How often chance alone leaves such a bias, or a larger one: Student's t of blocks."""
        from scipy.stats import t

        if not self.error:
            return 1.0
        return float(2 * t.sf(abs(self.bias) / self.error, BLOCKS - 1))

    def is_off(self, alpha: float) -> bool:
        return self.chance < alpha and abs(self.bias) > MATERIAL_SHARE * self.mean

    def worst(self) -> tuple["LossForecast", bool]:
        """The look at the newest outcomes that says most against the estimate, and whether enough.

        All tested outcomes, the newest half of them and so on, each at its part of ALPHA: see
        `trust.is_calibrated`.
        """
        looks = [self.newest(labels) for labels in halves(len(self.residuals), LEAST_RECENT)]
        off = [look for look in looks if look.is_off(ALPHA / len(looks))]
        return min(off or looks[:1], key=lambda look: look.chance), bool(off)

    def measured(self) -> ScoreInterval:
        """The mean to expect, and the band in which the realised one lies 19 times of 20.

        Residuals are weighted to be those of answers like the current ones: where more of the work
        is hard to predict, they are larger. Shimodaira, Improving predictive inference under
        covariate shift by weighting the log-likelihood function, J. Stat. Plan. Inference 2000.
        """
        from scipy.stats import t

        here = replace(self, weight=self.weight * self.alike)
        spread = np.sqrt(np.average(np.square(here.residuals - here.bias), weights=here.weight))
        by_chance = float(spread / np.sqrt(len(self.expected)))
        half = float(t.ppf(0.975, BLOCKS - 1)) * float(np.hypot(by_chance, here.error))
        value = float(self.expected.mean())
        return ScoreInterval(value, value - half, value + half)


def estimate(before: MatchedPredictions, current: MatchedPredictions) -> Estimate:
    """The scores to expect of `current`, by what is known of the answers `before` them."""
    weight = weights(before)
    newest = np.flatnonzero(before.is_known)[-NEWEST:]
    past, weight = before.take(newest), weight[newest]
    if len(past) < LEAST_LABELS:
        untested = f"not tested: of the answers before, {len(past):,} outcomes are known; it takes"
        return Estimate({}, assumption("errors", None, f"{untested} {LEAST_LABELS}"))
    learned = {score: _learn(score, past, weight, current) for score in QUANTITY_SCORES}
    looks = {score: expected.worst() for score, expected in learned.items()}
    reason = "; ".join(
        f"{score} {look.mean:.4g} where {look.mean - look.bias:.4g} was expected of the newest"
        f" {len(look.loss):,} outcomes, by chance once in {1 / max(look.chance, 1e-9):,.0f}"
        for score, (look, _) in looks.items()
    )
    is_off = any(is_off for _, is_off in looks.values())
    scores = {} if is_off else {score: expected.measured() for score, expected in learned.items()}
    return Estimate(scores, assumption("errors", not is_off, reason))


def _learn(
    score: Score, past: MatchedPredictions, weight: Floats, current: MatchedPredictions
) -> LossForecast:
    """Tested on the newest part of the past, then taught all of it."""
    has_interval = bool(np.isfinite(past.low).all() and np.isfinite(current.low).all())
    loss, features = LOSSES[score](past.actual, past.prediction), _said(past, has_interval)
    first = len(past) - int(len(past) * TESTED)
    older = _regression(features[:first], loss[:first], weight[:first])
    said, late = _said(current, has_interval), slice(first, None)
    expected = _regression(features, loss, weight).predict(said)
    residuals = loss[late] - older.predict(features[late])
    alike = _alike(older.apply(features[late]), weight[late], older.apply(said))
    return LossForecast(expected, residuals, loss[late], weight[late], alike, first)


def _alike(of_past: Ints, weight: Floats, of_current: Ints) -> Floats:
    """(m,): how much larger the share of each one's leaf is among the current answers."""
    leaves = max(of_past.max(), of_current.max(initial=0)) + 1
    past = np.bincount(of_past, weights=weight, minlength=leaves)
    current = np.bincount(of_current, minlength=leaves)
    ratio = (current / max(current.sum(), 1)) / np.maximum(past / past.sum(), TINY)
    return np.asarray(np.maximum(ratio, LEAST_RATIO)[of_past])


def _said(answered: MatchedPredictions, has_interval: bool) -> Floats:
    """(n, 1) or (n, 3): what the model says of itself."""
    if not has_interval:
        return answered.prediction[:, None]
    return np.column_stack([answered.prediction, answered.low, answered.high])


def _regression(features: Floats, loss: Floats, weight: Floats) -> "DecisionTreeRegressor":
    from sklearn.tree import DecisionTreeRegressor

    made = DecisionTreeRegressor(max_leaf_nodes=16, min_samples_leaf=50, random_state=0)
    return made.fit(features, loss, sample_weight=weight)
