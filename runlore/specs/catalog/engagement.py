"""How much engagement will this post have? Percent of impressions, once the count is final."""

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.specs.model_spec import Gate, LeakPolicy, ModelSpec, Quantity, Split

MATURE = "outcome.engagement_rate@168h"
KEYS = (
    ("actor",),
    ("scope",),
    ("kind",),
    ("actor", "scope"),
    ("actor", "kind"),
    ("scope", "kind"),
)
BASELINE = (f"actor.{MATURE}_mean_last20", f"actor.{MATURE}_mean_30d", "median")
# Measured with the engagement, so never inputs, even where a log names them so.
SIBLINGS = ("engagement_rate", "impressions", "engagements", "user_count", "bot_count", "age_h")
FEATURES = FeatureSet(
    histories=tuple(HistoryFeatures(keys, (MATURE,), (30 * DAY_S,), last=(20,)) for keys in KEYS),
    zone_input="timezone",
)
SPLIT = Split(least_rows=50, lookback_s=90 * DAY_S)
LEAKS = LeakPolicy(measured_afterwards=SIBLINGS)

SPEC = ModelSpec(
    name="engagement",
    question=Quantity(of=MATURE, unit="%", coverage=0.95),
    features=FEATURES,
    candidates=(
        "baseline",
        "linear",
        "random-forest",
        "boosted-trees",
        "xgboost",
        "blend",
    ),
    select_by="mae",
    gates=(Gate("mae", "baseline"), Gate("coverage", "within", 0.9, 1.0)),
    baseline=BASELINE,
    split=SPLIT,
    leaks=LEAKS,
)
