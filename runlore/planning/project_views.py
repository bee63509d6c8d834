"""Likeness of projects as people and programs read it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from runlore.kernel.readable import readable_share
from runlore.planning.actions.projects import ProjectMap, SimilarProjects
from runlore.planning.rules.similarity.likeness import PARTS


@dataclass(frozen=True)
class LikenessPart:
    """likeness: 0 to 1; None: too little is known. n: the evidence of the smaller side."""

    part: str
    likeness: float | None
    n: int


@dataclass(frozen=True)
class SimilarProject:
    project: str
    likeness: float | None
    parts: tuple[LikenessPart, ...]
    category: str | None
    executions: int


@dataclass(frozen=True)
class SimilarProjectsView:
    """compared: how many projects it was compared with. read_at: as of when the log was read."""

    project: str
    executions: int
    category: str | None
    similar: tuple[SimilarProject, ...]
    compared: int
    read_at: datetime


@dataclass(frozen=True)
class CategoryView:
    name: str
    projects: tuple[str, ...]


@dataclass(frozen=True)
class ProjectPoint:
    """x, y: a place on the map of likeness, where near projects are alike."""

    project: str
    executions: int
    failure_rate: float | None
    category: str | None
    x: float
    y: float


@dataclass(frozen=True)
class ProjectMapView:
    projects: tuple[ProjectPoint, ...]
    categories: tuple[CategoryView, ...]
    read_at: datetime


def show_similar(found: SimilarProjects) -> SimilarProjectsView:
    projects = found.projects
    at = projects.position(found.project)
    return SimilarProjectsView(
        project=found.project,
        executions=int(projects.profiles.rows[at]),
        category=_category(projects, at),
        similar=tuple(_similar(found, other) for other in found.order),
        compared=len(projects.profiles.projects) - 1,
        read_at=projects.read_at,
    )


def show_map(projects: ProjectMap) -> ProjectMapView:
    profiles, places = projects.profiles, projects.places
    names = {at: one.name for one in projects.categories for at in one.members}
    finished, failed = profiles.finished.sum(axis=1), profiles.failed.sum(axis=1)
    points = tuple(
        ProjectPoint(
            project=name,
            executions=int(profiles.rows[at]),
            failure_rate=float(failed[at] / finished[at]) if finished[at] else None,
            category=names.get(at),
            x=float(places[at, 0]),
            y=float(places[at, 1]),
        )
        for at, name in enumerate(profiles.projects)
    )
    categories = tuple(
        CategoryView(one.name, tuple(profiles.projects[at] for at in one.members))
        for one in projects.categories
    )
    return ProjectMapView(points, categories, projects.read_at)


def _similar(found: SimilarProjects, other: int) -> SimilarProject:
    likeness = found.likeness
    return SimilarProject(
        project=found.projects.profiles.projects[other],
        likeness=_known(likeness.overall[other]),
        parts=tuple(
            LikenessPart(
                name, _known(likeness.parts[name][other]), int(likeness.evidence[name][other])
            )
            for name in PARTS
        ),
        category=_category(found.projects, other),
        executions=int(found.projects.profiles.rows[other]),
    )


def _category(projects: ProjectMap, at: int) -> str | None:
    category = projects.category_of(at)
    return category.name if category else None


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def likeness_text(value: float | None) -> str:
    """
    >>> likeness_text(0.8312), likeness_text(None)
    ('83 %', 'unknown')
    """
    return "unknown" if value is None else readable_share(round(value, 2))
