"""When crews can visit: windows of a pool, and how many visits each has room for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from runlore.advice.rules.maintenance.lifetimes import Floats, Ints
from runlore.kernel.durations import DAY_US, HOUR_S
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import from_us, to_us
from runlore.planning.rules.pools.opening import local_day, open_spans
from runlore.planning.rules.pools.pool import WEEKDAYS, Pool

MOST_SLOTS = 400
CREW = Pool("crew", 1, hours=dict.fromkeys(WEEKDAYS[:5], ("08:00-16:00",)))


@dataclass(frozen=True, eq=False)
class VisitSlots:
    """start_us: (m,) when each window begins. room: (m,) visits. crews: at the same time.

    visit_s: how long one takes. days: (m,) from now to the middle of the window.
    """

    start_us: Ints
    room: Ints
    days: Floats
    crews: int
    visit_s: float

    def instants(self, slot: int, place: int) -> tuple[datetime, datetime]:
        """From when to when the visit in this place of the window is."""
        later = timedelta(seconds=(place // self.crews) * self.visit_s)
        start = from_us(int(self.start_us[slot])) + later
        return start, start + timedelta(seconds=self.visit_s)


def find_slots(pool: Pool, visit_hours: float, as_of: datetime, horizon_days: float) -> VisitSlots:
    """Windows of at most a day. Raises BadInput where none is long enough for a visit."""
    now, until = to_us(as_of), to_us(as_of + timedelta(days=horizon_days))
    spans = open_spans(pool, local_day(pool, as_of), int(horizon_days) + 3)
    begun = np.clip(spans, now, until)
    days = [_by_day(int(start), int(end)) for start, end in begun if end > start]
    parts = np.array([part for day in days for part in day], dtype=np.int64).reshape(-1, 2)
    crews, visit_s = max(int(pool.size), 1), visit_hours * HOUR_S
    room = ((parts[:, 1] - parts[:, 0]) / 1e6 / visit_s + 1e-9).astype(np.int64) * crews
    if len(room) and not room.any():
        raise BadInput(
            f"visit_hours: no window of {pool.name!r} within {horizon_days:g} days has room for a"
            f" visit of {visit_hours:g} h",
            "visit_hours",
        )
    parts, room = parts[room > 0][:MOST_SLOTS], room[room > 0][:MOST_SLOTS]
    middle = (parts.mean(axis=1) - now) / DAY_US
    return VisitSlots(parts[:, 0], room, middle, crews, visit_s)


def _by_day(start: int, end: int) -> list[tuple[int, int]]:
    return [(at, min(at + DAY_US, end)) for at in range(start, end, DAY_US)]
