"""What scores of content promise, beside what came of later posts: OnlineNewsPopularity.

Usage: python bench/content_scores.py NEWS.csv.gz [--first 0.7]

The forest learns from the first half by date. Each later post is scored as of its day, among the
forecasts of the posts before it, with a promise from the posts whose shares were final then (seven
days). The last part, from --first of the rows on, is what is judged. Channels are the personas.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from runlore.engagement.rules.scores.history import (
    DAY_US,
    PostHistory,
    ScorePolicy,
    final_places,
    past_scores,
)
from runlore.engagement.rules.scores.promise import ScoredPosts, fit_promise, tier_shares

Floats = NDArray[np.float64]
FINAL_DAYS, LEARNED = 7, 0.5
POLICY = ScorePolicy()


@dataclass(frozen=True, eq=False)
class News:
    days: NDArray[np.int64]
    channels: NDArray[np.object_]
    facts: Floats
    shares: Floats


def read_news(path: Path) -> News:
    frame = pd.read_csv(path)
    frame.columns = [name.strip() for name in frame.columns]
    date = pd.to_datetime(frame["url"].str.extract(r"/(\d{4}/\d{2}/\d{2})/")[0])
    days = (date - pd.Timestamp(0)).dt.days.to_numpy()
    order = np.argsort(days, kind="stable")
    channels = frame.filter(like="data_channel_is_")
    named = np.where(channels.any(axis=1), channels.to_numpy().argmax(axis=1).astype(str), "none")
    facts = frame.drop(columns=["url", "timedelta", "shares"]).to_numpy(dtype=np.float64)
    shares = frame["shares"].to_numpy(dtype=np.float64)
    return News(days[order], named[order].astype(object), facts[order], shares[order])


def forecast(news: News) -> Floats:
    """(n,): log shares by a forest of what was final in the first half; NaN: it learned from it."""
    begins = news.days[int(LEARNED * len(news.days))]
    taught, later = news.days <= begins - FINAL_DAYS, news.days >= begins
    forest = RandomForestRegressor(300, min_samples_leaf=5, max_features=0.33, random_state=0)
    forest.fit(news.facts[taught], np.log1p(news.shares[taught]))
    forecasts = np.full(len(news.days), np.nan)
    forecasts[later] = forest.predict(news.facts[later])
    return forecasts


def judge(news: News, forecasts: Floats, first: float, until: float) -> ScoredPosts:
    """What was promised on each day from `first` to `until` of the rows, and what came of it."""
    rows = np.arange(int(first * len(news.days)), int(until * len(news.days)))
    known = news.days <= news.days[rows[-1]]  # later posts are never looked at
    at, platform = news.days * DAY_US, np.full(len(news.days), "news", dtype=object)
    whole = PostHistory(
        at, news.channels, platform, forecasts, np.where(known, news.shares, np.nan)
    )
    scores, places = past_scores(whole, POLICY), final_places(whole, POLICY)
    top = np.full(len(at), np.nan)
    for day in np.unique(news.days[rows]):
        final = np.where(news.days <= day - FINAL_DAYS, news.shares, np.nan)
        then = PostHistory(at, news.channels, platform, forecasts, final)
        seen = final_places(then, POLICY)
        past = np.isfinite(scores) & np.isfinite(seen)
        promise = fit_promise(scores[past], seen[past])
        today = rows[news.days[rows] == day]
        top[today] = promise.top_fifth(scores[today])
    kept = rows[np.isfinite(scores[rows])]
    print(f"last promise: correlation {promise.correlation:.3f} of {promise.posts:,} past posts")
    return ScoredPosts(scores[kept], places[kept], top[kept])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("news", type=Path)
    parser.add_argument("--first", type=float, default=0.7, help="share of the rows")
    parser.add_argument("--until", type=float, default=1.0, help="share of the rows")
    options = parser.parse_args()
    news = read_news(options.news)
    judged = judge(news, forecast(news), options.first, options.until)
    rows = [vars(share) for share in tier_shares(judged)]
    frame = pd.DataFrame(rows)
    shares = [name for name in frame if name not in {"tier", "posts"}]
    frame[shares] = 100 * frame[shares]
    print(f"{len(judged.scores):,} posts, percent")
    print(frame.round(1).to_string(index=False))
    off = {
        "share of posts": (frame["posts_share"] - 20).abs().max(),
        "top fifth": (frame["top"] - frame["promised_top"]).abs().max(),
    }
    print("largest difference, points:", {name: round(float(x), 1) for name, x in off.items()})


if __name__ == "__main__":
    main()
