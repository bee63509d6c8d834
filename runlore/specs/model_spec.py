"""A model spec is data: what to predict, from what, with which candidates and gates.

Extraction, training, registration, the serving route and its schema, and the drift policy all
follow from it. A user's own spec is a module-level `ModelSpec`, named in `RUNLORE_SPECS`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from runlore.features.declaration import FeatureSet
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.errors import BadInput

LEAST_COMPARED = 100  # executions on which a version and its successor are compared
LEAST_COMPARED_DAYS = 7  # that these span: what holds for days must be seen coming and going

NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")

CandidateKind = Literal[
    "baseline",
    "linear",
    "naive-bayes",
    "random-forest",
    "gradient-boosting",
    "boosted-trees",
    "xgboost",
    "xgboost-modal",
    "distribution",
    "distribution-modal",
    "ensemble",
    "blend",
]
Score = Literal[
    "auc", "brier", "log_loss", "calibration_error", "mae", "relative_accuracy", "coverage"
]
HIGHER_IS_BETTER: frozenset[Score] = frozenset({"auc", "relative_accuracy"})


@dataclass(frozen=True)
class Probability:
    """A probability as the target. of: a value of 0 or 1, such as `failed`."""

    of: str


@dataclass(frozen=True)
class Quantity:
    """A quantity as the target, with an interval that holds with probability `coverage`."""

    of: str
    unit: str
    coverage: float = 0.9


@dataclass(frozen=True)
class Population:
    """The finished executions to train and test on. kinds, sources: empty means all.

    without_actors: whose executions are left out.

    Histories of features know all executions, whatever the population: they are those of serving.
    """

    kinds: tuple[str, ...] = ()
    sources: tuple[str, ...] = field(default=(), repr=False)  # what was learned is named by reprs
    without_actors: tuple[str, ...] = field(default=(), repr=False)


# Baselines that answer the same for all: of a quantity the median in training, of a probability
# the share in training.
CONSTANTS = ("median", "majority")
LEAST_BY_TIME, LEAST_BY_CROSS_VALIDATION = 200, 15


@dataclass(frozen=True)
class Split:
    """Train on the first part by submission, test on the rest; or cross-validate.

    A training row's outcome must be known before the test part begins, less `gap_s`.
    folds: walk-forward validation windows inside the training part.
    kind "cross-validation", for few rows or none with a time: every row is held out once in each
    of `repeats` divisions into `folds` parts, and the version learns from all rows. Order in time
    plays no part.
    least_rows: 0 stands for the usual number, 200 by time and 15 by cross-validation.
    max_rows: how many of the newest training rows are used, so that cost stays bounded.
    most_test_rows: the limit of the test part, where `test_share` would be more; None: no limit.
    least_test_s: what the test part spans at least where `most_test_rows` would be less; but it is
    never more than half of the rows.
    retest_rows: the limit for a successor, see `ModelSpec.succeeding`.
    lookback_s: what was submitted longer before the newest execution with an outcome is left out;
    0: nothing is.
    """

    test_share: float = 0.3
    most_test_rows: int | None = None
    retest_rows: int = 500
    gap_s: float = 0.0
    folds: int = 3
    max_rows: int = 200_000
    least_rows: int = 0
    # Not in the repr, which names what was learned by time: see `retraining.actions.course`.
    kind: Literal["time", "cross-validation"] = field(default="time", repr=False)
    repeats: int = field(default=10, repr=False)
    least_test_s: float = field(default=0.0, repr=False)
    lookback_s: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in ("time", "cross-validation"):
            raise BadInput(f"kind: {self.kind!r} is neither time nor cross-validation", "kind")
        if self.is_by_time:
            usual = LEAST_BY_TIME
        elif self.folds < 2 or self.repeats < 1:
            raise BadInput(
                f"folds: {self.repeats} × {self.folds} folds cannot be; give 2 folds and 1 repeat,"
                " or more",
                "folds",
            )
        else:
            usual = LEAST_BY_CROSS_VALIDATION
        object.__setattr__(self, "least_rows", self.least_rows or usual)

    @property
    def is_by_time(self) -> bool:
        return self.kind == "time"


@dataclass(frozen=True)
class Gate:
    """A condition that the chosen candidate must meet on the test part.

    against "bound": the score must reach `bound` (at most it, where lower is better);
    "within": it must lie in `bound` .. `upper`;
    "baseline": the candidate must beat the baseline, and the 95 % interval of the difference must
    leave out 0;
    "baseline's value": it must be no worse than the baseline, by the values alone;
    "constant": it must be better than the same answer for all: the training part's failure rate or
    median. Every spec has this gate, for `select_by` and for the Brier score or the MAE: by value
    where it has a gate against "baseline", and else unless the constant is surely better.
    """

    score: Score
    against: Literal["bound", "within", "baseline", "baseline's value", "constant"]
    bound: float = 0.0
    upper: float = 1.0


@dataclass(frozen=True)
class DriftPolicy:
    """When a column, a window and a series of windows have drifted.

    A column can only drift with a PSI of `psi` or more, or with words that training did not know in
    a share `unknown_words` of the rows. A window has drifted when features of `drifted_share` of
    the total weight have, or the predictions, or the labels, or a column by unknown words. An alarm
    is raised when the newest window and `least_windows` of the last `of_windows` have drifted.
    between_false_alarms_s: the average time between false alarms.
    """

    window_s: float = 7 * DAY_S
    psi: float = 0.2
    unknown_words: float = 0.05
    drifted_share: float = 0.1
    least_rows: int = 100
    report_rows: int = 5_000
    least_windows: int = 2
    of_windows: int = 3
    between_false_alarms_s: float = 365 * DAY_S

    def __post_init__(self) -> None:
        if not 1 <= self.least_windows <= self.of_windows:
            raise BadInput(
                f"least_windows: {self.least_windows} of {self.of_windows} windows cannot be;"
                " give 1 or more, and no more than of_windows",
                "least_windows",
            )
        if not 0 < self.unknown_words <= 1:
            raise BadInput(
                f"unknown_words: {self.unknown_words} is no share of rows; give more than 0, and"
                " 1 at most",
                "unknown_words",
            )
        if not self.between_false_alarms_s >= self.window_s > 0:
            raise BadInput(
                f"between_false_alarms_s: {self.between_false_alarms_s} must be at least"
                f" window_s, {self.window_s}, and that above 0",
                "between_false_alarms_s",
            )


@dataclass(frozen=True)
class PerformancePolicy:
    """How answers are scored once outcomes are known: `windows` windows of `window_s`.

    floors: scores and the values that they must reach; other scores' floors follow from the gates.
    least_labels: below so many known outcomes, or answers, nothing is concluded.
    worse_by: the share by which latency or score may be worse than in the windows before.
    """

    window_s: float = 7 * DAY_S
    windows: int = 8
    floors: tuple[tuple[Score, float], ...] = ()
    least_labels: int = 100
    worse_by: float = 0.2


@dataclass(frozen=True)
class RolloutPolicy:
    """How a challenger climbs from its first unit to the champion's place; see docs/rollout.md.

    steps: percent of units. unit: what is assigned to an arm; executions without a name for it stay
    with the champion and are not counted. starts: who starts the rollout.
    score_loss: how much worse the score may be, as a share of the champion's: Brier score of a
    probability, absolute error of a quantity. latency_loss: the same for the 90th percentile.
    error_share, refusal_share: the additional share of all units that may meet one.
    prediction_shift: how far the mean prediction (a probability, or a logarithm of a quantity) may
    move before a person should look.
    least_units: units of the challenger that each step needs. outcome_due_s: how long after its
    answer a unit counts, with its outcome or as missing.
    """

    steps: tuple[int, ...] = (1, 5, 10, 25, 50, 100)
    unit: Literal["actor", "kind", "scope", "execution"] = "execution"
    starts: Literal["by hand", "by itself"] = "by hand"
    promote_when: Literal["not worse", "better"] = "not worse"
    score_loss: float = 0.05
    latency_loss: float = 0.5
    error_share: float = 0.01
    refusal_share: float = 0.02
    prediction_shift: float = 0.2
    alpha: float = 0.05
    least_units: int = 100
    least_time_s: float = HOUR_S
    outcome_due_s: float = DAY_S
    least_known: float = 0.8
    freshest_s: float = 6 * HOUR_S
    most_pause_s: float = DAY_S
    narrowest_at_units: int = 5_000


@dataclass(frozen=True)
class RetrainingPolicy:
    """When a spec is trained again, how often that may be, and what the new version must show.

    A spec is not trained within `cooldown_s` of the last time, at most `budget` times in
    `budget_window_s`, and not with fewer than `least_new_labels` outcomes that no training has
    seen. Without drift or a broken floor it is trained after `every_s` or once `enough_new_labels`
    have come; None switches that off.
    least_gain: the new version becomes @challenger when the interval of its gain over the champion,
    in `select_by`, lies above this; below 0 it need only not be worse by that much.
    """

    cooldown_s: float = 7 * DAY_S
    budget: int = 4
    budget_window_s: float = 90 * DAY_S
    least_new_labels: int = 100
    every_s: float | None = None
    enough_new_labels: int | None = None
    least_gain: float = 0.0

    def __post_init__(self) -> None:
        for name in ("cooldown_s", "budget", "budget_window_s", "least_new_labels"):
            if not getattr(self, name) >= 0:
                raise BadInput(f"{name}: {getattr(self, name)} is below 0; give 0 or more", name)
        for name in ("every_s", "enough_new_labels"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BadInput(f"{name}: {value} is not above 0; give more, or None", name)


@dataclass(frozen=True)
class LeakPolicy:
    """What happens to inputs that give the outcome away; see docs/training.md.

    action: learn without them, or refuse to train until somebody accepts them.
    measured_afterwards: further inputs that are only known when the work has ended.
    """

    action: Literal["leave out", "stop"] = "leave out"
    measured_afterwards: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelSpec:
    name: str
    question: Probability | Quantity
    features: FeatureSet
    candidates: tuple[CandidateKind, ...]
    select_by: Score
    gates: tuple[Gate, ...]
    # The naive baseline's answer: a history feature, such as `actor.failed_mean_10d`; an input, as
    # a person's own estimate, `inputs.estimate`; or the same for all: `median` (of a quantity) or
    # `majority` (of a probability: its share). Of several that a model has, the best one in the
    # training part answers.
    baseline: str | tuple[str, ...]
    population: Population = Population()
    split: Split = Split()
    drift: DriftPolicy = DriftPolicy()
    performance: PerformancePolicy = PerformancePolicy()
    rollout: RolloutPolicy = RolloutPolicy()
    retraining: RetrainingPolicy = RetrainingPolicy()
    leaks: LeakPolicy = LeakPolicy()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BadInput(f"spec name {self.name!r}: use a-z, 0-9 and -, starting with a letter")
        self._check_baseline()
        if "baseline" not in self.candidates or len(self.candidates) < 2:
            raise BadInput(f"spec {self.name}: needs `baseline` and at least one candidate more")
        if not 0.05 <= self.split.test_share <= 0.5:
            raise BadInput(f"spec {self.name}: test_share {self.split.test_share} not in .05 .. .5")
        if self.split.retest_rows < LEAST_COMPARED:
            raise BadInput(
                f"spec {self.name}: retest_rows {self.split.retest_rows} are too few to compare a"
                f" successor on; give {LEAST_COMPARED} or more"
            )

    def _check_baseline(self) -> None:
        known = {name for history in self.features.histories for name in history.feature_names}
        constant = "majority" if self.is_probability else "median"
        wrong = [name for name in self.baselines if name in CONSTANTS and name != constant]
        if wrong:
            raise BadInput(
                f"spec {self.name}: baseline {wrong[0]!r} does not answer this question;"
                f" use {constant!r}"
            )
        usable = {constant, *known}
        if any(name in usable or name.startswith("inputs.") for name in self.baselines):
            return
        names = " or ".join(map(repr, self.baselines)) or "none"
        raise BadInput(
            f"spec {self.name}: baseline {names} is no history feature of the spec, no"
            f" input (inputs.NAME) and not {constant!r}"
        )

    @property
    def baselines(self) -> tuple[str, ...]:
        """What may be the naive baseline's answer: the best one of these is."""
        return (self.baseline,) if isinstance(self.baseline, str) else self.baseline

    @property
    def is_probability(self) -> bool:
        return isinstance(self.question, Probability)

    def of_sources(self, sources: Sequence[str]) -> Self:
        """The spec for the executions of these sources only; none: as it is."""
        if not sources:
            return self
        return replace(self, population=replace(self.population, sources=tuple(sources)))

    def succeeding(self) -> Self:
        """The spec of a successor, trained while a version serves and new facts have come in.

        Only the newest `retest_rows` are held back, so that recent changes are learned, and the
        newest week where that is more: fewer days say nothing about the days to come. These may
        be too few for an interval against the baseline, so gates compare the values alone; the
        comparison with the champion uses an interval. Cross-validation has intervals of few rows,
        too, and stays as it is.
        """
        if not self.split.is_by_time:
            return self
        gates = tuple(
            replace(gate, against="baseline's value") if gate.against == "baseline" else gate
            for gate in self.gates
        )
        held_back = replace(
            self.split,
            most_test_rows=self.split.retest_rows,
            least_test_s=LEAST_COMPARED_DAYS * DAY_S,
        )
        return replace(self, gates=gates, split=held_back)
