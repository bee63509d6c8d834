"""What was read of projects in the last minutes, for the routes and pages of one service."""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from runlore.planning.actions.projects import ProjectCache
from runlore.planning.actions.recommendations import EffectCache


@dataclass(frozen=True)
class PlanningCaches:
    projects: ProjectCache = field(default_factory=ProjectCache)
    effects: EffectCache = field(default_factory=EffectCache)


_of_service: WeakKeyDictionary[object, PlanningCaches] = WeakKeyDictionary()


def caches_of(service: object) -> PlanningCaches:
    """service: its App, or the application where it has none."""
    return _of_service.setdefault(service, PlanningCaches())
