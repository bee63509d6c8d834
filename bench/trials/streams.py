"""Simulated units, and what Runlore's own rules make of them, look by look."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from runlore.experiments.rules.analysis import Observed, analyse_metrics
from runlore.experiments.rules.comparison import compare
from runlore.experiments.rules.design import DecisionRule, Variant, design
from runlore.experiments.rules.outcome_metric import Metric, Statistics
from runlore.experiments.rules.sample_ratio import WATCHED_LEVEL, log_e_value
from runlore.experiments.rules.sketch import Sketch, sketch_of
from runlore.kernel.moments import Moments, moments_of, moments_of_counts, no_moments
from runlore.rollout.rules.evidence import ArmEvidence, RolloutEvidence, Stratum
from runlore.rollout.rules.policy import RampPolicy
from runlore.rollout.rules.ramp import Action, decide

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Generator = np.random.Generator

CONVERTED = Metric("converted", "proportion", "higher")
START = datetime(2026, 1, 1, tzinfo=UTC)
Z_95 = 1.959964


@dataclass(frozen=True)
class Counts:
    """Successes of units per arm, summed up look by look: each (runs, looks)."""

    units: tuple[Ints, Ints]
    hits: tuple[Ints, Ints]


def proportions(
    rates: tuple[float, float], runs: int, looks: int, batch: int, rng: Generator
) -> Counts:
    """An even split by chance, as hashing makes it."""
    first = rng.binomial(batch, 0.5, (runs, looks))
    units = (first, batch - first)
    hits = tuple(rng.binomial(n, rate) for n, rate in zip(units, rates, strict=True))
    summed = [np.cumsum(each, axis=1) for each in (*units, *hits)]
    return Counts((summed[0], summed[1]), (summed[2], summed[3]))


def z(counts: Counts) -> Floats:
    """The size of the pooled two-proportion z at each look, (runs, looks)."""
    n, m = counts.units
    pooled = (counts.hits[0] + counts.hits[1]) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    apart = np.abs(counts.hits[1] / m - counts.hits[0] / n)
    return np.asarray(apart / np.where(error > 0, error, np.inf))


def first_z(counts: Counts, least: int) -> Ints:
    """The look at which a z-test first says p < .05, (runs,); as many as there are looks: never."""
    return first((z(counts) > Z_95) & (np.minimum(*counts.units) >= least))


def first_decision(counts: Counts, rule: DecisionRule) -> tuple[Ints, list[str | None]]:
    """The look at which `analyse` first names a winner, and whom."""
    test = design("bench", (Variant("b"),), (CONVERTED,), rule=rule)
    runs, looks = counts.units[0].shape
    at, winners = np.full(runs, looks), []
    for run in range(runs):
        winner = None
        for look in range(looks):
            observed = {
                name: _observed(int(counts.units[arm][run, look]), int(counts.hits[arm][run, look]))
                for arm, name in enumerate(("control", "b"))
            }
            winner = analyse_metrics(test, observed, 30 * 86_400.0).winner
            if winner:
                at[run] = look
                break
        winners.append(winner)
    return at, winners


def _observed(units: int, hits: int) -> Observed:
    return Observed(units, {CONVERTED.name: moments_of_counts(units, hits)})


def first(crossed: NDArray[np.bool_]) -> Ints:
    return np.where(crossed.any(axis=1), crossed.argmax(axis=1), crossed.shape[1])


@dataclass(frozen=True)
class Kind:
    """A sort of metric whose truth is known. draw: (n,) units of an arm to what `gather` takes."""

    label: str
    metric: Metric
    truth: float
    draw: Callable[[Generator, int, int], tuple[Floats, ...]]


def kinds() -> tuple[Kind, ...]:
    """Variant b is a tenth better or worse than a, where there is a difference."""

    def coins(rate: float) -> Callable[[Generator, int, int], tuple[Floats, ...]]:
        return lambda rng, n, arm: ((rng.random(n) < rate * (1 + 0.1 * arm)).astype(float),)

    def times(rng: Generator, n: int, arm: int) -> tuple[Floats, ...]:
        return (rng.lognormal(0, 1, n) * (1 + 0.1 * arm),)

    def spent(rng: Generator, n: int, arm: int) -> tuple[Floats, ...]:
        return (rng.lognormal(0, 1, n) * (rng.random(n) < 0.05),)

    def sessions(rng: Generator, n: int, arm: int) -> tuple[Floats, ...]:
        views = 1.0 + rng.poisson(4, n)
        return rng.binomial(views.astype(int), 0.2 * (1 + 0.1 * arm)).astype(float), views

    def before(rng: Generator, n: int, arm: int) -> tuple[Floats, ...]:
        usual = rng.gamma(2, 1, n)
        return usual + rng.gamma(2, 0.5, n) + 0.2 * arm, usual

    p90 = float(np.exp(1.2815515655446004))
    return (
        Kind("proportion, 5 %", Metric("x", "proportion", "higher"), 0.005, coins(0.05)),
        Kind("proportion, 0.2 %", Metric("x", "proportion", "higher"), 0.0002, coins(0.002)),
        Kind("mean, log-normal", Metric("x", "mean", "lower"), 0.1 * float(np.exp(0.5)), times),
        Kind("mean, 95 % zeros", Metric("x", "mean", "higher"), 0.0, spent),
        Kind("ratio, delta method", Metric("x", "ratio", "higher"), 0.02, sessions),
        Kind("mean, CUPED", Metric("x", "mean", "higher", has_covariate=True), 0.2, before),
        Kind("90th percentile", Metric("x", "quantile", "lower", quantile=0.9), 0.1 * p90, times),
    )


def coverage(kind: Kind, share: float, looks: Ints, runs: int, rng: Generator) -> NDArray[np.bool_]:
    """(runs, looks): whether the interval holds the truth. share: of units that b gets."""
    covered = np.ones((runs, looks.size), dtype=bool)
    for run in range(runs):
        held: list[Statistics] = [_nothing(kind.metric), _nothing(kind.metric)]
        for look, fresh in enumerate(np.diff(looks, prepend=0)):
            mine = int(rng.binomial(fresh, share))
            for arm, n in enumerate((int(fresh) - mine, mine)):
                held[arm] = _added(held[arm], kind.draw(rng, n, arm))
            found = compare(kind.metric, "b", (held[0], held[1]), DecisionRule(correction="none"))
            covered[run, look] = not found.interval.leaves_out(kind.truth)
    return covered


def _nothing(metric: Metric) -> Statistics:
    return Sketch() if metric.kind == "quantile" else no_moments(metric.values)


def _added(held: Statistics, values: tuple[Floats, ...]) -> Statistics:
    if isinstance(held, Moments):
        return held.merged(moments_of(*values))
    return held.merged(sketch_of(values[0]))


@dataclass(frozen=True)
class Climb:
    """How one ramp went. units: of both arms until its end; challenged: the challenger's."""

    action: Action
    units: int
    challenged: int
    step: int


Draw = Callable[[Generator, int, bool], Moments]


def hits(rate: float, regression: float) -> Draw:
    def draw(rng: Generator, n: int, is_challenger: bool) -> Moments:
        return moments_of_counts(n, int(rng.binomial(n, rate * (1 - regression * is_challenger))))

    return draw


def seconds(regression: float) -> Draw:
    """Exponential times: as spread as their mean is large."""

    def draw(rng: Generator, n: int, is_challenger: bool) -> Moments:
        return moments_of(rng.exponential(1 + regression * is_challenger, n))

    return draw


def climb(policy: RampPolicy, draw: Draw, batch: int, most: int, rng: Generator) -> Climb:
    """Look after every batch of units, obey, and stop at a promotion, a roll-back or `most`."""
    [metric] = policy.metrics
    step, at, began, units, challenged = policy.steps[0], START, START, 0, 0
    done: list[Stratum] = []
    held = [no_moments(), no_moments()]
    while units < most:
        mine = int(rng.binomial(batch, step / 100))
        held = [
            held[0].merged(draw(rng, batch - mine, False)),
            held[1].merged(draw(rng, mine, True)),
        ]
        units, challenged, at = units + batch, challenged + mine, at + timedelta(hours=2)
        newest = Stratum(
            step / 100, dict(zip(("champion", "challenger"), _arms(metric, held, at), strict=True))
        )
        decision = decide(
            policy, RolloutEvidence(at, step, began, (*done, newest), at - timedelta(hours=2))
        )
        if decision.action in ("roll back", "promote"):
            return Climb(decision.action, units, challenged, step)
        if decision.action == "advance":
            done.append(newest)
            step, began, held = decision.step, at, [no_moments(), no_moments()]
    return Climb("hold", units, challenged, step)


def _arms(metric: Metric, held: list[Moments], at: datetime) -> Iterator[ArmEvidence]:
    for each in held:
        yield ArmEvidence(each.n, {metric.name: each}, at)


def watched(
    shares: tuple[float, ...], truth: tuple[float, ...], runs: int, most: int, rng: Generator
) -> Ints:
    """After how many assignments each stream is first called a mismatch; `most` + 1: never."""
    found = np.empty(runs, dtype=np.int64)
    for run in range(runs):
        arms = rng.choice(len(truth), most, p=truth)
        counts = np.cumsum(np.eye(len(truth), dtype=np.int64)[arms], axis=0)
        is_alarm = log_e_value(counts, shares) > -np.log(WATCHED_LEVEL)
        found[run] = (is_alarm.argmax() if is_alarm.any() else most) + 1
    return found
