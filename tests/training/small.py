"""Small training sets with a planted truth, and small specs over them."""

import numpy as np

from runlore.features.declaration import FeaturePlan, FeatureSet, HistoryFeatures, Vocabulary
from runlore.kernel.durations import DAY_S
from runlore.specs.model_spec import Gate, ModelSpec, Probability, Quantity
from runlore.training.rules.training_set import TrainingSet

HOUR_US = 3_600_000_000
HISTORY = HistoryFeatures(("actor",), ("failed", "duration_s"), (DAY_S,))
FEATURES = FeatureSet((HISTORY,), has_calendar=False)
PLAN = FeaturePlan(
    inputs=("size", "requested_time_s"),
    categories=(Vocabulary("kind", ("build", "test", "deploy")),),
    histories=(HISTORY,),
    has_calendar=False,
)
RISK = ModelSpec(
    name="risk",
    question=Probability(of="failed"),
    features=FEATURES,
    candidates=("baseline", "linear", "xgboost"),
    select_by="log_loss",
    gates=(Gate("auc", "baseline"), Gate("brier", "baseline")),
    baseline="actor.failed_mean_1d",
)
DURATION = ModelSpec(
    name="seconds",
    question=Quantity(of="duration_s", unit="s", coverage=0.9),
    features=FEATURES,
    candidates=("baseline", "linear", "xgboost"),
    select_by="mae",
    gates=(Gate("mae", "baseline"), Gate("coverage", "within", 0.85, 0.95)),
    baseline="actor.duration_s_last2_mean",
)


def column(name: str) -> int:
    return PLAN.names.index(name)


def make(spec: ModelSpec, n: int = 4000, seed: int = 0, *, is_noise: bool = False) -> TrainingSet:
    """Executions an hour apart, known within a day; `size`, `kind` and the actor's past matter."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, len(PLAN.names))).astype(np.float32)
    size, kind = rows[:, column("inputs.size")], rng.choice(3, n, p=[0.6, 0.3, 0.1])
    past = rng.beta(2, 5, n)
    rows[:, column("inputs.requested_time_s")] = 40_000
    rows[:, column("kind")] = kind
    rows[:, column(spec.baseline)] = past if spec.is_probability else np.exp(4 + past)
    rows[rng.random(n) < 0.1, column(spec.baseline)] = np.nan
    signal = 0.0 if is_noise else 1.2 * size + 0.8 * (kind == 1) + 3 * (past - 0.28)
    if spec.is_probability:
        target = (rng.random(n) < 1 / (1 + np.exp(1.2 - signal))).astype(float)
    else:
        target = np.expm1(np.abs(5 + signal + rng.normal(size=n) * (0.3 + 0.5 * (kind == 1))))
    as_of = np.arange(n) * HOUR_US
    return TrainingSet(
        rows=rows,
        target=target,
        as_of_us=as_of,
        known_us=as_of + rng.integers(1, 24 * HOUR_US, n),
        names=PLAN.names,
        actors=rng.choice([f"actor {i}" for i in range(30)], n),
        slices={"kind": np.array(["build", "test", "deploy"])[kind]},
    )
