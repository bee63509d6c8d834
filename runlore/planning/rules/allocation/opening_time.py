"""Clock time and opening time of a pool, in seconds from the origin.

A task that a pool began rests while the pool is closed; work counts opening time only.
"""

from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NEVER = 1 << 40  # seconds: no due date, no deadline, no end of opening
ALWAYS: Ints = np.array([[0, NEVER]], dtype=np.int64)


class OpeningTime:
    """spans: (s, 2) seconds, ascending, apart.

    >>> hours = OpeningTime(np.array([[10, 20], [50, 60]]))
    >>> hours.opened(5), hours.opened(15), hours.opened(30), hours.start(10), hours.end(10)
    (0, 5, 10, 50, 20)
    """

    def __init__(self, spans: Ints) -> None:
        self.spans = spans
        self.opens: list[int] = spans[:, 0].tolist()
        self.closes: list[int] = spans[:, 1].tolist()
        lengths = spans[:, 1] - spans[:, 0]
        self.before: list[int] = np.concatenate([[0], np.cumsum(lengths)]).tolist()
        self.is_always = self.opens == [0] and self.closes == [NEVER]

    def opened(self, clock: int) -> int:
        """How long the pool has been open by then."""
        if self.is_always:
            return clock
        at = bisect_right(self.opens, clock) - 1
        if at < 0:
            return 0
        return self.before[at] + min(clock, self.closes[at]) - self.opens[at]

    def start(self, opened: int) -> int:
        """The clock when work goes on that many seconds of opening in."""
        if self.is_always:
            return opened
        return self._clock(bisect_right(self.before, opened, 0, len(self.opens)) - 1, opened)

    def end(self, opened: int) -> int:
        """The clock when that many seconds of opening are over; NEVER: it is not open so long."""
        if self.is_always:
            return opened
        return self._clock(max(bisect_left(self.before, opened, 0, len(self.opens)) - 1, 0), opened)

    def _clock(self, at: int, opened: int) -> int:
        clock = self.opens[at] + opened - self.before[at]
        return clock if clock <= self.closes[at] else NEVER
