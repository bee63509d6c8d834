"""How much memory will this execution need at most? Bytes, with a 90 % interval."""

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.specs.model_spec import Gate, ModelSpec, Quantity

PEAK = "outcome.peak_memory_bytes"
HALF_LIVES_S = (600.0, DAY_S / 3, 10 * DAY_S)
KEYS = (
    ("actor",),
    ("kind",),
    ("scope",),
    ("actor", "kind"),
    ("actor", "inputs"),
)

SPEC = ModelSpec(
    name="peak-memory",
    question=Quantity(of=PEAK, unit="bytes", coverage=0.9),
    features=FeatureSet(
        histories=tuple(HistoryFeatures(keys, (PEAK, "failed"), HALF_LIVES_S) for keys in KEYS)
    ),
    candidates=("baseline", "linear", "random-forest", "xgboost"),
    select_by="mae",
    gates=(Gate("mae", "baseline"), Gate("coverage", "within", 0.85, 0.95)),
    baseline=f"actor.{PEAK}_last2_mean",
)
