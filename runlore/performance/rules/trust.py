"""Test the assumptions of an estimate without labels.

An estimate whose assumption fails is withdrawn: no number is better than a wrong one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.performance.rules.assumption import Assumption, assumption
from runlore.performance.rules.estimated import ESTIMATED, expect, tolerated
from runlore.performance.rules.maturity import MatchedPredictions, weights
from runlore.performance.rules.recalibration import (
    NEWEST,
    RIDGE,
    TERMS,
    block_scores,
    recalibrated,
)

Floats = NDArray[np.float64]

LEAST_ANSWERS = 100
LEAST_EXPECTED = 5.0
LEAST_RECENT = 250  # labels of the shortest look at the newest ones

LEAST_LABELS = 200
LEAST_OF_CLASS = 10
ALPHA = 0.01
IMMATERIAL = "nothing that matters"


def are_many(answers: int) -> Assumption:
    return assumption("enough answers", answers >= LEAST_ANSWERS, f"{answers:,} answers")


def are_enough(prediction: Floats) -> Assumption:
    """Of probabilities: enough of both outcomes are expected, too."""
    expected = min(prediction.sum(), (1 - prediction).sum()) if len(prediction) else 0.0
    holds = len(prediction) >= LEAST_ANSWERS and expected >= LEAST_EXPECTED
    reason = f"{len(prediction):,} answers, {expected:,.1f} of the rarer outcome expected"
    return assumption("enough answers", bool(holds), reason)


@dataclass(frozen=True)
class CalibrationLook:
    """What the newest `labels` outcomes say of probabilities.

    said, came: the mean probability and the share that came true. chance: how often chance alone
    leaves them as far apart. shift: what the estimate would be were the probabilities put right.
    """

    labels: int
    said: float
    came: float
    chance: float
    shift: str

    def is_off(self, alpha: float) -> bool:
        return self.chance < alpha and not self.shift.endswith(IMMATERIAL)

    @property
    def reason(self) -> str:
        return (
            f"on the newest {self.labels:,} outcomes {self.came:.1%} came where {self.said:.1%}"
            f" were said; by chance once in {1 / max(self.chance, 1e-9):,.0f}; {self.shift}"
        )


def is_calibrated(answered: MatchedPredictions, current: Floats) -> Assumption:
    """Test on the newest known outcomes whether probabilities mean what they say.

    All of them together would hide a change that only the last ones show, so the newest half is
    tested, too, and its half, and so on; each at its part of ALPHA.
    Bifet & Gavaldà, Learning from time-changing data with adaptive windowing, SDM 2007.

    answered: all answers, those without an outcome included. current: (n,), the answers that an
    estimate is wanted for.
    """
    newest = np.flatnonzero(answered.is_known)[-NEWEST:]
    past, weight = answered.take(newest), weights(answered)[newest]
    fewer = _of_rarer_class(past.actual)
    if len(newest) < LEAST_LABELS or fewer < LEAST_OF_CLASS:
        reason = (
            f"not tested: {len(newest):,} outcomes are known, {fewer:,.0f} of the rarer sort; it"
            f" takes {LEAST_LABELS} and {LEAST_OF_CLASS}"
        )
        return assumption("calibration", None, reason)
    sizes = [
        n
        for n in halves(len(past), LEAST_RECENT)
        if _of_rarer_class(past.actual[-n:]) >= LEAST_OF_CLASS
    ]
    looks = [look(past.take(slice(-n, None)), weight[-n:], current) for n in sizes]
    off = [one for one in looks if one.is_off(ALPHA / len(looks))]
    worst = min(off or looks[:1], key=lambda one: one.chance)
    return assumption("calibration", not off, worst.reason)


def halves(labels: int, least: int) -> list[int]:
    """So many labels, half of them, and so on, as long as `least` are left.

    >>> halves(2_000, 250), halves(499, 250)
    ([2000, 1000, 500, 250], [499])
    """
    sizes = [labels]
    while sizes[-1] // 2 >= least:
        sizes.append(sizes[-1] // 2)
    return sizes


def _of_rarer_class(actual: Floats) -> float:
    return float(min(actual.sum(), (1 - actual).sum()))


def look(past: MatchedPredictions, w: Floats, current: Floats) -> CalibrationLook:
    """past: answers whose outcome is known, with their weights, (m,)."""
    p, y = past.prediction, past.actual
    said, came = float(np.average(p, weights=w)), float(np.average(y, weights=w))
    shift = _material_shift(p, y, w, current)
    return CalibrationLook(len(p), said, came, calibration_chance(p, y, w), shift)


def calibration_chance(p: Floats, y: Floats, w: Floats) -> float:
    """How often chance alone leaves outcomes as far from their probabilities, or further.

    A score test of Cox's recalibration (intercept, slope, and curve of the logit), robust to
    outcomes that come in bursts: Hotelling's T² of the scores of consecutive blocks.
    Cox, Two further applications of a model for binary regression, Biometrika 1958;
    Hotelling, The generalization of Student's ratio, Ann. Math. Stat. 1931.
    """
    from scipy.stats import f

    blocks = block_scores(p, y, w)
    n = len(blocks)
    spread = np.cov(blocks, rowvar=False) + RIDGE**2 * np.eye(TERMS)
    mean = blocks.mean(axis=0)
    t2 = n * float(mean @ np.linalg.solve(spread, mean))
    return float(f.sf(t2 * (n - TERMS) / (TERMS * (n - 1)), TERMS, n - TERMS))


def _material_shift(p: Floats, y: Floats, w: Floats, current: Floats) -> str:
    """What the estimate would be were the probabilities put right by these outcomes."""
    truth = recalibrated(p, y, w, current)
    as_said, put_right = expect(current), expect(current, truth)
    moved = [
        f"{score} {as_said[score]:.3f} → {put_right[score]:.3f}"
        for score in ESTIMATED
        if abs(put_right[score] - as_said[score]) > tolerated(score, as_said[score])
    ]
    return f"put right it would change {', '.join(moved) or IMMATERIAL}"
