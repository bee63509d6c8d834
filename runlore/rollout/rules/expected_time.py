"""When the next step of a rollout can be expected, as units and outcomes have come so far."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import isfinite

from runlore.experiments.rules.outcome_metric import Metric
from runlore.rollout.rules.evidence import CHALLENGER, RolloutEvidence
from runlore.rollout.rules.policy import RampPolicy
from runlore.rollout.rules.ramp import MetricReading, RampDecision


def next_step_at(
    policy: RampPolicy, evidence: RolloutEvidence, decision: RampDecision
) -> datetime | None:
    """The latest of the instants that each requirement needs; None where that cannot be foreseen.

    It cannot where a person has to look, nor where the challenger loses more than is tolerated as
    far as is known.
    """
    if decision.action != "hold" or decision.alert or not evidence.strata:
        return None
    readings = {reading.metric: reading for reading in decision.readings}
    instants = [evidence.step_began_at + timedelta(seconds=policy.least_time_s), evidence.at]
    for metric in policy.judged:
        if metric.name not in readings:
            return None
        for instant in _of_metric(policy, evidence, metric, readings[metric.name]):
            if instant is None:
                return None
            instants.append(instant)
    return max(instants)


def _of_metric(
    policy: RampPolicy, evidence: RolloutEvidence, metric: Metric, reading: MetricReading
) -> Iterator[datetime | None]:
    yield _units_at(policy, evidence, metric)
    if reading.waits_for_outcomes:
        yield _began(evidence) + timedelta(seconds=reading.horizon.longer_s)
    elif reading.next_step != "kept":
        yield _shown_at(evidence, reading)


def _units_at(policy: RampPolicy, evidence: RolloutEvidence, metric: Metric) -> datetime | None:
    """When the challenger has units enough on this step: they come at a rate, and are then due."""
    challenger = evidence.strata[-1].arms[CHALLENGER]
    if challenger.metrics[metric.name].n >= policy.least_units:
        return evidence.at
    if not challenger.assigned:
        return None
    spent = evidence.at - evidence.step_began_at
    followed = challenger.follow_ups.get(metric.name)
    due = timedelta(seconds=followed[0].age_s if followed else 0.0)
    return evidence.step_began_at + spent * (policy.least_units / challenger.assigned) + due


def _shown_at(evidence: RolloutEvidence, reading: MetricReading) -> datetime | None:
    """When the interval is narrow enough: its width falls with the root of the units."""
    middle = (reading.before_next.low + reading.before_next.high) / 2
    if not isfinite(middle) or middle >= 0:
        return None
    times = ((reading.before_next.high - middle) / middle) ** 2
    followed = timedelta(seconds=reading.horizon.age_s)
    return evidence.at + (evidence.at - _began(evidence) - followed) * (times - 1)


def _began(evidence: RolloutEvidence) -> datetime:
    return evidence.began_at or evidence.step_began_at
