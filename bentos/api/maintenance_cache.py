"""Calendars of visits of the last minutes, for the routes and pages of one service."""

from weakref import WeakKeyDictionary

from runlore.advice.maintenance_cache import MaintenanceCache
from runlore.advice.queries.renewals import has_kinds
from runlore.advice.rules.maintenance.survival import load_libraries
from runlore.app import App
from runlore.kernel.errors import Unavailable
from runlore.store.engine import Store

_of_service: WeakKeyDictionary[object, MaintenanceCache] = WeakKeyDictionary()


def maintenance_cache_of(product: App) -> MaintenanceCache:
    cache = _of_service.get(product)
    if cache is None:
        cache = _of_service.setdefault(product, MaintenanceCache())
    return cache


def warm_maintenance(product: App, store: Store | None) -> None:
    """Import what survival models need before the first request, where failures are recorded."""
    kinds = {kind for spec in product.maintenance_specs for kind in spec.failure_kinds}
    try:
        if store is not None and has_kinds(store, sorted(kinds)):
            load_libraries()
    except Unavailable:
        return
