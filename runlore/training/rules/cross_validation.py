"""What repeated cross-validation says of a training: scores of held-out parts, with intervals.

The parts of all repeats share rows, so their scores are no independent sample. Their variance is
corrected for the overlap: Nadeau & Bengio, Inference for the generalization error, Machine Learning
52, 2003; for repeated cross-validation: Bouckaert & Frank, Evaluating the replicability of
significance tests for comparing learning algorithms, PAKDD 2004.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlore.models import scores
from runlore.models.explain import GroupImportance, Importance
from runlore.specs.model_spec import CandidateKind, ModelSpec, Score
from runlore.training.rules.bootstrap import LEAST_MEASURED, LEVEL, REPLICATES, Blocks, gains
from runlore.training.rules.evidence import (
    draw,
    level_coverage,
    over_constant,
    score_slices,
)
from runlore.training.rules.gain import gain, single_rows
from runlore.training.rules.gates import GateEvidence, ScoreInterval, judge, verdict
from runlore.training.rules.split import Division
from runlore.training.rules.trained import Scores, TestPart, Trained
from runlore.training.rules.training_set import TrainingSet

Floats = NDArray[np.float64]

UNKNOWN = ScoreInterval(float("nan"), float("nan"), float("nan"))
BY_ROW: frozenset[Score] = frozenset({"calibration_error"})  # needs more rows than a part has


def judged(
    trained: Trained, data: TrainingSet, division: Division, rounds: Sequence[Trained]
) -> Trained:
    """The training with all that is said of its quality taken from the rounds.

    trained: fitted on all rows. rounds: fitted on the training part of each round.
    """
    spec, parts = trained.spec, [one.test for one in rounds]
    test = _joined(parts[: spec.split.folds], division)
    evidence = _evidence(spec, parts, test, _overlap(division))
    gates = judge(spec, evidence)
    return replace(
        trained,
        test=test,
        test_scores=_mean_scores(spec, rounds),
        evidence=evidence,
        coverage=level_coverage(test),
        slices=score_slices(spec, data, division, test),
        importance=_mean_importance(rounds),
        joint=_mean_joint(rounds),
        gates=gates,
        verdict=verdict(gates),
    )


def corrected_interval(values: Floats, overlap: float) -> ScoreInterval:
    """The mean of a score over J rounds, with its 95 % interval by the corrected resampled t.

    overlap: rows of a test part over rows of its training part. Its variance is
    (1 / J + overlap) s², and the interval has J - 1 degrees of freedom. NaN unless most rounds have
    a value.
    """
    from scipy.stats import t

    known = values[np.isfinite(values)]
    if len(known) < max(2.0, LEAST_MEASURED * len(values)):
        return UNKNOWN
    mean = float(known.mean())
    spread = float(np.sqrt((1 / len(known) + overlap) * known.var(ddof=1)))
    reach = float(t.ppf((1 + LEVEL) / 2, len(known) - 1)) * spread
    return ScoreInterval(mean, mean - reach, mean + reach)


def _overlap(division: Division) -> float:
    return float(np.mean([len(one.test) / len(one.train) for one in division.rounds]))


def _joined(parts: Sequence[TestPart], division: Division) -> TestPart:
    """The parts of one repeat as one: every row once, in the order of the rows."""
    held_out = np.concatenate([one.test for one in division.rounds[: len(parts)]])
    order = np.argsort(held_out, kind="stable")
    columns: dict[str, Any] = {}
    for column in fields(TestPart):
        values = [getattr(part, column.name) for part in parts]
        is_known = all(value is not None for value in values)
        columns[column.name] = np.concatenate(values)[order] if is_known else None
    return TestPart(**columns)


def _evidence(
    spec: ModelSpec, parts: Sequence[TestPart], test: TestPart, overlap: float
) -> GateEvidence:
    ours, theirs, gained = {}, {}, {}
    for score in scores.scores_of(is_probability=spec.is_probability):
        if score in BY_ROW:
            ours[score], theirs[score], gained[score] = _by_row(score, test)
            continue
        mine, other = _of_parts(score, parts)
        ours[score] = _bounded(score, corrected_interval(mine, overlap))
        theirs[score] = _bounded(score, corrected_interval(other, overlap))
        gained[score] = corrected_interval(gains(score, test.target, mine, other), overlap)
    if test.low is not None:
        held = corrected_interval(np.array([_coverage(part) for part in parts]), overlap)
        ours["coverage"] = _bounded("coverage", held)
    blocks = _single_rows(len(test.target))
    edges = single_rows(len(test.target))
    return GateEvidence(ours, theirs, gained, over_constant(spec, test, blocks, edges))


def _of_parts(score: Score, parts: Sequence[TestPart]) -> tuple[Floats, Floats]:
    """(J,) each: the score of our answers and of the baseline's for each held-out part."""
    mine = [scores.measure(score, part.target, part.prediction) for part in parts]
    other = [scores.measure(score, part.target, part.baseline) for part in parts]
    return np.array(mine), np.array(other)


def _coverage(part: TestPart) -> float:
    if part.low is None or part.high is None:
        return float("nan")
    return float(scores.covered(part.target, part.low, part.high).mean())


def _bounded(score: Score, interval: ScoreInterval) -> ScoreInterval:
    """An interval within what the score can be."""
    most = np.inf if score in ("mae", "log_loss") else 1.0
    low, high = np.clip([interval.low, interval.high], 0.0, most)
    return ScoreInterval(interval.value, float(low), float(high))


def _by_row(score: Score, test: TestPart) -> tuple[ScoreInterval, ScoreInterval, ScoreInterval]:
    """Ours, the baseline's and the gain on one repeat; intervals over single rows."""
    blocks = _single_rows(len(test.target))
    one = draw(score, blocks, test.target, test.prediction)
    other = draw(score, blocks, test.target, test.baseline)
    edges = single_rows(len(test.target))
    gained = gain(score, edges, test.target, test.prediction, test.baseline)
    return one.measured, other.measured, gained


def _single_rows(rows: int) -> Blocks:
    return Blocks(rows, 1, np.random.default_rng(0).integers(0, rows, (REPLICATES, rows)))


def _mean_scores(spec: ModelSpec, rounds: Sequence[Trained]) -> Mapping[CandidateKind, Scores]:
    """The mean score of every candidate over the rounds that could fit it."""
    table: dict[CandidateKind, Scores] = {}
    for kind in spec.candidates:
        fitted = [one.test_scores[kind] for one in rounds if kind in one.test_scores]
        if fitted:
            table[kind] = {score: _mean([one[score] for one in fitted]) for score in fitted[0]}
    return table


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _mean_importance(rounds: Sequence[Trained]) -> tuple[Importance, ...]:
    losses: dict[str, list[float]] = {}
    for one in rounds:
        for loss in one.importance:
            losses.setdefault(loss.feature, []).append(loss.mean)
    means = [
        Importance(name, _mean(values), float(np.std(values))) for name, values in losses.items()
    ]
    return tuple(sorted(means, key=lambda importance: -importance.mean))


def _mean_joint(rounds: Sequence[Trained]) -> tuple[GroupImportance, ...]:
    """Of the groups that come out of half of the rounds or more."""
    found: dict[frozenset[str], list[GroupImportance]] = {}
    for one in rounds:
        for group in one.joint:
            found.setdefault(frozenset(group.features), []).append(group)
    means = [
        GroupImportance(
            same[0].features,
            _mean([group.mean for group in same]),
            float(np.std([group.mean for group in same])),
            _mean([group.alone for group in same]),
        )
        for same in found.values()
        if 2 * len(same) >= len(rounds)
    ]
    return tuple(sorted(means, key=lambda group: -group.mean))
