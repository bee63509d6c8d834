"""Starts before their submission and ends before their start, because two clocks differ a little.

A host whose clock is some seconds behind reports a start before the submission that another host
saw. Such a start is moved to the submission, and the end moves with it: the duration stays. An end
shortly before the start is moved to the start. Larger differences are errors of the log.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.validate import LATEST_US, Mask, mask

CLAMPED = "have times that are out of order by a few seconds; they were moved into order"


class IngestClock(int):
    """Now in µs since 1970, and how far the clocks within a source may be apart.

    It is passed wherever a log is read: rows with an instant after it are refused.
    """

    tolerance_us: int

    def __new__(cls, now_us: int = LATEST_US, tolerance_us: int = 0) -> "IngestClock":
        clock = super().__new__(cls, now_us)
        clock.tolerance_us = tolerance_us
        return clock


def tolerance_us(now_us: int) -> int:
    """How far clocks may be apart; a plain number says nothing of it."""
    return now_us.tolerance_us if isinstance(now_us, IngestClock) else 0


@dataclass(frozen=True, slots=True)
class OrderedInstants:
    """(N,) instants in µs, null where unknown. is_moved: (N,), the rows that were changed."""

    started: pa.Array
    finished: pa.Array
    is_moved: Mask

    def warnings(self, is_accepted: Mask) -> dict[str, int]:
        """is_accepted: (N,), the rows that are no rejects."""
        moved = int(np.count_nonzero(self.is_moved & is_accepted))
        return {CLAMPED: moved} if moved else {}


def in_sequence(
    submitted: pa.Array, started: pa.Array, finished: pa.Array, tolerance_us: int
) -> OrderedInstants:
    """Move starts and ends that are at most `tolerance_us` too early; all arrays are int64."""
    begun = _behind(started, submitted, tolerance_us)
    if mask(begun).any():
        lag = pc.if_else(begun, pc.subtract(submitted, started), 0)
        finished = pc.add(finished, pc.fill_null(lag, 0))
        started = pc.if_else(begun, submitted, started)
    began = pc.coalesce(started, submitted)
    ended = _behind(finished, began, tolerance_us)
    if mask(ended).any():
        finished = pc.if_else(ended, began, finished)
    return OrderedInstants(started, finished, mask(begun) | mask(ended))


def not_before(later: pa.Array, earlier: pa.Array, tolerance_us: int) -> pa.Array:
    """`later`, moved to `earlier` where it is at most the tolerance before it."""
    is_behind = _behind(later, earlier, tolerance_us)
    return pc.if_else(is_behind, earlier, later) if mask(is_behind).any() else later


def _behind(later: pa.Array, earlier: pa.Array, tolerance_us: int) -> pa.Array:
    """Where `later` is before `earlier`, by at most the tolerance; never null."""
    lag = pc.subtract(earlier, later)
    return pc.fill_null(pc.and_(pc.greater(lag, 0), pc.less_equal(lag, tolerance_us)), False)


def one_in_sequence(
    submitted: datetime, started: datetime | None, finished: datetime | None, tolerance: timedelta
) -> tuple[datetime | None, datetime | None]:
    """The same for one execution: its start and its end."""
    nothing = timedelta(0)
    if started is not None and nothing < (lag := submitted - started) <= tolerance:
        started = submitted
        finished = None if finished is None else finished + lag
    began = started or submitted
    if finished is not None and nothing < began - finished <= tolerance:
        finished = began
    return started, finished
