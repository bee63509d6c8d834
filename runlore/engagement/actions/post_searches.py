"""A persona's final posts, and what a search finds in them; for a service, of the last minutes."""

from datetime import datetime

import numpy as np

from runlore.advice.rules.recommendations.holding import LOOKED_BACK
from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.engagement.rules.suggestions.posts import PostLog, read_posts
from runlore.engagement.rules.suggestions.searching import ChangeSearch, search_changes
from runlore.kernel.renewed_cache import RenewedCache
from runlore.store.engine import Store

MOST_POSTS = 2_000  # of a persona on a platform, the newest
MOST_CACHED = 100  # personas


def persona_posts(store: Store, persona: str, at: datetime) -> dict[str, PostLog]:
    """Final posts of the last 400 days by platform, the newest 2,000 of each."""
    query = ContextQuery(at, since=at - LOOKED_BACK, personas=(persona,))
    frame = read_final_contexts(store, query)
    frame = frame[np.isfinite(frame["engagement_rate"])]
    return {
        str(name): read_posts(part.iloc[-MOST_POSTS:])
        for name, part in frame.groupby("platform", sort=True)
    }


def search_platforms(logs: dict[str, PostLog], platform: str | None, alpha: float) -> ChangeSearch:
    """platform: None is all of the persona's."""
    chosen = {name: log for name, log in logs.items() if platform in (None, name)}
    return search_changes(chosen, alpha)


class PostSearches:
    """What was found in the posts of personas; for questions about now."""

    def __init__(self) -> None:
        self._posts: RenewedCache[tuple[Store, str], dict[str, PostLog]] = RenewedCache(
            lambda key, at: persona_posts(key[0], key[1], at), MOST_CACHED
        )
        self._found: RenewedCache[_SearchKey, ChangeSearch] = RenewedCache(
            lambda key, at: search_platforms(self.posts(key[0], key[1], at), key[2], key[3]),
            MOST_CACHED,
        )

    def posts(self, store: Store, persona: str, at: datetime) -> dict[str, PostLog]:
        return self._posts.get((store, persona), at)

    def search(
        self, store: Store, persona: str, platform: str | None, alpha: float, at: datetime
    ) -> ChangeSearch:
        return self._found.get((store, persona, platform, alpha), at)


_SearchKey = tuple[Store, str, str | None, float]
