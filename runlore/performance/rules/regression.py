"""Detect a regression: a window against a rolling baseline.

The baseline is the median of the windows before, its spread their median absolute deviation, so
that one bad window neither raises the bar nor lowers it.
Rousseeuw & Croux, Alternatives to the median absolute deviation, JASA 1993.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from runlore.specs.model_spec import Score

Answer = Literal["regressed", "steady", "not enough data"]

WORSE_BY = 0.2
LEAST_WINDOWS = 4
DEVIATIONS = 3.0
MAD_TO_SD = 1.4826
# Relative to the baseline: windows that agree to the last digit are no proof of precision.
LEAST_SPREAD = 0.02


@dataclass(frozen=True)
class WindowLoss:
    """A window's value, which is a loss: larger is worse. rows: that it rests on."""

    value: float
    rows: int


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
    return 1.0 - value if score in ("auc", "relative_accuracy", "coverage") else value


def detect(
    metric: str,
    current: WindowLoss,
    before: Sequence[WindowLoss],
    least_rows: int,
    worse_by: float = WORSE_BY,
) -> Regression:
    """Compare the newest window with those before it that rest on enough rows."""
    usable = [p.value for p in before if p.rows >= least_rows and np.isfinite(p.value)]
    nothing = float("nan")
    if current.rows < least_rows or not np.isfinite(current.value) or len(usable) < LEAST_WINDOWS:
        reason = (
            f"{metric}: {current.rows:,} rows and {len(usable)} earlier windows; it takes"
            f" {least_rows:,} and {LEAST_WINDOWS}"
        )
        return Regression(
            metric, current.value, nothing, nothing, worse_by, nothing, "not enough data", reason
        )
    baseline = float(np.median(usable))
    spread = MAD_TO_SD * float(np.median(np.abs(np.array(usable) - baseline)))
    spread = max(spread, LEAST_SPREAD * abs(baseline), 1e-12)
    worse = (current.value - baseline) / max(abs(baseline), 1e-12)
    deviations = (current.value - baseline) / spread
    has_regressed = worse > worse_by and deviations > DEVIATIONS
    reason = (
        f"{metric}: {current.value:,.4g} against {baseline:,.4g} in the {len(usable)} windows"
        f" before, {abs(worse):.0%} {'worse' if worse > 0 else 'better'}; more than {worse_by:.0%}"
        f" and {DEVIATIONS:g} robust deviations make a regression, here it is {deviations:.1f}"
    )
    answer: Answer = "regressed" if has_regressed else "steady"
    return Regression(metric, current.value, baseline, worse, worse_by, deviations, answer, reason)
