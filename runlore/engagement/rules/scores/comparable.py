"""Percentiles among comparable posts: of a persona on a platform, with partial pooling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.object_]
Level = Literal["persona and platform", "persona", "platform", "all posts"]


@dataclass(frozen=True, eq=False)
class PostValues:
    """A value of each post: (n,) values, with (n,) personas and platforms."""

    values: Floats
    personas: Words
    platforms: Words

    def __len__(self) -> int:
        return len(self.values)

    def part(self, rows: Any) -> "PostValues":  # noqa: ANN401  (a mask, places or a slice)
        return PostValues(self.values[rows], self.personas[rows], self.platforms[rows])


@dataclass(frozen=True)
class GroupSizes:
    """How many comparable posts stand behind a percentile, at each level."""

    both: int
    persona: int
    platform: int
    all_posts: int

    def level(self, pooling: float) -> Level:
        """The narrowest level that outweighs what it is pooled with."""
        if self.both >= pooling:
            return "persona and platform"
        if self.persona >= pooling:
            return "persona"
        return "platform" if self.platform >= pooling else "all posts"


def pooled_percentiles(posts: PostValues, asked: PostValues, pooling: float) -> Floats:
    """(m,) in 0..1: the share of comparable `posts` below each asked value; ties count half.

    The share of the persona's posts on the platform is drawn to that of the persona, it to that of
    the platform, and it to that of all, as if the wider group had `pooling` posts in the narrower:
    the posterior mean of a Dirichlet process, Ferguson, Annals of Statistics 1(2), 1973.
    """
    ranks, asked_ranks = _ranks(posts.values, asked.values)
    pooled = np.full(len(asked), 0.5)
    weight = 1.0
    for names, asked_names in _levels(posts, asked):
        below, size = _counts(names, ranks, asked_names, asked_ranks)
        pooled = (below + weight * pooled) / (size + weight)
        weight = pooling
    return pooled


def even_places(posts: PostValues, asked: PostValues, pooling: float) -> Floats:
    """(m,) in 0..1: ranks of pooled percentiles among those of `posts`, so one in five is on top.

    Pooled percentiles alone crowd in the middle, the more the smaller the groups are.
    """
    own = np.sort(pooled_percentiles(posts, posts, pooling))
    pooled = pooled_percentiles(posts, asked, pooling)
    sides = np.searchsorted(own, pooled, "left") + np.searchsorted(own, pooled, "right")
    places: Floats = (sides / 2 + 0.5) / (len(own) + 1)
    return places


def group_sizes(posts: PostValues, persona: str, platform: str) -> GroupSizes:
    mine, there = posts.personas == persona, posts.platforms == platform
    both, ours, theirs = (int(np.count_nonzero(one)) for one in (mine & there, mine, there))
    return GroupSizes(both, ours, theirs, len(posts))


def _levels(posts: PostValues, asked: PostValues) -> list[tuple[NDArray[np.int64], ...]]:
    """Codes of groups, from all posts to the persona's on the platform; asked ones likewise."""
    n = len(posts)
    personas = _codes((posts.personas, asked.personas))
    platforms = _codes((posts.platforms, asked.platforms))
    both = personas * (platforms.max(initial=0) + 1) + platforms
    codes = (np.zeros_like(personas), platforms, personas, both)
    return [(one[:n], one[n:]) for one in codes]


def _codes(names: Sequence[Words]) -> NDArray[np.int64]:
    _, codes = np.unique(np.concatenate(names).astype(str), return_inverse=True)
    return codes.astype(np.int64)


def _ranks(values: Floats, asked: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    _, ranks = np.unique(np.concatenate([values, asked]), return_inverse=True)
    return ranks[: len(values)].astype(np.int64), ranks[len(values) :].astype(np.int64)


def _counts(
    names: NDArray[np.int64],
    ranks: NDArray[np.int64],
    asked_names: NDArray[np.int64],
    asked_ranks: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """(m,), (m,): posts of the group below the value, ties half, and posts of the group."""
    most = max(ranks.max(initial=0), asked_ranks.max(initial=0)) + 1
    keys, asked_keys = np.sort(names * most + ranks), asked_names * most + asked_ranks
    first = np.searchsorted(keys, asked_names * most, "left")
    last = np.searchsorted(keys, (asked_names + 1) * most, "left")
    left = np.searchsorted(keys, asked_keys, "left") - first
    right = np.searchsorted(keys, asked_keys, "right") - first
    return (left + right) / 2, (last - first).astype(np.float64)
