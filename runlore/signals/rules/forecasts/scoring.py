"""How right a forecast was, once its time has come."""

from dataclasses import dataclass

import numpy as np

from runlore.signals.rules.series.grid import Floats


@dataclass(frozen=True)
class Accuracy:
    """points: steps that have a value. inside: how many of them the band held.

    error, baseline_error: mean absolute errors over the points; None without any.
    """

    points: int
    inside: int
    error: float | None
    baseline_error: float | None


def compare(actual: Floats, value: Floats, low: Floats, high: Floats, baseline: Floats) -> Accuracy:
    """All of one length, a value a step; NaN in `actual`: no point came then."""
    seen = np.isfinite(actual)
    points = int(seen.sum())
    if not points:
        return Accuracy(0, 0, None, None)
    inside = int(((low <= actual) & (actual <= high))[seen].sum())
    error, usual = (float(np.abs(each - actual)[seen].mean()) for each in (value, baseline))
    return Accuracy(points, inside, error, usual)
