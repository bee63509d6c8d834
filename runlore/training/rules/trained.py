"""The result of fitting: the model, its scores, and whether it may serve."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runlore.features.declaration import FeaturePlan
from runlore.models.calibration import Calibration
from runlore.models.distribution import Distribution
from runlore.models.explain import GroupImportance, Importance
from runlore.models.relative_errors import RelativeErrors, measure_relative_errors
from runlore.models.scale import quantity
from runlore.specs.model_spec import CandidateKind, ModelSpec, Score
from runlore.training.rules.candidates import Fitted
from runlore.training.rules.distribution_forest import DistributionForest
from runlore.training.rules.gates import GateEvidence, GateResult, GateVerdict, ScoreInterval

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Scores = Mapping[Score, float]

# The levels at which the quantiles of every version are checked on its test part.
CHECKED_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Candidate:
    """One kind of model, fitted on the training part and on every walk-forward fold.

    valid_raw: the folds' raw answers for `Division.valid`. calibration: fitted on these.
    validation: scores on the validation rows, calibrated by maps from before them.
    gains: of a quantity, over the baseline on the validation rows, in scores that gates compare.
    """

    fitted: Fitted
    folds: tuple[Fitted, ...]
    valid_raw: Floats
    calibration: Calibration
    validation: Scores
    gains: Mapping[Score, ScoreInterval] = field(default_factory=dict)

    @property
    def kind(self) -> CandidateKind:
        return self.fitted.kind

    def answer(self, raw: Floats) -> Floats:
        """Calibrated probabilities, or quantities in their own unit, for (n,) raw answers."""
        if self.fitted.is_probability:
            return self.calibration(raw)
        return quantity(raw)

    def predict(self, rows: Rows) -> Floats:
        """(n,): calibrated probabilities, or quantities in their own unit, for (n, F) rows."""
        return self.answer(self.fitted.raw(rows))


@dataclass(frozen=True)
class QuantityDistribution:
    """The calibrated distribution of a quantity. forest: None where residuals are the distribution.

    scale: answers with the size that a row's residual is expected to have; None: all alike.
    """

    calibrated: Distribution
    forest: DistributionForest | None = None
    scale: Fitted | None = None

    def shares(self, rows: Rows) -> Floats | None:
        """(n, K): of the classes, for (n, F) rows; None without a forest."""
        return None if self.forest is None else self.forest.shares(rows)

    def scales(self, rows: Rows) -> Floats | None:
        """(n,): of the residuals, for (n, F) rows; None where all are alike."""
        return None if self.scale is None else self.scale.raw(rows)


@dataclass(frozen=True)
class LevelCoverage:
    """The share of test rows whose outcome did not exceed the quantile at `level`."""

    level: float
    rows: int
    share: ScoreInterval


@dataclass(frozen=True)
class SliceScores:
    """Scores of a group of test rows. slice: the grouping, such as `kind`; label: the group."""

    slice: str
    label: str
    rows: int
    scores: Scores
    baseline: Scores


@dataclass(frozen=True)
class TestPart:
    """Test rows, oldest first, which nothing was fitted to, with the answers for them.

    quantiles: (n, L) at `CHECKED_LEVELS`.
    constant: the one answer that the rows learned from suggest for all; None: no comparison.
    """

    __test__ = False

    as_of_us: Ints
    rows: Rows
    target: Floats
    prediction: Floats
    baseline: Floats
    low: Floats | None = None
    high: Floats | None = None
    quantiles: Floats | None = None
    constant: Floats | None = None


@dataclass(frozen=True)
class Trained:
    """first_us, last_us: as_of of the oldest and newest training row. test_us: of the test part.

    test_scores: of every candidate, for the record; only `evidence` decides. joint: the importance
    of groups of features that say the same.
    """

    spec: ModelSpec
    plan: FeaturePlan
    data_digest: str
    chosen: Candidate
    validation: Mapping[CandidateKind, Scores]
    test_scores: Mapping[CandidateKind, Scores]
    distribution: QuantityDistribution | None
    reference: Rows
    train_rows: int
    first_us: int
    last_us: int
    test_us: int
    test: TestPart
    evidence: GateEvidence
    coverage: tuple[LevelCoverage, ...]
    slices: tuple[SliceScores, ...]
    importance: tuple[Importance, ...]
    joint: tuple[GroupImportance, ...]
    gates: tuple[GateResult, ...]
    verdict: GateVerdict

    @property
    def relative_errors(self) -> tuple[RelativeErrors, RelativeErrors] | None:
        """Of the chosen candidate and of the baseline, on the test part; None: a probability."""
        if self.spec.is_probability:
            return None
        ours, theirs = (
            measure_relative_errors(self.test.target, answers)
            for answers in (self.test.prediction, self.test.baseline)
        )
        return ours, theirs

    @property
    def kind(self) -> CandidateKind:
        return self.chosen.kind
