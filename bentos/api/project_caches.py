"""What was read of projects in the last minutes, for the routes and pages of one service."""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from runlore.kernel.renewed_cache import RenewedCache
from runlore.planning.actions.projects import ProjectMap, make_project_cache
from runlore.planning.actions.recommendations import EffectCache
from runlore.store.engine import Store


@dataclass(frozen=True)
class PlanningCaches:
    projects: RenewedCache[Store, ProjectMap] = field(default_factory=make_project_cache)
    effects: EffectCache = field(default_factory=EffectCache)


_of_service: WeakKeyDictionary[object, PlanningCaches] = WeakKeyDictionary()


def caches_of(service: object) -> PlanningCaches:
    """service: its App, or the application where it has none."""
    return _of_service.setdefault(service, PlanningCaches())
