"""Replay the jobs of the log on a pool of slots, under several scheduling policies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.planning.queries.ended_jobs import EndedJobs, JobFilter, read_ended_jobs
from runlore.planning.queries.finished_tasks import read_kinds
from runlore.planning.rules.backfilling.comparison import (
    EARLIER,
    Comparison,
    OtherSlots,
    Say,
    compare_policies,
    replay_slots,
)
from runlore.planning.rules.backfilling.schedule import Schedule
from runlore.planning.rules.backfilling.waiting import WaitingTimes, measure_waiting
from runlore.planning.rules.backfilling.workload import Workload
from runlore.store.engine import Store

LEAST_JOBS = 100
MOST_JOBS = 500_000
MOST_SLOTS = 1e9


@dataclass(frozen=True)
class ReplayRequest:
    """size_input: slots that a job holds; None: each holds one. limit_input: requested time,
    seconds; None: not known. what_if: further numbers of slots."""

    slots: float
    kind: str | None = None
    size_input: str | None = None
    limit_input: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    what_if: tuple[float, ...] = ()
    most_jobs: int = MOST_JOBS


@dataclass(frozen=True, eq=False)
class SchedulingReplay:
    """recorded: what the jobs of the later part have waited. without_request: jobs whose request
    is not known; they count as requesting the longest run of the earlier part."""

    request: ReplayRequest
    first_at: datetime
    last_at: datetime
    later_from: datetime
    left_out: Mapping[str, int]
    without_request: int
    recorded: WaitingTimes
    comparison: Comparison
    what_if: tuple[OtherSlots, ...]


@dataclass(frozen=True, eq=False)
class _Replayable:
    jobs: Workload
    recorded: Schedule
    origin: datetime
    left_out: Mapping[str, int]
    without_request: int


def replay_scheduling(
    store: Store, request: ReplayRequest, at: datetime, say: Say = lambda text: None
) -> SchedulingReplay:
    """Compare policies on what was known at an instant.

    Raises:
        BadInput: a number of slots, or the name of an input, is wrong.
        NotFound: no job has run in that time.
        Refused: fewer than 100 jobs have.
    """
    _check(request)
    ready = _prepare(_read(store, request, at), request)
    made = compare_policies(ready.jobs, request.slots, say)
    submitted, later = ready.jobs.submitted_s, made.is_later
    return SchedulingReplay(
        request,
        _instant(ready.origin, submitted[0]),
        _instant(ready.origin, submitted[-1]),
        _instant(ready.origin, submitted[later][0]),
        ready.left_out,
        ready.without_request,
        measure_waiting(ready.jobs, ready.recorded, later),
        made,
        tuple(_with_slots(made, slots, say) for slots in request.what_if),
    )


def _check(request: ReplayRequest) -> None:
    for field, slots in [("slots", request.slots), *(("what_if", one) for one in request.what_if)]:
        if not 0 < slots <= MOST_SLOTS:
            raise BadInput(f"{field}: {slots:g} is not a number of slots above 0", field)


def _read(store: Store, request: ReplayRequest, at: datetime) -> EndedJobs:
    since, until = request.since, request.until
    chosen = JobFilter(
        at,
        request.kind,
        since,
        until,
        request.size_input,
        request.limit_input,
        request.most_jobs,
    )
    jobs = read_ended_jobs(store, chosen)
    if not len(jobs.submitted_s):
        known = ", ".join(read_kinds(store, at)) or "none: the log is empty"
        raise NotFound(f"no job of that kind and time has run; kinds of the log: {known}")
    for field, name, values in [
        ("size_input", request.size_input, jobs.size),
        ("limit_input", request.limit_input, jobs.limit_s),
    ]:
        if name is not None and not (values > 0).any():
            raise BadInput(f"{field}: no job has a number above 0 in its input {name!r}", field)
    return jobs


def _prepare(read: EndedJobs, request: ReplayRequest) -> _Replayable:
    size = read.size if request.size_input is not None else np.ones(len(read.submitted_s))
    ran = read.finished_s - read.started_s
    never, unknown = ~(ran > 0), ~(size > 0)
    kept = ~never & ~unknown & (size <= request.slots)
    if kept.sum() < LEAST_JOBS:
        raise Refused(
            f"{kept.sum()} jobs can be replayed on {request.slots:g} slots; a replay needs"
            f" {LEAST_JOBS}"
        )
    ran, size, submitted = ran[kept], size[kept], read.submitted_s[kept]
    limit, is_known = _requests(read.limit_s[kept], ran)
    users = np.array(read.actors, dtype=object)[kept].astype(str)
    origin = submitted[0]
    return _Replayable(
        Workload(submitted - origin, ran, size, limit, np.unique(users, return_inverse=True)[1]),
        Schedule(read.started_s[kept] - origin, ran),
        datetime.fromtimestamp(float(origin), UTC),
        {
            "never ran": int(never.sum()),
            "size unknown": int((unknown & ~never).sum()),
            "wider than the pool": int((~never & ~unknown & ~kept).sum()),
        },
        int((~is_known).sum()),
    )


def _requests(
    limit: NDArray[np.float64], ran: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    is_known = limit > 0
    longest = ran[: max(int(EARLIER * len(ran)), 1)].max()
    return np.where(is_known, limit, longest), is_known


def _with_slots(made: Comparison, slots: float, say: Say) -> OtherSlots:
    other = replay_slots(made, slots)
    if other is None:
        raise BadInput(f"what_if: no job of the later part fits on {slots:g} slots", "what_if")
    say(f"{slots:g} slots: mean bounded slowdown {other.easy.slowdown:.2f} under EASY")
    return other


def _instant(origin: datetime, seconds: float) -> datetime:
    return origin + timedelta(seconds=float(seconds))
