"""The 18 features, beside a slow reading of each post's past."""

import numpy as np
import pandas as pd
import pytest

from runlore.engagement.rules.context_features import NAMES, context_features
from runlore.engagement.rules.contexts import clean_contexts


def test_features_are_those_of_a_slow_reading_of_the_past() -> None:
    contexts = _contexts(250)
    features = context_features(contexts)
    assert (tuple(features.columns), len(NAMES)) == (NAMES, 18)
    for row in range(0, len(contexts), 9):
        one = contexts.iloc[row]
        mine = contexts[contexts["persona"] == one["persona"]]
        past = mine[mine["known_at"] <= one["published"]]
        here = past[past["platform"] == one["platform"]]
        last = mine["published"][mine["published"] < one["published"]].max()
        slow = {
            "persona_engagement_rate": past["engagement_rate"].mean(),
            "platform_engagement_rate": here["engagement_rate"].mean(),
            "user_count": past["user_count"].mean(),
            "bot_share": past["bot_share"].mean(),
            "days_since_last_post": (one["published"] - last).total_seconds() / 86_400,
            "complexity": {"LOW": 1.0, "HIGH": 3.0}[one["complexity"]],
            "confidence": {"high": 0.75, "0.4": 0.4}[one["confidence"]],
            "state": {"Approved": 3.0, "odd": np.nan}[one["state"]],
            "hashtag_count": 2.0,
            "hour_of_day": one["published"].tz_convert("Asia/Tokyo").hour,
        }
        assert {name: features[name].iloc[row] for name in slow} == pytest.approx(
            slow, nan_ok=True
        ), row
    assert context_features(contexts.iloc[:0]).shape == (0, 18)


def _contexts(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(3)
    published = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(
        random.permutation(rows) * 5 + random.random(rows), unit="h"
    )
    words = {
        "persona": random.choice(["a", "b", "c"], rows),
        "platform": random.choice(["x", "y"], rows),
        "complexity": random.choice(["LOW", "HIGH"], rows),
        "state": random.choice(["Approved", "odd"], rows),
        "confidence": random.choice(["high", "0.4"], rows),
        **dict.fromkeys(("has_media", "has_call_to_action"), "true"),
        **dict.fromkeys(("is_assigned", "has_validation"), "no"),
    }
    numbers = {
        "engagement_rate": random.uniform(0, 9, rows),
        "user_count": np.where(random.random(rows) < 0.2, np.nan, random.integers(1, 90, rows)),
        "bot_count": random.integers(0, 9, rows).astype(float),
        "hashtag_count": np.nan,
        **dict.fromkeys(("content_length", "prompt_length", "follower_count"), 5.0),
    }
    known = published + pd.to_timedelta(random.choice([168, 190, 900], rows), unit="h")
    frame = pd.DataFrame({**words, **numbers, "published": published, "known_at": known})
    frame["hashtags"] = [["a", "b"]] * rows
    frame["timezone"] = "Asia/Tokyo"
    for name in ("published", "known_at"):
        frame[name] = frame[name].dt.as_unit("us")
    return clean_contexts(frame)
