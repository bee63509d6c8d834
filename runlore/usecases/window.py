"""Which executions a window holds, and their features as of their submission."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from runlore.features import matrix
from runlore.features.declaration import FeaturePlan
from runlore.features.matrix import Log
from runlore.models.spec import ModelSpec
from runlore.records.instant import from_us, to_us
from runlore.store.engine import Store
from runlore.store.executions import read_facts

Ints = NDArray[np.int64]

HOUR_S = 3600.0


@dataclass(frozen=True, eq=False)
class Frame:
    """A window on a log: executions submitted after `first`, until `last`, by submission.

    chosen: their positions in the log. note: what a reader must know about the window.
    """

    log: Log
    chosen: Ints
    first: datetime
    last: datetime
    note: str = ""

    @property
    def submitted_us(self) -> Ints:
        return _submitted_us(self.log)[self.chosen]

    @property
    def length_s(self) -> float:
        return (self.last - self.first).total_seconds()


def read(store: Store, spec: ModelSpec, at: datetime, window_s: float) -> Frame:
    """The window before `at`; where the log had ended by then, its last one that has rows."""
    log = matrix.prepare(read_facts(store))
    by_then = np.maximum(_submitted_us(log), log.as_of_us) <= to_us(at)
    members = population(log, spec) & by_then
    frame = within(log, members, at - timedelta(seconds=window_s), at)
    submitted = _submitted_us(log)[members]
    if frame.chosen.size or not submitted.size:
        return frame
    last = from_us(int(submitted.max()))
    note = f"The log ends on {last:%Y-%m-%d %H:%M} UTC: this is its last window."
    return replace(within(log, members, last - timedelta(seconds=window_s), last), note=note)


def within(log: Log, members: NDArray[np.bool_], first: datetime, last: datetime) -> Frame:
    submitted = _submitted_us(log)
    inside = members & (submitted > to_us(first)) & (submitted <= to_us(last))
    chosen = np.flatnonzero(inside)
    ordered = chosen[np.argsort(submitted[chosen], kind="stable")]
    return Frame(log, ordered, first, last)


def population(log: Log, spec: ModelSpec) -> NDArray[np.bool_]:
    """The executions that the spec speaks of, whether or not they have ended: (N,)."""
    if not spec.population.kinds:
        return np.ones(len(log.executions), dtype=bool)
    return log.executions["kind"].isin(spec.population.kinds).to_numpy()


def _submitted_us(log: Log) -> Ints:
    return log.executions["submitted"].to_numpy(dtype=np.int64)


def incomparable(plan: FeaturePlan, window_s: float) -> tuple[str, ...]:
    """Calendar features that a window of this length holds only part of, whatever happens."""
    if not plan.has_calendar:
        return ()
    parts = (("hour", 24), ("weekday", 7 * 24), ("hour_of_week", 7 * 24))
    return tuple(name for name, hours in parts if window_s % (hours * HOUR_S))
