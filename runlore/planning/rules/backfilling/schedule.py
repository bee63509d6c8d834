"""EASY backfilling, simulated event by event.

A job that cannot start at once waits in a queue, first come first served. The first of the queue
has a reservation: the earliest instant at which enough slots are free if running jobs end as
predicted. A later job may start before it if it does not delay that reservation. Ends and
submissions of one instant come before its decisions.

Sources: Mu'alem, Feitelson, "Utilization, predictability, workloads, and user runtime estimates in
scheduling the IBM SP2 with backfilling", IEEE TPDS 12(6), 2001; corrections: Tsafrir, Etsion,
Feitelson, "Backfilling using system-generated predictions rather than user runtime estimates", IEEE
TPDS 18(6), 2007.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from typing import Literal, Protocol

import numpy as np

from runlore.planning.rules.backfilling.workload import Floats, Workload

Order = Literal["submission", "shortest first"]
Correction = Literal["in steps", "to the request"]

MINUTE, HOUR = 60.0, 3600.0
MOST_TESTED = 2_000  # first jobs of the queue; schedulers bound this, too
CORRECTIONS_S = (
    *(minutes * MINUTE for minutes in (1, 5, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 5, 10, 20, 50, 100)),
)


class RunTimePredictor(Protocol):
    """Predictions of run times as known at an instant of the simulation."""

    def predict(self, job: int) -> float:
        """When a job is submitted; seconds."""

    def learn(self, job: int) -> None:
        """When a job has ended."""


@dataclass(frozen=True)
class BackfillPolicy:
    """backfills: whether later jobs may pass the first of the queue, and in which order.

    correction: of a prediction that a job has outlived, at first; then in steps. patience_s: once
    the first of the queue has waited that long, its reservation rests on requests, not predictions.
    """

    backfills: bool = True
    order: Order = "submission"
    correction: Correction = "in steps"
    patience_s: float = inf


@dataclass(frozen=True, eq=False)
class Schedule:
    """(n,) of each job: its start, seconds; what was predicted when it was submitted, seconds."""

    started_s: Floats
    predicted_s: Floats


def simulate(
    jobs: Workload, slots: float, predictor: RunTimePredictor, policy: BackfillPolicy
) -> Schedule:
    """Replay the submissions. No job may be wider than the machine."""
    machine = _Machine(jobs, slots, predictor, policy)
    machine.run()
    return Schedule(np.array(machine.started), np.array(machine.first_predicted))


class _Machine:
    def __init__(
        self, jobs: Workload, slots: float, predictor: RunTimePredictor, policy: BackfillPolicy
    ) -> None:
        self.submitted: list[float] = jobs.submitted_s.tolist()
        self.ran: list[float] = jobs.ran_s.tolist()
        self.width: list[float] = jobs.slots.tolist()
        self.limit: list[float] = jobs.limit_s.tolist()
        self.started = [0.0] * len(jobs)
        self.predicted = [0.0] * len(jobs)  # seconds, corrected while a job runs
        self.first_predicted = [0.0] * len(jobs)
        self.corrections = [0] * len(jobs)
        self.free = slots
        self.queue: list[int] = []
        self.is_cut = False  # whether the last look left out jobs of the queue
        self.ends: list[tuple[float, int]] = []  # a heap of what will be
        self.expected: list[tuple[float, int]] = []  # ascending: what is predicted
        self.predictor = predictor
        self.policy = policy

    def run(self) -> None:
        at, number = 0, len(self.submitted)
        while at < number or self.ends:
            submission = self.submitted[at] if at < number else inf
            now = min(submission, self.ends[0][0] if self.ends else inf)
            has_changed = self._end_jobs(now)
            before = at
            while at < number and self.submitted[at] <= now:
                self._submit(at, now)
                at += 1
            has_changed |= self._correct(now)
            self._start_jobs(now, at - before, has_changed=has_changed)

    def _submit(self, job: int, now: float) -> None:
        predicted = max(self.predictor.predict(job), 1e-9)
        self.predicted[job] = self.first_predicted[job] = predicted
        self.queue.append(job)

    def _end_jobs(self, now: float) -> bool:
        has_ended = False
        while self.ends and self.ends[0][0] <= now:
            _, job = heappop(self.ends)
            entry = (self.started[job] + self.predicted[job], job)
            del self.expected[bisect_left(self.expected, entry)]
            self.free += self.width[job]
            self.predictor.learn(job)
            has_ended = True
        return has_ended

    def _correct(self, now: float) -> bool:
        """Predictions that have proved too short grow until they lie ahead."""
        has_corrected = False
        while self.expected and self.expected[0][0] <= now:
            _, job = self.expected.pop(0)
            while (end := self.started[job] + self.predicted[job]) <= now:
                self.predicted[job] = self._longer(job)
            insort(self.expected, (end, job))
            has_corrected = True
        return has_corrected

    def _longer(self, job: int) -> float:
        predicted, limit = self.predicted[job], self.limit[job]
        if self.policy.correction == "to the request" and predicted < limit:
            return limit
        step = CORRECTIONS_S[min(self.corrections[job], len(CORRECTIONS_S) - 1)]
        self.corrections[job] += 1
        return min(predicted + step, limit) if predicted < limit else predicted + step

    def _start(self, job: int, now: float) -> None:
        self.started[job] = now
        self.free -= self.width[job]
        heappush(self.ends, (now + self.ran[job], job))
        insort(self.expected, (now + self.predicted[job], job))

    def _start_jobs(self, now: float, new: int, *, has_changed: bool) -> None:
        """new: submissions just now. Others start only if a job ended or a prediction changed."""
        queue, width = self.queue, self.width
        passed = 0
        while passed < len(queue) and width[queue[passed]] <= self.free:
            self._start(queue[passed], now)
            passed += 1
        if passed:
            del queue[:passed]
        if self.policy.backfills and self.free > 0 and len(queue) > 1:
            can_others = has_changed or passed or self.is_cut or self._is_protected(now)
            self.is_cut = len(queue) > MOST_TESTED
            self._backfill(now, queue[1 if can_others else max(1, len(queue) - new) : MOST_TESTED])

    def _backfill(self, now: float, candidates: list[int]) -> None:
        """Jobs that end before the reservation, or need slots that it leaves over."""
        is_protected = self._is_protected(now)
        lasts = self.limit if is_protected else self.predicted
        shadow, spare = self._reserve(
            self.width[self.queue[0]], self._latest_ends() if is_protected else self.expected
        )
        if self.policy.order == "shortest first":
            candidates = sorted(candidates, key=self.predicted.__getitem__)
        begun = set()
        for job in candidates:
            width = self.width[job]
            if width > self.free:
                continue
            ends_before = now + lasts[job] <= shadow
            if ends_before or width <= spare:
                self._start(job, now)
                begun.add(job)
                if not ends_before:
                    spare -= width
                if self.free <= 0:
                    break
        if begun:
            self.queue[:MOST_TESTED] = [job for job in self.queue[:MOST_TESTED] if job not in begun]

    def _is_protected(self, now: float) -> bool:
        return now - self.submitted[self.queue[0]] > self.policy.patience_s

    def _latest_ends(self) -> list[tuple[float, int]]:
        """Of running jobs by their requests; where one has outlived it, by the prediction."""
        return sorted(
            (max(end, self.started[job] + self.limit[job]), job) for end, job in self.expected
        )

    def _reserve(self, width: float, ends: list[tuple[float, int]]) -> tuple[float, float]:
        """When so many slots are expected to be free, and how many more there are then."""
        free, shadow = self.free, inf
        for end, job in ends:
            if end > shadow:
                break
            free += self.width[job]
            if free >= width and shadow == inf:
                shadow = end
        return shadow, free - width
