"""Simulated fleets that fail, with visits that censor lives; the truth of each life is known."""

from collections.abc import Callable
from dataclasses import dataclass
from math import gamma

import numpy as np

from runlore.advice.rules.maintenance.lifetimes import Floats, Ints, RenewalLog

MEAN = 120.0
Visits = Callable[["SimulatedFleet", float, float], dict[int, float]]


@dataclass(frozen=True)
class FleetSort:
    """shape: of Weibull; 1: no wear. slope: of log life by a covariate that is recorded."""

    name: str
    shape: float
    slope: float = 0.0


SORTS = (
    FleetSort("constant", 1.0),
    FleetSort("wear-out", 3.0),
    FleetSort("infant mortality", 0.6),
    FleetSort("wear-out with covariate", 2.5, 0.5),
)


class SimulatedFleet:
    """Lives of each device are drawn beforehand, so that policies meet the same ones."""

    def __init__(self, sort: FleetSort, devices: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.x = random.normal(size=devices)
        scale = MEAN / gamma(1 + 1 / sort.shape) * np.exp(sort.slope * self.x)
        self.lives = random.weibull(sort.shape, (devices, 400)) * scale[:, None]
        self.visit_at = random.exponential(2 * MEAN, (devices, 400))
        self.number = np.zeros(devices, dtype=np.int64)
        self.begun = np.zeros(devices)
        self.records: list[tuple[int, float, bool]] = []

    @property
    def fails_at(self) -> Floats:
        return np.asarray(self.begun + self.lives[np.arange(len(self.x)), self.number])

    def renew(self, device: int, day: float, *, is_failure: bool) -> None:
        self.records.append((device, day, is_failure))
        self.begun[device] = day
        self.number[device] += 1

    def run_history(self, days: float) -> None:
        """Until this day, visits come by chance."""
        for device in range(len(self.x)):
            while True:
                visit = self.begun[device] + self.visit_at[device, self.number[device]]
                day = min(visit, self.fails_at[device])
                if day >= days:
                    break
                self.renew(device, day, is_failure=day < visit)

    def run(self, until: float, visits: dict[int, float]) -> tuple[int, int]:
        """Visits made and failures; a visit is not made after a failure in the same step."""
        made = failed = 0
        for device in range(len(self.x)):
            visit = visits.get(device, np.inf)
            while True:
                day = min(self.fails_at[device], visit)
                if day >= until:
                    break
                is_failure = day < visit
                made, failed = made + (not is_failure), failed + is_failure
                self.renew(device, day, is_failure=is_failure)
                visit = np.inf
        return made, failed

    def log(self, now: float) -> RenewalLog:
        """What is known now, in days before it."""
        devices = len(self.x)
        rows = np.array(self.records, dtype=np.float64).reshape(-1, 3)
        scope: Ints = rows[:, 0].astype(np.int64)
        inputs = np.append(np.full(len(rows), np.nan), self.x)[:, None]
        first, until = np.full(devices, -now), np.zeros(devices)
        return RenewalLog(scope, rows[:, 1] - now, rows[:, 2] > 0, first, until, inputs, ("x",))
