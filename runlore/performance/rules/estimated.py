"""Estimate the scores of probabilities before their outcomes are known.

Confidence-based performance estimation: a calibrated probability says how often it will be right,
so the expected score of a set of answers follows from the answers alone.
Białek, Kuberski, Perrakis & Bifet, Estimating model performance under covariate shift without
labels, 2024 (arXiv 2401.08348).
"""

from collections.abc import Mapping
from math import hypot

import numpy as np
from numpy.typing import NDArray

from runlore.models.scores import LEAST_PROBABILITY, RankedPredictions, brier_losses, log_losses
from runlore.performance.rules.recalibration import CalibrationDoubt
from runlore.specs.model_spec import Score
from runlore.training.rules.evidence import in_percentiles
from runlore.training.rules.gates import ScoreInterval

Floats = NDArray[np.float64]

DRAWS = 200
ESTIMATED: tuple[Score, ...] = ("auc", "brier", "log_loss")
# The change of an expected score from which a miscalibration matters: absolute for AUC, else
# relative.
MATERIAL_AUC = 0.01
MATERIAL_SHARE = 0.05


def estimate(
    prediction: Floats, doubt: CalibrationDoubt | None = None, seed: int = 0, draws: int = DRAWS
) -> Mapping[Score, ScoreInterval]:
    """The scores to expect of probabilities (n,), with the band around them.

    AUC: that of the soft labels p, since each answer is a failure to the part p and a success to
    the part 1 - p. Brier: mean p (1 - p). Log loss: mean entropy. The band is of scores of
    outcomes drawn from the probabilities as far off as `doubt` allows (Krinsky & Robb, "On
    approximating the statistical properties of elasticities", Rev. Econ. Stat., 1986), and of what
    a test of calibration tolerates. So a realised score lies in it 19 times of 20. None: the
    probabilities are taken at their word.
    """
    ranked = RankedPredictions(prediction)
    rng = np.random.default_rng(seed)
    p = np.clip(prediction, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    drawn: dict[Score, list[float]] = {score: [] for score in ESTIMATED}
    for _ in range(draws):
        truth = p if doubt is None else doubt.draw(p, rng)
        actual = (rng.random(len(p)) < truth).astype(np.float64)
        drawn["auc"].append(ranked.auc(actual))
        drawn["brier"].append(float(brier_losses(actual, p).mean()))
        drawn["log_loss"].append(float(log_losses(actual, p).mean()))
    expected = expect(prediction)
    bands = {score: in_percentiles(expected[score], np.array(drawn[score])) for score in ESTIMATED}
    if doubt is None:
        return bands
    return {score: _widened(band, tolerated(score, band.value)) for score, band in bands.items()}


def tolerated(score: Score, expected: float) -> float:
    """How far off an expected score may be before a miscalibration matters."""
    return MATERIAL_AUC if score == "auc" else MATERIAL_SHARE * expected


def _widened(band: ScoreInterval, by: float) -> ScoreInterval:
    low, high = max(band.value - band.low, 0.0), max(band.high - band.value, 0.0)
    return ScoreInterval(band.value, band.value - hypot(low, by), band.value + hypot(high, by))


def expect(prediction: Floats, truth: Floats | None = None) -> dict[Score, float]:
    """The expected scores of predictions whose true probabilities are `truth`, by default their
    own."""
    p = np.clip(prediction, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    q = p if truth is None else truth
    return {
        "auc": RankedPredictions(prediction).auc(q),
        "brier": float((q * np.square(1 - p) + (1 - q) * np.square(p)).mean()),
        "log_loss": float(-(q * np.log(p) + (1 - q) * np.log1p(-p)).mean()),
    }
