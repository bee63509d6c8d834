"""Cox's recalibration of probabilities, and how well known outcomes determine it.

The logit of what comes true is modelled as an intercept, a slope and a curve of the logit of what
was said: ``(0, 1, 0)`` where probabilities mean what they say.
Cox, Two further applications of a model for binary regression, Biometrika 1958.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.performance.rules.maturity import MatchedPredictions, weights

Floats = NDArray[np.float64]

TERMS = 3
NEWEST = 2_000  # labels that are looked at, the newest first
BLOCKS = 40
LEAST_IN_BLOCK = 15  # labels; shorter blocks are no longer than a spell of failures
STEPS = 30
RIDGE = 1e-3
EDGE = 1e-6
# How far a version that was calibrated in training may be off before any outcome is known: the
# standard deviations of intercept, slope and curve.
PRIOR_SD = (0.2, 0.1, 0.03)


def design(p: Floats) -> Floats:
    """(n, TERMS)."""
    inside = np.clip(p, EDGE, 1 - EDGE)
    logit = np.log(inside) - np.log1p(-inside)
    return np.column_stack([np.ones(len(p)), logit, np.square(logit)])


def sigmoid(z: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -60.0, 60.0))))


def block_scores(p: Floats, y: Floats, w: Floats) -> Floats:
    """(blocks, TERMS): the likelihood's slope in consecutive blocks, since outcomes come in bursts;
    0 on average where probabilities mean what they say."""
    scores = design(p) * (w * (y - p))[:, None]
    n = min(BLOCKS, max(len(p) // LEAST_IN_BLOCK, TERMS + 2))
    return np.asarray(np.add.reduceat(scores, (np.arange(n) * len(p)) // n, axis=0))


def recalibrated(p: Floats, y: Floats, w: Floats, current: Floats) -> Floats:
    """Other probabilities put right by these outcomes, by Newton's method."""
    of_past, at = design(p), np.array([0.0, 1.0, 0.0])
    start = at
    for _ in range(STEPS):
        q = sigmoid(of_past @ at)
        slope = of_past.T @ (w * (q - y)) + RIDGE * (at - start)
        curve = (of_past * (w * q * (1 - q))[:, None]).T @ of_past + RIDGE * np.eye(TERMS)
        step = np.clip(np.linalg.solve(curve, slope), -1.0, 1.0)
        at = at - step
        if np.abs(step).max() < EDGE:
            break
    return sigmoid(design(np.clip(current, p.min(), p.max())) @ at)


@dataclass(frozen=True, eq=False)
class CalibrationDoubt:
    """How far probabilities may be off though known outcomes do not contradict them.

    covariance: (TERMS, TERMS), of intercept, slope and curve. low, high: the probabilities of which
    outcomes are known; beyond them the map goes on as at their ends.
    """

    covariance: Floats
    low: float = 0.0
    high: float = 1.0

    def draw(self, p: Floats, rng: np.random.Generator) -> Floats:
        """(n,): what such probabilities may truly be, once."""
        off = rng.multivariate_normal(np.zeros(TERMS), self.covariance)
        return sigmoid(design(p)[:, 1] + design(np.clip(p, self.low, self.high)) @ off)


def doubt(answered: MatchedPredictions) -> CalibrationDoubt:
    """What the newest known outcomes leave open of the calibration of answers.

    The covariance of the map at (0, 1, 0), robust to outcomes in bursts, PRIOR_SD standing for as
    many outcomes as it is worth.
    Liang & Zeger, Longitudinal data analysis using generalized linear models, Biometrika 1986.
    """
    newest = np.flatnonzero(answered.is_known)[-NEWEST:]
    prior = np.diag(np.square(PRIOR_SD) ** -1)
    if len(newest) < LEAST_IN_BLOCK * (TERMS + 2):
        return CalibrationDoubt(np.linalg.inv(prior))
    p, y, w = answered.prediction[newest], answered.actual[newest], weights(answered)[newest]
    of_past, blocks = design(p), block_scores(p, y, w)
    meat = len(blocks) * np.cov(blocks, rowvar=False) + prior
    information = (of_past * (w * p * (1 - p))[:, None]).T @ of_past + prior
    bread = np.linalg.inv(information)
    return CalibrationDoubt(bread @ meat @ bread, float(p.min()), float(p.max()))
