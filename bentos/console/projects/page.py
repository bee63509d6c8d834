"""Projects: a map of likeness, one project beside those like it, and recommendations."""

from collections.abc import Mapping
from functools import partial

from bentos.api.project_caches import caches_of
from bentos.console.frame.filters import address
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from bentos.console.projects.picture import draw_map
from runlore.kernel.errors import BadInput
from runlore.planning.actions import recommendations
from runlore.planning.actions.projects import ProjectMap, find_similar
from runlore.planning.actions.recommendations import Decision
from runlore.planning.project_views import show_map, show_similar
from runlore.planning.recommendation_views import show_recommendation

PATH, ONE_PATH = "/console/projects", "/console/projects/one"
LONGEST, ALIKE = 1_024, 10
DRAWN, LISTED = 300, 50  # the largest


def show_projects(request: PageRequest) -> Shown:
    view = show_map(_map(request))
    drawn = view.projects[:DRAWN]
    values = {
        "view": view,
        "points": draw_map(drawn, view.categories, _link),
        "rows": [(one, _link(one.project)) for one in view.projects[:LISTED]],
        "categories": [
            (one.name, len(one.projects), [(name, _link(name)) for name in one.projects[:5]])
            for one in view.categories
        ],
        "drawn": len(drawn),
        "outcomes": recommendations.outcomes(request.store, request.at),
        "recommendations": _listed(request, None),
    }
    return Shown("projects/projects.html", values)


def show_one(request: PageRequest) -> Shown:
    name = _name(request.query)
    view = show_similar(find_similar(_map(request), name, ALIKE))
    values = {
        "view": view,
        "rows": [(one, _link(one.project)) for one in view.similar],
        "recommendations": _listed(request, name),
    }
    return Shown("projects/project.html", values)


def recommend(request: PageRequest) -> Moved:
    name, projects = _name(request.form), _map(request)
    effects = caches_of(request.product).effects.get(request.store, projects)
    made = recommendations.recommend(
        request.store, projects, name, request.actor(), request.at, effects
    )
    notice = f"No recommendation: {made.reason}."
    if made.recommendations:
        count = len(made.recommendations)
        notice = (
            f"{count} recommendations hold now." if count > 1 else "1 recommendation holds now."
        )
    return Moved(_link(name), notice)


def decide(decision: Decision, request: PageRequest) -> Moved:
    name, number = _name(request.form), request.number("id")
    reason = request.form.get("reason", "")[:500]
    recommendations.decide(request.store, number, decision, request.actor(), reason, request.at)
    return Moved(_link(name), f"Recommendation {number}: {decision}.")


def _map(request: PageRequest) -> ProjectMap:
    return caches_of(request.product).projects.get(request.store, request.at)


def _listed(request: PageRequest, project: str | None) -> list[tuple[object, str]]:
    rows = recommendations.list_recommendations(request.store, request.at, project)[:LISTED]
    return [(show_recommendation(one), _link(one.project)) for one in rows]


def _name(fields: Mapping[str, str]) -> str:
    name = fields.get("name", "")[:LONGEST]
    if not name or "\x00" in name:
        raise BadInput("name: name a project", "name")
    return name


def _link(project: str) -> str:
    return address(ONE_PATH, {"name": project})


DECIDE = f"{PATH}/recommendations/{{id}}"
PAGE = ConsolePage(
    "Projects",
    84,
    PATH,
    (
        PageRoute("GET", PATH, show_projects),
        PageRoute("GET", ONE_PATH, show_one),
        PageRoute("POST", f"{PATH}/recommend", recommend, "record"),
        PageRoute("POST", f"{DECIDE}/follow", partial(decide, "follow"), "record"),
        PageRoute("POST", f"{DECIDE}/dismiss", partial(decide, "dismiss"), "record"),
    ),
    group="Planning",
)
