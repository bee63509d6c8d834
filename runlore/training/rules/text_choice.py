"""Whether hashed texts are worth their columns, by validation rows; the test part has no say."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from runlore.features import mapped_arrays
from runlore.models import scores
from runlore.models.scale import quantity
from runlore.specs.model_spec import HIGHER_IS_BETTER, CandidateKind, ModelSpec
from runlore.training.rules import candidates
from runlore.training.rules.split import Fold, divide
from runlore.training.rules.training_set import TrainingSet

JUDGE: CandidateKind = "xgboost"
MOST_JUDGED = 50_000  # the newest rows of a fold's two parts
LEAST_GAIN = 0.01  # of the score or, where higher is better, of what is missing to 1


def helps(spec: ModelSpec, data: TrainingSet, columns: Collection[str]) -> bool:
    """Whether these columns make the score better in every validation fold, and enough on average.

    Raises Refused where the data are too few to train on.
    """
    plain = without(data, columns)
    gains = [
        _gain(spec, _score(spec, data, fold), _score(spec, plain, fold))
        for fold in divide(spec, data).folds
    ]
    return min(gains) > 0 and float(np.mean(gains)) >= LEAST_GAIN


def without(data: TrainingSet, columns: Collection[str]) -> TrainingSet:
    """The same rows without some columns."""
    keep = [at for at, name in enumerate(data.names) if name not in columns]
    names = tuple(data.names[at] for at in keep)
    rows = mapped_arrays.empty((len(data), len(keep)), np.float32)
    for piece in mapped_arrays.pieces(len(data), data.rows[:1].nbytes):
        rows[piece] = data.rows[piece][:, keep]
    return replace(data, rows=rows, names=names)


def _score(spec: ModelSpec, data: TrainingSet, fold: Fold) -> float:
    valid = fold.valid[-MOST_JUDGED:]
    judge = candidates.fit(spec, data, fold.train[-MOST_JUDGED:], JUDGE)
    raw = judge.raw(data.part(valid))
    predicted = raw if spec.is_probability else quantity(raw)
    return scores.measure(spec.select_by, data.target[valid], predicted)


def _gain(spec: ModelSpec, ours: float, theirs: float) -> float:
    """How much better one score is, as a share; 0 where one is undefined."""
    if not np.isfinite([ours, theirs]).all():
        return 0.0
    if spec.select_by in HIGHER_IS_BETTER:
        return (ours - theirs) / max(1 - theirs, 1e-9)
    return (theirs - ours) / max(abs(theirs), 1e-9)
