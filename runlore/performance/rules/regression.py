"""Detect a regression: a window against a rolling baseline.

The baseline is the median of the windows before, its spread their median absolute deviation, so
that one bad window neither raises the bar nor lowers it. The deviation of seven windows is often
small by luck, so the spread is never less than the newest window's own sampling error and the
median's.
Rousseeuw & Croux, Alternatives to the median absolute deviation, JASA 1993; the variance of a
median of n is π/2 of a mean's (Laplace, 1818).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.models.score_names import display
from runlore.specs.model_spec import HIGHER_IS_BETTER, Score

Floats = NDArray[np.float64]
Answer = Literal["regressed", "steady", "not enough data"]

WORSE_BY = 0.2
LEAST_WINDOWS = 4
DEVIATIONS = 3.0
TOGETHER = (1, 2, 4)  # newest windows that are compared as one
MAD_TO_SD = 1.4826
NORMAL_95 = 1.96
# Relative to the baseline: windows that agree to the last digit are no proof of precision.
LEAST_SPREAD = 0.02
BEST_AT_ONE = HIGHER_IS_BETTER | {"coverage"}


@dataclass(frozen=True)
class WindowLoss:
    """A window's value, which is a loss: larger is worse. rows: that it rests on. error: its
    standard error by chance."""

    value: float
    rows: int
    error: float = 0.0

    @property
    def is_known(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.error))


@dataclass(frozen=True)
class Regression:
    """worse_by: the share by which the newest window is worse than the baseline; bound: from which
    it has regressed. deviations: how many robust standard deviations away it is."""

    metric: str
    current: float
    baseline: float
    worse_by: float
    bound: float
    deviations: float
    answer: Answer
    reason: str


def as_loss(score: Score, value: float) -> float:
    """A score as something to be small, so that a fifth worse means the same for all.

    What is lacking to perfect where higher is better: an AUC of .8 that falls to .76 orders a
    fifth more pairs wrongly.
    """
    return 1.0 - value if score in BEST_AT_ONE else value


def name_of_loss(score: Score) -> str:
    """For people.

    >>> name_of_loss("auc"), name_of_loss("brier")
    ('1 - AUC', 'Brier score')
    """
    return f"1 - {display(score)}" if score in BEST_AT_ONE else display(score)


def standard_error(low: float, high: float) -> float:
    """Of a value whose 95 % interval this is; a loss has the same as its score."""
    return (high - low) / (2 * NORMAL_95)


def detect(
    metric: str,
    current: WindowLoss,
    before: Sequence[WindowLoss],
    least_rows: int,
    worse_by: float = WORSE_BY,
) -> Regression:
    """Compare the newest window, and the newest few together, with those before them.

    before: oldest first; those that rest on too few rows are left out. Of several windows each must
    be worse, so that one bad window among them is no regression.
    """
    usable = [p for p in before if p.rows >= least_rows and np.isfinite(p.value)]
    nothing = float("nan")
    if current.rows < least_rows or not current.is_known or len(usable) < LEAST_WINDOWS:
        reason = (
            f"{metric}: {current.rows:,} rows and {len(usable)} earlier windows; it takes"
            f" {least_rows:,} and {LEAST_WINDOWS}"
        )
        return Regression(
            metric, current.value, nothing, nothing, worse_by, nothing, "not enough data", reason
        )
    points = [*usable, current]
    looks = [
        _compare(metric, points[:-newest], points[-newest:], worse_by)
        for newest in TOGETHER
        if len(points) - newest >= LEAST_WINDOWS
    ]
    regressed = [look for look in looks if look.answer == "regressed"]
    return max(regressed or looks[:1], key=lambda look: look.deviations)


def _compare(
    metric: str, before: Sequence[WindowLoss], newest: Sequence[WindowLoss], worse_by: float
) -> Regression:
    values, now = np.array([p.value for p in before]), np.array([p.value for p in newest])
    baseline, current = float(np.median(values)), float(now.mean())
    spread = _spread(values - baseline, np.array([p.error for p in newest]))
    spread = max(spread, LEAST_SPREAD * abs(baseline), 1e-12)
    size = max(abs(baseline), 1e-12)
    worse, least_worse = (current - baseline) / size, (float(now.min()) - baseline) / size
    deviations = (current - baseline) / spread
    has_regressed = least_worse > worse_by and deviations > DEVIATIONS
    together = f" in the newest {len(now)} windows" if len(now) > 1 else ""
    reason = (
        f"{metric}: {current:,.4g}{together} against {baseline:,.4g} in the {len(values)} windows"
        f" before, {abs(worse):.0%} {'worse' if worse > 0 else 'better'}; more than {worse_by:.0%}"
        f" and {DEVIATIONS:g} robust deviations make a regression, here it is {deviations:.1f}"
    )
    answer: Answer = "regressed" if has_regressed else "steady"
    return Regression(metric, current, baseline, worse, worse_by, deviations, answer, reason)


def _spread(before: Floats, errors: Floats) -> float:
    """The standard deviation of a mean of windows around the median of those before, (n,), as they
    differ among themselves; at least what chance makes of sampling errors, (k,)."""
    usual = MAD_TO_SD * float(np.median(np.abs(before))) / math.sqrt(len(errors))
    shares = 1 / len(errors) + math.pi / (2 * len(before))
    return max(usual, math.sqrt(float(np.square(errors).mean()) * shares))
