"""Decide whether a challenger climbs, waits, falls or takes over, with reasons.

Harm is looked for first. Missing data holds; it never advances and never promotes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from runlore.experiments.rules import loss
from runlore.experiments.rules.loss import LossAnswer, Pair
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.sample_ratio import SampleRatio
from runlore.experiments.rules.sequence import NOTHING_KNOWN
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import BadInput
from runlore.kernel.intervals import Interval
from runlore.rollout.rules import follow_up
from runlore.rollout.rules.evidence import (
    CHALLENGER,
    RolloutEvidence,
    faults,
    metric_fault,
    watch_shares,
)
from runlore.rollout.rules.follow_up import COMPLETE, Horizon
from runlore.rollout.rules.policy import WHOLE, RampPolicy

Action = Literal["advance", "hold", "roll back", "promote"]


@dataclass(frozen=True)
class MetricReading:
    """One metric. beyond: the interval of the loss beyond what is tolerated, in its own unit.

    before_next: the same beyond what is tolerated before the next step. is_better: whether the
    challenger is shown to be better. horizon: the follow-up at which `before_next` is measured.
    """

    metric: str
    role: str
    tolerated_before_next: float
    beyond: Interval = NOTHING_KNOWN
    before_next: Interval = NOTHING_KNOWN
    is_better: bool = False
    fault: str | None = None
    horizon: Horizon = COMPLETE

    @property
    def is_broken(self) -> bool:
        return loss.answer(self.beyond) == "broken"

    @property
    def next_step(self) -> LossAnswer:
        return loss.answer(self.before_next)

    @property
    def waits_for_outcomes(self) -> bool:
        """Whether too much of the loss may still come to show that enough is kept."""
        return not self.horizon.is_enough and self.next_step != "kept"

    @property
    def is_past_following(self) -> bool:
        """Whether outcomes come later than the longest follow-up: waiting does not help."""
        return self.waits_for_outcomes and self.horizon.is_longest


@dataclass(frozen=True)
class RampDecision:
    """step: percent that the challenger is to have from now on. alert: a person should look."""

    action: Action
    step: int
    reasons: tuple[str, ...]
    alert: bool = False
    readings: tuple[MetricReading, ...] = ()
    sample_ratio: SampleRatio | None = None


@dataclass(frozen=True)
class ManualOrder:
    """A person's order, which overrules the evidence. step: percent, for "step" alone."""

    actor: str
    reason: str
    action: Literal["stop", "hold", "step", "promote"]
    step: int | None = None


def decide(policy: RampPolicy, evidence: RolloutEvidence) -> RampDecision:
    """The first rule that applies decides; see docs/rollout.md for them in words."""
    untrusted = faults(policy, evidence)
    if untrusted:
        return RampDecision("hold", evidence.step, untrusted, alert=True)
    following = policy.after(evidence.step)
    readings = tuple(_read(policy, evidence, metric, following) for metric in policy.metrics)
    ratio = watch_shares(evidence)
    decision = (
        _broken(policy, readings)
        or _mismatch(evidence, ratio)
        or _faulty(policy, evidence, readings)
        or _worse_signal(policy, evidence, readings)
        or _waiting(policy, evidence)
        or _unproven(policy, evidence, readings, following)
        or _onward(policy, readings, following)
    )
    return RampDecision(
        decision.action, decision.step, decision.reasons, decision.alert, readings, ratio
    )


def by_hand(policy: RampPolicy, step: int, order: ManualOrder) -> RampDecision:
    """A person's decision; the caller records it with the evidence of the moment.

    stop takes the challenger's traffic away; step sets any of the policy's steps below 100.
    """
    if not order.actor or not order.reason:
        raise BadInput("an order needs who gives it and why", "reason")
    reasons = (f"{order.actor}: {order.reason}",)
    if order.action == "stop":
        return RampDecision("roll back", 0, reasons)
    if order.action == "promote":
        return RampDecision("promote", WHOLE, reasons)
    if order.action == "hold":
        return RampDecision("hold", step, reasons)
    if order.step not in policy.steps or order.step == WHOLE:
        raise BadInput(f"step: {order.step} is none of {policy.steps[:-1]}", "step")
    return RampDecision("advance" if order.step > step else "hold", order.step, reasons)


def tolerated_before(metric: Metric, following: int) -> float:
    """What may be lost in the challenger's units before it gets `following` percent of all units.

    Little traffic proves little, and can lose little: with 5 % of the units a loss of 20 times
    `tolerated_loss` costs all units together no more than `tolerated_loss`.
    """
    return metric.tolerated_loss * WHOLE / following


def _read(
    policy: RampPolicy, evidence: RolloutEvidence, metric: Metric, following: int
) -> MetricReading:
    tolerated = tolerated_before(metric, following)
    fault = metric_fault(metric, evidence, policy.least_known)
    if metric.role == "secondary" or fault:
        return MetricReading(metric.name, metric.role, tolerated, fault=fault)
    harm, until_now = _followed(metric, evidence, metric.tolerated_loss)
    horizon, pairs = _followed(metric, evidence, tolerated)
    shared = policy.alpha / len(policy.judged) if metric in policy.judged else policy.alpha
    broken_above = harm.broken_above(metric.tolerated_loss)
    return MetricReading(
        metric=metric.name,
        role=metric.role,
        tolerated_before_next=tolerated,
        beyond=_excess(policy, metric, until_now, broken_above, shared),
        before_next=_excess(policy, metric, pairs, horizon.kept_below(tolerated), policy.alpha),
        is_better=_excess(policy, metric, pairs, 0.0, policy.alpha).high < 0,
        horizon=horizon,
    )


def _followed(
    metric: Metric, evidence: RolloutEvidence, tolerated: float
) -> tuple[Horizon, tuple[Pair, ...]]:
    strata = evidence.followed(metric)
    return follow_up.choose(strata, tolerated) if strata else (COMPLETE, evidence.pairs(metric))


def _excess(
    policy: RampPolicy, metric: Metric, pairs: Sequence[Pair], tolerated: float, alpha: float
) -> Interval:
    if tolerated < 0:
        return NOTHING_KNOWN
    return loss.excess(loss.sides(metric, pairs), tolerated, alpha, policy.narrowest_at_units)


def _of(readings: Sequence[MetricReading], *roles: str) -> list[MetricReading]:
    return [reading for reading in readings if reading.role in roles]


def _broken(policy: RampPolicy, readings: Sequence[MetricReading]) -> RampDecision | None:
    broken = [reading for reading in _of(readings, "primary", "guardrail") if reading.is_broken]
    if not broken:
        return None
    tolerated = {metric.name: metric for metric in policy.metrics}
    reasons = tuple(
        f"{_lost(tolerated[reading.metric])}, {_beyond(reading.beyond)}" for reading in broken
    )
    return RampDecision("roll back", 0, reasons, alert=True)


def _mismatch(evidence: RolloutEvidence, ratio: SampleRatio) -> RampDecision | None:
    if not ratio.is_mismatch:
        return None
    return RampDecision("hold", evidence.step, (ratio.reason,), alert=True)


def _faulty(
    policy: RampPolicy, evidence: RolloutEvidence, readings: Sequence[MetricReading]
) -> RampDecision | None:
    reasons = tuple(
        reading.fault
        for reading in _of(readings, "primary", "guardrail", "signal")
        if reading.fault
    )
    return RampDecision("hold", evidence.step, reasons, alert=True) if reasons else None


def _worse_signal(
    policy: RampPolicy, evidence: RolloutEvidence, readings: Sequence[MetricReading]
) -> RampDecision | None:
    worse = [reading for reading in _of(readings, "signal") if reading.is_broken]
    reasons = tuple(
        f"signal {reading.metric} is worse, {_beyond(reading.beyond)}" for reading in worse
    )
    return RampDecision("hold", evidence.step, reasons, alert=True) if reasons else None


def _waiting(policy: RampPolicy, evidence: RolloutEvidence) -> RampDecision | None:
    challenger = evidence.strata[-1].arms[CHALLENGER]
    reasons = [
        f"{metric.name} is known of {challenger.metrics[metric.name].n:,} units of the challenger "
        f"on this step; {policy.least_units:,} are needed"
        for metric in policy.judged
        if challenger.metrics[metric.name].n < policy.least_units
    ]
    spent_s = (evidence.at - evidence.step_began_at).total_seconds()
    if spent_s < policy.least_time_s:
        reasons.append(
            f"{spent_s / 60:.0f} min on this step; {policy.least_time_s / 60:.0f} needed"
        )
    return RampDecision("hold", evidence.step, tuple(reasons)) if reasons else None


def _unproven(
    policy: RampPolicy, evidence: RolloutEvidence, readings: Sequence[MetricReading], following: int
) -> RampDecision | None:
    judged = _of(readings, "primary", "guardrail")
    reasons = [_not_kept(reading) for reading in judged if reading.next_step != "kept"]
    is_last = following == WHOLE
    wants_better = policy.promote_when == "better" and is_last
    if wants_better and not any(reading.is_better for reading in _of(readings, "primary")):
        reasons.append("no primary metric is shown to be better than the champion's yet")
    alert = any(reading.is_past_following for reading in judged)
    return RampDecision("hold", evidence.step, tuple(reasons), alert) if reasons else None


def _onward(policy: RampPolicy, readings: Sequence[MetricReading], following: int) -> RampDecision:
    reasons = tuple(
        f"{reading.metric} loses no more than {reading.tolerated_before_next:.3g}"
        + (", and is better" if reading.is_better else "")
        for reading in _of(readings, "primary", "guardrail")
    )
    return RampDecision("promote" if following == WHOLE else "advance", following, reasons)


def _lost(metric: Metric) -> str:
    unit = " of the champion's value" if metric.loss_is == "relative" else ""
    return f"{metric.role} {metric.name} loses more than {metric.tolerated_loss:.3g}{unit}"


def _not_kept(reading: MetricReading) -> str:
    if not reading.waits_for_outcomes:
        return (
            f"{reading.metric}: that no more than {reading.tolerated_before_next:.3g} is lost is "
            f"not shown yet, {_beyond(reading.before_next)}"
        )
    late = (
        f"{reading.metric}: outcomes come late: up to {reading.horizon.unseen:.0%} of the loss may "
        f"come more than {_hours(reading.horizon.age_s)} after the answer"
    )
    if reading.is_past_following:
        return f"{late}, and no longer follow-up is read; set a longer outcome_due_s"
    return f"{late}; more units must be followed for {_hours(reading.horizon.longer_s)}"


def _hours(seconds: float) -> str:
    return f"{seconds / HOUR_S:.3g} h"


def _beyond(beyond: Interval) -> str:
    if beyond == NOTHING_KNOWN:
        return "nothing is known of it: units are too few, or all the same"
    return f"by {beyond.low:.3g} to {beyond.high:.3g} beyond that"
