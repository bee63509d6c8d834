"""Split rows into training, validation and test, by time and by what was known when."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import Refused
from runlore.specs.model_spec import ModelSpec, Split
from runlore.training.rules.training_set import TrainingSet

Ints = NDArray[np.int64]

SEED = 7
CHOOSING_FOLDS = 3  # of cross-validation inside a training part, to choose and to calibrate by

FIRST_FOLD = 0.4  # Share of the training part that only teaches; validation windows share the rest

# The newest rows that a validation fold learns from: it orders candidates and calibrates.
FOLD_ROWS = 100_000

MATURE = 0.9  # share of outcomes known at the age of the youngest row that is tested


@dataclass(frozen=True)
class Fold:
    """Positions of the rows to train on, and of the later rows to predict."""

    train: Ints
    valid: Ints


@dataclass(frozen=True)
class Division:
    """A training set divided by time, or for cross-validation: positions of rows.

    cut_us: the instant at which the test part begins. rounds: of cross-validation, a division for
    each part that is held out, the parts of one repeat after the other; then `train` and `test` are
    all rows.
    """

    train: Ints
    test: Ints
    folds: tuple[Fold, ...]
    cut_us: int
    rounds: tuple["Division", ...] = ()

    @property
    def valid(self) -> Ints:
        """All rows that a fold predicts, oldest first."""
        return np.concatenate([fold.valid for fold in self.folds])


def divide(spec: ModelSpec, data: TrainingSet) -> Division:
    """Test on the newest mature rows, and train on what was known before them, less the gap.

    With cross-validation, test on each row in turn.
    """
    rule = spec.split
    refuse_short(spec, len(data))
    if not rule.is_by_time:
        return _cross_validated(spec, data)
    if data.as_of_us[0] == data.as_of_us[-1]:
        raise no_order(spec, len(data))
    first, end = tested(rule, data.as_of_us, data.known_us)
    cut = int(data.as_of_us[first])
    known = _known_before(data, cut, rule)
    train, test = known[-rule.max_rows :], np.arange(np.searchsorted(data.as_of_us, cut), end)
    _refuse_few(spec, data, train, "before the test part begins")
    _refuse_one_answer(spec, data, train)
    return Division(train, test, _folds(spec, data, known), cut)


def _cross_validated(spec: ModelSpec, data: TrainingSet) -> Division:
    """Divide the newest `max_rows` rows; all is fitted inside the training part of a round."""
    rule = spec.split
    rows = np.arange(len(data))[-rule.max_rows :]
    _refuse_one_answer(spec, data, rows)
    end_us = int(data.as_of_us[-1]) + 1
    rounds = []
    for repeat in range(rule.repeats):
        for fold in _random_folds(spec, data, rows, rule.folds, repeat):
            inner = _random_folds(spec, data, fold.train, CHOOSING_FOLDS, repeat)
            rounds.append(Division(fold.train, fold.valid, inner, end_us))
    whole = _random_folds(spec, data, rows, CHOOSING_FOLDS, rule.repeats)
    return Division(rows, rows, whole, end_us, tuple(rounds))


def _random_folds(
    spec: ModelSpec, data: TrainingSet, rows: Ints, folds: int, seed: int
) -> tuple[Fold, ...]:
    """Rows in random parts of equal size; each part has its share of either answer."""
    order = np.random.default_rng([SEED, seed, folds, rows.size]).permutation(rows)
    if spec.is_probability:
        order = order[np.argsort(data.target[order], kind="stable")]
    part = np.arange(order.size) % folds
    made = []
    for held_out in range(folds):
        fold = Fold(np.sort(order[part != held_out]), np.sort(order[part == held_out]))
        if _has_one_answer(spec, data, fold.train):
            raise Refused(
                f"{spec.name}: too few of {rows.size} executions ended the other way to hold out"
                f" {folds} parts; ingest more history or ask for fewer `folds`"
            )
        made.append(fold)
    return tuple(made)


def no_order(spec: ModelSpec, rows: int) -> Refused:
    return Refused(
        f"{spec.name}: all {rows} executions were submitted at one instant, so none came before"
        ' another; declare Split(kind="cross-validation") and no histories'
    )


def refuse_short(spec: ModelSpec, rows: int) -> None:
    """Raise Refused when there are too few finished executions to train on at all."""
    least = spec.split.least_rows
    if rows < least:
        raise Refused(
            f"{spec.name}: needs at least {least} finished executions, found {rows};"
            " ingest more history or lower the spec's `least_rows`"
        )


def tested(rule: Split, as_of_us: Ints, known_us: Ints) -> tuple[int, int]:
    """Where the test part begins and ends among finished executions, ordered by submission.

    It ends at the age within which nine in ten outcomes become known. Of younger executions only
    the quick ones are finished, so a model that predicts too little would look good on them.
    """
    end = max(_mature(as_of_us, known_us), 1)
    first = int((1 - rule.test_share) * end)
    if rule.most_test_rows is not None:
        first = max(first, end - rule.most_test_rows)
    if rule.least_test_s:
        since_us = as_of_us[end - 1] - round(rule.least_test_s * 1e6)
        spanning = int(np.searchsorted(as_of_us, since_us, side="right")) - 1
        first = min(first, max(spanning, end // 2))
    return first, end


def _mature(as_of_us: Ints, known_us: Ints) -> int:
    delay_us = np.quantile(known_us - as_of_us, MATURE)
    return int(np.searchsorted(as_of_us, known_us.max() - delay_us, side="right"))


def known_by(spec: ModelSpec, data: TrainingSet, at_us: int) -> Division:
    """Train on what was known before an instant, less the gap, without a test part.

    The newest `max_rows` of it train and validate.
    """
    known = _known_before(data, at_us, spec.split)[-spec.split.max_rows :]
    _refuse_few(spec, data, known, "by then")
    _refuse_one_answer(spec, data, known)
    return Division(known, np.empty(0, np.int64), _folds(spec, data, known), at_us)


def _known_before(data: TrainingSet, cut: int, rule: Split) -> Ints:
    gap = round(rule.gap_s * 1e6)
    return np.flatnonzero((data.as_of_us < cut) & (data.known_us < cut - gap))


def _folds(spec: ModelSpec, data: TrainingSet, known: Ints) -> tuple[Fold, ...]:
    """Expanding walk-forward windows over `known`, each by the rule that made `known`."""
    shares = np.linspace(FIRST_FOLD, 1.0, spec.split.folds + 1)
    edges = data.as_of_us[known[np.minimum((shares * len(known)).astype(int), len(known) - 1)]]
    edges[-1] += 1
    cap = min(FOLD_ROWS, spec.split.max_rows)
    folds = []
    for start, end in pairwise(edges):
        train = _known_before(data, int(start), spec.split)[-cap:]
        valid = known[(data.as_of_us[known] >= start) & (data.as_of_us[known] < end)]
        if len(valid) and len(train) and not _has_one_answer(spec, data, train):
            folds.append(Fold(train, valid))
    if not folds:
        raise Refused(
            f"{spec.name}: no validation window has earlier known outcomes of both sorts;"
            " ingest more history or ask for fewer `folds`"
        )
    return tuple(folds)


def _refuse_few(spec: ModelSpec, data: TrainingSet, train: Ints, when: str) -> None:
    least = max(1, round(spec.split.least_rows * (1 - spec.split.test_share) / 2))
    if len(train) < least:
        raise Refused(
            f"{spec.name}: only {len(train)} of {len(data)} outcomes were known {when}, needs"
            f" {least}; ingest more history, shorten `gap_s` or lower `least_rows`"
        )


def _refuse_one_answer(spec: ModelSpec, data: TrainingSet, train: Ints) -> None:
    if _has_one_answer(spec, data, train):
        raise Refused(
            f"{spec.name}: all {len(train)} training executions ended with {spec.question.of} ="
            f" {data.target[train[0]]:g}; there is nothing to tell apart yet, ingest more history"
        )


def _has_one_answer(spec: ModelSpec, data: TrainingSet, train: Ints) -> bool:
    return spec.is_probability and bool(np.ptp(data.target[train]) == 0)
