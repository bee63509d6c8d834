"""Privacy loss in zero-concentrated differential privacy (zCDP), in whole units.

A loss rho adds up over queries. Whole numbers make sums exact: what is charged is rounded up, what
is granted is rounded down.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, floor
from typing import Protocol

from runlore.privacy.rules.policy import PrivacyPolicy

RHO_UNIT = Fraction(1, 10**12)
DELTA_UNIT = Fraction(1, 10**15)


class _PrivacyProfile(Protocol):
    def epsilon(self, delta: float) -> float: ...


class _PrivacyMap(Protocol):
    def map(self, d_in: float) -> _PrivacyProfile: ...


@dataclass(frozen=True)
class PrivacyLoss:
    """rho: in 1e-12. delta: of releases that may fail outright, in 1e-15."""

    rho: int
    delta: int = 0

    def __add__(self, other: "PrivacyLoss") -> "PrivacyLoss":
        return PrivacyLoss(self.rho + other.rho, self.delta + other.delta)


def charged(rho: float, delta: float = 0.0) -> PrivacyLoss:
    """Rounded up to whole units. Raises ValueError for what is no loss, such as NaN."""
    if not (0 <= rho < float("inf") and 0 <= delta < 1):
        raise ValueError(f"not a privacy loss: rho {rho}, delta {delta}")
    return PrivacyLoss(ceil(Fraction(rho) / RHO_UNIT), ceil(Fraction(delta) / DELTA_UNIT))


@cache
def granted(policy: PrivacyPolicy) -> PrivacyLoss:
    """What a persona may lose in a month: half of delta is for the conversion from rho."""
    rho = rho_of(policy.epsilon, policy.delta / 2)
    return PrivacyLoss(
        floor(Fraction(rho) / RHO_UNIT), floor(Fraction(policy.delta) / 2 / DELTA_UNIT)
    )


def epsilon_of(rho: float, delta: float) -> float:
    """The epsilon that a loss of `rho` means at `delta`, by OpenDP's conversion.

    Source: Bun and Steinke, "Concentrated differential privacy", 2016; tightened by Canonne, Kamath
    and Steinke, "The discrete Gaussian for differential privacy", 2020.
    """
    if rho <= 0:
        return 0.0
    return float(_curve().map(_distance(rho)).epsilon(delta))


def rho_of(epsilon: float, delta: float) -> float:
    """The largest loss that still means at most `epsilon` at `delta`, to one part in 10^9."""
    low, high = 0.0, epsilon
    while high - low > 1e-9 * epsilon:
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low


def epsilon_spent(loss: PrivacyLoss, policy: PrivacyPolicy) -> float:
    """At half of the policy's delta; the other half is for releases that may fail outright."""
    return epsilon_of(float(loss.rho * RHO_UNIT), policy.delta / 2)


def _distance(rho: float) -> float:
    """How far the input of a Gaussian of scale 1 may move for this loss."""
    return float((2 * rho) ** 0.5)


@cache
def _curve() -> _PrivacyMap:
    from opendp import prelude

    prelude.enable_features("contrib")
    space = prelude.atom_domain(T=float, nan=False), prelude.absolute_distance(T=float)
    converted: _PrivacyMap = prelude.c.make_zCDP_to_approxDP(
        prelude.m.make_gaussian(*space, scale=1.0)
    )
    return converted
