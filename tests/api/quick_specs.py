"""The ready specs with few candidates, so that the API is tried in seconds."""

from dataclasses import replace

from runlore.specs.catalog import duration, failure_risk
from runlore.specs.model_spec import Gate, Split

RISK = replace(
    failure_risk.SPEC,
    candidates=("baseline", "linear"),
    gates=(Gate("auc", "baseline's value"),),
    split=Split(folds=2),
)
LENGTH = replace(
    duration.SPEC,
    candidates=("baseline", "linear"),
    gates=(Gate("relative_accuracy", "baseline's value"),),
    split=Split(folds=2),
)
