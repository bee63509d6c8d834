"""What came of suggestions: the posts since then that did so, beside those that did not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from runlore.advice.queries.advice_ledger import (
    MOST_LISTED,
    LedgerAdvice,
    insert_decision,
    insert_score,
    read_advice,
)
from runlore.advice.rules.recommendations.holding import LaterEffect, is_refuted
from runlore.engagement.actions.post_searches import persona_posts
from runlore.engagement.actions.suggesting import SUBJECT, change_of
from runlore.engagement.rules.suggestions.posts import PostLog, post_levers
from runlore.engagement.rules.suggestions.reaching import expect_rates
from runlore.engagement.rules.suggestions.searching import compare_posts
from runlore.store.engine import Store

WATCHED = timedelta(days=180)
RULE = "rule"  # who withdraws


@dataclass(frozen=True)
class SuggestionRecord:
    """Suggestions of one lever. Mean rates of the posts since each, that did so and did not.

    next_did: of those with a next post, how many of these did so.
    """

    lever: str
    suggestions: int
    followed: int
    dismissed: int
    withdrawn: int
    next_posts: int
    next_did: int
    did: int
    did_rate: float | None
    did_not: int
    did_not_rate: float | None


def score_suggestions(store: Store, at: datetime) -> tuple[int, int]:
    """Score those of the last 180 days, and withdraw what is refuted. How many of each."""
    rows = [
        one
        for one in read_advice(store, at, (SUBJECT, None), MOST_LISTED)
        if one.withdrawn_at is None and at - one.issued_at <= WATCHED
    ]
    logs: dict[str, dict[str, PostLog]] = {}
    withdrawn = 0
    for one in rows:
        if one.subject not in logs:
            logs[one.subject] = persona_posts(store, one.subject, at)
        posts = logs[one.subject].get(one.kind)
        if posts is None:
            continue
        score = score_one(one, posts)
        insert_score(store, one.id, at, score)
        later = score.get("later")
        if later and is_refuted(LaterEffect(**later)):
            reason = (
                f"{later['used']} posts with it since then keep too little of what was promised"
            )
            why = {"at": at, "actor": RULE, "reason": reason}
            withdrawn += insert_decision(store, one.id, "withdraw", why)
    return len(rows), withdrawn


def score_one(one: LedgerAdvice, posts: PostLog) -> dict[str, Any]:
    """Of final posts published since the decision, or since it was issued while nobody decided.

    next: whether the first of them did so, its rate, and the rate that earlier posts let expect.
    """
    since = (one.decided_at or one.issued_at).timestamp()
    change = change_of(one.evidence, one)
    tags = (one.lever.partition(":")[2],) if ":" in one.lever else ()
    lever = next(lever for lever in post_levers(posts, tags) if lever.name == one.lever)
    does = lever.codes == lever.labels.index(one.value)
    late = (posts.published_s > since) & (lever.codes >= 0)
    score: dict[str, Any] = {
        "did": _mean(posts.rate[late & does]),
        "did_not": _mean(posts.rate[late & ~does]),
    }
    if late.any():
        first = int(np.flatnonzero(late)[0])
        earlier = posts.take(np.flatnonzero(posts.published_s <= since))
        expected = expect_rates(earlier, posts.take(np.array([first])))
        score["next"] = {
            "did": bool(does[first]),
            "rate": float(posts.rate[first]),
            "expected": expected.post if expected else None,
        }
    for later in compare_posts(one.kind, posts.take(np.flatnonzero(late))) if late.any() else ():
        effect = later.effect
        if (effect.lever, effect.value) == (one.lever, one.value):
            names = ("effect", "error", "freedom", "used", "other")
            found = {name: getattr(effect, name) for name in names}
            score["later"] = {"promised": change.effect[1], **found}
    return score


def suggestion_record(store: Store, as_of: datetime) -> list[SuggestionRecord]:
    """A row for each lever, by name; all hashtags together."""
    groups: dict[str, list[LedgerAdvice]] = {}
    for one in read_advice(store, as_of, (SUBJECT, None), MOST_LISTED):
        groups.setdefault(one.family, []).append(one)
    return [_record(name, groups[name]) for name in sorted(groups)]


def _record(lever: str, rows: Sequence[LedgerAdvice]) -> SuggestionRecord:
    scores: list[Mapping[str, Any]] = [one.score for one in rows if one.score]
    following = [one["next"] for one in scores if one.get("next")]
    did, did_rate = _pooled([one["did"] for one in scores])
    did_not, did_not_rate = _pooled([one["did_not"] for one in scores])
    return SuggestionRecord(
        lever=lever,
        suggestions=len(rows),
        followed=sum(one.decision == "follow" for one in rows),
        dismissed=sum(one.decision == "dismiss" for one in rows),
        withdrawn=sum(one.withdrawn_at is not None for one in rows),
        next_posts=len(following),
        next_did=sum(one["did"] for one in following),
        did=did,
        did_rate=did_rate,
        did_not=did_not,
        did_not_rate=did_not_rate,
    )


def _mean(rates: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    """How many, and their mean."""
    return [len(rates), float(rates.mean()) if len(rates) else None]


def _pooled(parts: Sequence[Sequence[Any]]) -> tuple[int, float | None]:
    count = sum(int(one[0]) for one in parts)
    total = sum(one[0] * one[1] for one in parts if one[0])
    return count, total / count if count else None
