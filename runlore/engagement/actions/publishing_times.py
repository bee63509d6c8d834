"""When a persona's posts engage most."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from runlore.advice.rules.patterns.local_time import local_times
from runlore.advice.rules.recommendations.holding import LOOKED_BACK
from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.engagement.rules.suggestions.posts import PostLog, read_posts
from runlore.engagement.rules.times.naming import BestTimes, find_best_times
from runlore.kernel.calendars import find_zone
from runlore.kernel.errors import BadInput, NotFound
from runlore.privacy.actions.aggregates import told_hours
from runlore.privacy.rules.figures import HourShare
from runlore.store.engine import Store

MOST_POSTS = 5_000  # the newest


@dataclass(frozen=True)
class TimesRequest:
    """platform: None: all of them together. zone: an IANA name; None: that of each post's audience.

    Raises BadInput for an unknown zone, or names that no persona or platform can have.
    """

    persona: str
    platform: str | None = None
    zone: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("persona", self.persona), ("platform", self.platform)):
            if value is not None and (not value or len(value) > 1_024 or "\x00" in value):
                raise BadInput(f"{name}: give a name of 1 to 1,024 characters", name)
        if self.zone is not None:
            find_zone(self.zone)


@dataclass(frozen=True)
class PublishingTimes:
    """zones: of the clocks that times are shown in, the most used first.

    platform_hours: local ones at which most personas do best, where this one has no best time.
    """

    request: TimesRequest
    as_of: datetime
    zones: tuple[str, ...]
    best: BestTimes
    platform_hours: tuple[HourShare, ...] = ()


def publishing_times(store: Store, request: TimesRequest, as_of: datetime) -> PublishingTimes:
    """From final posts of the last 400 days, as known at an instant.

    Raises NotFound for a persona without such posts.
    """
    query = ContextQuery(
        as_of, since=as_of - LOOKED_BACK, personas=(request.persona,), platform=request.platform
    )
    frame = read_final_contexts(store, query)
    frame = frame[np.isfinite(frame["engagement_rate"])].iloc[-MOST_POSTS:]
    if frame.empty:
        where = f" on {request.platform[:80]!r}" if request.platform else ""
        raise NotFound(
            f"persona {request.persona[:80]!r} has no posts{where} with a final engagement"
        )
    posts = read_posts(frame)
    kinds = frame["platform"].astype(str) + " " + frame["content_type"].astype(str)
    posts = replace(posts, content_type=kinds.to_numpy(dtype=object))
    zones = tuple(map(str, frame["timezone"].value_counts().index))
    if request.zone is not None:
        posts, zones = _in_zone(posts, request.zone), (request.zone,)
    best = find_best_times(posts)
    hours = told_hours(store, request.platform, as_of) if best.reason else ()
    return PublishingTimes(request, as_of, zones, best, hours)


def _in_zone(posts: PostLog, zone: str) -> PostLog:
    local = local_times(posts.published_s, find_zone(zone))
    hour = np.floor(local.minute / 60)
    return replace(posts, hour=hour, weekday=local.weekday.astype(np.float64))
