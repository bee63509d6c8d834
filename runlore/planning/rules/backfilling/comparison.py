"""Policies compared on one log: chosen on its earlier part, measured on its later part."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.backfilling.predictors import Exact, LastTwo, LikeJobs, Requested
from runlore.planning.rules.backfilling.schedule import (
    BackfillPolicy,
    Order,
    RunTimePredictor,
    Schedule,
    simulate,
)
from runlore.planning.rules.backfilling.waiting import (
    WaitGain,
    WaitingTimes,
    measure_gain,
    measure_waiting,
    slowdowns,
)
from runlore.planning.rules.backfilling.workload import Workload

EARLIER = 0.7  # of the jobs: what levels and the best policy are chosen on
LEVELS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
PATIENCE = 0.999  # quantile of the waits under EASY on the earlier part
BASELINE = "EASY"
EASY_QUANTILE = "EASY like jobs"
SHORTEST_QUANTILE = "SJBF like jobs"
Say = Callable[[str], None]


@dataclass(frozen=True)
class NamedPolicy:
    """is_possible: whether a scheduler could run it: exact run times are known to nobody."""

    name: str
    predictor: Callable[[Workload], RunTimePredictor]
    policy: BackfillPolicy = field(default_factory=BackfillPolicy)
    level: float | None = None
    is_possible: bool = True


@dataclass(frozen=True, eq=False)
class PolicyResult:
    """earlier, later: of the two parts. gain, wait_gain: of the later part, against EASY."""

    named: NamedPolicy
    schedule: Schedule
    whole: WaitingTimes
    earlier: WaitingTimes
    later: WaitingTimes
    gain: WaitGain
    wait_gain: WaitGain


@dataclass(frozen=True)
class ChosenLevels:
    """What the earlier part has said. slowdowns: by policy and level."""

    patience_s: float
    slowdowns: Mapping[str, Mapping[float, float]]

    def level(self, name: str) -> float:
        slowdowns = self.slowdowns[name]
        return min(slowdowns, key=slowdowns.__getitem__)


@dataclass(frozen=True, eq=False)
class Comparison:
    """best: the possible policy with the least slowdown on the earlier part."""

    jobs: Workload
    is_later: NDArray[np.bool_]
    results: Mapping[str, PolicyResult]
    chosen: ChosenLevels
    best: str


@dataclass(frozen=True)
class OtherSlots:
    """Of the later part: under EASY, and under the policy that was best at the asked slots."""

    slots: float
    easy: WaitingTimes
    best: WaitingTimes


def compare_policies(jobs: Workload, slots: float, say: Say) -> Comparison:
    """Replay a log under each policy; two jobs at least, none wider than the machine."""
    is_later = np.arange(len(jobs)) >= min(max(int(EARLIER * len(jobs)), 1), len(jobs) - 1)
    chosen = choose_levels(jobs.select(~is_later), slots, say)
    results: dict[str, PolicyResult] = {}
    for named in _policies(chosen):
        schedule = simulate(jobs, slots, named.predictor(jobs), named.policy)
        baseline = results[BASELINE].schedule if results else schedule
        results[named.name] = _measure(named, jobs, is_later, schedule, baseline)
        say(f"{named.name}: mean bounded slowdown {results[named.name].whole.slowdown:.2f}")
    possible = [name for name, one in results.items() if one.named.is_possible]
    best = min(possible, key=lambda name: results[name].earlier.slowdown)
    return Comparison(jobs, is_later, results, chosen, best)


def replay_slots(made: Comparison, slots: float) -> OtherSlots | None:
    """The same jobs with another number of slots, without those that are wider.

    Nothing is chosen anew. None: no job of the later part fits.
    """
    fits = made.jobs.slots <= slots
    jobs, later = made.jobs.select(fits), made.is_later[fits]
    if not later.any():
        return None
    waited = []
    for name in (BASELINE, made.best):
        named = made.results[name].named
        schedule = simulate(jobs, slots, named.predictor(jobs), named.policy)
        waited.append(measure_waiting(jobs, schedule, later))
    return OtherSlots(slots, *waited)


def choose_levels(jobs: Workload, slots: float, say: Say) -> ChosenLevels:
    easy = simulate(jobs, slots, Requested(jobs), BackfillPolicy())
    patience_s = float(np.quantile(easy.started_s - jobs.submitted_s, PATIENCE))
    orders: dict[str, Order] = {EASY_QUANTILE: "submission", SHORTEST_QUANTILE: "shortest first"}
    found: dict[str, dict[float, float]] = {name: {} for name in orders}
    for name, order in orders.items():
        for level in LEVELS:
            schedule = simulate(jobs, slots, LikeJobs(jobs, level), _protected(order, patience_s))
            found[name][level] = float(slowdowns(jobs, schedule).mean())
            say(f"choosing: {name}, quantile {level:g}: {found[name][level]:.2f}")
    return ChosenLevels(patience_s, found)


def _policies(chosen: ChosenLevels) -> Iterator[NamedPolicy]:
    """The baseline first. SJBF: among jobs that may pass, the shortest is backfilled first."""
    then_request = BackfillPolicy(correction="to the request")
    shortest = BackfillPolicy(order="shortest first")
    shortest_then_request = BackfillPolicy(order="shortest first", correction="to the request")
    protected = _protected("submission", chosen.patience_s)
    shortest_protected = _protected("shortest first", chosen.patience_s)
    levels = {name: chosen.level(name) for name in chosen.slowdowns}
    yield NamedPolicy(BASELINE, Requested)
    yield NamedPolicy("FCFS", Requested, BackfillPolicy(backfills=False))
    yield NamedPolicy("EASY last two", LastTwo)
    yield NamedPolicy("EASY last two, corrected", LastTwo, then_request)
    yield NamedPolicy("EASY last two, protected", LastTwo, protected)
    yield _of_level(EASY_QUANTILE, levels[EASY_QUANTILE], protected)
    yield NamedPolicy("SJBF", Requested, shortest)
    yield NamedPolicy("EASY++", LastTwo, shortest)
    yield NamedPolicy("SJBF last two, corrected", LastTwo, shortest_then_request)
    yield NamedPolicy("SJBF last two, protected", LastTwo, shortest_protected)
    yield _of_level(SHORTEST_QUANTILE, levels[SHORTEST_QUANTILE], shortest_protected)
    yield NamedPolicy("EASY exact", Exact, is_possible=False)
    yield NamedPolicy("SJBF exact", Exact, shortest, is_possible=False)


def _protected(order: Order, patience_s: float) -> BackfillPolicy:
    return BackfillPolicy(order=order, correction="to the request", patience_s=patience_s)


def _of_level(name: str, level: float, policy: BackfillPolicy) -> NamedPolicy:
    return NamedPolicy(name, lambda jobs: LikeJobs(jobs, level), policy, level)


def _measure(
    named: NamedPolicy,
    jobs: Workload,
    is_later: NDArray[np.bool_],
    schedule: Schedule,
    baseline: Schedule,
) -> PolicyResult:
    submitted = jobs.submitted_s[is_later]
    waits = [(one.started_s - jobs.submitted_s)[is_later] for one in (baseline, schedule)]
    slowed = [slowdowns(jobs, one)[is_later] for one in (baseline, schedule)]
    return PolicyResult(
        named,
        schedule,
        measure_waiting(jobs, schedule, np.ones(len(jobs), dtype=np.bool_)),
        measure_waiting(jobs, schedule, ~is_later),
        measure_waiting(jobs, schedule, is_later),
        measure_gain(submitted, *slowed),
        measure_gain(submitted, *waits),
    )
