"""Specs that train in seconds, for flows to be tried on."""

from dataclasses import replace

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.specs.catalog import duration, failure_risk
from runlore.specs.model_spec import Gate, Population, Split

HALF_LIVES_S = (DAY_S / 3, 10 * DAY_S)
RISK_FEATURES = FeatureSet(
    histories=(
        HistoryFeatures(("actor",), ("failed",), HALF_LIVES_S),
        HistoryFeatures(("actor", "kind"), ("failed",), HALF_LIVES_S),
    )
)
LENGTH_FEATURES = FeatureSet(
    histories=(
        HistoryFeatures(("actor",), ("duration_s",), HALF_LIVES_S),
        HistoryFeatures(("kind",), ("log_duration",), HALF_LIVES_S),
    )
)

RISK = replace(
    failure_risk.SPEC,
    name="quick-risk",
    features=RISK_FEATURES,
    candidates=("baseline", "linear"),
    gates=(Gate("auc", "bound", 0.5),),
    split=Split(folds=2),
)
LENGTH = replace(
    duration.SPEC,
    name="quick-length",
    features=LENGTH_FEATURES,
    candidates=("baseline", "linear"),
    gates=(Gate("mae", "baseline"),),
    split=Split(folds=2),
)
NOBODY = replace(RISK, name="nobody-risk", population=Population(kinds=("no-such-kind",)))
HOPELESS = replace(RISK, name="hopeless-risk", gates=(Gate("auc", "bound", 0.999),))
