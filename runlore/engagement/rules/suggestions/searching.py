"""What a persona should change about its posts, by what its own posts support."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from runlore.advice.rules.recommendations.adjusting import predict_apart
from runlore.advice.rules.recommendations.confirming import STRETCHES, finest_strata
from runlore.advice.rules.recommendations.like_with_like import ArmEffect, time_blocks
from runlore.advice.rules.recommendations.run_log import CodedColumn, Floats, Integers
from runlore.engagement.rules.suggestions.comparing import LeverRows, ValueEffect, compare_lever
from runlore.engagement.rules.suggestions.posts import (
    PostLog,
    common_hashtags,
    known_of_posts,
    post_levers,
)
from runlore.engagement.rules.suggestions.selected_effect import ChosenEffect

ALPHA = 0.05  # that anything is suggested where nothing helps
LEVEL = 0.9  # of the intervals
LEAST_POSTS = 60
LEAST_USED = 10  # posts with a value, and without, that are alike
LEAST_CARRIED = 7.0  # degrees of freedom
LEAST_ALIKE = 0.25  # of the posts have a like one
MOST_STRETCHES = 40
EVERY = 4  # each fourth stretch of days does not choose
FOLDS = 10
SMALL = 0.02  # of the median rate is added, so that rates of 0 have a logarithm


@dataclass(frozen=True)
class OtherValue:
    """What posts that lack a value have instead. shift: of the log effect, beside the average.

    rate: their mean. share: of the posts that lack the value.
    """

    value: str
    shift: float
    rate: float
    share: float


@dataclass(frozen=True)
class PostEffect:
    """A value of a lever beside its other values, on one platform, like with like.

    effect, error, low, high: of the log of the rate, 90 %, nothing chosen. plain: the difference
    of mean rates. used, other: posts with it and without that are alike. share: of the posts that
    have it. small: what was added to rates.
    """

    platform: str
    lever: str
    value: str
    effect: float
    error: float
    low: float
    high: float
    used: int
    other: int
    overlap: float
    freedom: float
    share: float
    plain: float
    small: float
    others: tuple[OtherValue, ...]

    def gain(self, effect: float) -> float:
        """Points of the rate that the posts without the value would have more."""
        return sum(
            one.share * (one.rate + self.small) * float(np.expm1(effect + one.shift))
            for one in self.others
        )


@dataclass(frozen=True)
class PostChange:
    """A value that is suggested. effect: low end, estimate and high end of the log effect, 90 %,
    the choice allowed for."""

    of: PostEffect
    effect: tuple[float, float, float]

    @property
    def gains(self) -> tuple[float, float, float]:
        """In points of the rate."""
        low, middle, high = map(self.of.gain, self.effect)
        return low, middle, high


@dataclass(frozen=True)
class ChangeSearch:
    """compared: every value with enough like posts on both sides. reason: why none; or empty."""

    changes: tuple[PostChange, ...]
    compared: tuple[PostEffect, ...]
    reason: str


@dataclass(frozen=True)
class ComparedValue:
    """choosing: the effect in the stretches that choose. information: their share."""

    effect: PostEffect
    choosing: float
    information: float

    def choose(self, alpha: float) -> PostChange | None:
        """alpha: one-sided, for this one."""
        from scipy.special import ndtri, stdtrit

        one, tail = self.effect, 0.5 + LEVEL / 2
        reach = float(stdtrit(one.freedom, 1 - alpha)) / np.sqrt(self.information)
        if not self.choosing > reach * one.error:
            return None
        wider = one.error * float(stdtrit(one.freedom, tail) / ndtri(tail))
        chosen = ChosenEffect(one.effect, wider, reach * one.error, self.information)
        return PostChange(one, chosen.interval(LEVEL))


def search_changes(posts: Mapping[str, PostLog], alpha: float = ALPHA) -> ChangeSearch:
    """What would engage more. posts: with final rates, of one persona, by platform.

    alpha: the chance that anything is suggested where nothing helps, over all platforms, levers
    and values (Bonferroni). Three stretches of days in four choose; all of them estimate.
    """
    enough = {name: log for name, log in posts.items() if len(log) >= LEAST_POSTS}
    if not enough:
        most = max(map(len, posts.values()), default=0)
        return ChangeSearch((), (), f"{most} final posts on a platform; it takes {LEAST_POSTS}")
    compared = [one for name, log in enough.items() for one in compare_posts(name, log)]
    chosen = [one.choose(alpha / len(compared)) for one in compared]
    changes = sorted((one for one in chosen if one), key=lambda one: -one.gains[1])
    effects = tuple(one.effect for one in compared)
    return ChangeSearch(tuple(changes), effects, _reason(changes, compared))


def compare_posts(platform: str, posts: PostLog) -> list[ComparedValue]:
    """Every value of every lever that enough like posts have, and have not."""
    levers = post_levers(posts, common_hashtags(posts))
    known, owners = known_of_posts(posts, levers)
    blocks = time_blocks(posts.published_s, MOST_STRETCHES)
    strata = _strata(posts, levers)
    made: list[ComparedValue] = []
    for lever in levers:
        others = known[:, [one != lever.name for one in owners]]
        joint = finest_strata(strata, lever.name, lever.codes, np.arange(len(posts)))
        made += _compare(platform, posts, lever, (others, joint, blocks))
    return made


def is_carried(effect: ArmEffect) -> bool:
    return (
        min(effect.used, effect.other) >= LEAST_USED
        and effect.freedom >= LEAST_CARRIED
        and effect.overlap >= LEAST_ALIKE
        and 0 < effect.error < np.inf
    )


def _compare(
    platform: str, posts: PostLog, lever: CodedColumn, beside: tuple[Floats, Integers, Integers]
) -> Iterator[ComparedValue]:
    counts = np.bincount(lever.codes[lever.codes >= 0], minlength=len(lever.labels))
    values = np.flatnonzero(counts >= LEAST_USED)
    rows = np.flatnonzero(np.isin(lever.codes, values))
    if len(values) < 2 or not posts.rate[rows].any():
        return
    known, joint, blocks = beside[0][rows], beside[1][rows], beside[2][rows]
    rate = posts.rate[rows]
    small = SMALL * float(np.median(rate[rate > 0]))
    use = (lever.codes[rows][:, None] == values).astype(np.float64)
    targets = np.column_stack([np.log(rate + small), use])
    guess = predict_apart(known, targets, np.arange(len(rows)) * FOLDS // len(rows))
    chooses = blocks % EVERY != EVERY - 1
    compared = LeverRows(targets[:, 0], use, guess, joint, blocks, chooses)
    labels = [lever.labels[at] for at in values]
    # The models of other posts have errors of their own, which stretches share.
    wider = float(np.sqrt(1 + known.shape[1] / len(rows)))
    for at, found in compare_lever(compared):
        one = replace(found, whole=replace(found.whole, error=found.whole.error * wider))
        if is_carried(one.whole) and 0 < one.share < 1:
            effect = _effect((platform, lever.name), labels, at, one, (rate, use, small))
            yield ComparedValue(effect, one.choosing, one.share)


def _effect(
    of: tuple[str, str],
    labels: Sequence[str],
    at: int,
    found: ValueEffect,
    posts: tuple[Floats, Floats, float],
) -> PostEffect:
    rate, use, small = posts
    has, whole = use[:, at] == 1, found.whole
    low, high = whole.interval(1 - LEVEL)
    others = tuple(
        OtherValue(
            labels[other],
            found.levels[at] - found.levels[other] - whole.effect,
            float(rate[use[:, other] == 1].mean()),
            float(use[:, other].sum() / (~has).sum()),
        )
        for other in range(len(labels))
        if other != at
    )
    return PostEffect(
        *of,
        labels[at],
        whole.effect,
        whole.error,
        low,
        high,
        int(whole.used),
        int(whole.other),
        whole.overlap,
        whole.freedom,
        float(has.mean()),
        float(rate[has].mean() - rate[~has].mean()),
        small,
        others,
    )


def _strata(posts: PostLog, levers: Sequence[CodedColumn]) -> dict[str, Integers]:
    """By what posts are alike; the last ones are given up first."""
    by_name = {one.name: one.codes for one in levers}
    return {
        "kind": pd.factorize(posts.content_type)[0].astype(np.int64),
        "time": np.arange(len(posts)) * STRETCHES // len(posts),
        "hour": by_name["hour"],
        "has_media": by_name["has_media"],
        "hashtag_count": by_name["hashtag_count"],
    }


def _reason(changes: Sequence[PostChange], compared: Sequence[ComparedValue]) -> str:
    if changes:
        return ""
    if not compared:
        return "no value has enough posts that are alike, with it and without it"
    return f"none of {len(compared)} comparisons holds"
