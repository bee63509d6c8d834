"""When to look again, and when advice no longer holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from runlore.planning.rules.recommendations.effects import pool_effects

LOOKED_BACK = timedelta(days=400)
GROWTH = 1.5  # of the runs since the last look, for another one
ERROR = 0.05  # the chance that a subject ever gets wrong advice, over all looks
KEPT = 0.5  # of what was promised must still be possible
LEAST_LATER = 20  # runs that did it and runs that did not, since then
LEAST_PIECES = 5  # of one kind, to judge the kind


@dataclass(frozen=True)
class LaterEffect:
    """promised: the effect on the ledger. effect, error: of the runs since then, like with like."""

    promised: float
    effect: float
    error: float
    freedom: float
    used: int
    other: int

    @property
    def is_enough(self) -> bool:
        return min(self.used, self.other) >= LEAST_LATER and np.isfinite(self.error)


def is_look_due(runs: int, runs_before: int | None) -> bool:
    return runs_before is None or runs >= GROWTH * runs_before


def look_alpha(look: int) -> float:
    """For look 1, 2, …: two-sided levels whose halves add up to ERROR over any number of looks.

    Only effects in the direction that was searched are shown, so half of a level is at stake.

    >>> [round(look_alpha(look), 4) for look in (1, 2, 3)]
    [0.05, 0.0167, 0.0083]
    """
    return 2 * ERROR / (look * (look + 1))


def is_refuted(later: LaterEffect) -> bool:
    """Whether the 95 % interval since then leaves out half of what was promised."""
    from scipy.special import stdtrit

    if not later.is_enough:
        return False
    reach = float(stdtrit(later.freedom, 0.975)) * later.error / abs(later.promised)
    return later.effect / later.promised + reach < KEPT


def is_kind_refuted(later: Sequence[LaterEffect]) -> bool:
    """The same of all pieces of a kind together: shares of the promise, pooled by random effects.

    The pooling is that of advice across projects (DerSimonian & Laird; Hartung & Knapp).
    """
    enough = [one for one in later if one.is_enough and one.error > 0]
    if len(enough) < LEAST_PIECES:
        return False
    shares = np.array([one.effect / one.promised for one in enough])
    variances = np.array([(one.error / one.promised) ** 2 for one in enough])
    return pool_effects(shares, variances).interval(0.05)[1] < KEPT
