"""Ramps whose outcomes become known late: simulated units, looked at every hour.

A unit arrives, is answered, and its outcome becomes known after a delay. A table of running sums
holds what a look may know, so that a look costs the units that became known since the last one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.moments import Moments, no_moments
from runlore.rollout.rules.evidence import BOTH, ArmEvidence, RolloutEvidence, Stratum
from runlore.rollout.rules.follow_up import FollowUp, ages
from runlore.rollout.rules.policy import RampPolicy
from runlore.rollout.rules.ramp import decide

START = datetime(2026, 1, 5, tzinfo=UTC)
LOSS = Metric("absolute error", "mean", "lower", "primary", 0.05, has_covariate=True)
POLICY = RampPolicy((LOSS,))
DUE_H = 24
SUMS = 6  # units, loss, outcome, and the three products of the last two

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """delay_h, outcome: (n,). loss: (2, n), of the champion's answer and of the challenger's."""

    delay_h: Floats
    outcome: Floats
    loss: Floats


@dataclass(frozen=True)
class DelayedWorld:
    """draw: n units. per_hour: how many of them come."""

    name: str
    draw: Callable[[Generator, int], Units]
    per_hour: int = 2_000
    most_days: int = 40


@dataclass(frozen=True)
class RampEnd:
    action: str
    days: float
    step: int


class Knowledge:
    """What is known of each stratum, arm and follow-up time, in running sums."""

    def __init__(self, world: DelayedWorld, rng: Generator) -> None:
        hours = world.most_days * 24
        n = hours * world.per_hour
        self.units = world.draw(rng, n)
        self.arrived = np.repeat(np.arange(hours), world.per_hour)
        self.position = rng.random(n)
        self.ages_h = np.array(ages(DUE_H))
        self.stratum = np.full(hours, -1)
        self.share = np.zeros(0)
        self.sums = np.zeros((0, 2, len(self.ages_h), SUMS + 4))
        self._due = [_by_hour(self.arrived + age, hours) for age in self.ages_h]
        known = self.arrived + np.ceil(self.units.delay_h)
        self._known = [
            _by_hour(np.maximum(known, self.arrived + age), hours) for age in self.ages_h
        ]

    def begin(self, hour: int, share: float) -> None:
        """Units from this hour on are in a new stratum."""
        self.stratum[hour:] = len(self.share)
        self.share = np.append(self.share, share)
        shape = (len(self.share), *self.sums.shape[1:])
        self.sums = np.concatenate([self.sums, np.zeros((1, *shape[1:]))])

    def add(self, hour: int) -> None:
        """Add what became due or known within this hour."""
        for rung, age_h in enumerate(self.ages_h):
            _, cells = self._at(self._due[rung], hour)
            self._count(rung, cells, SUMS, None)
            known, cells = self._at(self._known[rung], hour)
            loss, y = self.units.loss[cells % 2, known], self.units.outcome[known]
            late = np.where(self.units.delay_h[known] > age_h / 2, loss, 0.0)
            values = (None, loss, y, loss * loss, loss * y, y * y)
            for place, value in enumerate(values):
                self._count(rung, cells, place, value)
            self._count(rung, cells, SUMS + 1, late)
            self._count(rung, cells, SUMS + 2, late * late)
            np.maximum.at(self.sums, (cells // 2, cells % 2, rung, SUMS + 3), loss)

    def _at(self, hours: tuple[Ints, Ints], hour: int) -> tuple[Ints, Ints]:
        """The rows of an hour, and where each counts: twice its stratum, plus its arm."""
        order, starts = hours
        rows = order[starts[hour] : starts[hour + 1]]
        stratum = self.stratum[self.arrived[rows]]
        return rows, 2 * stratum + (self.position[rows] < self.share[stratum])

    def _count(self, rung: int, cells: Ints, place: int, values: Floats | None) -> None:
        counted = np.bincount(cells, values, 2 * len(self.share))
        self.sums[:, :, rung, place] += counted.reshape(-1, 2)

    def strata(self, at: datetime, follow_ups: bool) -> tuple[Stratum, ...]:
        return tuple(
            Stratum(
                float(share),
                {
                    name: _arm(self.sums[number, arm], self.ages_h, at, follow_ups)
                    for arm, name in enumerate(BOTH)
                },
            )
            for number, share in enumerate(self.share)
        )


def _by_hour(hours: Floats, end: int) -> tuple[Ints, Ints]:
    """Rows sorted by hour, and where the rows of each hour begin."""
    whole = np.minimum(hours, end).astype(np.int16)  # which NumPy sorts by radix
    order = np.argsort(whole, kind="stable")
    return order, np.searchsorted(whole[order], np.arange(end + 2, dtype=np.int16))


def _arm(sums: Floats, ages_h: Floats, at: datetime, follow_ups: bool) -> ArmEvidence:
    followed = [_follow_up(of, float(age)) for of, age in zip(sums, ages_h, strict=True)]
    due = int(sums[0, SUMS])
    return ArmEvidence(
        assigned=max(due, 1),
        metrics={LOSS.name: followed[0].known},
        newest_at=at,
        due={LOSS.name: due},
        follow_ups={LOSS.name: tuple(followed)} if follow_ups else {},
    )


def _follow_up(of: Floats, age_h: float) -> FollowUp:
    n = int(of[0])
    if not n:
        return FollowUp(age_h * 3600, int(of[SUMS]), no_moments(2), no_moments(), 0.0)
    loss, y = of[1] / n, of[2] / n
    products = (
        (of[3] - n * loss * loss, of[4] - n * loss * y),
        (of[4] - n * loss * y, of[5] - n * y * y),
    )
    late = of[SUMS + 1] / n
    spread = max(of[SUMS + 2] - n * late * late, 0.0)
    return FollowUp(
        age_s=age_h * 3600,
        out=int(of[SUMS]) - n,
        known=Moments(n, (loss, y), products),
        late=Moments(n, (late,), ((spread,),)),
        largest=float(of[SUMS + 3]),
    )


def climb(
    world: DelayedWorld,
    rng: Generator,
    *,
    policy: RampPolicy = POLICY,
    follow_ups: bool = True,
    every_h: int = 1,
) -> RampEnd:
    """Look every so many hours, obey, and stop at a promotion, a roll-back or the last day."""
    known = Knowledge(world, rng)
    step, began = policy.steps[0], 0
    known.begin(0, step / 100)
    for hour in range(world.most_days * 24):
        known.add(hour)
        if hour % every_h:
            continue
        at = START + timedelta(hours=hour)
        evidence = RolloutEvidence(
            at=at,
            step=step,
            step_began_at=START + timedelta(hours=began),
            strata=known.strata(at, follow_ups),
            decided_at=max(at - timedelta(hours=every_h), START + timedelta(hours=began)),
        )
        decision = decide(policy, evidence)
        if decision.action in ("roll back", "promote"):
            return RampEnd(decision.action, hour / 24, step)
        if decision.action == "advance":
            step, began = decision.step, hour
            known.begin(hour + 1, step / 100)
    return RampEnd("hold", world.most_days, step)
