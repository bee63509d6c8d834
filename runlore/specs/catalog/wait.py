"""How long will this execution wait before it starts? Seconds, with a 90 % interval."""

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.specs.model_spec import Gate, ModelSpec, Quantity

HALF_LIVES_S = (600.0, DAY_S / 3, 10 * DAY_S)
VALUES = ("wait_s", "log_duration")
KEYS = ((), ("actor",), ("scope",), ("actor", "inputs"))

SPEC = ModelSpec(
    name="wait",
    question=Quantity(of="wait_s", unit="s", coverage=0.9),
    features=FeatureSet(
        histories=tuple(HistoryFeatures(keys, VALUES, HALF_LIVES_S) for keys in KEYS)
    ),
    candidates=("baseline", "linear", "random-forest", "xgboost"),
    select_by="mae",
    gates=(Gate("mae", "baseline"), Gate("coverage", "within", 0.85, 0.95)),
    baseline="scope.wait_s_last2_mean",
)
