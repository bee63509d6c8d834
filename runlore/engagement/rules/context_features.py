"""The 18 features of a context, by the names of the specification, and what computes each.

The engine's models learn from their own features of the same columns, as `feature_of` maps them,
and from more: categories, hashed texts, deviations, and how long ago things were.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A step of the work, from a plan to the published post; what is blocked or given up is -1.
STATES: Mapping[str, float] = {
    **dict.fromkeys(("draft", "planned", "pending", "submitted", "new"), 0.0),
    **dict.fromkeys(("in_progress", "processing", "running", "generating"), 1.0),
    **dict.fromkeys(("ready", "review", "in_review", "validated"), 2.0),
    **dict.fromkeys(("approved", "done", "completed", "published", "deployed"), 3.0),
    **dict.fromkeys(("blocked", "failed", "rejected", "cancelled"), -1.0),
}


@dataclass(frozen=True)
class ContextFeature:
    """how: in words. inputs: those of the log. histories: beginnings of the engine's names."""

    name: str
    how: str
    inputs: tuple[str, ...] = ()
    histories: tuple[str, ...] = ()


CONTEXT_FEATURES = (
    ContextFeature("hour_of_day", "0 to 23, local to the audience", ("timezone",), ("hour",)),
    ContextFeature("day_of_week", "0 (Monday) to 6, local", (), ("weekday",)),
    ContextFeature("complexity", "LOW 1, MEDIUM 2, HIGH 3, CRITICAL 4", ("complexity",)),
    ContextFeature("state", "0 planned, 1 in work, 2 ready, 3 approved, -1 blocked", ("state",)),
    ContextFeature("confidence", "low .25, medium .5, high .75, or 0 to 1", ("confidence",)),
    ContextFeature(
        "persona_engagement_rate",
        "mean final rate of the persona's earlier posts, as known at publication",
        (),
        ("actor.",),
    ),
    ContextFeature(
        "platform_engagement_rate",
        "the same of the persona's posts on this platform",
        (),
        ("actor+scope.",),
    ),
    ContextFeature("user_count", "mean number of real users of the persona's earlier posts"),
    ContextFeature("bot_share", "mean share of bots of the persona's earlier posts"),
    ContextFeature("days_since_last_post", "of the persona; NaN for its first", ()),
    ContextFeature("prompt_length", "characters", ("prompt_length",)),
    ContextFeature("content_length", "characters", ("content_length",)),
    ContextFeature("hashtag_count", "as given, or the number of `hashtags`", ("hashtag_count",)),
    ContextFeature("has_media", "0 or 1", ("has_media",)),
    ContextFeature("has_call_to_action", "0 or 1", ("has_call_to_action",)),
    ContextFeature("is_assigned", "0 or 1", ("is_assigned",)),
    ContextFeature("has_validation", "0 or 1", ("has_validation",)),
    ContextFeature("follower_count", "a number", ("follower_count",)),
)
NAMES = tuple(feature.name for feature in CONTEXT_FEATURES)
_OF_INPUT = {name: one.name for one in CONTEXT_FEATURES for name in one.inputs}


def feature_of(engine: str) -> str | None:
    """The feature of the specification that one of the engine's belongs to; None: beyond the 18.

    >>> feature_of("inputs.has_media"), feature_of("hour"), feature_of("kind")
    ('has_media', 'hour_of_day', None)
    >>> feature_of("actor+scope.outcome.engagement_rate@168h_mean_30d")
    'platform_engagement_rate'
    """
    if engine.startswith("inputs."):
        return _OF_INPUT.get(engine.removeprefix("inputs.").partition("#")[0])
    for one in CONTEXT_FEATURES:
        for start in one.histories:
            if engine == start or (start.endswith(".") and engine.startswith(start)):
                return one.name
    return None


def context_features(contexts: pd.DataFrame) -> pd.DataFrame:
    """(n, 18): the features of contexts with the columns of `read_final_contexts`, in their order.

    What a persona's earlier posts say counts from the moment on when it was known. NaN is unknown.
    """
    who = pd.factorize(contexts["persona"])[0].astype(np.int64)
    persona = _earlier(contexts, who, ["engagement_rate", "user_count", "bot_share"])
    where = pd.factorize(contexts["platform"])[0].astype(np.int64)
    both = who * (where.max(initial=0) + 1) + where
    state = contexts["state"].fillna("").astype(str).str.strip().str.lower().map(STATES)
    columns = {
        "hour_of_day": contexts["hour"],
        "day_of_week": contexts["weekday"],
        "complexity": contexts["complexity_level"],
        "state": state,
        "confidence": contexts["confidence_level"],
        "persona_engagement_rate": persona["engagement_rate"],
        "platform_engagement_rate": _earlier(contexts, both, ["engagement_rate"])[
            "engagement_rate"
        ],
        "user_count": persona["user_count"],
        "bot_share": persona["bot_share"],
        "days_since_last_post": _days_since(contexts["published"], who),
    }
    columns |= {name: contexts[name] for name in NAMES if name not in columns}
    return pd.DataFrame(
        {name: np.asarray(columns[name], dtype=np.float64) for name in NAMES}, index=contexts.index
    )


def _earlier(contexts: pd.DataFrame, group: Ints, names: list[str]) -> dict[str, Floats]:
    """Means over the posts of the same group that were known before each post."""
    known_us = contexts["known_at"].astype("int64").to_numpy()
    at_us = contexts["published"].astype("int64").to_numpy()
    order = np.lexsort((known_us, group))
    # One sorted axis: groups far apart, instants within them.
    first = min(known_us.min(initial=0), at_us.min(initial=0))
    stride = float(max(known_us.max(initial=0), at_us.max(initial=0)) - first + 2)
    axis = group[order] * stride + (known_us[order] - first)
    begin = np.searchsorted(axis, group * stride - 0.5)
    end = np.searchsorted(axis, group * stride + (at_us - first), side="right")
    means = {}
    for name in names:
        values = contexts[name].to_numpy(dtype=np.float64)[order]
        is_known = np.isfinite(values)
        total = np.r_[0.0, np.cumsum(np.where(is_known, values, 0.0))]
        count = np.r_[0, np.cumsum(is_known)]
        n = count[end] - count[begin]
        with np.errstate(invalid="ignore", divide="ignore"):
            means[name] = np.where(n > 0, (total[end] - total[begin]) / n, np.nan)
    return means


def _days_since(published: "pd.Series[pd.Timestamp]", who: Ints) -> Floats:
    at = pd.Series(published.to_numpy(), index=published.index)
    ordered = at.iloc[np.argsort(at.to_numpy(), kind="stable")]
    before = ordered.groupby(pd.Series(who, index=at.index)).shift().reindex(at.index)
    days: Floats = (at - before).to_numpy() / np.timedelta64(1, "D")
    return days
