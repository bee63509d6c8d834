"""Will this execution fail? Calibrated probability at the moment of submission."""

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.specs.model_spec import Gate, ModelSpec, Probability

HALF_LIVES_S = (600.0, DAY_S / 3, 10 * DAY_S)
VALUES = ("failed", "log_duration")
KEYS = (
    ("actor",),
    ("kind",),
    ("scope",),
    ("actor", "kind"),
    ("actor", "inputs"),
)

SPEC = ModelSpec(
    name="failure-risk",
    question=Probability(of="failed"),
    features=FeatureSet(
        histories=tuple(HistoryFeatures(keys, VALUES, HALF_LIVES_S) for keys in KEYS)
    ),
    candidates=(
        "baseline",
        "linear",
        "naive-bayes",
        "random-forest",
        "gradient-boosting",
        "xgboost",
        "ensemble",
    ),
    select_by="log_loss",
    gates=(
        Gate("auc", "baseline"),
        Gate("brier", "baseline"),
        Gate("calibration_error", "bound", 0.05),
    ),
    baseline="actor.failed_mean_10d",
)
