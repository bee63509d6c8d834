"""Which times are better for sure, all of them together.

Each time's pooled effect is a sum over stretches of days. Where time does not matter, a stretch is
as likely to speak for it as against it: flipping signs of whole stretches shows how large the
largest of all would be by chance (Romano & Wolf, Exact and approximate stepdown methods for
multiple hypothesis testing, 2005; Canay, Romano & Shaikh, Randomization tests under an approximate
symmetry assumption, 2017).
"""

from dataclasses import dataclass

import numpy as np

from runlore.advice.rules.recommendations.like_with_like import time_blocks
from runlore.engagement.rules.suggestions.posts import (
    PostLog,
    common_hashtags,
    known_of_posts,
    post_levers,
)
from runlore.engagement.rules.suggestions.searching import SMALL
from runlore.engagement.rules.times.pooling import (
    DAYS,
    HOURS,
    SLOTS,
    Floats,
    TimedRates,
    pool_slots,
    smoother,
)

ALPHA = 0.04  # flips are approximate where stretches are not independent; 5 % is promised
LEVEL = 0.9
FLIPS = 1_999
LEAST_POSTS = 50
LEAST_STRETCHES = 10
MOST_STRETCHES = 40
LEAST_AT = 5  # posts at an hour or weekday, to name it
LEAST_IN_SLOT = 3
MOST_DESIGN = 4.0


@dataclass(frozen=True)
class TimeEffect:
    """label: 0 to 23, a weekday (0 is Monday) or an hour of the week. posts: at that time.

    gain, low, high: points of the rate beside the average hour, 90 %. p: of no effect, allowing for
    all times.
    """

    label: int
    posts: int
    gain: float
    low: float
    high: float
    p: float

    @property
    def is_best(self) -> bool:
        return self.p <= ALPHA


@dataclass(frozen=True)
class BestTimes:
    """hours: 24. weekdays: 7. slots: 168. All empty with a reason where too little is known.

    rate: the mean. stretches: of days, that carry the comparison.
    """

    posts: int
    rate: float | None
    hours: tuple[TimeEffect, ...]
    weekdays: tuple[TimeEffect, ...]
    slots: tuple[TimeEffect, ...]
    stretches: int
    reason: str

    @property
    def best_hours(self) -> tuple[TimeEffect, ...]:
        return _best(self.hours)

    @property
    def best_slots(self) -> tuple[TimeEffect, ...]:
        return _best(self.slots)


def find_best_times(posts: PostLog) -> BestTimes:
    """posts: of one persona, final. The chance that any is named where none matters is 5 %."""
    known = np.isfinite(posts.hour) & np.isfinite(posts.weekday)
    posts = posts.take(np.flatnonzero(known))
    blocks = time_blocks(posts.published_s, MOST_STRETCHES)
    stretches = len(np.unique(blocks))
    if len(posts) < LEAST_POSTS or stretches < LEAST_STRETCHES or not posts.rate.any():
        why = f"{len(posts)} final posts in {stretches} stretches of days; it takes {LEAST_POSTS}"
        return BestTimes(len(posts), None, (), (), (), stretches, f"{why} in {LEAST_STRETCHES}")
    rates, small = _timed(posts)
    functionals, labels = _functionals()
    counts = functionals @ np.bincount(rates.slot, minlength=SLOTS)
    counts = np.round(counts / functionals.max(axis=1)).astype(np.int64)
    p, design_effect = _chances(rates, functionals, _can_be_named(counts))
    mean, error = pool_slots(rates, design_effect).of(functionals)
    base = float(posts.rate.mean()) + small
    reach = 1.6449 * error
    gain, low, high = (base * np.expm1(one) for one in (mean, mean - reach, mean + reach))
    effects = [
        TimeEffect(
            label=label,
            posts=int(counts[at]),
            gain=float(gain[at]),
            low=float(low[at]),
            high=float(high[at]),
            p=float(p[at]),
        )
        for at, label in enumerate(labels)
    ]
    hours, weekdays, slots = effects[:HOURS], effects[HOURS : HOURS + DAYS], effects[-SLOTS:]
    named = any(one.is_best for one in effects)
    reason = "" if named else "no best time can be told: no time is better beyond chance"
    return BestTimes(
        len(posts), base - small, tuple(hours), tuple(weekdays), tuple(slots), stretches, reason
    )


def _timed(posts: PostLog) -> tuple[TimedRates, float]:
    levers = [one for one in post_levers(posts, common_hashtags(posts)) if one.name != "hour"]
    known, owners = known_of_posts(posts, levers)
    known = known[:, [one not in ("hour", "weekday") for one in owners]]
    small = SMALL * float(np.median(posts.rate[posts.rate > 0]))
    slot = (posts.weekday * HOURS + np.floor(posts.hour)).astype(np.int64)
    blocks = time_blocks(posts.published_s, MOST_STRETCHES)
    return TimedRates(np.log(posts.rate + small), known, slot, blocks), small


def _functionals() -> tuple[Floats, list[int]]:
    """(24 + 7 + 168, 168): hours, weekdays and slots as means of slots."""
    hour, day = np.arange(SLOTS) % HOURS, np.arange(SLOTS) // HOURS
    hours = (hour == np.arange(HOURS)[:, None]) / DAYS
    days = (day == np.arange(DAYS)[:, None]) / HOURS
    labels = [*range(HOURS), *range(DAYS), *range(SLOTS)]
    return np.vstack([hours, days, np.eye(SLOTS)]), labels


def _can_be_named(counts: Floats) -> np.ndarray:
    least = np.concatenate([np.full(HOURS + DAYS, LEAST_AT), np.full(SLOTS, LEAST_IN_SLOT)])
    return np.asarray(counts >= least, dtype=np.bool_)


def _chances(rates: TimedRates, functionals: Floats, named: np.ndarray) -> tuple[Floats, float]:
    """(k,) p of each time, 1 where it cannot be named; and how alike posts of a stretch are."""
    smooth, left, freedom = smoother(rates)
    weights = functionals @ smooth
    in_block = np.eye(int(rates.block.max()) + 1)[rates.block]
    scores = (weights * left) @ in_block
    spread = np.sqrt((scores**2).sum(axis=1))
    plain = np.sqrt((weights**2).sum(axis=1)) * left.std()
    design_effect = float(np.clip(np.mean(spread**2) / np.mean(plain**2), 1.0, MOST_DESIGN))
    scale = np.maximum(spread, 1e-300) / np.sqrt(freedom)
    z = np.where(named & (spread > 0), scores.sum(axis=1) / scale, -np.inf)
    if not named.any():
        return np.ones(len(z)), design_effect
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (FLIPS, in_block.shape[1]))
    scaled = scores[named] / np.maximum(spread[named], 1e-300)[:, None]
    largest = np.sort((signs @ scaled.T).max(axis=1))
    above = FLIPS - np.searchsorted(largest, z - 1e-12, side="left")
    return (1 + above) / (1 + FLIPS), design_effect


def _best(effects: tuple[TimeEffect, ...]) -> tuple[TimeEffect, ...]:
    return tuple(sorted((one for one in effects if one.is_best), key=lambda one: -one.gain))
