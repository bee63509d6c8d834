"""Training as pure computation, in steps that a caller may retry and record one by one:

`divide` → `fit_candidate` for each of `in_order` → `choose` → `finish`; `fit` does all of it.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.features.declaration import FeaturePlan
from runlore.kernel.errors import Refused, one_line
from runlore.models import calibration
from runlore.models.calibration import Calibration
from runlore.models.explain import joint_importance, permutation_importance, reference_row
from runlore.models.scale import quantity
from runlore.models.scores import LOSSES
from runlore.specs.model_spec import HIGHER_IS_BETTER, CandidateKind, ModelSpec, Score
from runlore.training.rules import candidates, cross_validation
from runlore.training.rules.distributions import fit_distribution
from runlore.training.rules.evidence import (
    answer_test,
    compare,
    level_coverage,
    score_slices,
    scores_of,
)
from runlore.training.rules.gain import consecutive_blocks, gain
from runlore.training.rules.gates import ScoreInterval, judge, verdict
from runlore.training.rules.split import Division, divide
from runlore.training.rules.trained import Candidate, Scores, Trained
from runlore.training.rules.training_set import TrainingSet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[str], None]

# What learners raise for numbers that they cannot bear.
UNFIT = (ValueError, ArithmeticError, np.linalg.LinAlgError)
# Candidates that take over what others have fitted, which must come before them.
REUSING: tuple[CandidateKind, ...] = ("ensemble", "blend", "xgboost-modal", "distribution-modal")
NEWER_COUNTS = 2.0  # how often a validation row's weight halves from the newest to the oldest


def fit(
    spec: ModelSpec, data: TrainingSet, plan: FeaturePlan, progress: Progress | None = None
) -> Trained:
    """Run all steps of a training. progress: is called with a line of text at each step.

    A candidate that cannot be fitted is left out and named; without the baseline there is no model.
    """
    say = progress or (lambda _: None)
    division = divide(spec, data)
    if division.rounds:
        say(f"{len(division.train):,} rows teach, each is held out {spec.split.repeats} times")
    else:
        say(f"{len(division.train):,} rows teach, {len(division.test):,} test")
    return _fit_division(spec, data, plan, division, say)


def _fit_division(
    spec: ModelSpec, data: TrainingSet, plan: FeaturePlan, division: Division, say: Progress
) -> Trained:
    done: dict[CandidateKind, Candidate] = {}
    for kind in in_order(spec):
        say(f"fit {kind}")
        try:
            done[kind] = fit_candidate(spec, data, division, kind, done)
        except UNFIT as error:
            if kind == "baseline":
                raise
            say(f"{kind} could not be fitted and is left out: {one_line(error)}")
    chosen = choose(spec, done)
    say(f"chose {chosen}")
    return finish(spec, data, plan, division, done, chosen)


def in_order(spec: ModelSpec) -> tuple[CandidateKind, ...]:
    """The spec's candidates: the baseline, which others are compared with, and those that reuse
    others at the end."""
    return tuple(sorted(spec.candidates, key=rank))


def rank(kind: CandidateKind) -> int:
    """In which order candidates are fitted."""
    return -1 if kind == "baseline" else REUSING.index(kind) + 1 if kind in REUSING else 0


def fit_candidate(
    spec: ModelSpec,
    data: TrainingSet,
    division: Division,
    kind: CandidateKind,
    done: Mapping[CandidateKind, Candidate],
) -> Candidate:
    """Fit on the training part and on every fold, calibrate, score on the validation rows.

    done: candidates fitted before on the same division; an ensemble takes its members from them.
    """
    members = [
        {k: candidate.folds[at] for k, candidate in done.items()}
        for at in range(len(division.folds))
    ]
    folds = tuple(
        candidates.fit(spec, data, fold.train, kind, known)
        for fold, known in zip(division.folds, members, strict=True)
    )
    final = {k: candidate.fitted for k, candidate in done.items()}
    fitted = candidates.fit(spec, data, division.train, kind, final)
    raw = np.concatenate(
        [
            model.raw_at(data.rows, fold.valid)
            for model, fold in zip(folds, division.folds, strict=True)
        ]
    )
    mapped, validation = _calibrate(spec, data, division, raw)
    mapped_arrays.trim()
    gained = _gains(spec, data, division, raw, done.get("baseline"))
    return Candidate(fitted, folds, raw, mapped, validation, gained)


def _gains(
    spec: ModelSpec,
    data: TrainingSet,
    division: Division,
    raw: Floats,
    baseline: Candidate | None,
) -> dict[Score, ScoreInterval]:
    """A quantity's gains over the baseline on the validation rows, in scores that gates compare."""
    if spec.is_probability or baseline is None:
        return {}
    at = division.valid
    actual, edges = data.target[at], consecutive_blocks(data.as_of_us[at])
    ours, theirs = quantity(raw), quantity(baseline.valid_raw)
    return {
        score: gain(score, edges, actual, ours, theirs)
        for score in _compared(spec)
        if score in LOSSES
    }


def _compared(spec: ModelSpec) -> list[Score]:
    return [gate.score for gate in spec.gates if gate.against.startswith("baseline")]


def _calibrate(
    spec: ModelSpec, data: TrainingSet, division: Division, raw: Floats
) -> tuple[Calibration, Scores]:
    """The candidate's calibration, and its scores on validation rows.

    A baseline is calibrated like any other: a candidate must win by what it knows.
    """
    actual = data.target[division.valid]
    if not spec.is_probability:
        return Calibration(), scores_of(spec, actual, quantity(raw))
    weights = recency(len(raw)) if spec.split.is_by_time else np.ones(len(raw))
    calibrated = calibration.fit(raw, actual, weights)
    scores = scores_of(spec, actual[calibrated.later], calibrated.predictions[calibrated.later])
    return calibrated.calibration, scores


def recency(rows: int) -> Floats:
    """(n,): weights of validation rows in time order; newer ones count more: base rates drift."""
    return np.exp2(NEWER_COUNTS * (np.arange(rows) / max(rows - 1, 1) - 1.0))


def choose(spec: ModelSpec, done: Mapping[CandidateKind, Candidate]) -> CandidateKind:
    """The best candidate by `select_by` on the validation rows; the baseline is never chosen.

    Nor is one that a gate would probably refuse, where others are left: one that on the validation
    rows is better than the baseline by less than a standard error in a score that a gate compares
    with it (Breiman, Friedman, Olshen & Stone 1984); and where all are, one that is no better.
    """
    scores = {
        kind: done[kind].validation[spec.select_by] for kind in spec.candidates if kind in done
    }
    known = {k: score for k, score in scores.items() if k != "baseline" and not np.isnan(score)}
    if not known:
        raise Refused(
            f"{spec.name}: {spec.select_by} could not be measured for any candidate;"
            " ingest more history, or select by another score"
        )
    better = {kind: score for kind, score in known.items() if _beats_baseline(spec, done, kind)}
    likely = {kind: score for kind, score in better.items() if _likely_beats(done[kind])}
    known = likely or better or known
    best = max if spec.select_by in HIGHER_IS_BETTER else min
    return best(known, key=lambda kind: known[kind])


def _beats_baseline(
    spec: ModelSpec, done: Mapping[CandidateKind, Candidate], kind: CandidateKind
) -> bool:
    ours, theirs = done[kind].validation, done["baseline"].validation
    gained = [
        (ours[score] - theirs[score]) * (1 if score in HIGHER_IS_BETTER else -1)
        for score in _compared(spec)
        if score in ours and score in theirs
    ]
    return not any(value <= 0 for value in gained)


def _likely_beats(candidate: Candidate) -> bool:
    """A 95 % interval reaches two standard errors down from its value."""
    return all(gained.value + gained.low > 0 for gained in candidate.gains.values())


def finish(
    spec: ModelSpec,
    data: TrainingSet,
    plan: FeaturePlan,
    division: Division,
    done: Mapping[CandidateKind, Candidate],
    chosen: CandidateKind,
) -> Trained:
    """Test and judge the chosen candidate; with cross-validation, by all steps in each round."""
    trained = _tested(spec, data, plan, division, done, chosen)
    if not division.rounds:
        return trained
    rounds = (
        _fit_division(spec, data, plan, held_out, lambda _: None) for held_out in division.rounds
    )
    return cross_validation.judged(trained, data, division, tuple(rounds))


def _tested(
    spec: ModelSpec,
    data: TrainingSet,
    plan: FeaturePlan,
    division: Division,
    done: Mapping[CandidateKind, Candidate],
    chosen: CandidateKind,
) -> Trained:
    """Fit the distribution, measure test scores with their uncertainty, and judge gates."""
    winner, train = done[chosen], division.train
    distribution = fit_distribution(spec, data, division, winner, done)
    test = answer_test(spec, data, division, (winner, done["baseline"]), distribution)
    evidence = compare(spec, test)
    gates = judge(spec, evidence)
    measured = (winner.predict, test.rows, test.target)
    importance = permutation_importance(*measured, data.names, spec.select_by)
    return Trained(
        spec=spec,
        plan=plan,
        data_digest=data.digest(),
        chosen=winner,
        validation={kind: candidate.validation for kind, candidate in done.items()},
        test_scores={
            kind: scores_of(spec, test.target, candidate.predict(test.rows))
            for kind, candidate in done.items()
        },
        distribution=distribution,
        reference=reference_row(data.rows[train], len(plan.categories), len(plan.inputs)),
        train_rows=len(train),
        first_us=int(data.as_of_us[train[0]]),
        last_us=int(data.as_of_us[train[-1]]),
        test_us=division.cut_us,
        test=test,
        evidence=evidence,
        coverage=level_coverage(test),
        slices=score_slices(spec, data, division, test),
        importance=importance,
        joint=joint_importance(*measured, importance, data.names, spec.select_by),
        gates=gates,
        verdict=verdict(gates),
    )
