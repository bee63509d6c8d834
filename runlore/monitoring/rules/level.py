"""Turn the time between false alarms into the level of one window.

An alarm needs `least` of the last `of` windows to have drifted, and the newest among them.
"""

from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from runlore.monitoring.rules.histogram import Floats
from runlore.specs.model_spec import DriftPolicy

LARGEST = 0.1
ONE_AND_THE_SAME = 0.95  # Windows with a higher correlation than this count as one false alarm

END = 8.0
NODES = 48


def window_level(policy: DriftPolicy, persistence: float) -> float:
    """The probability with which a quiet window may read as drift.

    persistence: how much a window's distance from the reference is that of the one before it, as
    a correlation. Windows are assumed to follow one another without overlap, and their distances,
    ranked as a normal variable, a first-order autoregression. At a persistence near 1 nothing but
    this is assumed: there are no more alarms than drifted windows.
    """
    rate = policy.window_s / policy.between_false_alarms_s
    return _level(rate, policy.least_windows, policy.of_windows, round(persistence, 3))


@lru_cache(maxsize=256)
def _level(rate: float, least: int, of: int, persistence: float) -> float:
    if rate >= LARGEST or persistence > ONE_AND_THE_SAME:
        return min(rate, LARGEST)
    if alarm_rate(LARGEST, least, of, persistence) <= rate:
        return LARGEST
    return float(
        brentq(
            lambda level: alarm_rate(level, least, of, persistence) - rate,
            rate / 2,
            LARGEST,
            xtol=1e-6,
        )
    )


def alarm_rate(level: float, least: int, of: int, persistence: float) -> float:
    """How often a window ends in an alarm when each drifts with the probability `level`.

    The distances are followed back from the newest window, which a stationary autoregression
    allows, by quadrature on both sides of the threshold; held is the density by how many of the
    windows so far have drifted.
    """
    threshold = float(ndtri(1 - level))
    calm, high = _nodes(-END, threshold), _nodes(threshold, END)
    x, w = np.r_[calm[0], high[0]], np.r_[calm[1], high[1]]
    step = _transition(x, persistence) * w[:, np.newaxis]
    is_high = x > threshold
    held = np.zeros((of + 1, x.size))
    held[1] = np.where(is_high, _normal(x), 0.0)
    for _ in range(of - 1):
        come = held @ step
        held = np.where(is_high, np.roll(come, 1, axis=0), come)
    return float((held[least:] * w).sum())


def _nodes(low: float, high: float) -> tuple[Floats, Floats]:
    x, w = np.polynomial.legendre.leggauss(NODES)
    half = (high - low) / 2
    return half * x + (high + low) / 2, half * w


def _normal(x: Floats) -> Floats:
    return np.asarray(np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi))


def _transition(x: Floats, persistence: float) -> Floats:
    """(n, n): the density of going from each place to each."""
    sd = np.sqrt(1 - persistence**2)
    apart = (x[np.newaxis, :] - persistence * x[:, np.newaxis]) / sd
    return np.asarray(_normal(apart) / sd)


def upper_persistence(values: Floats) -> float:
    """The upper end, at 95 %, of the correlation of each value with the next (Fisher's z, 1915).

    Few values seem less alike than they are, by (1 + 3r) / n (Kendall, "Note on bias in the
    estimation of autocorrelation", Biometrika, 1954). 1, the worst, for those too few to tell.
    """
    n = values.size
    if n < 6 or not values.std():
        return 1.0
    apart = values - values.mean()
    seen = float((apart[1:] * apart[:-1]).sum() / np.square(apart).sum())
    r = (n * seen + 1) / (n - 3)
    bound = np.tanh(np.arctanh(np.clip(r, -0.99, 0.99)) + ndtri(0.95) / np.sqrt(n - 3))
    return float(np.clip(bound, 0.0, 1.0))
