"""Which work is due, and which of it is to be said now. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from runlore.kernel.durations import HOUR_S

ROLLOUT: Final = "runlore.rollout.due"
AB: Final = "runlore.ab.due"
RETRAINING: Final = "runlore.retraining.due"
REPORTS: Final = "runlore.report.due"
FEDERATED: Final = "runlore.federation.due"
ALL_REPORTS = "runlore.reports"  # the resource of all schedules
ALL_PERSONAS = "runlore.personas"  # the resource of federated trainings
TESTS = "runlore.ab"  # the resource of all A/B tests, which are looked at together

LOOK_S = {ROLLOUT: 300.0, AB: 900.0}
FIRST_LOOK_S = 90.0  # after a new share or test began; units count from a minute after it

# What stays due is said again, at intervals that double from here up to the longest.
AGAIN_S = {ROLLOUT: 120.0, AB: 120.0, RETRAINING: 900.0, REPORTS: 60.0, FEDERATED: 300.0}
LONGEST_AGAIN_S = HOUR_S

Event = Literal[
    "runlore.rollout.due",
    "runlore.ab.due",
    "runlore.retraining.due",
    "runlore.report.due",
    "runlore.federation.due",
]


@dataclass(frozen=True)
class DueWork:
    """A flow should run. resource: what it is about. since: the cause; another one is new work."""

    event: Event
    resource: str
    since: str
    payload: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class LookCycle:
    """Something that is looked at again and again. looked_at: last, or when it began.

    is_new: nobody has looked since it began, or since its share has changed.
    """

    event: Event
    resource: str
    looked_at: datetime
    is_new: bool
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def due_at(self) -> datetime:
        pause_s = FIRST_LOOK_S if self.is_new else LOOK_S[self.event]
        return self.looked_at + timedelta(seconds=pause_s)


@dataclass(frozen=True)
class Said:
    """When a work was said last, and after how long it may be said again."""

    at: datetime
    pause_s: float

    @property
    def again_at(self) -> datetime:
        return self.at + timedelta(seconds=self.pause_s)


def due_looks(cycles: Iterable[LookCycle], at: datetime) -> list[DueWork]:
    """One for each resource, that of its oldest look."""
    oldest: dict[str, LookCycle] = {}
    for cycle in cycles:
        known = oldest.setdefault(cycle.resource, cycle)
        if cycle.due_at < known.due_at:
            oldest[cycle.resource] = cycle
    return [
        DueWork(cycle.event, cycle.resource, cycle.looked_at.isoformat(), cycle.payload)
        for cycle in oldest.values()
        if cycle.due_at <= at
    ]


def due_reports(next_work_at: datetime | None, at: datetime) -> list[DueWork]:
    """All reports are made by one run. next_work_at: of the oldest report that waits."""
    if next_work_at is None or next_work_at > at:
        return []
    return [DueWork(REPORTS, ALL_REPORTS, next_work_at.isoformat())]


def due_federated(waiting_since: datetime | None) -> list[DueWork]:
    """One run carries out the oldest request. waiting_since: when that was made; None: none."""
    if waiting_since is None:
        return []
    return [DueWork(FEDERATED, ALL_PERSONAS, waiting_since.isoformat())]


def to_say(due: Sequence[DueWork], said: Mapping[DueWork, Said], at: datetime) -> list[DueWork]:
    """What was not said yet, or so long ago that the event must have been lost."""
    return [work for work in due if work not in said or said[work].again_at <= at]


def said_now(work: DueWork, before: Said | None, at: datetime) -> Said:
    """before: what had been said of it."""
    if before is None:
        return Said(at, AGAIN_S[work.event])
    return Said(at, min(2 * before.pause_s, LONGEST_AGAIN_S))


def next_at(cycles: Iterable[LookCycle], said: Mapping[DueWork, Said]) -> datetime | None:
    """When there may be something to say next, as far as is known."""
    times = [cycle.due_at for cycle in cycles] + [entry.again_at for entry in said.values()]
    return min(times, default=None)
