"""Posts of one persona on one platform as arrays, and what could be changed about them."""

from collections import Counter
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.advice.rules.recommendations.run_log import CodedColumn, Floats, Integers

BLOCK_H = 4
DAY_S = 86_400.0
MOST_HASHTAGS = 10
LEAST_TAGGED = 10  # posts with a hashtag, and without it
COUNTS = (3.0, 5.0, 11.0, 16.0)
COUNT_LABELS = ("0 to 2", "3 to 4", "5 to 10", "11 to 15", "16 or more")
LENGTHS = (50.0, 150.0, 300.0, 501.0)
LENGTH_LABELS = ("under 50", "50 to 149", "150 to 299", "300 to 500", "over 500")
TRUTH_LABELS = ("no", "yes")
HOUR_LABELS = tuple(f"{at:02}:00 to {at + BLOCK_H:02}:00" for at in range(0, 24, BLOCK_H))
DAYS_A_WEEK = 7


@dataclass(frozen=True, eq=False)
class PostLog:
    """(n,) posts by publication.

    rate: final engagements per 100 impressions; NaN: not final. hour: 0 .. 24 of the audience's
    clocks; weekday: 0 is Monday; both NaN where the zone is unknown. Numbers are NaN where unknown.
    """

    published_s: Floats
    rate: Floats
    content_type: NDArray[np.object_]
    hour: Floats
    weekday: Floats
    content_length: Floats
    hashtag_count: Floats
    has_media: Floats
    has_call_to_action: Floats
    follower_count: Floats
    complexity_level: Floats
    hashtags: tuple[frozenset[str], ...]

    def __len__(self) -> int:
        return len(self.rate)

    @property
    def is_tagged(self) -> NDArray[np.bool_]:
        """(n,) whether the hashtags are known."""
        named = np.array([bool(one) for one in self.hashtags], dtype=np.bool_)
        return np.asarray(named | (self.hashtag_count == 0), dtype=np.bool_)

    def take(self, rows: Integers) -> "PostLog":
        arrays = {
            one.name: getattr(self, one.name)[rows]
            for one in fields(self)
            if one.name != "hashtags"
        }
        return PostLog(hashtags=tuple(self.hashtags[at] for at in rows), **arrays)

    def with_post(self, post: "PostLog") -> "PostLog":
        """The same with the posts of another log at the end."""
        arrays = {
            one.name: np.concatenate([getattr(self, one.name), getattr(post, one.name)])
            for one in fields(self)
            if one.name != "hashtags"
        }
        return PostLog(hashtags=(*self.hashtags, *post.hashtags), **arrays)


NUMBERS = (
    "hour",
    "weekday",
    "content_length",
    "hashtag_count",
    "has_media",
    "has_call_to_action",
    "follower_count",
    "complexity_level",
)


def read_posts(frame: pd.DataFrame) -> PostLog:
    """frame: contexts as `clean_contexts` makes them, by publication."""
    published = frame["published"].astype("datetime64[us, UTC]").astype(np.int64)
    numbers = {name: frame[name].to_numpy(dtype=np.float64) for name in NUMBERS}
    tags = tuple(
        frozenset(one) if isinstance(one, list | tuple) else frozenset()
        for one in frame["hashtags"]
    )
    return PostLog(
        published_s=published.to_numpy(dtype=np.float64) / 1e6,
        rate=frame["engagement_rate"].to_numpy(dtype=np.float64),
        content_type=frame["content_type"].to_numpy(dtype=object),
        hashtags=tags,
        **numbers,
    )


def post_levers(posts: PostLog, common: tuple[str, ...]) -> list[CodedColumn]:
    """What a persona can change. common: hashtags that have a lever of their own."""
    levers = [
        CodedColumn("hour", _parts(posts.hour, tuple(range(BLOCK_H, 24, BLOCK_H))), HOUR_LABELS),
        CodedColumn("hashtag_count", _parts(posts.hashtag_count, COUNTS), COUNT_LABELS),
        CodedColumn("content_length", _parts(posts.content_length, LENGTHS), LENGTH_LABELS),
        CodedColumn("has_media", _truths(posts.has_media), TRUTH_LABELS),
        CodedColumn("has_call_to_action", _truths(posts.has_call_to_action), TRUTH_LABELS),
    ]
    known = posts.is_tagged
    for tag in common:
        used = np.array([tag in one for one in posts.hashtags], dtype=np.int64)
        levers.append(CodedColumn(f"hashtag:{tag}", np.where(known, used, -1), TRUTH_LABELS))
    return levers


def common_hashtags(posts: PostLog) -> tuple[str, ...]:
    """The most used ones that some posts have and others do not, by name."""
    counts = Counter(tag for one in posts.hashtags for tag in one)
    known = int(posts.is_tagged.sum())
    enough = {
        tag: count for tag, count in counts.items() if LEAST_TAGGED <= count <= known - LEAST_TAGGED
    }
    return tuple(sorted(sorted(enough, key=lambda tag: (-enough[tag], tag))[:MOST_HASHTAGS]))


def known_of_posts(posts: PostLog, levers: list[CodedColumn]) -> tuple[Floats, tuple[str, ...]]:
    """(n, d) numbers that models adjust for, and the lever that each says the same as."""
    kinds = CodedColumn("", pd.factorize(posts.content_type)[0].astype(np.int64), ())
    days = CodedColumn("weekday", _whole(posts.weekday), tuple("0123456"))
    hours = CodedColumn("hour", _whole(posts.hour // 2), tuple(map(str, range(12))))
    levels = CodedColumn("", _whole(posts.complexity_level), tuple("01234"))
    columns, owners = [], []
    for one in (kinds, days, hours, levels, *levers):
        for code in range(int(one.codes.max(initial=-1)) + 1):
            used = (one.codes == code).astype(np.float64)
            if 0 < used.sum() < len(used):
                columns.append(used)
                owners.append(one.name)
    for name, values in (
        ("content_length", posts.content_length),
        ("hashtag_count", posts.hashtag_count),
        ("", posts.follower_count),
        ("", posts.published_s),
    ):
        columns.append(_scaled(values))
        owners.append(name)
    return np.column_stack(columns), tuple(owners)


def _parts(values: Floats, edges: tuple[float, ...]) -> Integers:
    codes = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), -1, codes).astype(np.int64)


def _truths(values: Floats) -> Integers:
    return np.where(np.isnan(values), -1, np.nan_to_num(values) > 0).astype(np.int64)


def _whole(values: Floats) -> Integers:
    return np.where(np.isnan(values), -1, np.nan_to_num(values)).astype(np.int64)


def _scaled(values: Floats) -> Floats:
    """Logs but for time; unknown: the middle."""
    known = values[np.isfinite(values)]
    if not len(known) or np.ptp(known) == 0:
        return np.zeros(len(values))
    is_time = known.min() > 1e8
    numbers = values if is_time else np.log1p(np.maximum(values, 0))
    scaled = (numbers - np.nanmean(numbers)) / np.nanstd(numbers)
    return np.asarray(np.nan_to_num(scaled), dtype=np.float64)
