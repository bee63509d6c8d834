"""Actors: those of the log, and one with its rhythm, its patterns and its risks."""

from bentos.api.pattern_cache import pattern_cache_of
from bentos.console.actors.heat_map import draw_week
from bentos.console.frame.filters import address, text_filter
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.advice.actions.patterns import list_actors, subject_of
from runlore.advice.pattern_views import PatternView, show_patterns
from runlore.advice.rules.patterns.behaviour import PARTS, Part
from runlore.kernel.errors import BadInput

PATH, ONE_PATH, EXECUTIONS = "/console/actors", "/console/actors/one", "/console/executions"
LISTED = 100
SEQUENCES, CLUSTERS = ("sequence",), ("cluster",)


def show_actors(request: PageRequest) -> Shown:
    rows = list_actors(request.store, request.at, LISTED)
    values = {
        "rows": [(one, address(ONE_PATH, {"actor": one.name})) for one in rows],
        "is_cut": len(rows) == LISTED,
    }
    return Shown("actors/actors.html", values)


def show_actor(request: PageRequest) -> Shown:
    part, name = _named(request)
    zone = text_filter(request.query, "zone") or "UTC"
    subject = subject_of(part, name, zone)
    view = show_patterns(pattern_cache_of(request.product).get(request.store, subject, request.at))
    groups = [
        ("Rhythm", _of(view.patterns, ("time", "weekday", "period", "failures", "drift"))),
        ("Sequences", _of(view.patterns, SEQUENCES)),
        ("Sorts of runs", _of(view.patterns, CLUSTERS)),
    ]
    values = {
        "view": view,
        "zone": zone,
        "heat": draw_week(view.hours),
        "groups": groups,
        "risks": [(one, _risk_link(part, name, one.part, one.name)) for one in view.risks],
        "open_link": f"{EXECUTIONS}/open",
        "executions": address(EXECUTIONS, {part: name}),
    }
    return Shown("actors/actor.html", values)


def _named(request: PageRequest) -> tuple[Part, str]:
    named = [(part, request.query[part][:1_100]) for part in PARTS if part in request.query]
    if len(named) != 1:
        raise BadInput("actor: the address names no actor, kind or scope", "actor")
    return named[0]


def _of(patterns: tuple[PatternView, ...], sorts: tuple[str, ...]) -> list[PatternView]:
    return [one for one in patterns if one.sort in sorts]


def _risk_link(part: str, name: str, of_part: str, of_name: str) -> str:
    filters = {part: name} | ({of_part: of_name} if of_part else {})
    return address(EXECUTIONS, filters, status="failed")


PAGE = ConsolePage(
    "Actors",
    90,
    PATH,
    (PageRoute("GET", PATH, show_actors), PageRoute("GET", ONE_PATH, show_actor)),
    group="Advice",
)
