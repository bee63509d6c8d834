"""How unlikely by chance, and corrected for all that was looked at."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import Group
from runlore.advice.rules.patterns.details import Detail

Floats = NDArray[np.float64]
Sort = Literal["time", "weekday", "period", "sequence", "failures", "cluster", "drift"]
Unit = Literal["days", "weeks", "intervals", "executions"]

FALSE_DISCOVERIES = 0.05
SMALLEST_P = 1e-300


@dataclass(frozen=True)
class PatternTest:
    """One pattern that was looked for.

    share: how often it was so. chance: how often it would be without the habit. support: days,
    weeks or intervals that count as independent. searched: alternatives that p allows for.
    is_large: whether the effect is worth a word, apart from chance.
    """

    sort: Sort
    group: Group
    detail: Detail
    n: int
    support: int
    unit: Unit
    share: float
    chance: float
    p: float
    searched: int
    is_large: bool


def tail_bound(share: Floats, chance: Floats, n: Floats | int) -> Floats:
    """The probability of a mean of n values from 0 to 1 that is at least `share`, at most this.

    Each value has a mean of `chance` at most, whatever its distribution. Source: Hoeffding,
    "Probability inequalities for sums of bounded random variables", JASA 58, 1963, theorem 1.
    """
    share, chance = np.minimum(share, 1.0), np.clip(chance, 1e-12, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(share > 0, share * np.log(share / chance), 0.0)
        down = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - chance)), 0.0)
        bound = np.exp(-n * (up + down))
    result: Floats = np.where(share > chance, np.clip(bound, SMALLEST_P, 1.0), 1.0)
    return result


def corrected(p_values: Floats) -> Floats:
    """(m,) the false discovery rate at which each is found: Benjamini and Hochberg, 1995."""
    from scipy.stats import false_discovery_control

    if not p_values.size:
        return p_values
    result: Floats = false_discovery_control(np.clip(p_values, SMALLEST_P, 1.0), method="bh")
    return result
