"""How long will this execution run? Seconds, with a 90 % interval, at its submission."""

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.specs.model_spec import Gate, ModelSpec, Quantity

HALF_LIVES_S = (600.0, DAY_S / 3, 10 * DAY_S)
VALUES = ("failed", "log_duration")
KEYS = (
    ("kind",),
    ("scope",),
    ("actor", "kind"),
    ("actor", "inputs"),
)

SPEC = ModelSpec(
    name="duration",
    question=Quantity(of="duration_s", unit="s", coverage=0.9),
    features=FeatureSet(
        histories=(
            HistoryFeatures(("actor",), (*VALUES, "duration_s"), HALF_LIVES_S),
            *(HistoryFeatures(keys, VALUES, HALF_LIVES_S) for keys in KEYS),
        )
    ),
    candidates=(
        "baseline",
        "linear",
        "random-forest",
        "gradient-boosting",
        "xgboost",
        "xgboost-modal",
        "distribution",
        "distribution-modal",
    ),
    select_by="relative_accuracy",
    gates=(
        Gate("mae", "baseline"),
        Gate("relative_accuracy", "baseline"),
        Gate("coverage", "within", 0.85, 0.95),
    ),
    baseline="actor.duration_s_last2_mean",
)
