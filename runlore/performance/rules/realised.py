"""Scores on the outcomes that are known, each weighted by how many answers it stands for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.models.chance import calibration_chance
from runlore.models.scores import LOSSES, RankedPredictions, bins_of, covered, scores_of
from runlore.performance.rules import maturity
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.specs.model_spec import Score
from runlore.training.rules.bootstrap import Blocks, draw_blocks
from runlore.training.rules.evidence import BootstrapScore
from runlore.training.rules.gates import ScoreInterval

Floats = NDArray[np.float64]

LEAST_LABELS = 50


@dataclass(frozen=True)
class RealisedScores:
    """scores: with their block-bootstrap intervals; empty with fewer than LEAST_LABELS labels.

    rate: the mean of what came or will come: a share of failures, or a mean quantity.
    """

    labels: int
    rate: float
    scores: Mapping[Score, ScoreInterval]


def realise(
    answered: MatchedPredictions,
    pool: MatchedPredictions,
    *,
    is_probability: bool,
    replicates: int = 200,
) -> RealisedScores:
    """Score answers by the outcomes known of them, running work treated as censored.

    pool: all answers until now, these among them: what they tell of long work.
    """
    weight = maturity.weights(answered)
    known = answered.is_known
    mine, weight = answered.take(known), weight[known]
    rate = maturity.completed_mean(answered, pool)
    if len(mine) < LEAST_LABELS:
        return RealisedScores(len(mine), rate, {})
    blocks = draw_blocks(mine.as_of_us, replicates)
    scores: dict[Score, ScoreInterval] = {}
    for score in scores_of(is_probability=is_probability):
        scores[score] = _measure(score, mine, weight, blocks)
    if not is_probability and np.isfinite(mine.low).all():
        held = covered(mine.actual, mine.low, mine.high)
        scores["coverage"] = _mean("coverage", held, weight, blocks)
    return RealisedScores(len(mine), rate, scores)


def _measure(
    score: Score, mine: MatchedPredictions, weight: Floats, blocks: Blocks
) -> ScoreInterval:
    if score == "auc":
        ranked = RankedPredictions(mine.prediction)
        drawn = [
            ranked.auc(mine.actual, weight * blocks.weights(replicate))
            for replicate in range(len(blocks.starts))
        ]
        return BootstrapScore(score, ranked.auc(mine.actual, weight), np.array(drawn)).measured
    if score == "calibration_error":
        where = bins_of(mine.prediction)
        apart = np.zeros((len(mine), int(where.max()) + 1))
        apart[np.arange(len(mine)), where] = weight * (mine.actual - mine.prediction)
        value = float(np.abs(apart.sum(axis=0)).sum() / weight.sum())
        errors = np.abs(blocks.sums(apart)).sum(axis=1) / blocks.sums(weight)
        chance = calibration_chance(mine.prediction, weight)
        return BootstrapScore(score, value, errors, chance).measured
    return _mean(score, LOSSES[score](mine.actual, mine.prediction), weight, blocks)


def _mean(score: Score, values: Floats, weight: Floats, blocks: Blocks) -> ScoreInterval:
    drawn = blocks.sums(weight * values) / blocks.sums(weight)
    return BootstrapScore(score, float(np.average(values, weights=weight)), drawn).measured
