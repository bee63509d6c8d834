"""The evidence of the test part: scores with intervals, the gain over the baseline, slices."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.models import scores
from runlore.models.chance import CalibrationChance, calibration_chance
from runlore.specs.model_spec import ModelSpec, Quantity, Score
from runlore.training.rules.bootstrap import (
    Blocks,
    draw_blocks,
    interval,
    percentile,
    replicate_scores,
)
from runlore.training.rules.candidates import constant
from runlore.training.rules.gain import consecutive_blocks, gain, span_days
from runlore.training.rules.gates import CalibrationInterval, GateEvidence, ScoreInterval
from runlore.training.rules.split import Division
from runlore.training.rules.trained import (
    CHECKED_LEVELS,
    Candidate,
    LevelCoverage,
    QuantityDistribution,
    Scores,
    SliceScores,
    TestPart,
)
from runlore.training.rules.training_set import Labels, TrainingSet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TOP_LABELS = 10
LEAST_SLICE_ROWS = 30
WIDTH = "interval width"
WIDTHS = ("narrowest third", "middle third", "widest third")
ACTOR_SIZES = ((0, "new"), (10, "1 to 10"), (100, "11 to 100"), (None, "over 100"))


def scores_of(spec: ModelSpec, actual: Floats, predicted: Floats) -> Scores:
    """The scores of (n,) predictions in the target's own unit; NaN where one is undefined."""
    return {
        score: scores.measure(score, actual, predicted)
        for score in scores.scores_of(is_probability=spec.is_probability)
    }


def answer_test(
    spec: ModelSpec,
    data: TrainingSet,
    division: Division,
    answering: tuple[Candidate, Candidate],
    distribution: QuantityDistribution | None,
) -> TestPart:
    """Answer the test rows with (winner, baseline); without a distribution no intervals."""
    winner, baseline = answering
    rows = data.part(division.test)
    raw = winner.fitted.raw(rows)
    low, high, quantiles = None, None, None
    if distribution is not None and isinstance(spec.question, Quantity):
        shares, calibrated = distribution.shares(rows), distribution.calibrated
        scale = distribution.scales(rows)
        low, high = calibrated.bounds(shares, raw, spec.question.coverage, scale)
        quantiles = calibrated.quantiles(shares, raw, np.array(CHECKED_LEVELS), scale)
    return TestPart(
        as_of_us=data.as_of_us[division.test],
        rows=rows,
        target=data.target[division.test],
        prediction=winner.answer(raw),
        baseline=baseline.predict(rows),
        low=low,
        high=high,
        quantiles=quantiles,
        constant=np.full(
            len(division.test),
            constant(data.target[division.train], is_probability=spec.is_probability),
        ),
    )


@dataclass(frozen=True, eq=False)
class BootstrapScore:
    """A score, its values on the bootstrap's replicates, and what chance alone gives it."""

    score: Score
    value: float
    replicates: Floats
    chance: CalibrationChance | None = None

    @property
    def measured(self) -> ScoreInterval:
        """The score with the interval that its replicates give."""
        bounds = interval(self.score, self.value, self.replicates)
        if self.chance is None:
            return ScoreInterval(self.value, bounds.low, bounds.high)
        chance = self.chance
        return CalibrationInterval(self.value, bounds.low, bounds.high, chance.typical, chance.most)


def draw(score: Score, blocks: Blocks, actual: Floats, predicted: Floats) -> BootstrapScore:
    """Measure a score on the rows in time order, and on every replicate of `blocks`."""
    value = scores.measure(score, actual, predicted)
    replicates = replicate_scores(score, blocks, actual, predicted)
    chance = calibration_chance(predicted) if score == "calibration_error" else None
    return BootstrapScore(score, value, replicates, chance)


def compare(spec: ModelSpec, test: TestPart) -> GateEvidence:
    """The intervals of each score, and of the gain over the baseline."""
    blocks, edges = draw_blocks(test.as_of_us), consecutive_blocks(test.as_of_us)
    ours, theirs, gained = {}, {}, {}
    for score in scores.scores_of(is_probability=spec.is_probability):
        one = draw(score, blocks, test.target, test.prediction)
        other = draw(score, blocks, test.target, test.baseline)
        ours[score], theirs[score] = one.measured, other.measured
        gained[score] = gain(score, edges, test.target, test.prediction, test.baseline)
    if test.low is not None and test.high is not None:
        ours["coverage"] = _coverage(blocks, test.target, test.low, test.high)
    compared = over_constant(spec, test, blocks, edges)
    return GateEvidence(ours, theirs, gained, compared, span_days(test.as_of_us))


def over_constant(
    spec: ModelSpec, test: TestPart, blocks: Blocks, edges: Ints
) -> dict[Score, tuple[ScoreInterval, ScoreInterval]]:
    """The constant's score and the gain over it, by the spec's own score and the usual one."""
    if test.constant is None:
        return {}
    usual: Score = "brier" if spec.is_probability else "mae"
    compared = {}
    for score in dict.fromkeys((usual, spec.select_by)):
        theirs = draw(score, blocks, test.target, test.constant)
        gained = gain(score, edges, test.target, test.prediction, test.constant)
        compared[score] = theirs.measured, gained
    return compared


def in_percentiles(value: float, replicates: Floats) -> ScoreInterval:
    """A value with the percentile interval of replicates that scatter around it, as a gain's do."""
    bounds = percentile(replicates)
    return ScoreInterval(value, bounds.low, bounds.high)


def _coverage(blocks: Blocks, actual: Floats, low: Floats, high: Floats) -> ScoreInterval:
    held = scores.covered(actual, low, high)
    return in_percentiles(float(held.mean()), blocks.means(held))


def level_coverage(test: TestPart) -> tuple[LevelCoverage, ...]:
    """How often outcomes did not exceed the quantiles at `CHECKED_LEVELS`; empty without any."""
    if test.quantiles is None:
        return ()
    blocks, lowest = draw_blocks(test.as_of_us), np.zeros_like(test.target)
    return tuple(
        LevelCoverage(level, len(test.target), _coverage(blocks, test.target, lowest, bounds))
        for level, bounds in zip(CHECKED_LEVELS, test.quantiles.T, strict=True)
    )


def score_slices(
    spec: ModelSpec, data: TrainingSet, division: Division, test: TestPart
) -> tuple[SliceScores, ...]:
    """Scores by the actor's number of training rows, by each of the data's slices, and by width."""
    slices = {"actor size": actor_sizes(data, division)} | {
        name: labels[division.test] for name, labels in data.slices.items()
    }
    if test.low is not None and test.high is not None:
        slices[WIDTH] = width_labels(test.low, test.high)
    return tuple(
        _score_slice(spec, test, name, label, where)
        for name, labels in slices.items()
        for label, where in largest(labels)
    )


def actor_sizes(data: TrainingSet, division: Division) -> Labels:
    """(test rows,): the number of training rows of each row's actor, as a label."""
    codes, actors = pd.factorize(data.actors)
    counts = np.bincount(codes[division.train], minlength=len(actors))[codes[division.test]]
    bounds = [bound for bound, _ in ACTOR_SIZES if bound is not None]
    names = np.array([label for _, label in ACTOR_SIZES])
    return names[np.searchsorted(bounds, counts)]


def width_labels(low: Floats, high: Floats) -> Labels:
    """(n,): which third of the intervals each belongs to, by the ratio of its bounds."""
    width = np.log1p(high) - np.log1p(low)
    bounds = np.quantile(width, [1 / 3, 2 / 3])
    return np.array(WIDTHS)[np.searchsorted(bounds, width, side="left")]


def largest(labels: Labels) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    codes, words = pd.factorize(labels, sort=True)
    counts = np.bincount(codes)
    for at in np.argsort(-counts, kind="stable")[:TOP_LABELS]:
        if counts[at] >= LEAST_SLICE_ROWS:
            yield str(words[at]), codes == at


def _score_slice(
    spec: ModelSpec, test: TestPart, name: str, label: str, where: NDArray[np.bool_]
) -> SliceScores:
    actual = test.target[where]
    by_score: dict[Score, float] = dict(scores_of(spec, actual, test.prediction[where]))
    if test.low is not None and test.high is not None:
        held = scores.covered(actual, test.low[where], test.high[where])
        by_score["coverage"] = float(held.mean())
    base = scores_of(spec, actual, test.baseline[where])
    return SliceScores(name, label, int(where.sum()), by_score, base)
