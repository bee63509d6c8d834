"""An estimate of a project with few rows, from its own and from other projects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.transfer.pooling import OWN_ALONE, pool, prior_mean
from runlore.planning.rules.transfer.replay import BorrowingRules, Level

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BorrowedMean:
    """Means are of logs (amounts) or shares (failures).

    own: of the project's rows; None: it has none. others: of other projects. own_weight: the share
    of the answer that is its own. quantiles: of a next value; a rate has none. is_guess: no row of
    its own is known. is_refused: others do not count, for `level.reason`.
    """

    mean: float
    own: float | None
    others: float
    own_weight: float
    quantiles: Mapping[float, float]
    is_guess: bool
    is_refused: bool
    level: Level


def borrow_mean(
    own: Floats, past: Sequence[Floats], likeness: Floats, rules: BorrowingRules, *, is_rate: bool
) -> BorrowedMean:
    """own: (n,) values; past: those of other projects, (P,) likeness to them."""
    level = rules.level(len(own))
    means = np.array([values.mean() for values in past])
    prior = prior_mean(means, likeness, level.pooling.focus)
    own_mean = float(own.mean()) if len(own) else None
    mean = float(
        pool(
            np.array(own_mean or 0.0),
            len(own),
            rules.spread,
            np.array(prior),
            level.pooling.strength,
        )
    )
    away = 0.0 if own_mean is None or prior == own_mean else (mean - own_mean) / (prior - own_mean)
    return BorrowedMean(
        mean=mean,
        own=own_mean,
        others=prior,
        own_weight=0.0 if own_mean is None else 1 - away,
        quantiles={} if is_rate else _quantiles(mean, len(own), past, rules),
        is_guess=own_mean is None,
        is_refused=len(own) > 0 and level.pooling == OWN_ALONE,
        level=level,
    )


def _quantiles(
    mean: float, rows: int, past: Sequence[Floats], rules: BorrowingRules
) -> Mapping[float, float]:
    """Residuals of past projects about their means, widened by how unsure the mean is."""
    residuals = np.concatenate([values - values.mean() for values in past])
    strength = rules.level(rows).pooling.strength
    if rows:
        unsure = 1 / (rows + strength)
    else:
        between = float(np.var([values.mean() for values in past], ddof=1))
        unsure = between / max(rules.spread**2, 1e-12)
    widened = np.sqrt(1 + unsure) * residuals
    return {
        level: mean + float(np.quantile(widened, level)) for level in (0.1, 0.25, 0.5, 0.75, 0.9)
    }
