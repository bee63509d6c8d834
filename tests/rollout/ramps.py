"""Evidence of ramps, made by hand: what a challenger as good as the champion would leave."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from runlore.experiments.rules.outcome_metric import Metric, Statistics
from runlore.kernel.moments import Moments, moments_of_counts
from runlore.rollout.rules.evidence import (
    CHALLENGER,
    CHAMPION,
    ArmEvidence,
    RolloutEvidence,
    Stratum,
)
from runlore.rollout.rules.policy import RampPolicy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HITS = Metric("hits", "proportion", "higher", "primary", tolerated_loss=0.02)
SECONDS = Metric("seconds", "mean", "lower", "guardrail", tolerated_loss=0.05)
ERRORS = Metric("errors", "proportion", "lower", "guardrail", 0.01, "absolute")
RETRIES = Metric("retries", "proportion", "lower", "signal")
NOTES = Metric("notes", "mean", "higher", "secondary")
POLICY = RampPolicy((HITS, SECONDS, ERRORS, RETRIES, NOTES))
RATES: dict[str, float] = {"hits": 0.8, "seconds": 2.0, "errors": 0.01, "retries": 0.1, "notes": 5}
UNITS = 60_000


def statistics(metric: Metric, units: int, value: float) -> Statistics:
    """Exactly that value; a mean spreads half as far as it is large."""
    if metric.kind == "proportion":
        return moments_of_counts(units, round(units * value))
    return Moments(units, (value,), ((units * (RATES[metric.name] / 2) ** 2,),))


def arm(
    units: int, rates: Mapping[str, float], metrics: tuple[Metric, ...] = POLICY.metrics
) -> ArmEvidence:
    held = {each.name: statistics(each, units, rates[each.name]) for each in metrics}
    return ArmEvidence(units, held, NOW - timedelta(minutes=1))


def stratum(step: int, units: int = UNITS, **worse: float) -> Stratum:
    """worse: the challenger's values where they are not the champion's."""
    mine = round(units * step / 100)
    arms = {CHAMPION: arm(units - mine, RATES), CHALLENGER: arm(mine, RATES | worse)}
    return Stratum(step / 100, arms)


def evidence(step: int = 50, units: int = UNITS, **worse: float) -> RolloutEvidence:
    """All of one step; the same difference in every step so far."""
    steps = POLICY.steps[: POLICY.steps.index(step) + 1]
    strata = tuple(stratum(each, units, **worse) for each in steps)
    return RolloutEvidence(NOW, step, NOW - timedelta(hours=3), strata, NOW - timedelta(hours=1))


def changed(given: RolloutEvidence, name: str, **values: Any) -> RolloutEvidence:
    """With another newest stratum of one arm."""
    newest = given.strata[-1]
    arms = {**newest.arms, name: replace(newest.arms[name], **values)}
    return replace(given, strata=(*given.strata[:-1], replace(newest, arms=arms)))


def with_metric(
    given: RolloutEvidence, name: str, metric: Metric, found: Statistics
) -> RolloutEvidence:
    held = {**given.strata[-1].arms[name].metrics, metric.name: found}
    return changed(given, name, metrics=held)


def lopsided(given: RolloutEvidence, at: int = -1, units: int = 33_000) -> RolloutEvidence:
    """The champion got more units than its share, in one stratum."""
    strata = list(given.strata)
    strata[at] = replace(strata[at], arms={**strata[at].arms, CHAMPION: arm(units, RATES)})
    return replace(given, strata=tuple(strata))
