"""The specs of a look: those of the catalog, with candidates and rows that take minutes."""

from dataclasses import replace

from runlore.specs.catalog import duration, failure_risk, peak_memory
from runlore.specs.model_spec import CandidateKind, ModelSpec

# For failures and for quantities; the distribution is fitted for limits anyway.
QUICK: dict[bool, frozenset[CandidateKind]] = {
    True: frozenset({"baseline", "linear", "xgboost"}),
    False: frozenset({"baseline", "linear", "xgboost", "distribution"}),
}
MAX_ROWS = 60_000  # the newest training rows that are learned from
FOLDS = 2


def quick(spec: ModelSpec) -> ModelSpec:
    """The spec with fewer candidates, folds and rows; its gates stay."""
    candidates = tuple(kind for kind in spec.candidates if kind in QUICK[spec.is_probability])
    rows = min(spec.split.max_rows, MAX_ROWS)
    split = replace(spec.split, folds=min(spec.split.folds, FOLDS), max_rows=rows)
    return replace(spec, candidates=candidates, split=split)


FAILURE = quick(failure_risk.SPEC)
DURATION = quick(duration.SPEC)
MEMORY = replace(quick(peak_memory.SPEC), candidates=("baseline", "linear", "distribution"))
BOUNDS = (
    f"To stay quick, a look fits {len(FAILURE.candidates) - 1} kinds of models for failures and"
    f" {len(DURATION.candidates) - 1} for durations, on the newest {MAX_ROWS:,} runs of the past at"
    " most; `runlore train` tries more.",
)
