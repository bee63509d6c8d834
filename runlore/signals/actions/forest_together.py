"""Score the series of each scope together, by one isolation forest."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from runlore.signals.actions.scored_series import ScoredSeries, score_points
from runlore.signals.queries import Points, StoredSeries
from runlore.signals.rules.anomalies import detector
from runlore.signals.rules.anomalies.anomaly_scores import LEAST, OURS, calibrate, forest_scores
from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants, fill_gaps, to_grid

Read = Sequence[tuple[StoredSeries, Points]]


def score_together(read: Read) -> list[ScoredSeries]:
    """What is unusual of a scope counts for the series that is furthest off then."""
    scored = [score_points(series, points, OURS) for series, points in read]
    ordered = sorted(scored, key=lambda one: one.series.scope)
    groups = groupby(ordered, lambda one: one.series.scope)
    return [one for _, group in groups for one in _score_scope(list(group))]


def find_movers(scored: Sequence[ScoredSeries], scope: str, at_us: int, within_s: int) -> list[str]:
    """Names of the series of a scope with a value outside of what is usual, about then."""
    return sorted(
        one.series.name
        for one in scored
        if one.series.scope == scope
        and bool(
            (
                (np.abs(one.at - at_us) <= within_s * SECOND_US)
                & ((one.values < one.low) | (one.values > one.high))
            ).any()
        )
    )


def _score_scope(group: Sequence[ScoredSeries]) -> list[ScoredSeries]:
    step_us = max(one.step_s for one in group) * SECOND_US
    first = max(int(one.at[0]) for one in group) // step_us
    steps = min(int(one.at[-1]) for one in group) // step_us + 1 - first
    excess = [np.zeros(len(one.at)) for one in group]
    if steps > 2 * LEAST:
        table = np.stack([_column(one, step_us, first, steps) for one in group], axis=1)
        made = calibrate(forest_scores(table))
        places = [_last_points(one.at, step_us, first, steps) for one in group]
        far = np.stack([_distance(one, p) for one, p in zip(group, places, strict=True)])
        for step, number in enumerate(far.argmax(axis=0).tolist()):
            if far[number, step] >= 0:
                excess[number][places[number][step]] = made[step]
    return [
        replace(one, excess=of_one, probability=detector.probability_of(of_one))
        for one, of_one in zip(group, excess, strict=True)
    ]


def _column(one: ScoredSeries, step_us: int, first: int, steps: int) -> Floats:
    grid = to_grid(one.at, one.values, step_us // SECOND_US)
    begin = first - grid.start_us // step_us
    return fill_gaps(grid.values, 1)[begin : begin + steps]


def _last_points(at: Instants, step_us: int, first: int, steps: int) -> Instants:
    """The place of the last point of each step; -1 where it has none."""
    ends = np.searchsorted(at, (first + np.arange(1, steps + 1)) * step_us) - 1
    return np.where(at[ends] >= (first + np.arange(steps)) * step_us, ends, -1)


def _distance(one: ScoredSeries, places: Instants) -> Floats:
    """From what was expected, in what is usual; -1 without a point."""
    reach = np.maximum(one.high - one.expected, 1e-12)
    far = np.abs(one.values - one.expected) / reach
    return np.where(places < 0, -1.0, far[places])
