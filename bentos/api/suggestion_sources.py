"""What suggestions of one service are made from: searched posts, and scores of comparable ones."""

from datetime import datetime
from weakref import WeakKeyDictionary

from starlette.requests import Request

from bentos.api.content_scores import champion_of, references_of
from runlore.engagement.actions.post_searches import PostSearches
from runlore.engagement.actions.suggesting import SuggestionSources
from runlore.store.engine import Store

_of_service: WeakKeyDictionary[object, PostSearches] = WeakKeyDictionary()


def suggestion_sources(request: Request, store: Store, at: datetime) -> SuggestionSources:
    """For a question about now; one about the past reads what was known then."""
    service = getattr(request.app.state, "product", request.app)
    searches = _of_service.get(service) or _of_service.setdefault(service, PostSearches())
    bundle = champion_of(request.app.state.serving)
    if bundle is None:
        return SuggestionSources(searches=searches)
    return SuggestionSources(references_of(service).get(store, bundle, at), searches)
