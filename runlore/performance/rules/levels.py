"""How often outcomes did not exceed the quantiles that a version has for their features."""

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import covered
from runlore.performance.rules.maturity import MatchedPredictions, weights
from runlore.performance.rules.realised import LEAST_LABELS
from runlore.training.rules.bootstrap import draw_blocks
from runlore.training.rules.evidence import in_percentiles
from runlore.training.rules.trained import CHECKED_LEVELS, LevelCoverage

Floats = NDArray[np.float64]

REPLICATES = 200


def level_coverage(answered: MatchedPredictions, quantiles: Floats) -> tuple[LevelCoverage, ...]:
    """The coverage of (n, L) quantiles at `CHECKED_LEVELS`, running work treated as censored.

    Empty with fewer than LEAST_LABELS known outcomes.
    """
    known = answered.is_known
    mine, weight = answered.take(known), weights(answered)[known]
    if len(mine) < LEAST_LABELS:
        return ()
    blocks, lowest = draw_blocks(mine.as_of_us, REPLICATES), np.zeros(len(mine))
    total, checked = blocks.sums(weight), []
    for level, bounds in zip(CHECKED_LEVELS, quantiles[known].T, strict=True):
        held = covered(mine.actual, lowest, bounds)
        value = float(np.average(held, weights=weight))
        drawn = blocks.sums(weight * held) / total
        checked.append(LevelCoverage(level, len(mine), in_percentiles(value, drawn)))
    return tuple(checked)
