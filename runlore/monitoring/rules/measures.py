"""Measure how far a column is from the reference, and how far chance alone would go."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import chdtrc

from runlore.monitoring.rules import statistics
from runlore.monitoring.rules.histogram import Histogram, Ints
from runlore.specs.model_spec import DriftPolicy

Statistic = Literal["psi", "ks", "wasserstein", "jensen_shannon", "chi_square", "unknown_words"]
ColumnKind = Literal["feature", "prediction", "label"]

PREDICTION = "prediction"  # the name of the column of predictions

LABEL = "label"  # the name of the column of outcomes; no feature has either name

# From here on ks, wasserstein (in sd), jensen_shannon and Cramér's V count as a change.
DISTANCE = 0.1


@dataclass(frozen=True)
class DriftMeasure:
    """One statistic of one column.

    threshold: the largest of what counts as a change, of what chance reaches once in a thousand
    times with so many rows, and of what the windows of the training had among themselves.
    """

    statistic: Statistic
    value: float
    threshold: float

    @property
    def is_drifted(self) -> bool:
        return self.value >= self.threshold


@dataclass(frozen=True)
class Distance:
    """All measures of one column, PSI first.

    chance: 1/n + 1/m of the rows on both sides. freedom: the groups that PSI compared, less one.
    """

    measures: tuple[DriftMeasure, ...]
    chance: float
    freedom: int

    @property
    def psi(self) -> float:
        return self.measures[0].value

    @property
    def p_by_chance(self) -> float:
        """How often rows drawn one by one reach this PSI: see `statistics.psi_by_chance`."""
        if not self.chance or not self.freedom:
            return 1.0
        return float(chdtrc(self.freedom, self.psi / self.chance))


def kind_of(column: str) -> ColumnKind:
    if column == PREDICTION:
        return "prediction"
    return "label" if column == LABEL else "feature"


def measure(reference: Histogram, current: Histogram, policy: DriftPolicy) -> Distance:
    """PSI first; the others where both sides know a value."""
    missing = reference.missing, current.missing
    grouped = _grouped(reference, current)
    p, q = (np.append(*parts) for parts in zip(grouped, missing, strict=True))
    psi = DriftMeasure("psi", statistics.psi(p, q), max(policy.psi, statistics.psi_by_chance(p, q)))
    n, m = reference.rows, current.rows
    chance = 1 / n + 1 / m if n and m else 0.0
    freedom = max(int(((p > 0) | (q > 0)).sum()) - 1, 0)
    if not reference.known or not current.known:
        return Distance((psi,), chance, freedom)
    of_kind = _categories if reference.bins.is_category else _numbers
    return Distance((psi, *of_kind(reference, current)), chance, freedom)


def _grouped(reference: Histogram, current: Histogram) -> tuple[Ints, Ints]:
    if reference.bins.is_category:
        return statistics.common(reference.counts, current.counts)
    starts = statistics.quantile_groups(reference.counts, min(reference.known, current.known))
    return statistics.joined(reference.counts, starts), statistics.joined(current.counts, starts)


def _numbers(reference: Histogram, current: Histogram) -> tuple[DriftMeasure, ...]:
    p, q = reference.counts, current.counts
    return (
        DriftMeasure("ks", statistics.ks(p, q), max(DISTANCE, statistics.ks_by_chance(p, q))),
        DriftMeasure(
            "wasserstein",
            statistics.wasserstein(reference, current),
            max(DISTANCE, statistics.wasserstein_by_chance(p, q)),
        ),
    )


def _categories(reference: Histogram, current: Histogram) -> tuple[DriftMeasure, ...]:
    p, q = statistics.common(reference.counts, current.counts)
    sized = DISTANCE**2 * float(p.sum() + q.sum())
    return (
        DriftMeasure(
            "jensen_shannon",
            statistics.jensen_shannon(p, q),
            max(DISTANCE, statistics.jensen_shannon_by_chance(p, q)),
        ),
        DriftMeasure(
            "chi_square",
            statistics.chi_square(p, q),
            max(sized, statistics.chi_square_by_chance(p, q)),
        ),
    )
