"""Simulated posts of personas, with the true gain of every change."""

from dataclasses import dataclass

import numpy as np

from runlore.engagement.rules.suggestions.posts import (
    COUNTS,
    LENGTHS,
    PostLog,
    post_levers,
)

START = 1_767_225_600.0  # 2026-01-01, a Thursday
TAGS = ("art", "city", "food", "fun", "music", "news", "sport", "style", "tech", "travel")
KINDS = np.array(["image", "text", "video"], dtype=object)


@dataclass(frozen=True, eq=False)
class PostWorld:
    """truth: by lever and value, the mean change of the rate of the posts that lack the value."""

    posts: PostLog
    truth: dict[tuple[str, str], float]
    hours: np.ndarray


@dataclass(frozen=True)
class Effects:
    """Factors of the rate, as logs: by hour (24), weekday (7), parts of counts and lengths, ..."""

    hour: np.ndarray
    weekday: np.ndarray
    count: np.ndarray
    length: np.ndarray
    media: float
    action: float
    tags: np.ndarray


def draw_effects(random: np.random.Generator, size: float) -> Effects:
    """size: 0 is a world where nothing matters but who posts, and when lucky."""
    peak = random.uniform(0, 24)
    wave = np.cos((np.arange(24) - peak) / 24 * 2 * np.pi) + 0.4 * np.cos(
        (np.arange(24) - random.uniform(0, 24)) / 12 * 2 * np.pi
    )
    return Effects(
        hour=size * 0.3 * random.uniform(0, 1.5) * wave,
        weekday=size * random.normal(0, 0.08, 7),
        count=size * random.normal(0, 0.2, 5),
        length=size * random.normal(0, 0.2, 5),
        media=size * random.normal(0.15, 0.3),
        action=size * random.normal(0.05, 0.2),
        tags=size * random.normal(0, 0.15, len(TAGS)) * (random.random(len(TAGS)) < 0.4),
    )


def make_posts(seed: int, effects: Effects, days: int = 240) -> PostWorld:
    """One persona. Hours follow habits; media, calls, hashtags and kinds follow the hour."""
    random = np.random.default_rng(seed)
    n = int(random.integers(200, 700))
    habit = random.dirichlet(np.ones(6))
    day = np.sort(random.integers(0, days, n))
    hour = (random.choice(6, n, p=habit) * 4 + random.integers(0, 4, n)).astype(float)
    order = np.lexsort((hour, day))
    day, hour = day[order], hour[order]
    weekday = ((day + 3) % 7).astype(int)
    late = (hour >= 16).astype(float)
    trend = day / days
    kind = np.minimum((random.random(n) * (2.5 + late)).astype(int), 2)
    media = random.random(n) < np.array([0.75, 0.25, 0.7])[kind] * (0.6 + 0.4 * late)
    action = random.random(n) < 0.25 + 0.3 * late * media + 0.2 * trend
    tags_n = np.clip(random.poisson(4 + 5 * late + 2 * media), 0, 25)
    liked = random.dirichlet(np.ones(len(TAGS)) * 2)
    used = random.random((n, len(TAGS))) < np.minimum(liked * tags_n[:, None] * 0.8, 0.9)
    tags_n = np.maximum(tags_n, used.sum(axis=1))
    length = np.exp(random.normal(4.6 + 0.5 * (kind == 1) - 0.3 * late, 0.9, n))
    luck = random.normal(0, 0.15, days)[day] + np.repeat(random.normal(0, 0.1, 40), -(-n // 40))[:n]
    count_part = np.searchsorted(COUNTS, tags_n, side="right")
    length_part = np.searchsorted(LENGTHS, length, side="right")
    base = random.normal(1.2, 0.4) + np.array([0.1, -0.2, 0.3])[kind] * random.normal(1, 0.5)
    base = base + random.normal(0, 0.3) * trend + luck
    parts = {
        "hour": effects.hour[hour.astype(int)],
        "hashtag_count": effects.count[count_part],
        "content_length": effects.length[length_part],
        "has_media": effects.media * media,
        "has_call_to_action": effects.action * action,
        "weekday": effects.weekday[weekday],
        "tags": used @ effects.tags,
    }
    mean = np.exp(base + sum(parts.values()))
    impressions = np.exp(random.normal(7, 0.8, n))
    noisy = np.minimum(mean * np.exp(random.normal(0, 0.35, n) - 0.35**2 / 2) / 100, 0.9)
    rate = (
        random.binomial(np.maximum(impressions.astype(int), 50), noisy)
        / np.maximum(impressions.astype(int), 50)
        * 100
    )
    followers = np.exp(8 + 0.4 * trend + random.normal(0, 0.01, n))
    posts = PostLog(
        START + day * 86_400 + hour * 3_600 + random.random(n) * 3_000,
        rate,
        KINDS[kind],
        hour,
        weekday.astype(float),
        length.round(),
        tags_n.astype(float),
        media.astype(float),
        action.astype(float),
        followers,
        np.full(n, np.nan),
        tuple(frozenset(np.array(TAGS)[row]) for row in used),
    )
    truth = {}
    for lever in post_levers(posts, TAGS):
        for at, value in enumerate(lever.labels):
            mine = lever.codes != at
            if not mine.any():
                continue
            if lever.name.startswith("hashtag:"):
                one = effects.tags[TAGS.index(lever.name[8:])]
                now, then = one * (lever.codes == 1), one * at
            else:
                now = parts[lever.name]
                then = _value(effects, lever.name, at, hour)
            factor = np.exp(then) / np.exp(now)
            # the change when posts that lack the value take it, beside what they are now
            truth[lever.name, value] = float((mean * (factor - 1))[mine].mean())
    return PostWorld(posts, truth, mean)


def _value(effects: Effects, lever: str, at: int, hour: np.ndarray):
    if lever == "hour":
        return np.log(np.exp(effects.hour[at * 4 : at * 4 + 4]).mean())
    if lever == "has_media":
        return effects.media * at
    if lever == "has_call_to_action":
        return effects.action * at
    return {"hashtag_count": effects.count, "content_length": effects.length}[lever][at]
