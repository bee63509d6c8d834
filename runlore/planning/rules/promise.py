"""The promise that the truth lies within 15 % of an estimate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.plots.style import wilson

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

WITHIN = 0.15
KEPT = 0.8  # the share of promises that must be kept
# |truth - estimate| <= 15 % of the truth, as bounds of log(truth / estimate).
LOW, HIGH = -float(np.log(1 + WITHIN)), -float(np.log(1 - WITHIN))
LEAST_PROMISED = 10
FOLDS = 5


@dataclass(frozen=True)
class Promise:
    """threshold: the probability from which the promise is made; None: it is made to nobody.

    share: of the held-out tasks it was made for; kept: of those, with the 95 % interval's low end.
    Each of these was promised by a threshold from other tasks.
    """

    threshold: float | None
    share: float
    kept: float | None
    kept_low: float | None
    tasks: int


def learn_promise(probabilities: Floats, is_within: Mask) -> Promise:
    """The lowest threshold above which at least 80 % of promises were kept, surely so.

    Surely: the lower end of the 95 % Wilson interval reaches 80 %, over ten tasks or more. It must
    be kept on others, too: by thresholds from four fifths of the tasks, 80 % in the fifth.
    """
    count = len(probabilities)
    threshold = _threshold(probabilities, is_within)
    is_made = _promised_by_others(probabilities, is_within)
    made = int(is_made.sum())
    kept = int(is_within[is_made].sum())
    if threshold is None or not made or kept < KEPT * made:
        return Promise(None, 0.0, None, None, count)
    low, _ = wilson(np.array([float(kept)]), np.array([float(made)]))
    return Promise(threshold, made / count, kept / made, float(low[0]), count)


def _promised_by_others(probabilities: Floats, is_within: Mask) -> Mask:
    """(n,): whether a task is promised by the threshold of tasks that are not in its fold."""
    fold = np.arange(len(probabilities)) % FOLDS
    is_made = np.zeros(len(probabilities), dtype=np.bool_)
    for number in range(FOLDS):
        others = fold != number
        threshold = _threshold(probabilities[others], is_within[others])
        if threshold is not None:
            is_made[~others] = probabilities[~others] >= threshold
    return is_made


def _threshold(probabilities: Floats, is_within: Mask) -> float | None:
    order = np.argsort(-probabilities, kind="stable")
    counts = np.arange(1, len(order) + 1, dtype=np.float64)
    low, _ = wilson(np.cumsum(is_within[order]).astype(np.float64), counts)
    ordered = probabilities[order]
    is_last = np.append(ordered[1:] < ordered[:-1], True) if len(ordered) else np.zeros(0, bool)
    usable = np.flatnonzero((low >= KEPT) & (counts >= LEAST_PROMISED) & is_last)
    return float(ordered[usable[-1]]) if len(usable) else None
