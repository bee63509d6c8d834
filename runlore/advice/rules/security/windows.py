"""Sliding windows over groups of events, without a loop over events.

A window ends at an event, begins `width` before it, and has both ends. M rows are sorted by group,
and by time within a group.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.security.events import Ints, Mask

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupedRows:
    """rows: (M,) positions of events. left, right: (M,) the first and the last row of the group
    that are within `width` before and after. begin: (M,) the first row of the group."""

    rows: Ints
    left: Ints
    right: Ints
    begin: Ints


def grouped_rows(at: Ints, group: Ints, rows: Ints, width_us: int) -> GroupedRows:
    """Sort some events by group and time. at, group: (N,) of all; rows: (M,) in order of time."""
    rows = rows[np.argsort(group[rows], kind="stable")]
    times, groups = at[rows], group[rows]
    known = np.unique(times)
    span = known.size + 1
    _, dense = np.unique(groups, return_inverse=True)
    keys = dense * span + np.searchsorted(known, times)
    earliest = dense * span + np.searchsorted(known, times - width_us)
    latest = dense * span + np.searchsorted(known, times + width_us, "right") - 1
    return GroupedRows(
        rows,
        np.searchsorted(keys, earliest),
        np.searchsorted(keys, latest, "right") - 1,
        np.searchsorted(keys, dense * span),
    )


def event_counts(grouped: GroupedRows) -> Ints:
    """(M,) how many rows the window that ends at a row has."""
    return np.arange(grouped.rows.size) - grouped.left + 1


def value_counts(grouped: GroupedRows, values: Ints) -> Ints:
    """(M,) how many distinct values the window that ends at a row has. values: (M,) of the rows.

    A row is the last one of its value in the windows that end from it on until the value comes
    again or the row leaves: one interval each, so their sum needs two additions a row.
    """
    count = grouped.rows.size
    place = np.arange(count)
    order = np.lexsort((place, values, grouped.begin))
    again = np.full(count, count, np.int64)
    is_same = (values[order][1:] == values[order][:-1]) & (
        grouped.begin[order][1:] == grouped.begin[order][:-1]
    )
    again[order[:-1][is_same]] = order[1:][is_same]
    until = np.minimum(again - 1, grouped.right)
    change = np.bincount(place, minlength=count + 1) - np.bincount(until + 1, minlength=count + 1)
    return np.cumsum(change)[:count].astype(np.int64)


def value_sums(grouped: GroupedRows, values: Floats) -> Floats:
    """(M,) the sum over the window that ends at a row. values: (M,) of the rows."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(total[1:] - total[grouped.left], np.float64)


def ordered_starts(grouped: GroupedRows, steps: Sequence[Mask]) -> Ints:
    """(M,) the latest row at which a sequence began that ends at a row; -1: none within the window.

    steps: for each rule (M,) whether a row matches it. Each step is a later row than the one before
    it.
    """
    place = np.arange(grouped.rows.size)
    begun = np.where(steps[0], place, -1)
    for step in steps[1:]:
        latest = np.concatenate([[-1], np.maximum.accumulate(begun)[:-1]])
        is_here = step & (latest >= grouped.begin)
        begun = np.where(is_here, latest, -1)
    return np.where(begun >= grouped.left, begun, -1)


def covered_rows(starts: Ints, ends: Ints, count: int) -> Mask:
    """(M,) whether a row is in one of the windows from a start to its end."""
    change = np.bincount(starts, minlength=count + 1) - np.bincount(ends + 1, minlength=count + 1)
    return np.asarray(np.cumsum(change)[:count] > 0, np.bool_)
