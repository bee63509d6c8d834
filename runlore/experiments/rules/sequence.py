"""Intervals that may be looked at as often as one likes, and stopped at whenever one likes."""

import math
from dataclasses import dataclass

from runlore.kernel.intervals import Interval

# The number of units at which intervals are narrowest, unless a design sets another.
NARROWEST_AT = 5_000


NOTHING_KNOWN = Interval(-math.inf, math.inf)


@dataclass(frozen=True)
class Contrast:
    """A difference of two arms with its variance.

    units: how many units of an even split would tell as much, 4 / (1 / n + 1 / m).
    """

    value: float
    variance: float
    units: float

    @property
    def is_usable(self) -> bool:
        return math.isfinite(self.value) and 0 < self.variance < math.inf and self.units > 0


def multiplier(units: float, alpha: float, narrowest_at: float = NARROWEST_AT) -> float:
    """How many standard errors an interval reaches to each side, at whatever look.

    The normal mixture ``√((1 + 1/r) (2 ln(1/α) + ln(1 + r)))`` with ``r = units ρ²``: asymptotic
    confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, Time-uniform central limit
    theory and asymptotic confidence sequences, Ann. Stat. 2024, theorem 2.2). ρ makes it narrowest
    at `narrowest_at` units (their appendix on ρ). A fixed sample's multiplier is 1.96 at α = 5 %;
    this one is 3.04 there, and larger the fewer units there are.

    >>> round(multiplier(5000, 0.05), 2)
    3.04
    """
    ratio = _ratio(units, alpha, narrowest_at)
    return math.sqrt((1 + 1 / ratio) * (-2 * math.log(alpha) + math.log1p(ratio)))


def interval(contrast: Contrast, alpha: float, narrowest_at: float = NARROWEST_AT) -> Interval:
    """Holds the truth at every look at once with probability 1 - alpha."""
    if not contrast.is_usable:
        return NOTHING_KNOWN
    reach = multiplier(contrast.units, alpha, narrowest_at) * math.sqrt(contrast.variance)
    return Interval(contrast.value - reach, contrast.value + reach)


def p_value(contrast: Contrast, alpha: float, narrowest_at: float = NARROWEST_AT) -> float:
    """1 / e-value of "no difference", at most 1: may be read at any look.

    At most alpha exactly when `interval` at that alpha leaves out 0. As e-values are behind it,
    Benjamini-Hochberg over these is e-BH (Wang & Ramdas, JRSS B 2022), whatever the dependence.
    """
    if not contrast.is_usable:
        return 1.0
    ratio = _ratio(contrast.units, alpha, narrowest_at)
    squared = contrast.value**2 / contrast.variance
    log_e = squared / 2 * ratio / (1 + ratio) - math.log1p(ratio) / 2
    return math.exp(-max(log_e, 0.0))


def mixture_units(alpha: float, narrowest_at: float) -> float:
    """1 / ρ² in units."""
    return narrowest_at / (-2 * math.log(alpha) + math.log1p(-2 * math.log(alpha)))


def _ratio(units: float, alpha: float, narrowest_at: float) -> float:
    return units / mixture_units(alpha, narrowest_at)
