"""What was known of each scope at past instants, a day apart: its parts, and the day after.

Instant k is k days before the one that is asked about; window k is the day that ends there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from runlore.signals.rules.series.grid import Floats

PartName = Literal["incidents", "regressions", "limits", "objectives", "failures", "freshness"]
PARTS: tuple[PartName, ...] = get_args(PartName)
PART_OF_KIND: dict[str, PartName] = {
    "incident": "incidents",
    "anomaly": "incidents",
    "regression": "regressions",
    "limit": "limits",
    "error-budget": "objectives",
}

LOOK_BACK_DAYS = 182
USUAL_DAYS = 28  # from which "usual" is learned
LEAST_USUAL_DAYS = 14
LEAST_ENDED = 5  # executions that make a day count
USUAL_SHARE = 0.8  # of days that have no more failures than "usual"
MOST_SHIFT = 4.0  # of the failures, in doublings of their odds
INSTANTS = LOOK_BACK_DAYS - USUAL_DAYS + 1


@dataclass(frozen=True)
class DayCounts:
    """Executions by scope, day on which they ended, and how many days later that was known.

    ended, failed: (scopes, LOOK_BACK_DAYS, USUAL_DAYS + 1), sums over the days until it
    was known; the last column holds all.
    """

    ended: Floats
    failed: Floats


@dataclass(frozen=True)
class UsualDays:
    """share: of failures, of the days before an instant; NaN with too few. (scopes, instants)

    bound: the share that USUAL_SHARE of those days did not exceed. days: how many counted.
    """

    share: Floats
    bound: Floats
    days: Floats


def count_days(
    scopes: int, place: Sequence[int], rows: Sequence[tuple[int, int, int | None, int, int]]
) -> DayCounts:
    """Add up rows: day, day on which it was known, day on which it was revised, ended, failed.

    Days are counted back. place: the scope of each row.
    """
    shape = (scopes, LOOK_BACK_DAYS, USUAL_DAYS + 1)
    ended, failed = np.zeros(shape), np.zeros(shape)
    if rows:
        where = np.asarray(place)
        day, known, until, all_ended, all_failed = (
            np.asarray(column, dtype=float) for column in zip(*rows, strict=True)
        )
        for at, sign in ((known, 1.0), (until, -1.0)):
            is_taken = ~np.isnan(at) & (day < LOOK_BACK_DAYS)
            own = day[is_taken].astype(int)
            lag = np.clip(own - at[is_taken], 0, USUAL_DAYS).astype(int)
            np.add.at(ended, (where[is_taken], own, lag), sign * all_ended[is_taken])
            np.add.at(failed, (where[is_taken], own, lag), sign * all_failed[is_taken])
    return DayCounts(np.cumsum(ended, axis=2), np.cumsum(failed, axis=2))


def usual_days(counts: DayCounts) -> UsualDays:
    """What was usual at each instant, from the windows before it as they were known then."""
    ended, failed = _as_known(counts.ended), _as_known(counts.failed)
    counted = ended >= LEAST_ENDED
    days = counted.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(counted, failed / ended, np.nan)
        share = failed.sum(axis=2) / ended.sum(axis=2)
    ranked = np.sort(shares, axis=2)  # NaN last
    place = np.maximum(np.ceil(USUAL_SHARE * days).astype(int) - 1, 0)
    bound = np.take_along_axis(ranked, place[:, :, None], axis=2)[:, :, 0]
    is_enough = days >= LEAST_USUAL_DAYS
    return UsualDays(
        np.where(is_enough, share, np.nan), np.where(is_enough, bound, np.nan), days.astype(float)
    )


def bad_days(counts: DayCounts, usual: UsualDays) -> Floats:
    """Whether the day after each instant had more failures than usual: 1, 0, or NaN: not known.

    (scopes, instants); nothing is known of the day after the first instant.
    """
    instants = usual.bound.shape[1]
    following = np.arange(instants) - 1  # the window that follows an instant
    ended, failed = counts.ended[:, following, -1], counts.failed[:, following, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        is_bad = np.where(failed / ended > usual.bound, 1.0, 0.0)
    is_known = (ended >= LEAST_ENDED) & ~np.isnan(usual.bound) & (following >= 0)
    known: Floats = np.where(is_known, is_bad, np.nan)
    return known


def failure_shift(counts: DayCounts, usual: UsualDays) -> Floats:
    """The odds of failure of the day before each instant, in doublings over the usual odds.

    0 where nothing ended or nothing is usual yet; at most MOST_SHIFT in either direction.
    """
    instants = usual.share.shape[1]
    ended, failed = counts.ended[:, :instants, 0], counts.failed[:, :instants, 0]
    share = np.clip(usual.share, 1e-4, 1 - 1e-4)
    # Half of a failure is added in the usual proportion, so that small days say little.
    odds = (failed + share) / (ended - failed + 1 - share)
    shift = np.log2(odds) - np.log2(share / (1 - share))
    bounded: Floats = np.nan_to_num(np.clip(shift, -MOST_SHIFT, MOST_SHIFT))
    return bounded


def late_hours(arrivals: Sequence[Sequence[int]], instants: int) -> tuple[Floats, Floats]:
    """Hours since the newest fact of each scope, and the longest such gap of USUAL_DAYS before.

    arrivals: by scope, how many hours before the first instant facts became known, each hour once.
    Both (scopes, instants); NaN without a fact.
    """
    hours = np.arange(instants) * 24
    age = np.full((len(arrivals), instants), np.nan)
    usual = age.copy()
    for scope, own in enumerate(arrivals):
        ordered = np.unique(np.asarray(own, dtype=int))
        if not len(ordered):
            continue
        first = np.searchsorted(ordered, hours)  # the newest arrival that is known then
        last = np.searchsorted(ordered, hours + USUAL_DAYS * 24, side="right")
        gaps = np.append(np.diff(ordered), 0)
        for instant in np.flatnonzero(first < len(ordered)):
            age[scope, instant] = ordered[first[instant]] - hours[instant]
            between = gaps[first[instant] : last[instant] - 1]
            usual[scope, instant] = between.max() if len(between) else np.nan
    return age, usual


def count_open(
    scopes: Sequence[int], began: Sequence[float], ended: Sequence[float], shape: tuple[int, int]
) -> Floats:
    """How many were open at each instant. began, ended: days before the first instant.

    ended: below 0 while they are open. shape: scopes, instants.
    """
    changes = np.zeros((shape[0], shape[1] + 1))
    first = np.clip(np.floor(np.asarray(ended, dtype=float)).astype(int) + 1, 0, shape[1])
    last = np.clip(np.floor(np.asarray(began, dtype=float)).astype(int) + 1, 0, shape[1])
    where = np.asarray(scopes, dtype=int)
    is_seen = first < last
    np.add.at(changes, (where[is_seen], first[is_seen]), 1)
    np.add.at(changes, (where[is_seen], last[is_seen]), -1)
    open_then: Floats = np.cumsum(changes, axis=1)[:, : shape[1]]
    return open_then


def _as_known(counts: Floats) -> Floats:
    """(scopes, instants, USUAL_DAYS): of each instant, the windows before it as known then."""
    instants = counts.shape[1] - USUAL_DAYS + 1
    windows = sliding_window_view(counts, USUAL_DAYS, axis=1)[:, :instants]
    age = np.arange(USUAL_DAYS)  # of a window, and so the days in which it became known
    known: Floats = windows[:, :, age, age]
    return known
