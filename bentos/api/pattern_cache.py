"""Patterns of the last minutes, for the routes and pages of one service."""

from weakref import WeakKeyDictionary

from starlette.requests import Request

from runlore.advice.actions.patterns import PatternCache

_of_service: WeakKeyDictionary[object, PatternCache] = WeakKeyDictionary()


def pattern_cache_of(service: object) -> PatternCache:
    """service: its App, or the application where it has none."""
    cache = _of_service.get(service)
    if cache is None:
        cache = _of_service.setdefault(service, PatternCache())
    return cache


def pattern_cache(request: Request) -> PatternCache:
    return pattern_cache_of(getattr(request.app.state, "product", request.app))
