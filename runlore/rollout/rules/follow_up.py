"""How long units must be followed before their losses may be compared.

An average over the outcomes known so far is an average over short work, however old the units are:
a fiftieth of the work may take longer than `outcome_due_s` and hold a quarter of the loss. So
losses are compared at a follow-up time after which little of the loss is still to come, among all
units that are at least that old, and what is still to come is allowed for.

Every unit that is old enough counts, with its outcome whenever that came: what Kaplan & Meier call
a complete follow-up (Nonparametric estimation from incomplete observations, JASA 1958), at which
inverse-censoring weights (Robins & Rotnitzky 1992) are 1. The rest is bounded, not modelled, as no
weight brings back work longer than the oldest unit's age (Manski, Nonparametric bounds on
treatment effects, AER 1990).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import sqrt

from runlore.experiments.rules.estimate import LEAST_UNITS
from runlore.experiments.rules.loss import Pair
from runlore.kernel.moments import Moments

FOLLOW_UPS = 7  # the longest is 64 times `outcome_due_s`
MOST_UNSEEN = 0.5  # the part of the tolerated loss that outcomes still to come may stand for
TIMES_WORSE = 2.0  # bounds the ratio of the arms' losses on work that nobody has seen the end of
ERRORS = 2.0  # standard errors by which the unseen share is rounded up
ALL = 0.99  # an unseen share above this says no more than this one


def ages(due: float) -> tuple[float, ...]:
    """The follow-up times at which losses are added up, each twice the one before."""
    return tuple(due * 2**doublings for doublings in range(FOLLOW_UPS))


@dataclass(frozen=True)
class FollowUp:
    """Losses of one arm, of units whose answers are at least `age_s` old.

    out: answers whose outcome is not known. known: statistics of units with an outcome, loss first.
    late: of the same units, the loss of outcomes that took longer than half of `age_s`. largest:
    the largest loss of a unit.
    """

    age_s: float
    out: int
    known: Moments
    late: Moments
    largest: float

    def merged(self, other: "FollowUp") -> "FollowUp":
        return FollowUp(
            self.age_s,
            self.out + other.out,
            self.known.merged(other.known),
            self.late.merged(other.late),
            max(self.largest, other.largest),
        )

    @property
    def total(self) -> float:
        return self.known.n * self.known.means[0]

    @property
    def late_share(self) -> float:
        """The share of the loss that came in the later half, rounded up by its standard errors.

        One more unit with the largest loss is added, as few units have not met their rare long
        work yet.
        """
        if not self.total > 0:
            return ALL
        error = sqrt(self.late.products[0][0] + self.largest**2)
        return (self.late.n * self.late.means[0] + ERRORS * error) / self.total


FollowedPair = tuple[FollowUp, FollowUp]  # champion and challenger, over the same time


@dataclass(frozen=True)
class Horizon:
    """A follow-up time at which two arms are compared.

    unseen: the share of the champion's loss that comes later. worst: what one more unit with the
    largest loss would add to the challenger's, as a share of the champion's. is_enough: little
    enough is unseen. is_longest: no longer follow-up is read.
    """

    age_s: float = 0.0
    unseen: float = 0.0
    worst: float = 0.0
    is_enough: bool = True
    is_longest: bool = False

    def kept_below(self, tolerated: float) -> float:
        """What may be lost on seen work, so that no more than `tolerated` is lost on all of it.

        With a share u of the champion's loss unseen, and the challenger's loss there at most twice
        as large, ``seen <= (1 + t - 2 u) / (1 - u)`` times the champion's. The challenger's few
        units must bear one more of the worst, as they may not have met their rare long work yet.
        """
        left = (tolerated - (TIMES_WORSE - 1) * self.unseen) / (1 - self.unseen)
        return min(left, tolerated) - self.worst

    def broken_above(self, tolerated: float) -> float:
        """What must be lost on seen work, so that more than `tolerated` is lost on all of it.

        The challenger's loss on unseen work is at least half the champion's.
        """
        return (tolerated + (1 - 1 / TIMES_WORSE) * self.unseen) / (1 - self.unseen)

    @property
    def longer_s(self) -> float:
        """The next follow-up time."""
        return 2 * self.age_s


COMPLETE = Horizon()  # of metrics that are known with the answer


def choose(
    strata: Sequence[Sequence[FollowedPair]], tolerated: float
) -> tuple[Horizon, tuple[Pair, ...]]:
    """The shortest follow-up time that leaves little enough unseen, else that which leaves least.

    With the statistics of both arms at it, by stratum. strata: pairs by stratum, then by follow-up
    time. "Little" is half of what is tolerated.
    """
    by_age = list(zip(*strata, strict=True))
    both = [_pooled(pairs) for pairs in by_age]
    usable = [place for place, pairs in enumerate(by_age) if _is_usable(pairs)] or [0]
    unseen = {place: _unseen(both, place, usable[-1]) for place in usable}
    enough = [place for place in usable if unseen[place] <= MOST_UNSEEN * tolerated]
    place = enough[0] if enough else min(usable, key=unseen.__getitem__)
    horizon = Horizon(
        age_s=both[place][0].age_s,
        unseen=unseen[place],
        worst=_worst(both[place]) if place or unseen[place] else 0.0,
        is_enough=bool(enough),
        is_longest=place == len(by_age) - 1,
    )
    return horizon, tuple((one.known, other.known) for one, other in by_age[place])


def _pooled(pairs: Sequence[FollowedPair]) -> FollowedPair:
    champion, challenger = (reduce(FollowUp.merged, arm) for arm in zip(*pairs, strict=True))
    return champion, challenger


def _is_usable(pairs: Sequence[FollowedPair]) -> bool:
    return any(min(one.known.n, other.known.n) >= LEAST_UNITS for one, other in pairs)


def _unseen(both: Sequence[FollowedPair], place: int, last: int) -> float:
    """The share of the champion's loss that comes after a follow-up time; 0 where nothing is out.

    A tail that at least halves with each doubling of the time holds no more than the later half
    before it, and no more than twice the later half of the next follow-up time.
    """
    if not any(arm.out for arm in both[place]):
        return 0.0
    bounds = [both[place][0].late_share]
    if place < last:
        bounds.append(2 * both[place + 1][0].late_share)
    return min(*bounds, ALL)


def _worst(pair: FollowedPair) -> float:
    champion, challenger = pair
    if not (challenger.known.n and champion.total > 0):
        return 1.0
    largest = max(champion.largest, challenger.largest)
    return largest / challenger.known.n / (champion.total / champion.known.n)
