"""One aggregate over personas: seven noisy releases whose loss is known before any data is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlore.privacy.rules.accounting import RHO_UNIT, PrivacyLoss, granted
from runlore.privacy.rules.mechanisms import (
    Counts,
    Mechanism,
    Votes,
    Wholes,
    clamped_sum,
    count_keys,
    key_counts,
    key_sums,
    sum_by_key,
    vote_counts,
)
from runlore.privacy.rules.policy import (
    LEAST_HASHTAG_PERSONAS,
    RATE_EDGES,
    SHARES,
    PrivacyPolicy,
)
from runlore.privacy.rules.summaries import PersonaSummaries, whole

MILLI = 1_000  # rates and lifts are summed in thousandths of a percentage point
HOURS = 24


@dataclass(frozen=True, eq=False)
class AggregateMechanisms:
    """By what each tells: the keys of `SHARES`."""

    personas: Mechanism[Votes, Wholes]
    mean: Mechanism[Votes, int]
    spread: Mechanism[Votes, int]
    rates: Mechanism[Votes, Wholes]
    hours: Mechanism[Votes, Wholes]
    hashtags: Mechanism[Counts, Counts]
    lifts: Mechanism[Wholes, Wholes]


@dataclass(frozen=True, eq=False)
class AggregatePlan:
    """loss: of each persona, for all mechanisms together."""

    policy: PrivacyPolicy
    mechanisms: AggregateMechanisms
    loss: PrivacyLoss


@dataclass(frozen=True)
class AggregateRelease:
    """What left the personas: noisy whole numbers, and the scales of their noise.

    rate_sum: of mean rates less half the highest, in thousandths. spread_sum: of the squares of
    these, less half their most, in hundredths of a squared percentage point.
    rates: personas by `RATE_EDGES`. hours: personas by best hour. hashtags: personas by hashtag.
    lifts: sums of lifts by hashtag, in thousandths.
    """

    personas: int
    rate_sum: int
    spread_sum: int
    rates: tuple[int, ...]
    hours: tuple[int, ...]
    hashtags: Mapping[str, int]
    lifts: Mapping[str, int]
    scales: Mapping[str, float]
    threshold: int
    highest_rate: float

    def to_document(self) -> dict[str, Any]:
        return asdict(self)


def read_release(document: Mapping[str, Any]) -> AggregateRelease:
    """The opposite of `to_document`."""
    lists = {name: tuple(document[name]) for name in ("rates", "hours")}
    return AggregateRelease(**{**document, **lists})


@cache
def plan_aggregate(policy: PrivacyPolicy) -> AggregatePlan:
    """The mechanisms and their loss: an equal part of what a month grants, at most."""
    allowed = granted(policy)
    rho = float(allowed.rho // policy.aggregates * RHO_UNIT)
    delta = allowed.delta // policy.aggregates * 1e-15
    part = {name: rho * share for name, share in SHARES.items()}
    half, each = policy.highest_rate / 2, policy.hashtags_each
    mechanisms = AggregateMechanisms(
        personas=vote_counts(1, part["personas"]),
        mean=clamped_sum(round(half * MILLI), part["mean"]),
        spread=clamped_sum(_spread_bound(half), part["spread"]),
        rates=vote_counts(len(RATE_EDGES) - 1, part["rates"]),
        hours=vote_counts(HOURS, part["hours"]),
        hashtags=key_counts(each, part["hashtags"], delta, LEAST_HASHTAG_PERSONAS),
        lifts=key_sums(each, round(policy.most_lift * MILLI), part["lifts"]),
    )
    losses = [mechanism.loss for mechanism in vars(mechanisms).values()]
    return AggregatePlan(policy, mechanisms, reduce(PrivacyLoss.__add__, losses))


def release_aggregate(plan: AggregatePlan, summaries: PersonaSummaries) -> AggregateRelease:
    """Tell the aggregate with fresh noise. Costs `plan.loss` each time it is called."""
    by, policy = plan.mechanisms, plan.policy
    half, each = policy.highest_rate / 2, policy.hashtags_each
    rates = summaries.rates[np.isfinite(summaries.rates)]
    away = np.clip(rates, 0, policy.highest_rate) - half
    squares = 100 * (away**2 - half**2 / 2)
    finite = np.isfinite(summaries.tag_lifts)
    owner = summaries.tag_personas[finite]
    tags = [tag for tag, is_told in zip(summaries.tags, finite, strict=True) if is_told]
    lifts = np.rint(np.clip(summaries.tag_lifts[finite], -1e6, 1e6) * MILLI).astype(np.int64)
    counted = by.hashtags.release(count_keys(owner, tags, each))
    names = sorted(counted)
    bound = round(policy.most_lift * MILLI)
    sums = sum_by_key(owner, tags, lifts, names, each, bound)
    return AggregateRelease(
        personas=by.personas.release(np.zeros(len(summaries.rates), np.int64))[0],
        rate_sum=by.mean.release(whole(away * MILLI, round(half * MILLI))),
        spread_sum=by.spread.release(whole(squares, _spread_bound(half))),
        rates=tuple(by.rates.release(_bins(rates))),
        hours=tuple(by.hours.release(summaries.best_hours)),
        hashtags={name: counted[name] for name in names},
        lifts=dict(zip(names, by.lifts.release(sums.tolist()), strict=True)) if names else {},
        scales={name: mechanism.scale for name, mechanism in vars(by).items()},
        threshold=by.hashtags.threshold,
        highest_rate=policy.highest_rate,
    )


def _spread_bound(half: float) -> int:
    return round(100 * half**2 / 2)


def _bins(rates: NDArray[np.float64]) -> NDArray[np.int64]:
    """By `RATE_EDGES`; what is above the last one is in the last bin."""
    found = np.searchsorted(np.array(RATE_EDGES[1:-1], float), rates, side="right")
    return found.astype(np.int64)
