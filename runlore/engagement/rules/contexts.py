"""Content contexts: a row per post, what was known of it at submission, and its final engagement.

Times of day are those of the audience. Early counts are no final ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features.matured import MOST_BOT_SHARE, bot_shares
from runlore.kernel.calendars import zone_of
from runlore.kernel.errors import BadInput

Floats = NDArray[np.float64]

MATURITY_H = 168.0
SUCCESS_PERCENT = 5.0

# Inputs, as the log names them.
NUMBERS = ("content_length", "hashtag_count", "prompt_length", "follower_count")
TRUTHS = ("has_media", "has_call_to_action", "is_assigned", "has_validation")
WORDS = ("complexity", "state", "confidence", "timezone")
# Of an outcome; never inputs.
MEASURED = ("engagement_rate", "impressions", "engagements", "user_count", "bot_count", "age_h")

COMPLEXITY_LEVELS: Mapping[str, float] = {"low": 1.0, "medium": 2.0, "high": 3.0, "critical": 4.0}
CONFIDENCE_LEVELS: Mapping[str, float] = {"low": 0.25, "medium": 0.5, "high": 0.75}
TRUE_WORDS, FALSE_WORDS = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(frozen=True)
class ContextPolicy:
    """When an engagement counts: from a final measurement, of real users.

    A measurement without an age is final when it became known that late, or at the very end of the
    execution, as in a log of final counts only.

    maturity_h: hours after publication from which a measurement is final.
    most_bot_share: posts with a larger share of bots among the accounts that reacted do not count;
        a post whose accounts were not counted does. Bots are never part of `engagement_rate`.
    """

    maturity_h: float = MATURITY_H
    most_bot_share: float = MOST_BOT_SHARE

    def __post_init__(self) -> None:
        if not self.maturity_h >= 0:
            raise BadInput(f"maturity_h: {self.maturity_h} is below 0; give hours", "maturity_h")
        if not 0 <= self.most_bot_share <= 1:
            raise BadInput(
                f"most_bot_share: {self.most_bot_share} is no share; give 0 .. 1", "most_bot_share"
            )


def clean_contexts(raw: pd.DataFrame) -> pd.DataFrame:
    """Typed columns of contexts, from those of the log (numbers, and words as text).

    Adds `complexity_level` (1..4), `confidence_level` (0..1), `hour`, `weekday` (0 is Monday) and
    `hour_of_week` of the audience, `bot_share`, and `hashtag_count` where only the tags are known.
    NaN, or an empty text, is unknown; hours are NaN in a time zone that does not exist.
    """
    frame = raw.copy()
    for name in TRUTHS:
        frame[name] = _truths(frame[name])
    frame["complexity_level"] = _levels(frame["complexity"], COMPLEXITY_LEVELS)
    frame["confidence_level"] = _levels(frame["confidence"], CONFIDENCE_LEVELS)
    given = frame["hashtags"].notna()
    counted = frame["hashtags"].str.len().where(given).astype(np.float64)
    frame["hashtag_count"] = frame["hashtag_count"].fillna(counted).astype(np.float64)
    frame["timezone"] = frame["timezone"].fillna("").replace("", "UTC")
    frame["bot_share"] = bot_shares(
        frame["user_count"].to_numpy(dtype=np.float64),
        frame["bot_count"].to_numpy(dtype=np.float64),
    )
    return frame.assign(**local_clock(frame["published"], frame["timezone"]))


def local_clock(published: "pd.Series[Any]", zones: "pd.Series[str]") -> dict[str, Floats]:
    """`hour` (0..23), `weekday` (0 is Monday) and `hour_of_week` (0..167) in each row's IANA zone.

    NaN where the zone is unknown.
    """
    hour, weekday = (np.full(len(published), np.nan) for _ in range(2))
    for zone, rows in zones.groupby(zones.to_numpy(), sort=False).indices.items():
        known = zone_of(str(zone))
        if known is None:
            continue
        local = published.iloc[rows].dt.tz_convert(known).dt
        hour[rows], weekday[rows] = local.hour, local.weekday
    return {"hour": hour, "weekday": weekday, "hour_of_week": weekday * 24 + hour}


def count_bots(frame: pd.DataFrame) -> dict[str, float | int | None]:
    """Bots among the accounts that reacted to these posts: `accounts`, `bots`, `share`, `posts`.

    posts: those with counted accounts.
    """
    counted = frame[frame["bot_share"].notna()]
    bots = float(counted["bot_count"].sum())
    accounts = bots + float(counted["user_count"].fillna(0).sum())
    share = bots / accounts if accounts else None
    return {"posts": len(counted), "accounts": int(accounts), "bots": int(bots), "share": share}


def _truths(column: "pd.Series[Any]") -> Floats:
    words = column.fillna("").astype(str).str.lower()
    return np.where(words.isin(TRUE_WORDS), 1.0, np.where(words.isin(FALSE_WORDS), 0.0, np.nan))


def _levels(column: "pd.Series[Any]", levels: Mapping[str, float]) -> Floats:
    words = column.fillna("").astype(str).str.strip().str.lower()
    named = words.map(levels).to_numpy(dtype=np.float64)
    numbers = pd.to_numeric(words, errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isnan(named), numbers, named)
