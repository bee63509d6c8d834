"""EASY backfilling written plainly: everything is looked at anew at each instant, for tests."""

import numpy as np

from runlore.planning.rules.backfilling import schedule
from runlore.planning.rules.backfilling.schedule import CORRECTIONS_S, BackfillPolicy
from runlore.planning.rules.backfilling.workload import Workload


class PlainScheduler:
    """predicted: of each job when it is submitted, known beforehand."""

    def __init__(
        self, jobs: Workload, slots: float, predicted: list[float], policy: BackfillPolicy
    ) -> None:
        self.submitted, self.ran = jobs.submitted_s.tolist(), jobs.ran_s.tolist()
        self.width, self.limit = jobs.slots.tolist(), jobs.limit_s.tolist()
        self.numbers, self.slots, self.policy = range(len(jobs)), slots, policy
        self.start: dict[int, float] = {}
        self.predicted, self.corrected = list(predicted), [0 for _ in predicted]

    def starts(self) -> list[float]:
        now = min(self.submitted)
        while True:
            self.look(now)
            ends = [at + self.ran[job] for job, at in self.start.items()]
            later = [at for at in [*self.submitted, *ends] if at > now]
            if not later:
                return [self.start[job] for job in self.numbers]
            now = min(later)

    def look(self, now: float) -> None:
        waiting = [job for job in self.numbers if job not in self.start]
        queue = [job for job in waiting if self.submitted[job] <= now]
        for job in self.running(now):
            self.correct(job, now)
        while queue and self.width[queue[0]] <= self.free(now):
            self.start[queue.pop(0)] = now
        if queue and self.policy.backfills:
            self.backfill(queue, now)

    def running(self, now: float) -> list[int]:
        return [job for job, at in self.start.items() if at + self.ran[job] > now]

    def free(self, now: float) -> float:
        return self.slots - sum(self.width[job] for job in self.running(now))

    def correct(self, job: int, now: float) -> None:
        while self.start[job] + self.predicted[job] <= now:
            limit = self.limit[job]
            is_within = self.predicted[job] < limit
            if is_within and self.policy.correction == "to the request":
                self.predicted[job] = limit
                continue
            step = CORRECTIONS_S[min(self.corrected[job], len(CORRECTIONS_S) - 1)]
            self.corrected[job] += 1
            longer = self.predicted[job] + step
            self.predicted[job] = min(longer, limit) if is_within else longer

    def backfill(self, queue: list[int], now: float) -> None:
        head, *rest = queue[: schedule.MOST_TESTED]
        is_protected = now - self.submitted[head] > self.policy.patience_s
        expected = {job: self.start[job] + self.predicted[job] for job in self.running(now)}
        if is_protected:
            expected = {
                job: max(end, self.start[job] + self.limit[job]) for job, end in expected.items()
            }

        def free_at(instant: float) -> float:
            freed = (self.width[job] for job, end in expected.items() if end <= instant)
            return sum(freed, self.slots - sum(self.width[job] for job in expected))

        shadow = min(end for end in expected.values() if free_at(end) >= self.width[head])
        spare = free_at(shadow) - self.width[head]
        if self.policy.order == "shortest first":
            rest.sort(key=self.predicted.__getitem__)
        for job in rest:
            lasts = self.limit[job] if is_protected else self.predicted[job]
            ends_before = now + lasts <= shadow
            if self.width[job] <= self.free(now) and (ends_before or self.width[job] <= spare):
                self.start[job] = now
                spare -= 0 if ends_before else self.width[job]


def random_workload(seed: int, number: int, slots: int) -> Workload:
    """Whole seconds, so that instants coincide; requests may be outlived."""
    random = np.random.default_rng(seed)
    ran = random.integers(1, 400, number).astype(float)
    limit = np.ceil(ran * random.choice([0.5, 1.0, 1.0, 1.5, 4.0], number))
    return Workload(
        np.sort(random.integers(0, 40 * number, number)).astype(float),
        ran,
        random.integers(1, slots + 1, number).astype(float),
        limit,
        random.integers(0, 3, number),
    )
