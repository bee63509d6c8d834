"""Attack a mechanism: how much does its answer tell about one persona, at least?"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput

Floats = NDArray[np.float64]
LEAST_RUNS = 20


@dataclass(frozen=True)
class EpsilonAudit:
    """epsilon: that the mechanism has at least, at this confidence; 0: nothing was shown.

    auc: probability that the attack scores a run with the canary above one without.
    """

    epsilon: float
    auc: float
    confidence: float
    runs: int


def audit_epsilon(
    with_canary: Sequence[float],
    without: Sequence[float],
    delta: float = 0.0,
    confidence: float = 0.95,
) -> EpsilonAudit:
    """A lower bound of epsilon from an attack's scores, one of each run of the mechanism.

    The attack says "with" above a threshold, or below one. Which one is chosen on the first half
    of the runs and judged on the second, with Clopper-Pearson bounds.

    with_canary, without: scores of runs with and without one persona whose data are the worst case;
        higher should mean "with".

    Raises:
        BadInput: fewer than 20 runs of each, or scores that are not finite.

    Source: Jagielski, Ullman and Oprea, "Auditing differentially private machine learning", 2020.
    """
    present, absent = np.asarray(with_canary, float), np.asarray(without, float)
    if min(len(present), len(absent)) < LEAST_RUNS:
        raise BadInput(f"runs: an audit takes {LEAST_RUNS} of each or more", "runs")
    if not (np.isfinite(present).all() and np.isfinite(absent).all()):
        raise BadInput("runs: scores of an audit must be finite", "runs")
    bound = max(
        _bound(sign * one, sign * other, delta, confidence)
        for sign in (1.0, -1.0)
        for one, other in ((present, absent), (absent, present))
    )
    return EpsilonAudit(bound, _auc(present, absent), confidence, len(present) + len(absent))


def _bound(positive: Floats, negative: Floats, delta: float, confidence: float) -> float:
    """log((TPR - delta) / FPR) at the threshold that is best on the first halves."""
    first, second = len(positive) // 2, len(negative) // 2
    thresholds = np.unique(np.concatenate([positive[:first], negative[:second]]))
    hits = _shares_above(positive[:first], thresholds)
    alarms = _shares_above(negative[:second], thresholds)
    n = len(negative) - second
    promise = np.log(np.maximum(hits - delta, 1e-12)) - np.log(alarms + 3 / n)
    threshold = thresholds[int(np.argmax(promise))]
    # Four attacks are tried, each with two bounds: the level is shared among them.
    level = (1 - confidence) / 8
    hit = _lowest(int((positive[first:] > threshold).sum()), len(positive) - first, level)
    alarm = 1 - _lowest(int((negative[second:] <= threshold).sum()), n, level)
    return max(0.0, log((hit - delta) / alarm)) if hit > delta else 0.0


def _shares_above(values: Floats, thresholds: Floats) -> Floats:
    return 1 - np.searchsorted(np.sort(values), thresholds, side="right") / len(values)


def _lowest(count: int, n: int, level: float) -> float:
    """Clopper-Pearson's lower bound of a share, one-sided."""
    from scipy.stats import beta

    return float(beta.ppf(level, count, n - count + 1)) if count else 0.0


def _auc(present: Floats, absent: Floats) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([present, absent]))[: len(present)].sum()
    n, m = len(present), len(absent)
    return float((ranks - n * (n + 1) / 2) / (n * m))
