"""Bands by hour of the week: what a series usually does then."""

from dataclasses import dataclass

import numpy as np

from runlore.kernel.errors import Refused
from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants

WEEK_HOURS = 168
HOUR_US = 3_600 * SECOND_US
EPOCH_HOUR = 96  # 1970 began on a Thursday; hour 0 is Sunday 00:00 UTC, as in PromQL
LEAST_WEEKS = 3
MOST_WEEKS = 12


@dataclass(frozen=True)
class WeeklyBand:
    """low, high: one value for each of the 168 hours from Sunday 00:00 UTC on.

    coverage: the share of values inside bands that were made without their own week.
    """

    low: Floats
    high: Floats
    level: float
    weeks: int
    coverage: float


def learn_weekly_band(at: Instants, values: Floats, level: float) -> WeeklyBand:
    """The band that holds `level` of the values of each hour of the week.

    at: ascending, in microseconds. An hour's centre is the median of its other weeks' medians; its
    width is the usual error around that hour, times a quantile over all hours. Raises Refused below
    LEAST_WEEKS weeks, or where an hour of the week has values in fewer than two weeks.

    Source: cross-conformal prediction by weeks, Vovk, "Cross-conformal predictors", 2015, with
    errors that are normalised as in Lei et al., "Distribution-free predictive inference for
    regression", 2018.
    """
    hours = at // HOUR_US + EPOCH_HOUR
    is_taken = np.isfinite(values) & (hours > hours.max(initial=0) - MOST_WEEKS * WEEK_HOURS)
    hours, values = hours[is_taken], values[is_taken]
    week, hour = (hours.max(initial=0) - hours) // WEEK_HOURS, hours % WEEK_HOURS
    medians = _cell_medians(week, hour, values)
    _check(medians)
    errors = values - _others_median(medians)[week, hour]
    scores = errors / _scales(errors, hour)[hour]
    return _band(medians, errors, scores, week, hour, level, values.min() >= 0)


def _check(medians: Floats) -> None:
    weeks = int(np.isfinite(medians).any(axis=1).sum())
    if weeks < LEAST_WEEKS:
        raise Refused(f"{weeks} weeks have values; bands by hour of the week need {LEAST_WEEKS}")
    rare = int((np.isfinite(medians).sum(axis=0) < 2).sum())
    if rare:
        raise Refused(f"{rare} of {WEEK_HOURS} hours of the week have values in under two weeks")


def _cell_medians(week: Instants, hour: Instants, values: Floats) -> Floats:
    """Shape (weeks, 168); NaN where nothing came."""
    cells = week * WEEK_HOURS + hour
    order = np.lexsort((values, cells))
    present, first, counts = np.unique(cells[order], return_index=True, return_counts=True)
    ordered = values[order]
    middle = (ordered[first + (counts - 1) // 2] + ordered[first + counts // 2]) / 2
    medians = np.full((int(week.max(initial=-1)) + 1) * WEEK_HOURS, np.nan)
    medians[present] = middle
    return medians.reshape(-1, WEEK_HOURS)


def _others_median(medians: Floats) -> Floats:
    """For each week the median of the other weeks; NaN for a cell that no value reads."""
    others = np.stack([_column_median(np.delete(medians, row, 0)) for row in range(len(medians))])
    return np.where(np.isfinite(medians), others, np.nan)


def _column_median(rows: Floats) -> Floats:
    """The median of the finite values of each column, NaN without one."""
    ordered = np.sort(rows, axis=0)  # NaN last
    counts = np.isfinite(rows).sum(axis=0)
    columns = np.arange(rows.shape[1])
    low = ordered[np.maximum(counts - 1, 0) // 2, columns]
    return np.asarray((low + ordered[counts // 2 * (counts > 0), columns]) / 2)


def _scales(errors: Floats, hour: Instants) -> Floats:
    """The usual size of errors around each hour of the week, at least half of the usual one."""
    sizes = np.abs(errors)
    counts = np.bincount(hour, minlength=WEEK_HOURS)
    sums = np.bincount(hour, weights=sizes, minlength=WEEK_HOURS)
    around = sum(np.roll(sums, shift) for shift in (-1, 0, 1)) / sum(
        np.roll(counts, shift) for shift in (-1, 0, 1)
    )
    usual = float(sizes.mean())
    return np.maximum(around, usual / 2 if usual > 0 else 1.0)


def _band(
    medians: Floats,
    errors: Floats,
    scores: Floats,
    week: Instants,
    hour: Instants,
    level: float,
    is_positive: np.bool_,
) -> WeeklyBand:
    inside = []
    for one in np.unique(week):
        low, high = _tails(scores[week != one], level)
        own = scores[week == one]
        inside.append((own >= low) & (own <= high))
    low, high = _tails(scores, level)
    centre, scale = _column_median(medians), _scales(errors, hour)
    floor = 0.0 if is_positive else -np.inf
    return WeeklyBand(
        np.maximum(centre + low * scale, floor),
        centre + high * scale,
        level,
        len(inside),
        float(np.mean(np.concatenate(inside))),
    )


def _tails(scores: Floats, level: float) -> tuple[float, float]:
    """Where the outermost (1 - level) / 2 begin on either side, with one more value to come."""
    ordered = np.sort(scores)
    beyond = int((len(ordered) + 1) * (1 - level) / 2)
    place = max(beyond - 1, 0)
    return float(ordered[place]), float(ordered[-1 - place])
