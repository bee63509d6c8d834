"""What a declaration of features leaves open, from the executions of the training part."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import distinct_histories, free_text, hashed_text, known
from runlore.features.declaration import FeaturePlan, FeatureSet, HistoryFeatures, Vocabulary
from runlore.features.log import Log

MOST_WORDS = 1000


def resolve(
    features: FeatureSet,
    log: Log,
    training: NDArray[np.bool_],
    left_out: Collection[str] = (),
    hashed: Sequence[str] = (),
    baselines: Collection[str] = (),
) -> FeaturePlan:
    """Make a plan of a FeatureSet: what it leaves open follows from the training executions.

    left_out: names of inputs that become no feature and no part of a key. hashed: of these, free
    texts that become hashed columns. baselines: features of
    histories that the plan must have.
    """
    seen = log.inputs
    named = [name for name in sorted(seen.columns) if seen[name][training].notna().any()]
    numeric = [name for name in named if _is_numeric(seen[name][training])]
    categories = _categories(features, [name for name in named if name not in numeric])
    excluded = {f"inputs.{name}" for name in left_out}
    categories = tuple(name for name in categories if name not in excluded)
    inputs = features.inputs
    if inputs is None:
        inputs = tuple(name for name in numeric if f"inputs.{name}" not in categories)
    inputs = tuple(name for name in inputs if name not in left_out)
    vocabularies = [_vocabulary(name, known.text(name, log)[training]) for name in categories]
    telling = tuple(v for v in vocabularies if len(v.words) > 1)
    used = {*inputs, *(v.name.removeprefix("inputs.") for v in telling)}
    return FeaturePlan(
        inputs=inputs,
        categories=telling,
        histories=distinct_histories.choose(
            _histories(features, left_out), log, training, baselines
        ),
        has_calendar=features.has_calendar,
        utc_offset_h=features.utc_offset_h,
        zone_input=features.zone_input,
        others=tuple(name for name in named if name not in used),
        texts=tuple(hashed_text.learn(name, _newest(seen[name], training)) for name in hashed),
    )


def _categories(features: FeatureSet, texts: Sequence[str]) -> tuple[str, ...]:
    """The names of the categorical columns: `actor`, `kind`, `scope` or `inputs.NAME`."""
    if features.categories is None:
        taken = features.inputs or ()
        return (*known.PARTS, *(f"inputs.{name}" for name in texts if name not in taken))
    return tuple(
        name if name in known.PARTS or name.startswith("inputs.") else f"inputs.{name}"
        for name in features.categories
    )


def _newest(column: "pd.Series[Any]", training: NDArray[np.bool_]) -> list[Any]:
    """Values of the newest training executions that hashed columns are learned from."""
    return column.iloc[np.flatnonzero(training)[-hashed_text.MOST_LEARNED :]].tolist()


def _histories(features: FeatureSet, left_out: Collection[str]) -> tuple[HistoryFeatures, ...]:
    """The histories, without those of which the key names an input that is left out."""
    named = {f"inputs.{name}" for name in left_out}
    return tuple(
        history.leaving_out(left_out)
        for history in features.histories
        if named.isdisjoint(history.keys)
    )


def _is_numeric(column: "pd.Series[Any]") -> bool:
    """Whether at least half of the column's values are numbers."""
    present = column.dropna()
    return present.dtype != object or 2 * sum(isinstance(value, str) for value in present) <= len(
        present
    )


def _vocabulary(name: str, column: "pd.Series[str]") -> Vocabulary:
    counts = column.value_counts().reset_index()
    counts.columns = pd.Index(["word", "count"])
    is_part = name in known.PARTS
    counts = counts[free_text.nameable(counts["word"], counts["count"], is_part=is_part)]
    counts = counts.sort_values(["count", "word"], ascending=[False, True])
    return Vocabulary(name, tuple(str(word) for word in counts["word"].head(MOST_WORDS)))
