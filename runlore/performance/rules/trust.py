"""Test the assumptions of an estimate without labels.

An estimate whose assumption fails is withdrawn: no number is better than a wrong one.
"""

import numpy as np
from numpy.typing import NDArray

from runlore.performance.rules.assumption import Assumption, assumption
from runlore.performance.rules.estimated import expect
from runlore.performance.rules.maturity import MatchedPredictions, weights
from runlore.specs.model_spec import Score

Floats = NDArray[np.float64]

LEAST_ANSWERS = 100
LEAST_EXPECTED = 5.0
NEWEST = 2_000  # labels that the calibration test uses, the newest first

LEAST_LABELS = 200
LEAST_OF_CLASS = 10
ALPHA = 0.01
BLOCKS = 40
TERMS = 3
MATERIAL_AUC = 0.01
# The change of an expected score from which a miscalibration matters: absolute for AUC, else
# relative.
MATERIAL_SHARE = 0.05

STEPS = 30
RIDGE = 1e-3
EDGE = 1e-6


def are_many(answers: int) -> Assumption:
    return assumption("enough answers", answers >= LEAST_ANSWERS, f"{answers:,} answers")


def are_enough(prediction: Floats) -> Assumption:
    """Of probabilities: enough of both outcomes are expected, too."""
    expected = min(prediction.sum(), (1 - prediction).sum()) if len(prediction) else 0.0
    holds = len(prediction) >= LEAST_ANSWERS and expected >= LEAST_EXPECTED
    reason = f"{len(prediction):,} answers, {expected:,.1f} of the rarer outcome expected"
    return assumption("enough answers", bool(holds), reason)


def is_calibrated(answered: MatchedPredictions, current: Floats) -> Assumption:
    """Test on the newest known outcomes whether probabilities mean what they say.

    answered: all answers, those without an outcome included. current: (n,), the answers that an
    estimate is wanted for.
    """
    weight = weights(answered)
    newest = np.flatnonzero(answered.is_known)[-NEWEST:]
    p, y, w = answered.prediction[newest], answered.actual[newest], weight[newest]
    fewer = min(y.sum(), (1 - y).sum())
    if len(newest) < LEAST_LABELS or fewer < LEAST_OF_CLASS:
        reason = (
            f"not tested: {len(newest):,} outcomes are known, {fewer:,.0f} of the rarer sort; it"
            f" takes {LEAST_LABELS} and {LEAST_OF_CLASS}"
        )
        return assumption("calibration", None, reason)
    chance = calibration_chance(p, y, w)
    shift = _material_shift(p, y, w, current)
    said, came = float(np.average(p, weights=w)), float(np.average(y, weights=w))
    reason = (
        f"on the newest {len(newest):,} outcomes {came:.1%} came where {said:.1%} were said; by"
        f" chance once in {1 / max(chance, 1e-9):,.0f}; {shift}"
    )
    is_off = chance < ALPHA and not shift.endswith("nothing that matters")
    return assumption("calibration", not is_off, reason)


def calibration_chance(p: Floats, y: Floats, w: Floats) -> float:
    """How often chance alone leaves outcomes as far from their probabilities, or further.

    A score test of Cox's recalibration (intercept, slope, and curve of the logit), robust to
    outcomes that come in bursts: Hotelling's T² of the scores of consecutive blocks.
    Cox, Two further applications of a model for binary regression, Biometrika 1958;
    Hotelling, The generalization of Student's ratio, Ann. Math. Stat. 1931.
    """
    from scipy.stats import f

    scores = _design(p) * (w * (y - p))[:, None]
    edges = (np.arange(BLOCKS) * len(p)) // BLOCKS
    blocks = np.add.reduceat(scores, edges, axis=0)
    spread = np.cov(blocks, rowvar=False) + RIDGE**2 * np.eye(TERMS)
    mean = blocks.mean(axis=0)
    t2 = BLOCKS * float(mean @ np.linalg.solve(spread, mean))
    return float(f.sf(t2 * (BLOCKS - TERMS) / (TERMS * (BLOCKS - 1)), TERMS, BLOCKS - TERMS))


def _material_shift(p: Floats, y: Floats, w: Floats, current: Floats) -> str:
    """What the estimate would be were the probabilities put right by these outcomes."""
    truth = _recalibrated(p, y, w, current)
    as_said, put_right = expect(current), expect(current, truth)
    moved: list[str] = []
    scores: tuple[Score, ...] = ("auc", "brier", "log_loss")
    for score in scores:
        least = MATERIAL_AUC if score == "auc" else MATERIAL_SHARE * as_said[score]
        if abs(put_right[score] - as_said[score]) > least:
            moved.append(f"{score} {as_said[score]:.3f} → {put_right[score]:.3f}")
    return f"put right it would change {', '.join(moved) or 'nothing that matters'}"


def _recalibrated(p: Floats, y: Floats, w: Floats, current: Floats) -> Floats:
    """Cox's map with a curve, by Newton's method, of other probabilities."""
    design, at = _design(p), np.array([0.0, 1.0, 0.0])
    start = at
    for _ in range(STEPS):
        q = _sigmoid(design @ at)
        slope = design.T @ (w * (q - y)) + RIDGE * (at - start)
        curve = (design * (w * q * (1 - q))[:, None]).T @ design + RIDGE * np.eye(TERMS)
        step = np.clip(np.linalg.solve(curve, slope), -1.0, 1.0)
        at = at - step
        if np.abs(step).max() < EDGE:
            break
    inside = np.clip(current, p.min(), p.max())
    return _sigmoid(_design(inside) @ at)


def _design(p: Floats) -> Floats:
    inside = np.clip(p, EDGE, 1 - EDGE)
    logit = np.log(inside) - np.log1p(-inside)
    return np.column_stack([np.ones(len(p)), logit, np.square(logit)])


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -60.0, 60.0))))
