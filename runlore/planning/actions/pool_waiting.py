"""The queue of a pool, simulated from the log's own weeks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from runlore.kernel.instants import to_us
from runlore.planning.rules.capacity.arrivals import (
    LEAST_TASKS,
    WEEK_H,
    ArrivalRuns,
    WeeklyTasks,
    draw_arrivals,
    weekly_tasks,
)
from runlore.planning.rules.capacity.scenario import CapacityScenario
from runlore.planning.rules.capacity.task_log import HOUR_US, TaskLog
from runlore.planning.rules.capacity.waiting import (
    StartObjective,
    Waiting,
    find_size,
    judge_waiting,
)
from runlore.planning.rules.pools.opening import local_day, open_spans
from runlore.planning.rules.pools.pool import Pool

LOG_WEEKS = 8
RUN_WEEKS = 5  # of which the first fills the queue
MOST_WORK = 2e7  # tasks × runs × slots of a simulation
MOST_RUNS, LEAST_RUNS = 16, 4
SPARE_WEEKS = 4  # that tasks may have taken beyond the log's last weeks


@dataclass(frozen=True, eq=False)
class WaitingQueue:
    """tasks: of the last weeks. seen_waits_h: median and 95 % of their own waits, on the clock."""

    tasks: WeeklyTasks
    seen_waits_h: tuple[float, float] | None

    def runs(self, size: float, scenario: CapacityScenario) -> ArrivalRuns:
        count = len(self.tasks.week) / self.tasks.weeks * RUN_WEEKS * scenario.arrivals
        runs = int(np.clip(MOST_WORK / max(count * size, 1), LEAST_RUNS, MOST_RUNS))
        factors = scenario.arrivals, scenario.durations
        return draw_arrivals(self.tasks, runs, RUN_WEEKS, *factors)

    def load(self, scenario: CapacityScenario) -> float:
        """Slots that are needed on average."""
        tasks = self.tasks
        work = float((tasks.hours * tasks.slots * tasks.share).sum()) * scenario.load
        return work / (tasks.weeks * tasks.open_h)

    def wait(
        self, size: float, scenario: CapacityScenario, objective: StartObjective | None
    ) -> tuple[Waiting | None, str]:
        """Or why there is none."""
        if len(self.tasks.week) < LEAST_TASKS:
            found = len(self.tasks.week)
            return None, f"the last weeks have {found} finished tasks; {LEAST_TASKS} are needed"
        load = self.load(scenario)
        if load >= size:
            return None, f"{load:.3g} slots are needed on average: the queue grows without end"
        return judge_waiting(self.runs(size, scenario), size, objective), ""


def open_queue(pool: Pool, log: TaskLog, as_of: datetime) -> WaitingQueue:
    """Of the last complete weeks, at most LOG_WEEKS."""
    end_us = to_us(as_of)
    first = int(log.submitted.min()) if len(log) else end_us
    weeks = int(np.clip((end_us - first) / (WEEK_H * HOUR_US), 1, LOG_WEEKS))
    since = as_of - timedelta(weeks=weeks + 1)
    spans = open_spans(pool, local_day(pool, since), 7 * (weeks + 2 + SPARE_WEEKS))
    tasks = weekly_tasks(log, spans, end_us, weeks)
    return WaitingQueue(tasks, _seen(log, end_us - int(weeks * WEEK_H * HOUR_US)))


def find_cheapest(
    queue: WaitingQueue, scenario: CapacityScenario, objective: StartObjective
) -> float | None:
    """The smallest whole size that meets the objective; None: none does, or nothing is known."""
    if len(queue.tasks.week) < LEAST_TASKS:
        return None
    load = queue.load(scenario)
    return find_size(queue.runs(max(2 * load, 1), scenario), objective, load)


def _seen(log: TaskLog, since_us: int) -> tuple[float, float] | None:
    started = (log.start >= 0) & (log.submitted >= since_us)
    if not started.any():
        return None
    waits = np.maximum(log.start - log.submitted, 0)[started] / HOUR_US
    median, p95 = np.quantile(waits, [0.5, 0.95])
    return float(median), float(p95)
