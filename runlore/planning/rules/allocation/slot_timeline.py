"""How many slots of a pool are free at each second of its opening."""

from bisect import bisect_left, bisect_right


class SlotTimeline:
    """
    >>> pool = SlotTimeline(2)
    >>> pool.occupy(0, 10, 2)
    >>> pool.first_gap(0, 5, 1)
    10
    """

    def __init__(self, capacity: int) -> None:
        self.times = [0]
        self.free = [capacity]

    def first_gap(self, since: int, work: int, demand: int) -> int:
        """The first second from `since` on with that many slots free for that long."""
        times, free = self.times, self.free
        start = since
        for at in range(bisect_right(times, since) - 1, len(times)):
            if times[at] >= start + work:
                break
            if free[at] < demand:
                start = times[at + 1]
        return start

    def occupy(self, start: int, end: int, demand: int) -> None:
        if start >= end:
            return
        first, last = self._split(start), self._split(end)
        for at in range(first, last):
            self.free[at] -= demand

    def _split(self, second: int) -> int:
        at = bisect_left(self.times, second)
        if at == len(self.times) or self.times[at] != second:
            self.times.insert(at, second)
            self.free.insert(at, self.free[at - 1])
        return at
