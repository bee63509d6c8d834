"""Find scopes of which many series are unusual, or silent, at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from runlore.signals.actions.scored_series import ScoredSeries
from runlore.signals.rules.anomalies.alarm_budget import LEAST_EXCESS
from runlore.signals.rules.anomalies.crowds import (
    HOUR_S,
    LEAST_SERIES,
    TESTS_A_WEEK,
    Crowd,
    find_crowds,
    find_silent,
    to_bins,
)
from runlore.signals.rules.series.grid import SECOND_US

MOST_BINS = 10_000
CrowdKind = Literal["many-unusual", "many-silent"]


@dataclass(frozen=True)
class ScopeCrowd:
    """names: of the series. since_us, until_us: of the hours."""

    kind: CrowdKind
    scope: str
    since_us: int
    until_us: int
    names: tuple[str, ...]
    crowd: Crowd


def find_scope_crowds(
    scored: Sequence[ScoredSeries], until_us: int, alarms_a_week: float
) -> list[ScopeCrowd]:
    """By chance, so many a week over all these scopes at most. The hour that is not over is none's.

    Scopes with fewer than LEAST_SERIES series have no crowds; series without a scope neither.
    """
    by_scope = sorted((one for one in scored if one.series.scope), key=lambda one: one.series.scope)
    groups = [list(group) for _, group in groupby(by_scope, lambda one: one.series.scope)]
    groups = [group for group in groups if len(group) >= LEAST_SERIES]
    most = alarms_a_week / max(len(groups) * TESTS_A_WEEK, 1)
    return [crowd for group in groups for crowd in _of_scope(group, until_us, most)]


def _of_scope(group: Sequence[ScoredSeries], until_us: int, most: float) -> Iterator[ScopeCrowd]:
    bin_s = max(HOUR_S, *(one.step_s for one in group))
    bin_us = bin_s * SECOND_US
    last = until_us // bin_us  # it is not over
    first = max(min(int(one.at[0]) for one in group) // bin_us, last - MOST_BINS)
    bins, first_us = max(last - first, 0), first * bin_us
    odd = [to_bins(one.at[one.excess > LEAST_EXCESS], bin_s, first_us, bins) for one in group]
    seen = [to_bins(one.at, bin_s, first_us, bins) for one in group]
    kinds: tuple[tuple[CrowdKind, np.ndarray], ...] = (
        ("many-unusual", np.array(odd)),
        ("many-silent", find_silent(np.array(seen))),
    )
    for kind, flags in kinds:
        for crowd in find_crowds(flags, most):
            yield ScopeCrowd(
                kind,
                group[0].series.scope,
                first_us + crowd.first * bin_us,
                first_us + (crowd.last + 1) * bin_us,
                tuple(sorted({group[one].series.name for one in crowd.series})),
                crowd,
            )
