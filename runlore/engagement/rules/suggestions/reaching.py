"""What rate a post can expect, its place among the persona's posts, and what would raise it."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from runlore.advice.rules.recommendations.adjusting import predict_apart
from runlore.advice.rules.recommendations.run_log import Floats
from runlore.engagement.rules.suggestions.posts import (
    PostLog,
    common_hashtags,
    known_of_posts,
    post_levers,
)
from runlore.engagement.rules.suggestions.searching import FOLDS, LEAST_POSTS, SMALL, PostChange


class ScoreScale(Protocol):
    """Scores of a post, 0 to 100: the share of comparable posts that could expect less."""

    def score(self, rate: float) -> float: ...

    def rate_of(self, score: float) -> float: ...


@dataclass(frozen=True, eq=False)
class ExpectedRates:
    """past: (n,) of the persona's posts, each by a model of the others. post: of this one."""

    past: Floats
    post: float

    def score(self, rate: float) -> float:
        """0 to 100: the share of the posts that could expect less."""
        return 100 * float((self.past < rate).mean())

    def rate_of(self, score: float) -> float:
        return float(np.quantile(self.past, score / 100))


@dataclass(frozen=True, eq=False)
class PostStanding:
    """rate: that the post can expect, in percent. among: which posts `scale` compares it with."""

    rate: float
    score: float
    scale: ScoreScale
    among: Literal["comparable posts", "own posts"]


@dataclass(frozen=True)
class ContextChange:
    """A change for one post. gain, low, high: in points of its rate; factor: as a log."""

    change: PostChange
    current: str
    gain: float
    low: float
    high: float
    factor: tuple[float, float, float]


@dataclass(frozen=True)
class Reach:
    """rate: that the target takes. levers: what would reach it; empty: nothing, or no need.

    answer: reached already, would be reached, or not.
    """

    target: float
    rate: float
    reached: float
    levers: tuple[str, ...]
    answer: str


def expect_rates(posts: PostLog, post: PostLog) -> ExpectedRates | None:
    """posts: final ones. post: the one that it is about, alone. None: there are too few."""
    if len(posts) < LEAST_POSTS or not posts.rate.any():
        return None
    both = posts.with_post(post)
    known, _ = known_of_posts(both, post_levers(both, common_hashtags(posts)))
    small = SMALL * float(np.median(posts.rate[posts.rate > 0]))
    logs = np.log(np.append(posts.rate, 0.0) + small)
    fold = np.arange(len(logs)) * FOLDS // len(posts)
    fold[-1] = -1
    target = logs[:, None]
    past = predict_apart(known[:-1], target[:-1], fold[:-1])[:, 0]
    fold[:-1], fold[-1] = -1, 0
    made = predict_apart(known, target, fold)[-1, 0]
    smear = (posts.rate + small).mean() / np.exp(past).mean()  # Duan, 1983
    return ExpectedRates(np.exp(past) * smear - small, float(np.exp(made) * smear - small))


def change_post(
    changes: tuple[PostChange, ...], post: PostLog, rate: float
) -> tuple[ContextChange, ...]:
    """What the post does not do yet, the largest gain first.

    post: alone. rate: that it can expect now.
    """
    tags = {one.of.lever.partition(":")[2] for one in changes if ":" in one.of.lever}
    levers = {one.name: one for one in post_levers(post, tuple(sorted(tags)))}
    made = []
    for one in changes:
        lever = levers[one.of.lever]
        current = lever.labels[lever.codes[0]] if lever.codes[0] >= 0 else ""
        if current == one.of.value:
            continue
        shift = next((other.shift for other in one.of.others if other.value == current), 0.0)
        factor = tuple(effect + shift for effect in one.effect)
        low, gain, high = ((rate + one.of.small) * float(np.expm1(at)) for at in factor)
        if gain > 0:
            made.append(ContextChange(one, current, gain, low, high, factor))  # type: ignore[arg-type]
    return tuple(sorted(made, key=lambda one: -one.gain))


def reach_target(
    standing: PostStanding, changes: tuple[ContextChange, ...], target: float
) -> Reach:
    """Take one change of each lever, the best first, until the target is reached.

    Factors of different levers are multiplied: it assumes that they do not depend on each other.
    """
    wanted, reached, taken = standing.scale.rate_of(target), standing.rate, []
    if standing.score >= target or reached > wanted:
        return Reach(target, wanted, reached, (), "reached already")
    for one in changes:
        if one.change.of.lever in taken:
            continue
        taken.append(one.change.of.lever)
        reached *= float(np.exp(one.factor[1]))
        if reached > wanted or standing.scale.score(reached) >= target:
            return Reach(target, wanted, reached, tuple(taken), "would be reached")
    return Reach(target, wanted, reached, (), "not reachable by what the data support")
