"""What scores promised, beside what came of the posts."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.engagement.actions.score_reference import POLICY, ScoreReference, ScoreReferences
from runlore.engagement.queries.content_scores import MOST_LISTED, ScoreRow, list_scores
from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.engagement.rules.scores.history import PostHistory, final_places
from runlore.engagement.rules.scores.promise import ScoredPosts, TierShare, tier_shares

if TYPE_CHECKING:
    from runlore.models.bundle import Bundle
    from runlore.store.engine import Store

KEYS = ["source", "context_id"]


@dataclass(frozen=True)
class ScoreCalibration:
    """recorded: of scores that were on record before their posts were published. is_cut: of the
    newest 10,000 scores only.

    tested: of past posts, scored as of their submission: a promise made from the first half, and
    what came of the other half. why: there is none; else empty.
    """

    at: datetime
    persona: str | None
    recorded: tuple[TierShare, ...]
    is_cut: bool
    tested: tuple[TierShare, ...]
    version: str | None
    why: str


def read_calibration(
    store: "Store",
    bundle: "Bundle | None",
    references: ScoreReferences,
    at: datetime,
    persona: str | None = None,
) -> ScoreCalibration:
    """persona: whose recorded scores; None: everybody's."""
    rows = list_scores(store, at, persona)
    reference, why = _reference(store, bundle, references, at)
    return ScoreCalibration(
        at,
        persona,
        tier_shares(_ended(store, rows, at)),
        len(rows) == MOST_LISTED,
        () if reference is None else reference.tested,
        None if bundle is None else bundle.version,
        why,
    )


def _reference(
    store: "Store", bundle: "Bundle | None", references: ScoreReferences, at: datetime
) -> tuple[ScoreReference | None, str]:
    if bundle is None:
        return None, "engagement has no champion"
    reference = references.get(store, bundle, at)
    tested = reference.promise.posts
    if tested < 2 * POLICY.least_tested:
        least = 2 * POLICY.least_tested
        return None, f"{tested} posts have a forecast and a final engagement; {least} are needed"
    return reference, ""


def places_of(final: pd.DataFrame) -> NDArray[np.float64]:
    """(n,): 0..1, of n final contexts by publication, where each ended."""
    history = PostHistory(
        final["published"].astype("datetime64[us, UTC]").to_numpy(dtype=np.int64),
        final["persona"].to_numpy(dtype=object),
        final["platform"].to_numpy(dtype=object),
        np.full(len(final), np.nan),
        final["engagement_rate"].to_numpy(dtype=np.float64),
    )
    return final_places(history, POLICY)


def _ended(store: "Store", rows: list[ScoreRow], at: datetime) -> ScoredPosts:
    """The last score of each post from before its publication, where the post is final."""
    none = np.zeros(0)
    promised = [row for row in rows if row.top_fifth is not None and row.method == "model"]
    if not promised:
        return ScoredPosts(none, none, none)
    final = read_final_contexts(store, ContextQuery(at)).sort_values("published", kind="stable")
    ended = final[[*KEYS, "published"]].assign(place=places_of(final))
    scored = pd.DataFrame(
        [(row.source, row.source_id, row.at, row.score, row.top_fifth) for row in promised],
        columns=[*KEYS, "at", "score", "top"],
    )
    both = scored.merge(ended, on=KEYS)
    both = (
        both[both["at"] <= both["published"]].sort_values("at").drop_duplicates(KEYS, keep="last")
    )
    columns = (both[name].to_numpy(dtype=np.float64) for name in ("score", "place", "top"))
    return ScoredPosts(*columns)
