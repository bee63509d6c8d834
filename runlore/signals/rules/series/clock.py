"""Instants by the clock on the wall, where a daily rhythm keeps its hour when clocks change."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import pairwise

import numpy as np

from runlore.signals.rules.series.grid import SECOND_US, Instants

PROBE_US = 604_800 * SECOND_US  # clocks change at most once in it
NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class WallClock:
    """The clock of a zone, set so that it shows UTC at `now_us`; instants are microseconds."""

    zone: tzinfo
    now_us: int

    def shifts(self, at: Instants, step_s: int) -> Instants:
        """What the clock shows beyond UTC at each instant, in microseconds and whole steps."""
        step_us = step_s * SECOND_US
        moved = utc_offsets(at, self.zone) - _offset(self.now_us, self.zone)
        whole: Instants = (moved + (step_us - 1) // 2) // step_us * step_us
        return whole

    def local_days(self, at: Instants) -> Instants:
        """Days since 1970 in the zone, of instants as this clock shows them."""
        day_us = 86_400 * SECOND_US
        days: Instants = (at + _offset(self.now_us, self.zone)) // day_us
        return days


def utc_offsets(at: Instants, zone: tzinfo) -> Instants:
    """Microseconds by which the clocks of a zone are ahead of UTC at each instant."""
    if not len(at):
        return at
    probes = np.arange(int(at.min()), int(at.max()) + PROBE_US, PROBE_US).tolist()
    changes, offsets = [NEVER], [_offset(probes[0], zone)]
    for early, late in pairwise(probes):
        offset = _offset(late, zone)
        if offset != offsets[-1]:
            changes.append(_find_change(early, late, zone))
            offsets.append(offset)
    last = np.searchsorted(np.array(changes), at, side="right") - 1
    known: Instants = np.array(offsets, dtype=np.int64)[last]
    return known


def _find_change(early: int, late: int, zone: tzinfo) -> int:
    """The first instant, to the second, with the offset of `late`."""
    offset = _offset(late, zone)
    while late - early > 1:
        middle = (early + late) // 2
        if _offset(middle, zone) == offset:
            late = middle
        else:
            early = middle
    return late


def _offset(at_us: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(at_us // SECOND_US, UTC).astimezone(zone).utcoffset()
    return round(offset.total_seconds()) * SECOND_US if offset else 0
