"""Correct for testing many columns: which of them have drifted, at a false discovery rate?"""

from collections.abc import Mapping, Sequence

import numpy as np

from runlore.monitoring.rules.histogram import Floats
from runlore.monitoring.rules.measures import ColumnKind, kind_of

SHARES: Mapping[ColumnKind, float] = {"feature": 0.5, "prediction": 0.25, "label": 0.25}
# The part of the features' weight that is spread evenly: importance hides what several columns know
# together.
EVEN = 0.5


def weights(names: Sequence[str], importance: Mapping[str, float]) -> Floats:
    """The weight of each column, (n,), 1 on average.

    All features together count as much as predictions and labels together; what is not compared
    leaves its part to the rest. Half of the features' part is spread evenly, half by importance,
    by how much the score worsens without the feature; below 0 is no importance.
    """
    kinds = [kind_of(name) for name in names]
    known = np.array([max(importance.get(name, 0.0), 0.0) for name in names])
    of_each = np.empty(len(names))
    for kind in SHARES:
        held = np.array([of_column == kind for of_column in kinds], dtype=bool)
        if held.any():
            of_each[held] = SHARES[kind] * _within(known[held])
    return of_each * len(names) / of_each.sum() if len(names) else of_each


def _within(importance: Floats) -> Floats:
    even = np.full(importance.size, 1 / importance.size)
    total = importance.sum()
    return EVEN * even + (1 - EVEN) * importance / total if total else even


def adjusted(p_values: Sequence[float], of_each: Floats) -> Floats:
    """The level from which on each column counts among the discoveries, (n,).

    The expected share of false ones among those adjusted to at most q is at most q, however the
    columns depend on each other (Benjamini & Yekutieli, Annals of Statistics, 2001), on p-values
    divided by weights of mean 1 (Genovese, Roeder & Wasserman, Biometrika, 2006). When nothing
    has drifted, that is how often any column is a discovery.
    """
    from scipy.stats import false_discovery_control

    if not len(p_values):
        return np.empty(0)
    weighted = np.minimum(np.asarray(p_values) / of_each, 1.0)
    return np.asarray(false_discovery_control(weighted, method="by"), dtype=np.float64)
