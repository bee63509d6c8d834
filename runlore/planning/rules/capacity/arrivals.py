"""Arrivals like those of the log: its own weeks, drawn anew."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.capacity.task_log import HOUR_US, TaskLog

Floats = NDArray[np.float64]
Spans = NDArray[np.int64]
WEEK_H = 168.0
SEED = 2029
MOST_TASKS = 12_000  # of a run
LEAST_TASKS = 30


@dataclass(frozen=True, eq=False)
class ArrivalRuns:
    """Tasks of simulated weeks: (runs, tasks). Times in open hours; infinite: no more task.

    is_counted: after the weeks in which the queue fills. slots: that each needs.
    """

    arrivals: Floats
    services: Floats
    slots: Floats
    is_counted: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class WeeklyTasks:
    """Finished tasks of the log's last weeks. week: from 0; hour: open hours since it began.

    hours: that it was served. share: how many of it come to the pool, on average. open_h: open
    hours of a usual week.
    """

    week: NDArray[np.int64]
    hour: Floats
    hours: Floats
    slots: Floats
    share: Floats
    weeks: int
    open_h: float


def weekly_tasks(log: TaskLog, spans: Spans, end_us: int, weeks: int) -> WeeklyTasks:
    """The last weeks before an instant, in open hours.

    spans: when the pool is open; outside nothing is served, and what ran then took its own time.
    """
    week_us = int(WEEK_H * HOUR_US)
    first = end_us - weeks * week_us
    log = log.taken(log.is_finished & (log.submitted >= first) & (log.submitted < end_us))
    week = (log.submitted - first) // week_us
    began = first + week * week_us
    served = open_hours(spans, log.end) - open_hours(spans, log.start)
    took = (log.end - log.start) / HOUR_US
    edges = open_hours(spans, first + week_us * np.arange(weeks + 1))
    return WeeklyTasks(
        week,
        open_hours(spans, log.submitted) - open_hours(spans, began),
        np.where(served > 0, served, took),
        log.slots,
        log.share,
        weeks,
        float(np.diff(edges).mean()),
    )


def open_hours(spans: Spans, at: NDArray[np.int64]) -> Floats:
    """Open hours before each instant."""
    edges = spans.reshape(-1).astype(np.float64)
    passed = np.diff(edges, prepend=edges[:1]) / HOUR_US
    passed[::2] = 0.0
    return np.asarray(np.interp(at.astype(np.float64), edges, np.cumsum(passed)))


def draw_arrivals(
    tasks: WeeklyTasks, runs: int, weeks: int, arrivals: float = 1.0, durations: float = 1.0
) -> ArrivalRuns:
    """Weeks of the log in random order; the first of `weeks` fills the queue.

    arrivals, durations: factors. The same weeks and tasks come for every size and factor, as far as
    that goes (common random numbers).
    """
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, tasks.weeks, (runs, weeks))
    luck = rng.random(len(tasks.week)), rng.uniform(-0.5, 0.5, 64)
    order = np.lexsort((tasks.hour, tasks.week))
    starts = np.searchsorted(tasks.week[order], np.arange(tasks.weeks + 1))
    rows, at = [], []
    for run in range(runs):
        parts = [order[starts[week] : starts[week + 1]] for week in drawn[run]]
        begun = np.repeat(np.arange(weeks) * tasks.open_h, [len(part) for part in parts])
        row = np.concatenate(parts)
        copies = _copies(arrivals * tasks.share[row], luck[0][row])
        which = np.repeat(np.arange(len(row)), copies)
        again = np.arange(len(which)) - np.repeat(np.cumsum(copies) - copies, copies)
        came = (begun + tasks.hour[row])[which] + np.where(again, luck[1][again % 64], 0.0)
        sorted_ = np.argsort(came, kind="stable")[:MOST_TASKS]
        rows.append(row[which][sorted_])
        at.append(came[sorted_])
    return _padded(tasks, rows, at, durations)


def _copies(rate: Floats, luck: Floats) -> NDArray[np.int64]:
    """How often each task comes: whole times, and once more by luck."""
    return np.asarray(np.floor(rate) + (luck < rate % 1), dtype=np.int64)


def _padded(
    tasks: WeeklyTasks, rows: list[NDArray[np.int64]], at: list[Floats], durations: float
) -> ArrivalRuns:
    count = max(map(len, rows))
    shape = (len(rows), count)
    arrivals, services, slots = np.full(shape, np.inf), np.zeros(shape), np.ones(shape)
    for run, (row, came) in enumerate(zip(rows, at, strict=True)):
        arrivals[run, : len(row)] = came
        services[run, : len(row)] = tasks.hours[row] * durations
        slots[run, : len(row)] = tasks.slots[row]
    return ArrivalRuns(arrivals, services, slots, np.isfinite(arrivals) & (arrivals > tasks.open_h))
