"""Which projects are alike, and their categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput, NotFound
from runlore.kernel.renewed_cache import RenewedCache
from runlore.planning.actions.project_arrays import profiles_of
from runlore.planning.queries.project_profiles import read_profiles
from runlore.planning.rules.similarity.categories import Category, categorise, place
from runlore.planning.rules.similarity.likeness import Likeness, compare, compare_all
from runlore.planning.rules.similarity.profiles import Profiles
from runlore.store.engine import Store

Floats = NDArray[np.float64]

MOST_ROWS = 2_000  # of a project, the newest
MOST_STORES = 4


@dataclass(frozen=True, eq=False)
class ProjectMap:
    """Projects of the log as they were known at an instant."""

    profiles: Profiles
    read_at: datetime

    @cached_property
    def likeness(self) -> Floats:
        """(P, P)"""
        return compare_all(self.profiles)

    @cached_property
    def categories(self) -> tuple[Category, ...]:
        return categorise(self.profiles, self.likeness)

    @cached_property
    def places(self) -> Floats:
        """(P, 2)"""
        return place(self.likeness)

    def position(self, project: str) -> int:
        """Raises NotFound for a project without executions."""
        at = self.profiles.index(project)
        if at is None:
            known = ", ".join(self.profiles.projects[:10]) or "none: the log is empty"
            raise NotFound(f"project {project!r} has no executions; projects of the log: {known}")
        return at

    def category_of(self, at: int) -> Category | None:
        return next((one for one in self.categories if at in one.members), None)


@dataclass(frozen=True, eq=False)
class SimilarProjects:
    """order: positions of the others, the most similar first, unknown ones last."""

    project: str
    projects: ProjectMap
    likeness: Likeness
    order: Sequence[int]


def make_project_cache() -> RenewedCache[Store, ProjectMap]:
    """Projects of each store, read again after ten minutes."""
    return RenewedCache(map_projects, MOST_STORES)


def map_projects(store: Store, at: datetime) -> ProjectMap:
    """The projects with the most executions, as known at an instant."""
    rows = read_profiles(store, at, MOST_ROWS)
    return ProjectMap(profiles_of(rows), at)


def find_similar(projects: ProjectMap, project: str, limit: int) -> SimilarProjects:
    """Raises NotFound for an unknown project, BadInput for a limit below 1."""
    if limit < 1:
        raise BadInput(f"limit: {limit} is below 1", "limit")
    at = projects.position(project)
    likeness = compare(projects.profiles, at)
    order = np.argsort(-np.nan_to_num(likeness.overall, nan=-1.0), kind="stable")
    others = [int(other) for other in order if other != at][:limit]
    return SimilarProjects(project, projects, likeness, others)
