"""The promise that the truth lies within 15 % of an estimate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.plots.style import wilson

Floats = NDArray[np.float64]

WITHIN = 0.15
KEPT = 0.8  # the share of promises that must be kept
# |truth - estimate| <= 15 % of the truth, as bounds of log(truth / estimate).
LOW, HIGH = -float(np.log(1 + WITHIN)), -float(np.log(1 - WITHIN))
LEAST_PROMISED = 10


@dataclass(frozen=True)
class Promise:
    """threshold: the probability from which the promise is made; None: it is made to nobody.

    share: of the held-out tasks it was made for; kept: of those, with the 95 % interval's low end.
    """

    threshold: float | None
    share: float
    kept: float | None
    kept_low: float | None
    tasks: int


def learn_promise(probabilities: Floats, is_within: NDArray[np.bool_]) -> Promise:
    """The lowest threshold above which at least 80 % of promises were kept, surely so.

    Surely: the lower end of the 95 % Wilson interval reaches 80 %, over ten tasks or more.
    """
    order = np.argsort(-probabilities, kind="stable")
    counts = np.arange(1, len(order) + 1, dtype=np.float64)
    kept = np.cumsum(is_within[order])
    low, _ = wilson(kept.astype(np.float64), counts)
    ordered = probabilities[order]
    is_last = np.append(ordered[1:] < ordered[:-1], True) if len(ordered) else np.zeros(0, bool)
    usable = np.flatnonzero((low >= KEPT) & (counts >= LEAST_PROMISED) & is_last)
    if not len(usable):
        return Promise(None, 0.0, None, None, len(order))
    at = int(usable[-1])
    return Promise(
        float(ordered[at]),
        (at + 1) / len(order),
        float(kept[at] / (at + 1)),
        float(low[at]),
        len(order),
    )
