"""Predictions with the outcomes known so far, and the weights of known outcomes.

Work that is still running is censored, not absent. What is known early is known because it was
short, so scores of "what has a label" are scores of short work.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MATURE = 0.95
# No answer stands for more than this many: a bounded bias for a bounded variance.
LARGEST_WEIGHT = 20.0


@dataclass(frozen=True, eq=False)
class MatchedPredictions:
    """n answers, in the order of their instants.

    prediction: (n,). actual: (n,), NaN while the outcome is not known. low, high: (n,), NaN without
    an interval. age_s: (n,), from the answer until now. delay_s: (n,), from the answer until its
    outcome was known; NaN while it is not.
    """

    as_of_us: Ints
    prediction: Floats
    actual: Floats
    low: Floats
    high: Floats
    age_s: Floats
    delay_s: Floats

    def __len__(self) -> int:
        return len(self.as_of_us)

    @property
    def is_known(self) -> Mask:
        return np.isfinite(self.actual)

    def take(self, chosen: Mask | Ints | slice) -> "MatchedPredictions":
        return MatchedPredictions(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def between(self, first_us: int, last_us: int) -> "MatchedPredictions":
        """Answers after `first_us`, until `last_us`."""
        return self.take((self.as_of_us > first_us) & (self.as_of_us <= last_us))


@dataclass(frozen=True, eq=False)
class OutcomeDelays:
    """How long outcomes take to become known: a share `known` of all by each of `age_s`.

    known: of all answers, those included whose outcome never comes.
    """

    age_s: Floats
    known: Floats

    @property
    def ever(self) -> float:
        """The estimated share of answers whose outcome comes at all."""
        return float(self.known[-1]) if self.known.size else float("nan")

    def maturity(self, age_s: Floats) -> Floats:
        """Of the outcomes that will be known, the share that is known at such an age."""
        if not self.known.size:
            return np.full(len(age_s), np.nan)
        place = np.searchsorted(self.age_s, age_s, side="right")
        return np.asarray(np.r_[0.0, self.known][place] / self.ever)

    def mature_after_s(self, share: float = MATURE) -> float:
        """The age at which so much of what will be known is known; NaN when nothing ever was."""
        if not self.known.size:
            return float("nan")
        return float(self.age_s[np.searchsorted(self.known, share * self.ever - 1e-12)])


def delays(answered: MatchedPredictions) -> OutcomeDelays:
    """The Kaplan-Meier estimate of the delay, answers without an outcome censored at their age.

    Kaplan & Meier, Nonparametric estimation from incomplete observations, JASA 1958.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    is_known = np.isfinite(answered.delay_s)
    if not is_known.any():
        return OutcomeDelays(np.zeros(0), np.zeros(0))
    time = np.where(is_known, answered.delay_s, answered.age_s)
    fitted = SurvfuncRight(np.maximum(time, 0.0), is_known.astype(int))
    return OutcomeDelays(np.asarray(fitted.surv_times), 1.0 - np.asarray(fitted.surv_prob))


def weights(answered: MatchedPredictions, most: float = LARGEST_WEIGHT) -> Floats:
    """(n,): how many answers each known outcome stands for; 0 where none is known.

    Inverse probability of censoring: an outcome that took d seconds is known only for answers at
    least that old, so it counts ``1 / G(d)``, G(d) being the share of the answers that are. Ages
    are known of all answers, so G is their distribution itself and nothing has to be modelled.
    Assumes that the delay does not depend on when, inside the window, the answer was given.
    Robins & Rotnitzky, Recovery of information and adjustment for dependent censoring, 1992.
    """
    is_known = answered.is_known
    ages = np.sort(answered.age_s)
    older = len(ages) - np.searchsorted(ages, np.nan_to_num(answered.delay_s), side="left")
    at_risk = np.maximum(older / max(len(ages), 1), 1.0 / most)
    return np.where(is_known, 1.0 / at_risk, 0.0)


def completed_mean(answered: MatchedPredictions, pool: MatchedPredictions) -> float:
    """The mean of what came or will come of answers, running work included.

    Running work of age a counts as the mean of what came, in the pool, of work that took longer
    than a; so work longer than the whole window counts too, which no weight can bring back.
    Buckley & James, Linear regression with censored data, Biometrika 1979.

    pool: all answers until now, these among them; each known outcome in it is weighted.
    """
    known = answered.is_known
    if not known.any():
        return float("nan")
    mine, weight = pool.take(pool.is_known), weights(pool)[pool.is_known]
    order = np.argsort(mine.delay_s, kind="stable")
    delay, weight, value = mine.delay_s[order], weight[order], mine.actual[order]
    mass = np.r_[np.cumsum(weight[::-1])[::-1], 0.0]
    total = np.r_[np.cumsum((weight * value)[::-1])[::-1], 0.0]
    longer = np.searchsorted(delay, answered.age_s[~known], side="right")
    longer = np.minimum(longer, len(delay) - 1)
    expected = total[longer] / mass[longer]
    return float(np.concatenate([answered.actual[known], expected]).mean())
