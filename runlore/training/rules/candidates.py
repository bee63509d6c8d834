"""The models that compete: one factory per kind, for probabilities and for quantities.

Quantities are learnt as log1p(target). Rows may hold NaN; trees that cannot take it get -1.
Members of pipelines are scikit-learn's own, so that every candidate exports to ONNX and skops.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.kernel.errors import BadInput, Refused
from runlore.kernel.warning_filters import lasting_filters
from runlore.models import scores
from runlore.specs.model_spec import (
    CONSTANTS,
    HIGHER_IS_BETTER,
    CandidateKind,
    ModelSpec,
    Score,
)
from runlore.training.rules.fixed_choices import MISSING, SEED, SMALLEST, THREADS
from runlore.training.rules.training_set import TrainingSet, in_pieces

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from runlore.training.rules.distribution_forest import DistributionForest
    from runlore.training.rules.distribution_mean import DistributionMean

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOREST_SAMPLES = 10_000
LEAF_ROWS = 20
LINEAR_PENALTY = 30.0
DEPTH_5: Mapping[str, Any] = {"max_leaf_nodes": None, "max_depth": 5}
REQUESTED = "inputs.requested_time_s"

# The ensemble's members and weights, by whether the answer is a probability.
MEMBERS: Mapping[bool, Mapping[CandidateKind, float]] = {
    True: {"random-forest": 0.5, "xgboost": 0.3, "naive-bayes": 0.2},
    False: {"random-forest": 0.5, "xgboost": 0.3, "linear": 0.2},
}
# The blend's members, which count alike: three models that err in different ways.
BLENDED: Mapping[CandidateKind, float] = dict.fromkeys(("linear", "random-forest", "xgboost"), 1.0)

BOOSTED = {
    "max_depth": 6,
    "subsample": 0.7,
    "colsample_bytree": 0.4,
    "min_child_weight": LEAF_ROWS,
    "tree_method": "hist",
    "n_jobs": THREADS,
    "random_state": SEED,
}


@dataclass(frozen=True)
class Baseline:
    """Answers with the feature at `column`, or with `fallback` where it is not known yet.

    column: None: the same answer for all, `fallback`.
    cap: the column of the requested run time, which no answer exceeds; None: no such column, or
    the target is not the duration.
    """

    column: int | None
    fallback: float
    cap: int | None = None

    def answer(self, rows: Rows) -> Floats:
        """(n,): a probability, or the quantity in its own unit, for (n, F) rows."""
        answers: Floats = np.full(len(rows), self.fallback)
        if self.column is not None:
            known = rows[:, self.column].astype(np.float64)
            answers = np.where(np.isnan(known), self.fallback, known)
        if self.cap is None:
            return answers
        capped: Floats = np.fmin(answers, rows[:, self.cap].astype(np.float64))
        return capped


@dataclass(frozen=True)
class Fitted:
    """A fitted candidate. estimator: a `Baseline` for the kind of that name."""

    kind: CandidateKind
    # A `Baseline`, `DistributionForest` or `DistributionMean` for the kinds of those names.
    estimator: "BaseEstimator"
    is_probability: bool

    def raw(self, rows: Rows) -> Floats:
        """(n,): uncalibrated probabilities, or log1p of the quantity, for (n, F) rows."""
        return in_pieces(lambda piece: self._raw(rows[piece]), len(rows))

    def raw_at(self, rows: Rows, positions: Ints) -> Floats:
        """(n,): `raw` of the rows at n positions."""
        return in_pieces(lambda piece: self._raw(rows[positions[piece]]), positions.size)

    def _raw(self, rows: Rows) -> Floats:
        if isinstance(self.estimator, Baseline):
            answers = self.estimator.answer(rows)
            return answers if self.is_probability else np.log1p(np.maximum(answers, 0.0))
        if self.is_probability:
            return np.asarray(self.estimator.predict_proba(rows)[:, 1], dtype=np.float64)
        return np.asarray(self.estimator.predict(rows), dtype=np.float64)


def fit(
    spec: ModelSpec,
    data: TrainingSet,
    train: Ints,
    kind: CandidateKind,
    members: Mapping[CandidateKind, Fitted] | None = None,
) -> Fitted:
    """Fit on the rows at positions `train`; an ensemble reuses `members` fitted on the same rows.

    Raises BadInput for a kind that does not fit the spec's target.
    """
    if kind == "baseline":
        return Fitted(kind, _baseline(spec, data, train), spec.is_probability)
    rows = _teachable(data.rows[train])
    mapped_arrays.release()
    target = data.target[train] if spec.is_probability else np.log1p(data.target[train])
    if kind in ("ensemble", "blend"):
        weights = BLENDED if kind == "blend" else MEMBERS[spec.is_probability]
        fitted = {
            member: (members or {}).get(member) or fit(spec, data, train, member)
            for member in weights
        }
        vote = _vote(fitted, weights, is_probability=spec.is_probability)
        return Fitted(kind, vote, spec.is_probability)
    if kind == "xgboost-modal":
        first = (members or {}).get("xgboost")
        return Fitted(kind, _fit_modal(spec, rows, target, first), spec.is_probability)
    if kind == "distribution-modal":
        return Fitted(kind, _fit_mean(spec, data, train, members or {}), spec.is_probability)
    if kind == "distribution":
        return Fitted(kind, _fit_distribution(spec, rows, target), spec.is_probability)
    with lasting_filters():
        estimator = _make(spec, kind, len(rows)).fit(rows, target)
    return Fitted(kind, _calm(estimator), spec.is_probability)


def _teachable(rows: Rows) -> Rows:
    """Make (N, F) rows acceptable to every learner, in place: tiny values become 0, columns of NaN
    become constant."""
    rows[(rows > -SMALLEST) & (rows < SMALLEST)] = 0.0
    rows[:, np.isnan(rows).all(axis=0)] = MISSING
    return rows


def constant(target: Floats, *, is_probability: bool) -> float:
    """The best answer that knows nothing of an execution: the failure rate, or the median."""
    return float(target.mean() if is_probability else np.median(target))


def _baseline(spec: ModelSpec, data: TrainingSet, train: Ints) -> Baseline:
    """The best of the spec's baselines in the training part: nothing of them is fitted."""
    target = data.target[train]
    is_capped = not spec.is_probability and spec.question.of == "duration_s"
    cap = data.names.index(REQUESTED) if is_capped and REQUESTED in data.names else None
    columns = [
        None if name in CONSTANTS else data.names.index(name)
        for name in spec.baselines
        if name in CONSTANTS or name in data.names
    ]
    if not columns:
        raise Refused(
            f"{spec.name}: the baseline {' or '.join(map(repr, spec.baselines))} is no feature of"
            " this log: it is missing, left out as a leak, or not a number; name another"
        )
    fallback = constant(target, is_probability=spec.is_probability)
    tried = [Baseline(column, fallback, cap) for column in columns]
    if len(tried) == 1:
        return tried[0]
    score: Score = "auc" if spec.is_probability else spec.select_by
    best = max if score in HIGHER_IS_BETTER else min
    values = [scores.measure(score, target, b.answer(data.rows[train])) for b in tried]
    return tried[values.index(best(values))]


def _make(spec: ModelSpec, kind: CandidateKind, rows: int) -> "BaseEstimator":
    factories = _CLASSIFIERS if spec.is_probability else _REGRESSORS
    if kind not in factories:
        answer = "a probability" if spec.is_probability else "a quantity"
        raise BadInput(f"spec {spec.name}: candidate {kind!r} cannot answer {answer}; leave it out")
    return factories[kind](rows)


def _fit_modal(
    spec: ModelSpec, rows: Rows, target: Floats, first: Fitted | None
) -> "BaseEstimator":
    """Learn the mode: fit, then fit again with more weight on rows near the first fit.

    One step of iterated reweighting with a Laplace kernel of width 1 in the log.
    Yao & Li, A new regression model: modal linear regression, Scand. J. Statistics 2014.
    """
    if spec.is_probability:
        raise BadInput(f"spec {spec.name}: 'xgboost-modal' answers quantities only; leave it out")
    start = first.estimator if first else _boosted_quantity(len(rows)).fit(rows, target)
    nearness = np.exp(-np.abs(target - start.predict(rows)))
    return _boosted_quantity(len(rows)).fit(rows, target, sample_weight=nearness)


def _fit_distribution(spec: ModelSpec, rows: Rows, target: Floats) -> "DistributionForest":
    from runlore.training.rules.distribution_forest import fit_forest

    if spec.is_probability:
        raise BadInput(f"spec {spec.name}: 'distribution' answers quantities only; leave it out")
    return fit_forest(rows, target, spec.select_by)


def _fit_mean(
    spec: ModelSpec, data: TrainingSet, train: Ints, members: Mapping[CandidateKind, Fitted]
) -> "DistributionMean":
    from runlore.training.rules.distribution_mean import DistributionMean

    if spec.is_probability:
        raise BadInput(
            f"spec {spec.name}: 'distribution-modal' answers quantities only; leave it out"
        )
    forest, modal = (
        members.get(member) or fit(spec, data, train, member, members)
        for member in ("distribution", "xgboost-modal")
    )
    return DistributionMean(forest.estimator, modal.estimator)


def _vote(
    members: Mapping[CandidateKind, Fitted],
    weight_of: Mapping[CandidateKind, float],
    *,
    is_probability: bool,
) -> "BaseEstimator":
    """scikit-learn's voting model, assembled from fitted members."""
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.preprocessing import LabelEncoder
    from sklearn.utils import Bunch

    named = [(kind, fitted.estimator) for kind, fitted in members.items()]
    weights = np.array([weight_of[kind] for kind in members])
    if is_probability:
        vote = VotingClassifier(named, voting="soft", weights=weights, flatten_transform=False)
        vote.le_ = LabelEncoder().fit([0, 1])
        vote.classes_ = vote.le_.classes_
    else:
        vote = VotingRegressor(named, weights=weights)
    vote.estimators_ = [estimator for _, estimator in named]
    vote.named_estimators_ = Bunch(**dict(named))
    return vote


def _calm(estimator: "BaseEstimator") -> "BaseEstimator":
    """Answer with one thread, so that the sum over a forest's trees has always the same order."""
    for _, step in getattr(estimator, "steps", ()):
        if hasattr(step, "n_jobs") and hasattr(step, "estimators_"):
            step.n_jobs = 1
    return estimator


def _filled(*steps: "BaseEstimator") -> "BaseEstimator":
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    constant = SimpleImputer(strategy="constant", fill_value=MISSING, keep_empty_features=True)
    return make_pipeline(constant, *steps)


def _scaled(*steps: "BaseEstimator") -> "BaseEstimator":
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from runlore.training.rules.linear import SignedLog

    median = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(median, SignedLog(), StandardScaler(), *steps)


def _leaf(rows: int) -> int:
    """The least rows of a leaf: fewer where there are fewer than 1,000, or no tree could split."""
    return min(LEAF_ROWS, max(2, rows // 50))


def _forest(rows: int) -> dict[str, Any]:
    return {
        "n_estimators": 100,
        "max_depth": 10,
        "min_samples_leaf": _leaf(rows),
        "max_samples": min(FOREST_SAMPLES, rows),
        "n_jobs": THREADS,
        "random_state": SEED,
    }


def _forest_probability(rows: int) -> "BaseEstimator":
    from sklearn.ensemble import RandomForestClassifier

    return _filled(RandomForestClassifier(**_forest(rows)))


def _forest_quantity(rows: int) -> "BaseEstimator":
    from sklearn.ensemble import RandomForestRegressor

    return _filled(RandomForestRegressor(**_forest(rows), max_features=0.1))


def _histogram(rows: int) -> dict[str, Any]:
    return {
        "max_iter": 100,
        "learning_rate": 0.06,
        "max_leaf_nodes": 15,
        "max_features": 0.4,
        "l2_regularization": 1.0,
        "early_stopping": False,
        "min_samples_leaf": _leaf(rows),
        "random_state": SEED,
    }


def _histogram_probability(rows: int, **shape: object) -> "BaseEstimator":
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**_histogram(rows) | shape)


def _histogram_quantity(rows: int, **shape: object) -> "BaseEstimator":
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**_histogram(rows) | shape)


def _boosted_probability(rows: int) -> "BaseEstimator":
    from xgboost import XGBClassifier

    shape = {"n_estimators": 300, "learning_rate": 0.03, "max_bin": 64}
    return XGBClassifier(**{**BOOSTED, **shape, "min_child_weight": _leaf(rows)})


def _boosted_quantity(rows: int) -> "BaseEstimator":
    from xgboost import XGBRegressor

    shape = {"n_estimators": 200, "learning_rate": 0.05, "min_child_weight": _leaf(rows)}
    return XGBRegressor(objective="reg:absoluteerror", **{**BOOSTED, **shape})


def _linear_probability(rows: int) -> "BaseEstimator":
    from sklearn.linear_model import LogisticRegression

    return _scaled(LogisticRegression(C=0.01, tol=1e-3, max_iter=200))


def _linear_quantity(rows: int) -> "BaseEstimator":
    from runlore.training.rules.linear import LeastDeviations

    return _scaled(LeastDeviations(alpha=LINEAR_PENALTY))


def _naive_bayes(rows: int) -> "BaseEstimator":
    from sklearn.naive_bayes import GaussianNB

    return _scaled(GaussianNB(var_smoothing=1e-3))


_CLASSIFIERS: Mapping[CandidateKind, Callable[[int], "BaseEstimator"]] = {
    "linear": _linear_probability,
    "naive-bayes": _naive_bayes,
    "random-forest": _forest_probability,
    "gradient-boosting": _histogram_probability,
    "boosted-trees": partial(_histogram_probability, **DEPTH_5),
    "xgboost": _boosted_probability,
}
_REGRESSORS: Mapping[CandidateKind, Callable[[int], "BaseEstimator"]] = {
    "linear": _linear_quantity,
    "random-forest": _forest_quantity,
    "gradient-boosting": _histogram_quantity,
    "boosted-trees": partial(_histogram_quantity, **DEPTH_5),
    "xgboost": _boosted_quantity,
}
