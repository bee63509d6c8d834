"""The newest drafts and posts of a persona, with their scores and what came of them."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from runlore.advice.queries.advice_ledger import LedgerAdvice, read_advice
from runlore.engagement.actions.score_calibration import places_of
from runlore.engagement.actions.score_reference import ScoreReference
from runlore.engagement.actions.suggesting import SUBJECT
from runlore.engagement.queries.content_scores import ScoreRow, list_scores
from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.engagement.rules.scores.promise import Tier, tier_of

if TYPE_CHECKING:
    from runlore.store.engine import Store

LISTED = 30
SUGGESTIONS = 20
LOOKED_BACK = timedelta(days=400)
MOST_SCORES = 1_000


@dataclass(frozen=True)
class PersonaListing:
    """posts: with a final engagement. mean_rate: percent."""

    persona: str
    platforms: tuple[str, ...]
    posts: int
    newest: datetime
    mean_rate: float


@dataclass(frozen=True)
class ScoredContent:
    """at: publication, or when it was scored. score: None: it has none. rate: final engagement,
    percent; place: 0..100 at which it ended; None: not final yet."""

    source: str
    context_id: str
    platform: str
    at: datetime
    method: str
    score: float | None
    tier: Tier | None
    confidence: str
    top_fifth: float | None
    rate: float | None
    place: float | None


def list_personas(store: "Store", at: datetime) -> list[PersonaListing]:
    """Those with final posts of the last 400 days, the one with the newest post first."""
    final = read_final_contexts(store, ContextQuery(at, at - LOOKED_BACK))
    rows = [
        PersonaListing(
            str(persona),
            tuple(sorted(posts["platform"].unique())),
            len(posts),
            posts["published"].iloc[-1].to_pydatetime(),
            float(posts["engagement_rate"].mean()),
        )
        for persona, posts in final.groupby("persona", sort=False)
    ]
    return sorted(rows, key=lambda row: row.newest, reverse=True)


def persona_suggestions(store: "Store", persona: str, at: datetime) -> list[LedgerAdvice]:
    """Those on record, the newest first, with what came of them."""
    return read_advice(store, at, (SUBJECT, persona), SUGGESTIONS)


def persona_content(
    store: "Store", persona: str, at: datetime, reference: ScoreReference | None
) -> list[ScoredContent]:
    """The newest first, 30 at most. reference: for scores of posts that had none before."""
    final = read_final_contexts(store, ContextQuery(at, at - LOOKED_BACK))
    final = final.assign(place=places_of(final))
    recorded: dict[tuple[str, str], ScoreRow] = {}
    for row in list_scores(store, at, persona, MOST_SCORES):
        recorded.setdefault((row.source, row.source_id), row)
    mine = final[final["persona"] == persona].iloc[-LISTED:]
    rows = [
        _ended(post, recorded.get((post["source"], post["context_id"])), reference)
        for post in mine.to_dict("records")
    ]
    ended = set(zip(final["source"], final["context_id"], strict=True))
    rows += [_open(row) for name, row in recorded.items() if name not in ended]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:LISTED]


def _open(row: ScoreRow) -> ScoredContent:
    tier = tier_of(row.score)
    return ScoredContent(
        row.source,
        row.source_id,
        row.platform,
        row.at,
        row.method,
        row.score,
        tier,
        row.confidence,
        row.top_fifth,
        None,
        None,
    )


def _ended(
    post: Mapping[Hashable, Any], row: ScoreRow | None, reference: ScoreReference | None
) -> ScoredContent:
    """With the score on record, or else the one that it would have had."""
    score, chance, method, confidence = None, None, "", ""
    if row is not None:
        score, chance, method, confidence = row.score, row.top_fifth, row.method, row.confidence
    elif reference is not None:
        at = reference.place_of(post["source"], post["context_id"])
        if at is not None and np.isfinite(reference.scores[at]):
            score, method = float(reference.scores[at]), "replay"
            chance = float(reference.promise.top_fifth(np.array([score]))[0])
    return ScoredContent(
        post["source"],
        post["context_id"],
        post["platform"],
        post["published"].to_pydatetime(),
        method,
        score,
        None if score is None else tier_of(score),
        confidence,
        chance,
        float(post["engagement_rate"]),
        100 * float(post["place"]),
    )
