"""Probabilities that mean what they say: a map fitted on walk-forward predictions.

Stored as numbers and applied by numpy, in training and in serving alike.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import bins_of, log_losses

Floats = NDArray[np.float64]

Method = Literal["identity", "sigmoid", "isotonic"]

LEAST_PER_CLASS = 1000  # rows of either class below which an isotonic map follows noise

BLOCKS = 5
GROUPS = 50
EDGE = 1e-6
STEPS = 50
TINY_STEP = 1e-9
RIDGE = 1e-3
START = np.array([1.0, 0.0])


@dataclass(frozen=True)
class Calibration:
    """identity; sigmoid: 1 / (1 + exp(-(slope logit(p) + intercept))); isotonic: linear between
    the knots `x` and their `y`."""

    method: Method = "identity"
    slope: float = 1.0
    intercept: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def __call__(self, raw: Floats) -> Floats:
        if self.method == "sigmoid":
            return _sigmoid(self.slope * _logit(raw) + self.intercept)
        if self.method == "isotonic":
            return np.interp(raw, *self._knots)
        return _within(raw, 0.0, 1.0)

    @cached_property
    def _knots(self) -> tuple[Floats, Floats]:
        return np.array(self.x), np.array(self.y)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Calibration":
        return cls(**{**data, "x": tuple(data["x"]), "y": tuple(data["y"])})


@dataclass(frozen=True)
class Calibrated:
    """The map, and predictions of later rows, calibrated by maps that were fitted on earlier rows.

    later: (n,) bool, the rows that have such a prediction.
    """

    calibration: Calibration
    predictions: Floats
    later: NDArray[np.bool_]


def fit(raw: Floats, actual: Floats, weight: Floats) -> Calibrated:
    """Fit on rows in time order; the method with the lowest log loss on later rows wins.

    weight: how much each row counts; newer rows more, since base rates drift.
    """
    ways = _ways(actual)
    tried = {method: _forward(way, raw, actual, weight) for method, way in ways.items()}
    later = np.arange(len(raw)) >= _edges(len(raw))[1]
    losses = {
        method: float(np.average(log_losses(actual, p)[later], weights=weight[later]))
        for method, p in tried.items()
    }
    best = min(losses, key=lambda method: losses[method])
    return Calibrated(ways[best](raw, actual, weight), tried[best], later)


def _edges(rows: int) -> NDArray[np.int64]:
    return (np.arange(BLOCKS + 1) * rows) // BLOCKS


def _forward(
    way: "Callable[[Floats, Floats, Floats], Calibration]",
    raw: Floats,
    actual: Floats,
    weight: Floats,
) -> Floats:
    """Each block of rows through the map that the blocks before it give."""
    out = np.clip(raw, 0.0, 1.0)
    edges = _edges(len(raw))
    for start, end in pairwise(edges[1:]):
        if np.ptp(actual[:start]) > 0:
            out[start:end] = way(raw[:start], actual[:start], weight[:start])(raw[start:end])
    return out


def _ways(actual: Floats) -> dict[Method, Callable[[Floats, Floats, Floats], Calibration]]:
    ways: dict[Method, Callable[[Floats, Floats, Floats], Calibration]] = {
        "identity": lambda raw, actual, weight: Calibration(),
        "sigmoid": fit_sigmoid,
    }
    if min(actual.sum(), len(actual) - actual.sum()) >= LEAST_PER_CLASS:
        ways["isotonic"] = fit_isotonic
    return ways


def fit_sigmoid(raw: Floats, actual: Floats, weight: Floats) -> Calibration:
    """Platt's map on the logit, by Newton's method.

    Platt, Probabilistic outputs for support vector machines, 1999.
    """
    design = np.column_stack([_logit(raw), np.ones(len(raw))])
    at = START
    for _ in range(STEPS):
        step = _newton_step(design, actual, weight, at)
        while _loss(design, actual, weight, at - step) > _loss(design, actual, weight, at):
            step = step / 2
            if np.abs(step).max() < TINY_STEP:
                break
        at = at - step
        if np.abs(step).max() < TINY_STEP:
            break
    return Calibration("sigmoid", slope=float(max(at[0], EDGE)), intercept=float(at[1]))


def _newton_step(design: Floats, actual: Floats, weight: Floats, at: Floats) -> Floats:
    p = _sigmoid(design @ at)
    slope = design.T @ (weight * (p - actual)) + RIDGE * (at - START)
    curve = (design * (weight * p * (1 - p))[:, None]).T @ design + RIDGE * np.eye(2)
    return np.asarray(np.linalg.solve(curve, slope))


def _loss(design: Floats, actual: Floats, weight: Floats, at: Floats) -> float:
    """Weighted log loss with a tiny penalty that pulls towards the identity."""
    z = design @ at
    losses = np.logaddexp(0.0, z) - actual * z
    return float(weight @ losses + RIDGE / 2 * np.square(at - START).sum())


def fit_isotonic(raw: Floats, actual: Floats, weight: Floats) -> Calibration:
    """Centred isotonic regression: linear between the centres of the level parts.

    So it rises strictly, and no two different predictions become one.
    Oron & Flournoy, Centered isotonic regression, Statistics in Biopharmaceutical Research 2017.
    """
    from sklearn.isotonic import IsotonicRegression

    at, came, mass = _grouped(raw, actual, weight)
    level = IsotonicRegression().fit(at, came, sample_weight=mass).predict(at)
    _, part = np.unique(level, return_inverse=True)
    total = np.bincount(part, weights=mass)
    x = np.bincount(part, weights=mass * at) / total
    y = np.bincount(part, weights=mass * came) / total
    knots = np.r_[0.0, x, 1.0], np.r_[y[0] / 2, y, (1 + y[-1]) / 2]
    is_distinct = np.r_[True, np.diff(knots[0]) > TINY_STEP]
    return Calibration(
        "isotonic", x=_rounded(knots[0][is_distinct]), y=_rounded(knots[1][is_distinct])
    )


def _grouped(raw: Floats, actual: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Prediction, rate and weight of groups of equal count, so that no step rests on a few rows.

    Each group's rate has one row at the overall rate added, so that none is exactly 0 or 1.
    """
    _, group = np.unique(bins_of(raw, GROUPS), return_inverse=True)
    mass: Floats = np.bincount(group, weights=weight).astype(np.float64)
    came = np.bincount(group, weights=weight * actual)
    rate = np.average(actual, weights=weight)
    return np.bincount(group, weights=weight * raw) / mass, (came + rate) / (mass + 1), mass


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 9) for value in values)


def _logit(p: Floats) -> Floats:
    inside = _within(p, EDGE, 1 - EDGE)
    return np.log(inside) - np.log1p(-inside)


def _sigmoid(z: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-_within(z, -60.0, 60.0)))


def _within(values: Floats, low: float, high: float) -> Floats:
    """As np.clip, which takes five times as long for one answer."""
    return np.minimum(np.maximum(values, low), high)
