"""Will this execution fail? Calibrated probability at the moment of submission."""

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.specs.model_spec import Gate, ModelSpec, Probability

HALF_LIVES_S = (600.0, 10 * DAY_S)
LAST = (5, 20, 100)
VALUES = ("failed", "log_duration")
KEYS = (
    ("actor",),
    ("kind",),
    ("scope",),
    ("actor", "kind"),
    ("actor", "inputs"),
    # The same person with the same size or limit. A log without such an input goes without.
    ("actor", "inputs.processors"),
    ("actor", "inputs.cpus"),
    ("actor", "inputs.requested_time_s"),
    ("actor", "inputs.timelimit_s"),
)

SPEC = ModelSpec(
    name="failure-risk",
    question=Probability(of="failed"),
    features=FeatureSet(
        histories=tuple(HistoryFeatures(keys, VALUES, HALF_LIVES_S, last=LAST) for keys in KEYS)
    ),
    candidates=(
        "baseline",
        "linear",
        "naive-bayes",
        "random-forest",
        "gradient-boosting",
        "xgboost",
        "ensemble",
        "blend",
    ),
    select_by="log_loss",
    gates=(
        Gate("auc", "baseline"),
        Gate("brier", "baseline"),
        Gate("calibration_error", "bound", 0.05),
    ),
    baseline="actor.failed_mean_10d",
)
