"""The evidence that decides a ramp, and the checks that it can be trusted."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runlore.experiments.rules import sample_ratio
from runlore.experiments.rules.estimate import LEAST_UNITS, arms
from runlore.experiments.rules.loss import Pair
from runlore.experiments.rules.missing import OutcomeCoverage, are_apart
from runlore.experiments.rules.outcome_metric import Metric, Statistics
from runlore.experiments.rules.sample_ratio import SampleRatio, UnitSplit
from runlore.kernel.durations import CLOCK_TOLERANCE_S, HOUR_S
from runlore.kernel.moments import Moments
from runlore.rollout.rules.follow_up import FollowedPair, FollowUp
from runlore.rollout.rules.policy import WHOLE, RampPolicy

CHAMPION, CHALLENGER = "champion", "challenger"
BOTH = (CHAMPION, CHALLENGER)
MOST_SPREAD = 10.0  # the largest ratio of the two arms' standard deviations
LATE_LEVEL = 0.001


@dataclass(frozen=True)
class ArmEvidence:
    """assigned: units that the arm got.

    metrics: by name, of units whose outcome is known. newest_at: its newest fact. duplicates: rows
    that came in more than once. due: by metric, units so long ago that their outcome is to be known
    by now; all of them where it does not say. follow_ups: by metric, of losses whose outcomes come
    late, the same units by how old they are, youngest first.
    """

    assigned: int
    metrics: Mapping[str, Statistics]
    newest_at: datetime | None
    duplicates: int = 0
    due: Mapping[str, int] = field(default_factory=dict)
    follow_ups: Mapping[str, tuple[FollowUp, ...]] = field(default_factory=dict)

    def expected(self, metric: str) -> int:
        """The number of units of which a metric should be known."""
        return self.due.get(metric, self.assigned)


@dataclass(frozen=True)
class Stratum:
    """The evidence while the challenger had one share of the units: 0 .. 1, without the ends."""

    share: float
    arms: Mapping[str, ArmEvidence]


@dataclass(frozen=True)
class RolloutEvidence:
    """at: now. step: percent that the challenger has, since `step_began_at`.

    strata: one for each step so far, the current one last. decided_at: the last decision.
    unread: what could not be read, such as the database's error. began_at: when units of the first
    stratum began to count.
    """

    at: datetime
    step: int
    step_began_at: datetime
    strata: tuple[Stratum, ...]
    decided_at: datetime | None = None
    unread: tuple[str, ...] = ()
    began_at: datetime | None = None

    def pairs(self, metric: Metric) -> tuple[Pair, ...]:
        """Champion's and challenger's statistics, stratum by stratum."""
        return tuple(
            (
                stratum.arms[CHAMPION].metrics[metric.name],
                stratum.arms[CHALLENGER].metrics[metric.name],
            )
            for stratum in self.strata
        )

    def followed(self, metric: Metric) -> tuple[tuple[FollowedPair, ...], ...]:
        """The same by stratum and follow-up time; empty for metrics that need no follow-up."""
        arms = [
            [stratum.arms[name].follow_ups.get(metric.name) for name in BOTH]
            for stratum in self.strata
        ]
        return tuple(
            tuple(zip(champion, challenger, strict=True))
            for champion, challenger in arms
            if champion and challenger
        )


def faults(policy: RampPolicy, evidence: RolloutEvidence) -> tuple[str, ...]:
    """List why the evidence cannot be trusted; empty when it can be."""
    if evidence.unread:
        return tuple(f"could not be read: {source}" for source in evidence.unread)
    broken = tuple(_structure(policy, evidence))
    return broken or tuple(_clock(policy, evidence)) + tuple(_traffic(policy, evidence))


def metric_fault(metric: Metric, evidence: RolloutEvidence, least_known: float) -> str | None:
    """Return why one metric cannot be used; None when it can."""
    for stratum in evidence.strata:
        for name in BOTH:
            statistics = stratum.arms[name].metrics.get(metric.name)
            if statistics is None:
                return f"{metric.name} of the {name} is missing"
            metric.check(statistics)
            if not statistics.is_finite:
                return f"{metric.name} of the {name} holds values that are no numbers"
    return (
        _late(metric, evidence.strata[-1], least_known)
        or _baseline(metric, evidence)
        or _spread(metric, evidence)
    )


def watch_shares(evidence: RolloutEvidence) -> SampleRatio:
    splits = [
        UnitSplit(
            {name: stratum.arms[name].assigned for name in BOTH},
            {CHAMPION: 1 - stratum.share, CHALLENGER: stratum.share},
        )
        for stratum in evidence.strata
    ]
    return sample_ratio.watch(splits)


def _structure(policy: RampPolicy, evidence: RolloutEvidence) -> Iterator[str]:
    if evidence.step not in policy.steps or evidence.step == WHOLE:
        yield f"{evidence.step} % is no step that can be left; steps are {policy.steps}"
    if not evidence.strata:
        yield "there is no evidence at all"
        return
    if not math.isclose(evidence.strata[-1].share, evidence.step / WHOLE):
        yield f"the newest evidence is of a share of {evidence.strata[-1].share:.0%}"
    for stratum in evidence.strata:
        if set(stratum.arms) != set(BOTH):
            yield f"arms are {', '.join(sorted(stratum.arms)) or 'none'}, not {' and '.join(BOTH)}"
        if not 0 < stratum.share < 1:
            yield f"a share of {stratum.share} leaves nothing to compare"


def _clock(policy: RampPolicy, evidence: RolloutEvidence) -> Iterator[str]:
    at = evidence.at
    if at < evidence.step_began_at:
        yield f"the clock went back: the step began at {evidence.step_began_at.isoformat()}"
        return
    looked_at = evidence.decided_at or evidence.step_began_at
    if at < looked_at:
        yield f"the clock went back: the last look was at {looked_at.isoformat()}"
    if at - looked_at > timedelta(seconds=policy.most_pause_s):
        yield (
            f"the clock jumped, or nobody looked, since {looked_at.isoformat()}; "
            "the next decision counts again"
        )


def _traffic(policy: RampPolicy, evidence: RolloutEvidence) -> Iterator[str]:
    for name, arm in evidence.strata[-1].arms.items():
        if arm.newest_at is None or not arm.assigned:
            yield f"the {name} got no traffic"
            continue
        age_s = (evidence.at - arm.newest_at).total_seconds()
        if age_s > policy.freshest_s:
            yield f"the {name} has been silent for {age_s / HOUR_S:.1f} h"
        if age_s < -CLOCK_TOLERANCE_S:
            yield f"the {name}'s newest fact is of the future, {arm.newest_at.isoformat()}"
    for stratum in evidence.strata:
        yield from _doubled(stratum)


def _doubled(stratum: Stratum) -> Iterator[str]:
    for name, arm in stratum.arms.items():
        if arm.duplicates:
            yield f"the {name} has {arm.duplicates:,} rows that came in more than once"
        for metric, statistics in arm.metrics.items():
            if statistics.n > arm.assigned:
                yield (
                    f"{metric} of the {name} counts {statistics.n:,} units of {arm.assigned:,}: "
                    "some came in more than once"
                )


def _late(metric: Metric, newest: Stratum, least_known: float) -> str | None:
    """Outcomes that are still to come are not a fair part: what fails or is slow comes late.

    Of fewer than LEAST_UNITS of an arm nothing is said.
    """
    champion, challenger = (
        OutcomeCoverage(
            newest.arms[name].expected(metric.name), newest.arms[name].metrics[metric.name].n
        )
        for name in BOTH
    )
    for name, of in zip(BOTH, (champion, challenger), strict=True):
        if of.due >= LEAST_UNITS and of.known < least_known * of.due:
            return (
                f"{metric.name} is known of {of.known:,} of {of.due:,} units of the {name} so far"
            )
    if are_apart(champion, challenger, LATE_LEVEL):
        return (
            f"{metric.name} is known of {challenger.share:.1%} of the challenger's units, but "
            f"of {champion.share:.1%} of the champion's"
        )
    return None


def _baseline(metric: Metric, evidence: RolloutEvidence) -> str | None:
    """A count of faults may be 0 when its tolerated loss is absolute; nothing else may."""
    pairs = evidence.pairs(metric)
    may_be_zero = (
        metric.role != "primary" and metric.kind == "proportion" and metric.loss_is == "absolute"
    )
    if not may_be_zero and all(champion.is_all_zero for champion, _ in pairs):
        return f"{metric.name} of the champion is 0 in every unit: nothing to compare with"
    if metric.loss_is == "absolute":
        return None
    for pair in pairs:
        value = _champions_value(metric, pair)
        if value < 0:
            return (
                f"{metric.name} of the champion is {value:.3g}: a relative loss needs more than 0"
            )
    return None


def _champions_value(metric: Metric, pair: Pair) -> float:
    champion, challenger = pair
    if isinstance(champion, Moments) and isinstance(challenger, Moments):
        return arms(metric, champion, challenger)[0].value
    return champion.quantile(metric.quantile) if not isinstance(champion, Moments) else math.nan


def _spread(metric: Metric, evidence: RolloutEvidence) -> str | None:
    """A proportion's spread follows from its mean, so it says nothing more; nor do few units."""
    if metric.kind not in ("mean", "ratio"):
        return None
    for champion, challenger in evidence.pairs(metric):
        if not (isinstance(champion, Moments) and isinstance(challenger, Moments)):
            continue
        if min(champion.n, challenger.n) < LEAST_UNITS:
            continue
        one, other = (arm.spread for arm in arms(metric, champion, challenger))
        if max(one, other) > MOST_SPREAD**2 * min(one, other):
            return (
                f"{metric.name} spreads by {math.sqrt(other):.3g} in the challenger and by "
                f"{math.sqrt(one):.3g} in the champion: more than {MOST_SPREAD:.0f} times apart"
            )
    return None
